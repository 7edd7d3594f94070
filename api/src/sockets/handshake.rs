//! The upgrade to WebSocket (RFC 6455 §4.2): who asks, from where, with which protocol.

use axum::extract::Request;
use axum::http::header::{
    AUTHORIZATION, CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION,
    UPGRADE,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version};
use axum::response::{IntoResponse, Response};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::socket::Kind;
use crate::Problem;

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
