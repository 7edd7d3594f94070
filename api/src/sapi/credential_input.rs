//! Credentials on their way in and out.

use serde_json::{Map, Value, json};
use wac_commands::Credential;
use wac_events::CredentialKind;

use super::common::NUMBER_MAX;
use super::user_input::{given, set};
use crate::Problem;
use crate::fields::Fields;
use crate::reads::CredentialView;

/// The server's own fields, ignored in a body.
pub(crate) const OWN_FIELDS: [&str; 3] = ["id", "created", "leasedUntil"];

/// A credential's body, read but not yet judged.
pub(crate) struct CredentialInput {
    pub(crate) kind: CredentialKind,
    pub(crate) source: Option<String>,
    pub(crate) context: Option<Map<String, Value>>,
    pub(crate) domain: Option<String>,
    /// Absent, `null`, or an id.
    pub(crate) user: Option<Option<String>>,
    pub(crate) data: Option<Map<String, Value>>,
    pub(crate) lease_s: Option<u64>,
}

impl CredentialInput {
    pub(crate) fn read(body: Value) -> Result<Self, Problem> {
        let mut fields = Fields::of_body(body, &OWN_FIELDS)?;
        let kind = fields.required_text("type");
        let parsed = CredentialKind::parse(&kind);
        if parsed.is_none() && !kind.is_empty() {
            let names = CredentialKind::ALL.map(CredentialKind::as_str).join(", ");
            fields.wrong("type", "type_unknown", format!("`type` is one of {names}."));
        }
        let input = Self {
            kind: parsed.unwrap_or(CredentialKind::Basic),
            source: set(fields.text("source")),
            context: set(fields.object("context")),
            domain: given(fields.optional_text("domain")),
            user: set(fields.optional_text("user")),
            data: set(fields.object("data")),
            lease_s: set(fields.number("lease", NUMBER_MAX)),
        };
        if parsed.is_none() && kind.is_empty() && !fields.is_wrong("type") {
            fields.wrong("type", "type_unknown", "`type` is empty.");
        }
        fields.finish()?;
        Ok(input)
    }
}

/// A credential as SAPI shows it. The secret only to a token of its owner, that of `basic` never.
pub(crate) fn shown(credential: &CredentialView, to_owner: bool) -> Value {
    let mut object = json!({
        "id": credential.id,
        "type": credential.kind.as_str(),
        "source": credential.source,
        "context": credential.context,
        "domain": credential.domain_name,
        "user": credential.user,
        "lease": credential.lease_s,
        "leasedUntil": credential.leased_until.map(wac_events::Time::millis),
        "created": credential.created_at.millis(),
    });
    let secret = credential.secret.as_deref().filter(|_| to_owner && credential.kind != CredentialKind::Basic);
    if let Some(data) = secret.and_then(|secret| serde_json::from_str::<Value>(secret).ok()) {
        object["data"] = data;
    }
    object
}

/// A folded state as a view.
pub(crate) fn of_state(credential: &Credential, domain_name: String) -> CredentialView {
    CredentialView {
        id: credential.id.clone(),
        kind: credential.kind,
        source: credential.source.clone(),
        context: credential.context.clone(),
        domain: credential.domain.clone(),
        domain_name,
        user: credential.user.clone(),
        secret: credential.data.clear().map(str::to_owned),
        lease_s: credential.lease_s,
        leased_by: credential.lease.as_ref().map(|lease| lease.holder.clone()),
        leased_until: credential.lease.as_ref().map(|lease| lease.until),
        created_at: credential.created_at,
        version: credential.version,
    }
}
