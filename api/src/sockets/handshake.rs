//! The upgrade to WebSocket (RFC 6455 §4.2): who asks, from where, with which protocol.

use axum::extract::Request;
use axum::http::header::{
    AUTHORIZATION, CONNECTION, HOST, ORIGIN, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version};
use axum::response::{IntoResponse, Response};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use wac_commands::domain::origin::Pattern;

use super::socket::Kind;
use crate::{ApiConfig, Problem};

/// The prefix of the subprotocol in which browsers send the access token.
const BEARER: &str = "bearer.";

/// An upgrade that is well formed.
pub(super) struct Handshake {
    accept: HeaderValue,
    protocol: Option<HeaderValue>,
    token: Option<String>,
}

/// 426: this address speaks WebSocket only.
fn not_an_upgrade(detail: &str) -> Problem {
    Problem::new(StatusCode::UPGRADE_REQUIRED, "websocket_expected", detail)
        .with_header(UPGRADE, HeaderValue::from_static("websocket"))
        .with_header(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"))
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

fn has_word(headers: &HeaderMap, name: HeaderName, word: &str) -> bool {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|item| item.trim().eq_ignore_ascii_case(word))
}

impl Handshake {
    /// Reads the request's head.
    pub(super) fn read(request: &Request, kind: Kind) -> Result<Self, Problem> {
        let headers = request.headers();
        let asked = request.method() == Method::GET
            && request.version() == Version::HTTP_11
            && has_word(headers, CONNECTION, "upgrade")
            && has_word(headers, UPGRADE, "websocket");
        let key = headers.get(SEC_WEBSOCKET_KEY).filter(|_| asked);
        let key = key.ok_or_else(|| not_an_upgrade("Ask for an upgrade to WebSocket (RFC 6455), over HTTP/1.1."))?;
        if text(headers, SEC_WEBSOCKET_VERSION) != Some("13") {
            return Err(not_an_upgrade("Ask for version 13 of WebSocket (RFC 6455)."));
        }
        let accept = derive_accept_key(key.as_bytes());
        let accept = HeaderValue::from_str(&accept).map_err(|error| Problem::internal(&error))?;
        let offered = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|value| value.to_str().ok());
        let offered: Vec<&str> = offered.flat_map(|value| value.split(',')).map(str::trim).collect();
        let protocol = kind.protocol();
        if !offered.is_empty() && !offered.contains(&protocol) {
            let detail = format!("Offer the WebSocket protocol `{protocol}`.");
            return Err(Problem::invalid("websocket_protocol", detail));
        }
        let in_header = text(headers, AUTHORIZATION).and_then(|value| {
            let (scheme, token) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
        });
        let token = in_header.or_else(|| offered.iter().find_map(|offer| offer.strip_prefix(BEARER)));
        Ok(Self {
            accept,
            protocol: (!offered.is_empty()).then(|| HeaderValue::from_static(protocol)),
            token: token.map(str::to_owned),
        })
    }

    /// The access token, if there is one.
    pub(super) fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// The answer that lets the connection change its protocol.
    pub(super) fn answer(self) -> Response {
        let mut response = StatusCode::SWITCHING_PROTOCOLS.into_response();
        let headers = response.headers_mut();
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(SEC_WEBSOCKET_ACCEPT, self.accept);
        if let Some(protocol) = self.protocol {
            headers.insert(SEC_WEBSOCKET_PROTOCOL, protocol);
        }
        response
    }
}

/// Browsers say which page asks; 403 unless it is one of ours or `corsDomains` names it.
pub(super) fn check_origin(headers: &HeaderMap, config: &ApiConfig) -> Result<(), Problem> {
    let Some(origin) = headers.get(ORIGIN) else { return Ok(()) };
    let allowed = origin.to_str().is_ok_and(|origin| is_ours(origin, headers, config) || is_named(origin, config));
    if allowed {
        return Ok(());
    }
    tracing::warn!(origin = ?origin, "a socket of a foreign origin was refused");
    Err(Problem::new(StatusCode::FORBIDDEN, "origin_forbidden", "Pages of this origin may not open sockets here."))
}

/// `scheme://host:port`, without what follows.
fn origin_of(url: &str) -> Option<&str> {
    let host = url.find("://")? + 3;
    let end = url[host..].find('/').map_or(url.len(), |slash| host + slash);
    Some(&url[..end])
}

fn is_ours(origin: &str, headers: &HeaderMap, config: &ApiConfig) -> bool {
    let same = |url: &str| origin_of(url).is_some_and(|own| own.eq_ignore_ascii_case(origin));
    // In development a page may come from any name of this machine.
    let own_host = config.dev && text(headers, HOST).is_some_and(|host| origin.ends_with(&format!("://{host}")));
    own_host || same(&config.public_url) || config.public_origins.iter().any(|url| same(url))
}

fn is_named(origin: &str, config: &ApiConfig) -> bool {
    let authority = origin.split_once("://").map_or(origin, |(_, authority)| authority);
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    };
    config
        .cors_domains
        .iter()
        .filter_map(|named| Pattern::compile(Some(named)).ok())
        .any(|pattern| [origin, authority, host].into_iter().any(|text| pattern.matches(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(cors: &[&str]) -> ApiConfig {
        let mut config = ApiConfig::new("quobis", "d".into(), "https://wac.example/");
        config.public_origins = vec!["http://127.0.0.1:8000".to_owned()];
        config.cors_domains = cors.iter().map(|domain| (*domain).to_owned()).collect();
        config
    }

    fn allowed(origin: &str, cors: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(ORIGIN, HeaderValue::from_str(origin).expect("a header"));
        check_origin(&headers, &config(cors)).is_ok()
    }

    #[test]
    fn no_origin_and_our_own_origins_are_let_in() {
        assert!(check_origin(&HeaderMap::new(), &config(&[])).is_ok());
        assert!(allowed("https://wac.example", &[]) && allowed("http://127.0.0.1:8000", &[]));
        assert!(
            !allowed("http://wac.example", &[]) && !allowed("https://wac.example.evil", &[]) && !allowed("null", &[])
        );
    }

    #[test]
    fn cors_domains_name_hosts_patterns_and_whole_origins() {
        assert!(allowed("https://app.example:8443", &["app.example"]));
        assert!(allowed("https://a.example.org", &["other.example", "*.example.org"]));
        assert!(allowed("https://only.example", &["https://only.example"]));
        assert!(!allowed("http://only.example", &["https://only.example"]));
        assert!(!allowed("https://evil-example.org", &["*.example.org"]));
    }
}
