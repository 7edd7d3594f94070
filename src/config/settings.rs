//! What the program works with, made from the layers: checked, typed, complete.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use wac_api::Network;
use wac_commands::domain::origin::Pattern;
use wac_events::MasterKey;
use wac_events::alarm::AlarmRule;
use wac_media_io::VideoCodec;
use wac_relay::PersonalFieldsMode;

use super::{Configuration, SharedSecret};
use crate::door::DoorLimits;

/// Name of the embedded database in a data directory.
pub(crate) const DATABASE_FILE: &str = "wac.db";
/// Name of the master key in a data directory.
pub(crate) const MASTER_KEY_FILE: &str = "master.key";

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
    /// `http.headTimeout` and `http.connectionsMax`, of every listener.
    pub(crate) door: DoorLimits,
    /// `qss.port`.
    pub(crate) qss_port: u16,
    /// `metrics.port`.
    pub(crate) metrics_port: Option<u16>,
    /// `media.*`.
    pub(crate) media: MediaSettings,
    /// `node.name`, else the machine's.
    pub(crate) node_name: String,
    /// `nodes.heartbeat`.
    pub(crate) node_lost_after: Duration,
    /// `corsDomains`.
    pub(crate) cors_domains: Vec<Pattern>,
    /// `security.plainHttpOnLoopback`.
    pub(crate) plain_http_on_loopback: bool,
    /// Everything about sessions, calls and sockets.
    pub(crate) signaling: wac_signaling::Settings,
    /// `tls.certificate` and `tls.key`.
    pub(crate) tls: Option<(PathBuf, PathBuf)>,
    /// `trustedProxies`.
    pub(crate) trusted_proxies: Vec<Network>,
    /// `publicUrl`.
    pub(crate) public_url: Option<String>,
    /// `login.requestHeader`.
    pub(crate) client_ip_header: String,
    /// `requestBytesMax`.
    pub(crate) request_bytes_max: usize,
    /// `oauth2provider.accessTokenExpiration`.
    pub(crate) access_token_s: u64,
    /// `oauth2provider.refreshTokenExpiration`.
    pub(crate) refresh_token_s: u64,
    /// `oauth2provider.maxTokens`.
    pub(crate) max_tokens: u64,
    /// When a call raises an alarm.
    pub(crate) call_alarms: Vec<AlarmRule>,
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
    /// `kafka.client`.
    pub(crate) kafka_client: BTreeMap<String, String>,
    /// `relay.personalFields`.
    pub(crate) relay_personal_fields: PersonalFieldsMode,
    /// `relay.cluster`.
    pub(crate) relay_cluster: String,
    /// `relay.partitions`.
    pub(crate) relay_partitions: u32,
    /// `relay.replication`; -1 leaves it to the broker.
    pub(crate) relay_replication: i32,
    /// `relay.topic`.
    pub(crate) relay_topic: BTreeMap<String, String>,
    /// `log.filter`.
    pub(crate) log_filter: String,
    /// `log.format` is `json`.
    pub(crate) log_json: bool,
}

/// `media.*`.
#[derive(Clone, Debug)]
pub(crate) struct MediaSettings {
    /// `media.port`.
    pub(crate) port: u16,
    /// `media.address`.
    pub(crate) address: Option<IpAddr>,
    /// `media.videoCodec`.
    pub(crate) video: VideoCodec,
    /// `media.autoVideo`.
    pub(crate) auto_video: usize,
    /// `media.tokenTtl`.
    pub(crate) token_ttl: Duration,
    /// `media.idleTimeout`.
    pub(crate) idle_timeout: Duration,
    /// `media.peersMax`.
    pub(crate) peers_max: usize,
    /// `media.roomsMax`.
    pub(crate) rooms_max: usize,
    /// `media.participantsMax`.
    pub(crate) participants_max: usize,
    /// `media.bandwidthMax`, in bit/s.
    pub(crate) bandwidth_max: u64,
    /// `media.publisherMax`, in bit/s.
    pub(crate) publisher_max: u64,
    /// `media.joinsPerSecond`.
    pub(crate) joins_per_second: u32,
    /// `media.stunServers`.
    pub(crate) stun_servers: Vec<String>,
    /// `media.url`.
    pub(crate) url: Option<String>,
    /// `media.lostAfter`.
    pub(crate) lost_after: Duration,
    /// `media.secret`.
    pub(crate) secret: Option<SharedSecret>,
    /// `media.commandEndpoints`.
    pub(crate) command_endpoints: Vec<String>,
}

