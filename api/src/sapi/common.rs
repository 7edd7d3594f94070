//! What the resources have in common: ids in paths, references, merge patches.

use axum::extract::{FromRequestParts, Path};
use axum::http::HeaderMap;
use axum::http::header::ETAG;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use wac_commands::domain_name;
use wac_events::{DomainId, ID_BYTES_MAX, Reserved, UserId};

use crate::problem::FieldError;
use crate::write::{Write, etag, nothing_here};
use crate::{Platform, Problem};

/// Largest number SAPI takes: what a signed 64-bit column holds in microseconds is far more.
pub(crate) const NUMBER_MAX: u64 = 9_007_199_254_740_991;

/// The id in a path. `wac-user:<id>` is taken as `<id>`.
pub(crate) struct IdInPath(pub(crate) String);

impl FromRequestParts<Platform> for IdInPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, platform: &Platform) -> Result<Self, Problem> {
        let Path(id) = Path::<String>::from_request_parts(parts, platform).await.map_err(|_| nothing_here())?;
        if id.is_empty() || id.len() > ID_BYTES_MAX || id.contains('\0') {
            return Err(nothing_here());
        }
        Ok(Self(id))
    }
}

/// 200 with an object and its version.
pub(crate) fn shown(object: &Value, version: u64) -> Response {
    let mut headers = HeaderMap::new();
    headers.insert(ETAG, etag(version));
    (headers, axum::Json(object)).into_response()
}

/// One invalid field.
pub(crate) fn wrong(pointer: &str, code: &'static str, detail: impl Into<String>) -> Problem {
    Problem::fields(vec![FieldError { pointer: pointer.into(), code: code.into(), detail: detail.into() }])
}

/// `<id>` of `<id>` or `wac-user:<id>`.
pub(crate) fn user_id(text: &str) -> UserId {
    UserId::from(text.strip_prefix("wac-user:").unwrap_or(text))
}

/// Applies a merge patch (RFC 7396).
pub(crate) fn merge(target: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = Value::Object(serde_json::Map::new());
    }
    let Value::Object(target) = target else { return };
    for (name, value) in patch {
        if value.is_null() {
            target.remove(&name);
        } else {
            merge(target.entry(name).or_insert(Value::Null), value);
        }
    }
}

impl Platform {
    /// The domain of this name, as the log has it now.
    pub(crate) async fn find_domain_by_name(&self, name: &str) -> Result<Option<DomainId>, Problem> {
        let Ok(name) = domain_name(name) else { return Ok(None) };
        let reserved = Reserved::DomainName(name);
        let world = self.handler.load(&[reserved.stream()]).await?;
        Ok(world.reservation(&reserved).holder.as_deref().map(DomainId::from))
    }

    /// The domain a reference names: its name, or its id.
    pub(crate) async fn find_domain(&self, reference: &str) -> Result<Option<DomainId>, Problem> {
        if let Some(id) = self.find_domain_by_name(reference).await? {
            return Ok(Some(id));
        }
        let id = DomainId::from(reference);
        if reference.is_empty() || reference.len() > ID_BYTES_MAX || reference.contains('\0') {
            return Ok(None);
        }
        let world = self.handler.load(&[id.stream()]).await?;
        Ok(world.domain(&id).exists().then_some(id))
    }

    /// The domain a field of a body names; nothing or an empty text is the base domain. A replay
    /// decides nothing any more, so a domain that has gone since does not keep it from its answer.
    pub(crate) async fn domain_in_body(
        &self,
        write: &Write,
        reference: Option<&str>,
        pointer: &str,
    ) -> Result<DomainId, Problem> {
        let base = || self.config.base_domain_id.clone();
        let Some(reference) = reference.filter(|reference| !reference.is_empty()) else { return Ok(base()) };
        match self.find_domain(reference).await? {
            Some(id) => Ok(id),
            None if write.replay => Ok(base()),
            None => Err(wrong(pointer, "domain_unknown", "There is no domain of this name or id.")),
        }
    }

    /// The name of a domain as the log has it now; its id if it is gone.
    pub(crate) async fn domain_name_of(&self, id: &DomainId) -> Result<String, Problem> {
        let world = self.handler.load(&[id.stream()]).await?;
        let domain = world.domain(id);
        Ok(if domain.name.is_empty() { id.to_string() } else { domain.name.clone() })
    }

    /// Reads again after the read models of `tables` have caught up with the head, a bounded time:
    /// what was created a moment ago is not called missing.
    pub(crate) async fn caught_up(&self, tables: &[&'static str]) -> Result<(), Problem> {
        let head = self.log.head().await?.position;
        Ok(self.waiter.wait_for(tables, head, self.config.read_patience).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_merge_patch_sets_removes_and_keeps() {
        let mut target = json!({ "a": 1, "b": { "c": 2, "d": 3 }, "e": [1, 2] });
        merge(&mut target, json!({ "a": null, "b": { "c": 4 }, "e": [3], "f": {} }));
        assert_eq!(target, json!({ "b": { "c": 4, "d": 3 }, "e": [3], "f": {} }));
    }
}
