//! What the program works with, made from the layers: checked, typed, complete.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context as _, Result, bail};
use wac_events::MasterKey;

use super::Configuration;

/// Name of the embedded database in a data directory.
const DATABASE_FILE: &str = "wac.db";
/// Name of the master key in a data directory.
const MASTER_KEY_FILE: &str = "master.key";

/// Where the log lives.
#[derive(Clone, Debug)]
pub(crate) enum Database {
    /// Embedded, in this data directory.
    Directory(PathBuf),
    /// At this URL.
    Url(String),
}

impl Database {
    /// What the store opens.
    pub(crate) fn url(&self) -> String {
        match self {
            Database::Directory(directory) => format!("sqlite://{}", directory.join(DATABASE_FILE).display()),
            Database::Url(url) => url.clone(),
        }
    }
}

/// A network of addresses: `10.0.0.0/8`, `::1`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Network {
    address: IpAddr,
    bits: u8,
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse().map_err(|_| format!("{text:?} is no address or network"))?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(most), str::parse).map_err(|_| format!("{text:?} has no valid prefix length"))?;
        if bits > most {
            return Err(format!("the prefix length of {text:?} is over {most}"));
        }
        Ok(Self { address, bits })
    }
}

impl Network {
    /// Whether `address` lies in it. An IPv4 address in IPv6 form is its IPv4 self.
    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        fn same(a: &[u8], b: &[u8], bits: u8) -> bool {
            let (whole, rest) = (usize::from(bits / 8), bits % 8);
            a[..whole] == b[..whole] && (rest == 0 || (a[whole] ^ b[whole]) >> (8 - rest) == 0)
        }
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(address)) => same(&network.octets(), &address.octets(), self.bits),
            (IpAddr::V6(network), IpAddr::V6(address)) => same(&network.octets(), &address.octets(), self.bits),
            _ => false,
        }
    }
}

/// The configuration, typed.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// `roles`.
    pub(crate) roles: Vec<String>,
    /// `bind`.
    pub(crate) bind: IpAddr,
    /// `http.port`, unless plain HTTP is off.
    pub(crate) http_port: Option<u16>,
    /// `https.port`.
    pub(crate) https_port: u16,
    /// `tls.certificate` and `tls.key`.
    pub(crate) tls: Option<(PathBuf, PathBuf)>,
    /// `trustedProxies`.
    pub(crate) trusted_proxies: Vec<Network>,
    /// `trustedProxies` as written.
    pub(crate) trusted_proxy_texts: Vec<String>,
    /// `publicUrl`.
    pub(crate) public_url: Option<String>,
    /// `corsDomains`.
    pub(crate) cors_domains: Vec<String>,
    /// `database.url`, else `data`.
    pub(crate) database: Option<Database>,
    /// `masterKey`.
    pub(crate) master_key: Option<String>,
    /// `masterKeyFile`.
    pub(crate) master_key_file: Option<PathBuf>,
    /// `domains.base`.
    pub(crate) base_domain: String,
    /// `kafka.brokers`.
    pub(crate) kafka_brokers: Vec<String>,
    /// `relay.personalFields`.
    pub(crate) relay_personal_fields: String,
    /// `log.filter`.
    pub(crate) log_filter: String,
    /// `log.format` is `json`.
    pub(crate) log_json: bool,
}

impl Settings {
    /// Checks what one key alone cannot tell.
    pub(crate) fn new(configuration: &Configuration) -> Result<Self> {
        let bind = configuration.text("bind").unwrap_or("127.0.0.1");
        let bind = bind.trim_start_matches('[').trim_end_matches(']');
        let trusted_proxy_texts = configuration.list("trustedProxies").to_vec();
        Ok(Self {
            roles: configuration.list("roles").to_vec(),
            bind: bind.parse().with_context(|| format!("bind: {bind:?} is no IP address"))?,
            http_port: configuration.bool("http.enabled").then(|| port(configuration, "http.port")),
            https_port: port(configuration, "https.port"),
            tls: tls(configuration)?,
            trusted_proxies: trusted_proxy_texts
                .iter()
                .map(|text| text.parse().map_err(|why| anyhow::anyhow!("trustedProxies: {why}")))
                .collect::<Result<_>>()?,
            trusted_proxy_texts,
            public_url: configuration.text("publicUrl").map(str::to_owned),
            cors_domains: configuration.list("corsDomains").to_vec(),
            database: database(configuration),
            master_key: configuration.text("masterKey").map(str::to_owned),
            master_key_file: configuration.path("masterKeyFile").map(Path::to_owned),
            base_domain: configuration.text("domains.base").unwrap_or("quobis").to_owned(),
            kafka_brokers: configuration.list("kafka.brokers").to_vec(),
            relay_personal_fields: configuration.text("relay.personalFields").unwrap_or("encrypted").to_owned(),
            log_filter: configuration.text("log.filter").unwrap_or(super::keys::DEFAULT_LOG_FILTER).to_owned(),
            log_json: configuration.text("log.format") == Some("json"),
        })
    }