impl MediaSettings {
    fn new(configuration: &Configuration) -> Result<Self> {
        let size = |key| usize::try_from(configuration.number(key)).unwrap_or(usize::MAX);
        let address = configuration.text("media.address").map(|text| {
            let parsed = text.trim_start_matches('[').trim_end_matches(']').parse();
            parsed.with_context(|| format!("media.address: {text:?} is no IP address"))
        });
        Ok(Self {
            port: port(configuration, "media.port"),
            address: address.transpose()?,
            video: match configuration.text("media.videoCodec") {
                Some("h264") => VideoCodec::H264,
                _ => VideoCodec::Vp8,
            },
            auto_video: size("media.autoVideo"),
            token_ttl: Duration::from_millis(configuration.number("media.tokenTtl")),
            idle_timeout: Duration::from_millis(configuration.number("media.idleTimeout")),
            peers_max: size("media.peersMax"),
            rooms_max: size("media.roomsMax"),
            participants_max: size("media.participantsMax"),
            bandwidth_max: configuration.number("media.bandwidthMax") * 1_000,
            publisher_max: configuration.number("media.publisherMax") * 1_000,
            joins_per_second: u32::try_from(configuration.number("media.joinsPerSecond")).unwrap_or(u32::MAX),
            stun_servers: configuration.list("media.stunServers").to_vec(),
            url: configuration.text("media.url").map(str::to_owned),
            lost_after: Duration::from_millis(configuration.number("media.lostAfter")),
            secret: configuration
                .text("media.secret")
                .map(|text| SharedSecret::new("media.secret", text))
                .transpose()?,
            command_endpoints: endpoints(configuration)?,
        })
    }
}

impl Settings {
    /// Checks what one key alone cannot tell.
    pub(crate) fn new(configuration: &Configuration) -> Result<Self> {
        let bind = configuration.text("bind").unwrap_or("127.0.0.1");
        let bind = bind.trim_start_matches('[').trim_end_matches(']');
        Ok(Self {
            roles: configuration.list("roles").to_vec(),
            bind: bind.parse().with_context(|| format!("bind: {bind:?} is no IP address"))?,
            http_port: configuration.bool("http.enabled").then(|| port(configuration, "http.port")),
            https_port: port(configuration, "https.port"),
            door: DoorLimits {
                head_timeout: Duration::from_millis(configuration.number("http.headTimeout")),
                connections_max: usize::try_from(configuration.number("http.connectionsMax")).unwrap_or(usize::MAX),
            },
            qss_port: port(configuration, "qss.port"),
            metrics_port: configuration.effective("metrics.port").map(|_| port(configuration, "metrics.port")),
            media: MediaSettings::new(configuration)?,
            node_name: configuration.text("node.name").map_or_else(machine, str::to_owned),
            node_lost_after: Duration::from_millis(configuration.number("nodes.heartbeat")),
            cors_domains: cors_domains(configuration)?,
            plain_http_on_loopback: configuration.bool("security.plainHttpOnLoopback"),
            signaling: super::signaling::settings(configuration)?,
            tls: tls(configuration)?,
            trusted_proxies: trusted_proxies(configuration)?,
            public_url: configuration.text("publicUrl").map(str::to_owned),
            client_ip_header: configuration.text("login.requestHeader").unwrap_or("X-Forwarded-For").to_owned(),
            request_bytes_max: usize::try_from(configuration.number("requestBytesMax")).unwrap_or(usize::MAX),
            access_token_s: configuration.number("oauth2provider.accessTokenExpiration"),
            refresh_token_s: configuration.number("oauth2provider.refreshTokenExpiration"),
            max_tokens: configuration.number("oauth2provider.maxTokens"),
            call_alarms: call_alarms(configuration)?,
            database: database(configuration),
            master_key: configuration.text("masterKey").map(str::to_owned),
            master_key_file: configuration.path("masterKeyFile").map(Path::to_owned),
            base_domain: configuration.text("domains.base").unwrap_or("quobis").to_owned(),
            kafka_brokers: configuration.list("kafka.brokers").to_vec(),
            kafka_client: configuration.pairs("kafka.client"),
            relay_personal_fields: configuration
                .text("relay.personalFields")
                .and_then(PersonalFieldsMode::parse)
                .unwrap_or_default(),
            relay_cluster: configuration.text("relay.cluster").unwrap_or("default").to_owned(),
            relay_partitions: u32::try_from(configuration.number("relay.partitions")).unwrap_or(u32::MAX),
            relay_replication: match configuration.number("relay.replication") {
                0 => -1,
                replicas => i32::try_from(replicas).unwrap_or(i32::MAX),
            },
            relay_topic: configuration.pairs("relay.topic"),
            log_filter: configuration.text("log.filter").unwrap_or(super::keys::DEFAULT_LOG_FILTER).to_owned(),
            log_json: configuration.text("log.format") == Some("json"),
        })
    }

