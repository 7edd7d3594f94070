//! `Idempotency-Key`: the same request twice happens once.

use axum::http::{HeaderMap, HeaderName};
use wac_events::{CommandId, KeyStore};

use crate::{Caller, Problem};

/// The header.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Set to `true` on an answer that was given before.
pub const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
/// Longest key, in bytes.
pub(crate) const KEY_BYTES_MAX: usize = 255;

/// What a request says about its identity.
pub(crate) struct Identity {
    /// Function of caller and key.
    pub(crate) command_id: CommandId,
    /// Function of method, path and body, under the deployment's key: a body may hold a password.
    pub(crate) fingerprint: String,
}

/// 400: no key can look like this.
pub(crate) fn bad_key() -> Problem {
    let detail = format!("An idempotency key has 1 to {KEY_BYTES_MAX} visible ASCII characters.");
    Problem::invalid("validation_failed", detail)
}

/// Reads the header; `None` if there is none.
pub(crate) fn identity(
    headers: &HeaderMap,
    caller: &Caller,
    keys: &dyn KeyStore,
    request: (&str, &str, &[u8]),
) -> Result<Option<Identity>, Problem> {
    let Some(value) = headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
    let key = value.to_str().ok().filter(|key| (1..=KEY_BYTES_MAX).contains(&key.len()));
    let key = key.ok_or_else(bad_key)?;
    let (method, path, body) = request;
    let text = format!("{method}\0{path}\0{}", wac_events::hex(body));
    let fingerprint = keys.keyed_hash("request", &text);
    Ok(Some(Identity { command_id: CommandId::derived(&caller.scope(), key), fingerprint }))
}
