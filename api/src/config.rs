//! What can be set, with its defaults.

use std::net::IpAddr;
use std::time::Duration;

use wac_commands::domain::origin::Pattern;
use wac_events::DomainId;
use wac_events::domain::Services;
use wac_signaling::Settings;

use crate::oauth::Pairing;

/// Settings of the interfaces.
#[derive(Clone, Debug)]
pub struct ApiConfig {
    /// Name of the base domain, where a bare username logs in and what names no domain falls.
    pub base_domain: String,
    /// Id of the base domain.
    pub base_domain_id: DomainId,
    /// How clients reach this platform, without a slash at the end; part of every problem's `type`.
    pub public_url: String,
    /// Lifetime of access tokens in seconds. Default 3,600; 0: they end at once.
    pub access_token_s: u64,
    /// Lifetime of refresh tokens in seconds. Default 1,209,600 (two weeks); 0: they end at once.
    pub refresh_token_s: u64,
    /// How long a session lasts after it was last used, in seconds. Default 86,400 (a day).
    pub session_s: u64,
    /// Most token families a user holds at once; older ones are revoked. Default 0: unlimited.
    pub max_tokens: u64,
    /// Development mode: tokens are taken over plain HTTP from a loopback address.
    pub dev: bool,
    /// Who is logged in by a code, once, for a first call with oneself; development mode only.
    pub pairing: Option<Pairing>,
    /// Proxies whose `X-Forwarded-*` headers are believed.
    pub trusted_proxies: Vec<Network>,
    /// The header in which a trusted proxy says who the client is. Default `X-Forwarded-For`.
    pub client_ip_header: String,
    /// The services this platform runs, with their backends.
    pub services: Services,
    /// Largest request body in bytes. Default 1 MiB.
    pub body_bytes_max: usize,
    /// How long a read waits for `min_position`. Default 2 s.
    pub read_patience: Duration,
    /// The latest position GraphQL's `asOf` folds. Default [`crate::graphql::AS_OF_POSITION_MAX`].
    pub as_of_position_max: u64,
    /// How long one query with `asOf` folds. Default [`crate::graphql::AS_OF_PATIENCE`].
    pub as_of_patience: Duration,
    /// `source` of CloudEvents: cluster and log. Default `/clusters/default/logs/main`.
    pub events_source: String,
    /// How long a whole request may take before it is answered with 503. Default 30 s.
    pub request_patience: Duration,
    /// Further origins of this deployment, beside that of `public_url`: its listeners.
    pub public_origins: Vec<String>,
    /// Hosts and origins whose pages may ask, too (CORS), and open sockets.
    pub cors_domains: Vec<Pattern>,
    /// Everything about sessions, calls and sockets.
    pub signaling: Settings,
}

/// Services of a platform that runs all of them, as the administration guide's base domain shows.
pub fn all_services() -> Services {
    let backends = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let names = [
        ("callalarms", &[][..]),
        ("callcontrol", &[]),
        ("chat", &[]),
        ("contacts", &["wac", "static", "google"]),
        ("datapipe", &[]),
        ("filetransfer", &[]),
        ("forms", &[]),
        ("im", &[]),
        ("ldap", &[]),
        ("login", &[]),
        ("meetings", &[]),
        ("oauth2client", &[]),
        ("presence", &[]),
        ("recording", &[]),
        ("remotelog", &[]),
        ("stats", &[]),
        ("usersettings", &["wac"]),
    ];
    names.into_iter().map(|(name, of)| (name.to_owned(), backends(of))).collect()
}

impl ApiConfig {
    /// The defaults, for a base domain and a public URL.
    pub fn new(base_domain: impl Into<String>, base_domain_id: DomainId, public_url: impl Into<String>) -> Self {
        Self {
            base_domain: base_domain.into(),
            base_domain_id,
            public_url: public_url.into().trim_end_matches('/').to_owned(),
            access_token_s: 3_600,
            refresh_token_s: 1_209_600,
            session_s: 86_400,
            max_tokens: 0,
            dev: false,
            pairing: None,
            trusted_proxies: Vec::new(),
            client_ip_header: "X-Forwarded-For".to_owned(),
            services: all_services(),
            body_bytes_max: 1024 * 1024,
            read_patience: Duration::from_secs(2),
            as_of_position_max: crate::graphql::AS_OF_POSITION_MAX,
            as_of_patience: crate::graphql::AS_OF_PATIENCE,
            events_source: wac_events::cloudevents::source_of("default", "main"),
            request_patience: Duration::from_secs(30),
            public_origins: Vec::new(),
            cors_domains: Vec::new(),
            signaling: Settings::default(),
        }
    }

    /// Whether `peer` is a trusted proxy.
    pub fn trusts(&self, peer: IpAddr) -> bool {
        self.trusted_proxies.iter().any(|network| network.contains(peer))
    }
}

/// A range of addresses: `10.0.0.0/8`, `::1`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

impl Network {
    /// Reads an address or `address/bits`.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse::<u8>().ok()?)),
            None => (text, None),
        };
        let address = canonical(address.trim().parse().ok()?);
        let whole = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(whole);
        (bits <= whole).then_some(Self { address, bits })
    }

    /// Whether `address` is in it. An IPv4 address in IPv6 form counts as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        let prefix = |value: u128, width: u32| value.checked_shr(width - u32::from(self.bits)).unwrap_or(0);
        match (self.address, canonical(address)) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                prefix(u32::from(own).into(), 32) == prefix(u32::from(other).into(), 32)
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => prefix(own.into(), 128) == prefix(other.into(), 128),
            _ => false,
        }
    }
}

fn canonical(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_domain_may_name_is_what_a_whole_platform_runs() {
        assert!(all_services().keys().eq(wac_commands::domain::SERVICES));
    }

    #[test]
    fn a_network_holds_the_addresses_of_its_prefix() {
        let network = Network::parse("10.1.0.0/16").expect("it is one");
        assert!(network.contains("10.1.255.3".parse().expect("an address")));
        assert!(network.contains("::ffff:10.1.2.3".parse().expect("an address")));
        assert!(!network.contains("10.2.0.1".parse().expect("an address")));
        assert!(!network.contains("fe80::1".parse().expect("an address")));
        assert!(Network::parse("0.0.0.0/0").expect("it is one").contains("203.0.113.9".parse().expect("an address")));
        assert!(Network::parse("::1").expect("it is one").contains("::1".parse().expect("an address")));
        assert!(Network::parse("10.0.0.0/33").is_none());
    }
}