    /// Whether this process is a media node and nothing else: it has no database.
    pub(crate) fn is_media_alone(&self) -> bool {
        self.roles == ["media"]
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

    /// Unless it is said where the master key is: in this directory, even if the database is elsewhere.
    pub(crate) fn keep_master_key_in(&mut self, directory: &Path) {
        let said = self.master_key.is_some() || self.master_key_file.is_some();
        if !said && matches!(self.database, Some(Database::Url(_))) {
            self.master_key_file = Some(directory.join(MASTER_KEY_FILE));
        }
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
fn read_master_key(file: &Path) -> Result<MasterKey> {
    let text =
        std::fs::read_to_string(file).with_context(|| format!("cannot read the master key {}", file.display()))?;
    MasterKey::parse(&text).with_context(|| {
        format!("{} holds no master key: 32 bytes in base64url without padding (43 characters)", file.display())
    })
}

fn port(configuration: &Configuration, key: &str) -> u16 {
    u16::try_from(configuration.number(key)).expect("the key's range is that of a port")
}

fn trusted_proxies(configuration: &Configuration) -> Result<Vec<Network>> {
    let parse = |text: &String| {
        Network::parse(text).with_context(|| format!("trustedProxies: {text:?} is no address or network"))
    };
    configuration.list("trustedProxies").iter().map(parse).collect()
}

/// The machine's name.
fn machine() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    if name.is_empty() { "node".to_owned() } else { name.to_owned() }
}

/// One entry may hold several, separated by `|` as in the administration guide.
fn cors_domains(configuration: &Configuration) -> Result<Vec<Pattern>> {
    let mut domains = Vec::new();
    for entry in configuration.list("corsDomains") {
        let whole = entry.starts_with('/') && entry.ends_with('/');
        let parts: Vec<&str> = if whole { vec![entry] } else { entry.split('|').collect() };
        for part in parts.into_iter().map(str::trim).filter(|part| !part.is_empty()) {
            let pattern = Pattern::compile(Some(part)).map_err(|why| anyhow::anyhow!("corsDomains: {part:?}: {why}"));
            domains.push(pattern?);
        }
    }
    Ok(domains)
}

fn tls(configuration: &Configuration) -> Result<Option<(PathBuf, PathBuf)>> {
    match (configuration.path("tls.certificate"), configuration.path("tls.key")) {
        (Some(certificate), Some(key)) => Ok(Some((certificate.to_owned(), key.to_owned()))),
        (None, None) => Ok(None),
        (Some(_), None) => bail!("tls.certificate is set, tls.key is not; HTTPS needs both"),
        (None, Some(_)) => bail!("tls.key is set, tls.certificate is not; HTTPS needs both"),
    }
}

/// `media.commandEndpoints`.
fn endpoints(configuration: &Configuration) -> Result<Vec<String>> {
    let endpoints = configuration.list("media.commandEndpoints").to_vec();
    match endpoints.iter().find(|url| !url.starts_with("https://") && !url.starts_with("http://")) {
        Some(url) => bail!("media.commandEndpoints: {url:?} is no http:// or https:// URL"),
        None => Ok(endpoints),
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

/// The rules by which calls raise alarms; ids stand once.
fn call_alarms(configuration: &Configuration) -> Result<Vec<AlarmRule>> {
    let mut rules: Vec<AlarmRule> = Vec::new();
    for text in configuration.list("callAlarms.rules") {
        let rule = AlarmRule::parse(text).map_err(|wrong| anyhow!("callAlarms.rules: a rule {wrong}; not {text:?}"))?;
        if rules.iter().any(|other| other.id == rule.id) {
            bail!("callAlarms.rules: there are two rules of the name {:?}", rule.id);
        }
        rules.push(rule);
    }
    Ok(rules)
}