    /// Whether this process has a role.
    pub(crate) fn has_role(&self, role: &str) -> bool {
        self.roles.iter().any(|given| given == role)
    }

    /// The database, or a sentence that says how to name one.
    pub(crate) fn required_database(&self) -> Result<&Database> {
        self.database.as_ref().context(
            "no database is named: give --data DIR, or --config DIR with database.url in it, or set WAC_DATABASE_URL",
        )
    }

    /// The deployment's key: from `masterKey`, else `masterKeyFile`, else the data directory.
    pub(crate) fn master_key(&self) -> Result<MasterKey> {
        if let Some(text) = &self.master_key {
            return MasterKey::parse(text)
                .context("masterKey (WAC_MASTER_KEY) is not 32 bytes in base64url without padding (43 characters)");
        }
        let file = self.master_key_path().context(
            "the deployment's master key is missing: set WAC_MASTER_KEY_FILE (or WAC_MASTER_KEY), or masterKeyFile in \
             a configuration file; `head -c 32 /dev/urandom | basenc --base64url | tr -d =` makes a new one",
        )?;
        read_master_key(&file)
    }

    /// The file the master key is read from, unless it is given as text.
    pub(crate) fn master_key_path(&self) -> Option<PathBuf> {
        match (&self.master_key, &self.master_key_file, &self.database) {
            (Some(_), ..) => None,
            (None, Some(file), _) => Some(file.clone()),
            (None, None, Some(Database::Directory(directory))) => Some(directory.join(MASTER_KEY_FILE)),
            (None, None, _) => None,
        }
    }
}

/// Reads a master key file.
pub(crate) fn read_master_key(file: &Path) -> Result<MasterKey> {
    let text =
        std::fs::read_to_string(file).with_context(|| format!("cannot read the master key {}", file.display()))?;
    MasterKey::parse(&text).with_context(|| {
        format!("{} holds no master key: 32 bytes in base64url without padding (43 characters)", file.display())
    })
}

fn port(configuration: &Configuration, key: &str) -> u16 {
    u16::try_from(configuration.number(key)).expect("the key's range is that of a port")
}

fn tls(configuration: &Configuration) -> Result<Option<(PathBuf, PathBuf)>> {
    match (configuration.path("tls.certificate"), configuration.path("tls.key")) {
        (Some(certificate), Some(key)) => Ok(Some((certificate.to_owned(), key.to_owned()))),
        (None, None) => Ok(None),
        (Some(_), None) => bail!("tls.certificate is set, tls.key is not; HTTPS needs both"),
        (None, Some(_)) => bail!("tls.key is set, tls.certificate is not; HTTPS needs both"),
    }
}

/// The more specific wins: a URL and a directory may come from different layers, and then the one
/// of the higher layer is meant.
fn database(configuration: &Configuration) -> Option<Database> {
    let url = configuration.text("database.url").map(|url| Database::Url(url.to_owned()));
    let directory = configuration.path("data").map(|directory| Database::Directory(directory.to_owned()));
    match (url, directory) {
        (Some(url), Some(directory)) => {
            let rank = |key| configuration.effective(key).map_or(0, |(source, _)| rank(source));
            Some(if rank("data") > rank("database.url") { directory } else { url })
        }
        (url, directory) => url.or(directory),
    }
}

fn rank(source: &super::Source) -> u8 {
    match source {
        super::Source::Default => 0,
        super::Source::CommandDefault(_) => 1,
        super::Source::File { .. } => 2,
        super::Source::Variable(_) => 3,
        super::Source::Flag(_) => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_contains_its_addresses_and_no_others() {
        let contains =
            |network: &str, address: &str| network.parse::<Network>().unwrap().contains(address.parse().unwrap());
        assert!(contains("10.0.0.0/8", "10.255.1.2"));
        assert!(contains("10.0.0.0/8", "::ffff:10.1.1.1"));
        assert!(!contains("10.0.0.0/8", "11.0.0.1"));
        assert!(contains("192.168.1.128/25", "192.168.1.200") && !contains("192.168.1.128/25", "192.168.1.1"));
        assert!(contains("::1", "::1") && !contains("::1", "::2"));
        assert!(contains("0.0.0.0/0", "8.8.8.8") && !contains("0.0.0.0/0", "::1"));
        assert!("10.0.0.0/33".parse::<Network>().is_err() && "host".parse::<Network>().is_err());
    }
}
