//! What `data` holds, kind by kind.

use serde_json::{Map, Value};
use wac_events::CredentialKind;

use super::*;
use crate::Rejection;
use crate::rejection::Checks;

/// A credential's secret on its way in.
#[derive(Clone, PartialEq)]
pub enum CredentialData {
    /// Of `basic`: the Argon2id hash of the password, a PHC string.
    PasswordHash(String),
    /// Of every other kind: the object as [`check_data`] wants it.
    Json(Map<String, Value>),
}

impl std::fmt::Debug for CredentialData {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("<secret>")
    }
}

impl CredentialData {
    /// As it goes into the event.
    pub(crate) fn text(&self) -> String {
        match self {
            CredentialData::PasswordHash(hash) => hash.clone(),
            CredentialData::Json(map) => Value::Object(map.clone()).to_string(),
        }
    }

    pub(crate) fn check(&self, kind: CredentialKind) -> Result<(), Rejection> {
        match (kind, self) {
            (CredentialKind::Basic, CredentialData::PasswordHash(hash)) if hash.starts_with("$argon2id$") => Ok(()),
            (CredentialKind::Basic, _) => {
                Err(Rejection::invalid("data_invalid", "/data", "a basic credential holds an Argon2id hash"))
            }
            (_, CredentialData::PasswordHash(_)) => {
                Err(Rejection::invalid("data_invalid", "/data", "only a basic credential holds a password hash"))
            }
            (kind, CredentialData::Json(map)) => check_data(kind, map),
        }
    }
}

/// The password in a `basic` credential's `data`, before it is hashed: 1–1024 bytes.
pub fn password(data: &Map<String, Value>) -> Result<&str, Rejection> {
    check_data(CredentialKind::Basic, data)?;
    let missing = || Rejection::invalid("password_invalid", "/data/password", "a password has 1 to 1024 bytes");
    data.get("password").and_then(Value::as_str).ok_or_else(missing)
}

/// Whether `data` is what a credential of this kind needs (guide 5.1.3.4–5.1.3.6):
///
/// * `basic`: `password`, 1–1024 bytes;
/// * `sip-mapping`: `username`; `password` may be there;
/// * `ims`: `username`, `userauthname`, `password`, `authserver` (`wss://…` or `ws://…`);
///   `iceserver[]` of `{urls, username, credential}` may be there;
/// * `wac-ims`, `oauth2`, `token`: any object of at most [`DATA_BYTES_MAX`] bytes.
pub fn check_data(kind: CredentialKind, data: &Map<String, Value>) -> Result<(), Rejection> {
    let mut checks = Checks::default();
    let (required, optional): (&[&str], &[&str]) = match kind {
        CredentialKind::Basic => (&["password"], &[]),
        CredentialKind::SipMapping => (&["username"], &["password"]),
        CredentialKind::Ims => (&["username", "userauthname", "password", "authserver"], &["iceserver"]),
        CredentialKind::WacIms | CredentialKind::Oauth2 | CredentialKind::Token => {
            checks.require(json_bytes(data) <= DATA_BYTES_MAX, "data_invalid", "/data", "data has at most 16384 bytes");
            return checks.done();
        }
    };
    for name in required {
        check_text(&mut checks, kind, name, data.get(*name));
    }
    for name in data.keys().filter(|name| !required.contains(&name.as_str()) && !optional.contains(&name.as_str())) {
        checks.require(false, "field_unknown", &format!("/data/{}", escape(name)), "the field is not known");
    }
    if kind == CredentialKind::SipMapping && data.contains_key("password") {
        let holds = data.get("password").and_then(Value::as_str).is_some_and(|text| text.len() <= DATA_TEXT_BYTES_MAX);
        checks.require(holds, "data_invalid", "/data/password", "the password is a text of at most 4096 bytes");
    }
    if let Some(servers) = data.get("iceserver") {
        check_ice_servers(&mut checks, servers);
    }
    checks.done()
}

/// The size of a JSON object, in bytes.
pub(crate) fn json_bytes(map: &Map<String, Value>) -> usize {
    serde_json::to_string(map).map_or(usize::MAX, |text| text.len())
}

/// One name inside a JSON pointer (RFC 6901 §3).
fn escape(name: &str) -> String {
    name.chars().take(64).collect::<String>().replace('~', "~0").replace('/', "~1")
}

fn check_text(checks: &mut Checks, kind: CredentialKind, name: &str, value: Option<&Value>) {
    let pointer = format!("/data/{name}");
    let text = value.and_then(Value::as_str).unwrap_or_default();
    if name == "password" {
        let detail = "a password has 1 to 1024 bytes";
        checks.require((1..=PASSWORD_BYTES_MAX).contains(&text.len()), "password_invalid", &pointer, detail);
        return;
    }
    let holds = (1..=DATA_TEXT_BYTES_MAX).contains(&text.len()) && !text.chars().any(char::is_control);
    checks.require(holds, "data_invalid", &pointer, &format!("{name} is a text of 1 to 4096 bytes"));
    if kind == CredentialKind::Ims && name == "authserver" && holds {
        let host = text.strip_prefix("wss://").or_else(|| text.strip_prefix("ws://")).unwrap_or_default();
        let holds = !host.is_empty() && !host.starts_with('/') && !host.contains(char::is_whitespace);
        checks.require(holds, "data_invalid", &pointer, "authserver is a wss:// (or ws://) address");
    }
}

fn check_ice_servers(checks: &mut Checks, servers: &Value) {
    let pointer = "/data/iceserver";
    let Some(servers) = servers.as_array().filter(|servers| servers.len() <= ICE_SERVERS_MAX) else {
        checks.require(false, "data_invalid", pointer, "iceserver is a list of at most 20 servers");
        return;
    };
    for (index, server) in servers.iter().enumerate() {
        let text =
            |value: &Value| value.as_str().is_some_and(|text| !text.is_empty() && text.len() <= DATA_TEXT_BYTES_MAX);
        let urls = |value: &Value| {
            text(value)
                || value.as_array().is_some_and(|urls| !urls.is_empty() && urls.len() <= 20 && urls.iter().all(text))
        };
        let holds = server.as_object().is_some_and(|server| {
            server.get("urls").is_some_and(urls)
                && server.iter().all(|(name, value)| match name.as_str() {
                    "urls" => true,
                    "username" | "credential" => value.as_str().is_some_and(|text| text.len() <= DATA_TEXT_BYTES_MAX),
                    _ => false,
                })
        });
        let detail = "an ICE server has urls (a text or a list of texts), username and credential";
        checks.require(holds, "data_invalid", &format!("{pointer}/{index}"), detail);
    }
}
