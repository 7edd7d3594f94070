//! Folded states as JSON, for people and programs. Secrets and hashes are not in it.

use serde_json::{Value, json};
use wac_commands::State;
use wac_events::{Cell, Personal};

/// The state, field by field.
pub(super) fn json(state: &State) -> Value {
    match state {
        State::Domain(domain) => json!({
            "status": word(&domain.status), "id": domain.id, "name": domain.name, "parent": domain.parent,
            "origins": domain.origins, "enableAnonymous": domain.enable_anonymous,
            "anonymousExpirationMs": domain.anonymous_expiration_ms,
            "anonymousCapabilities": domain.anonymous_capabilities, "services": domain.services,
            "createdAt": domain.created_at,
        }),
        State::User(user) => json!({
            "status": word(&user.status), "id": user.id, "domain": user.domain, "username": personal(&user.username),
            "role": user.role, "email": user.email.as_ref().map(personal),
            "mobilePhones": user.mobile_phones.iter().map(personal).collect::<Vec<_>>(),
            "landLineNumber": user.land_line_number.as_ref().map(personal), "alias": personal(&user.alias),
            "displayName": user.display_name.as_ref().map(personal), "capabilities": user.capabilities,
            "erased": matches!(user.username.0, Cell::Erased), "createdAt": user.created_at,
        }),
        State::Subject(subject) => json!({ "erased": subject.erased }),
        State::Credential(credential) => json!({
            "status": word(&credential.status), "id": credential.id, "type": credential.kind,
            "source": credential.source, "context": credential.context, "domain": credential.domain,
            "user": credential.user, "leaseSeconds": credential.lease_s,
            "leasedBy": credential.lease.as_ref().map(|lease| &lease.holder),
            "leasedUntil": credential.lease.as_ref().map(|lease| lease.until), "createdAt": credential.created_at,
        }),
        State::Client(client) => json!({
            "status": word(&client.status), "id": client.id, "name": client.name, "redirectUris": client.redirect_uris,
            "grants": client.grants, "domain": client.domain, "trusted": client.trusted,
            "accessTokenExpiration": client.access_token_expiration_s,
            "refreshTokenExpiration": client.refresh_token_expiration_s, "hasSecret": client.secret_hash.is_some(),
            "createdAt": client.created_at,
        }),
        State::Token(token) => json!({
            "status": word(&token.status), "id": token.id, "grant": token.grant, "user": token.user,
            "client": token.client, "domain": token.domain, "role": token.role,
            "accessExpiresAt": token.access_expires_at, "refreshExpiresAt": token.refresh_expires_at,
            "issuedAt": token.issued_at,
        }),
        State::Reservation(reservation) => json!({ "holder": reservation.holder }),
        other => other.describe().unwrap_or(Value::Null),
    }
}

/// Clear text, or `null` once erased.
fn personal(personal: &Personal) -> Value {
    personal.clear().into()
}

/// A status is one word, and its name in the code is that word.
fn word(status: &impl std::fmt::Debug) -> String {
    format!("{status:?}").to_lowercase()
}
