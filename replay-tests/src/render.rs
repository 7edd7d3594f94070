//! Folded states as JSON. Every field is named here, so that a new one cannot stay out of the
//! golden files unnoticed.

use std::fmt::Debug;

use serde_json::{Value, json};
use wac_commands::{Client, Credential, Domain, Reservation, State, Subject, Token, User};
use wac_events::{Cell, Personal};

/// A state as JSON: clear personal fields as text, erased ones as `{"erased": true}`.
pub(crate) fn state(state: &State) -> Value {
    match state {
        State::Domain(state) => domain(state),
        State::User(state) => user(state),
        State::Subject(state) => subject(state),
        State::Credential(state) => credential(state),
        State::Client(state) => client(state),
        State::Token(state) => token(state),
        State::Reservation(state) => reservation(state),
        other => other.describe().expect("every other state describes itself"),
    }
}

fn name(status: impl Debug) -> String {
    format!("{status:?}").to_lowercase()
}

fn cell(cell: &Cell) -> Value {
    match cell {
        Cell::Clear(text) => json!(text),
        Cell::Sealed(_) => json!({ "sealed": true }),
        Cell::Erased => json!({ "erased": true }),
    }
}

fn cells(personal: &[Personal]) -> Vec<Value> {
    personal.iter().map(|personal| cell(&personal.0)).collect()
}

fn maybe(personal: Option<&Personal>) -> Value {
    personal.map_or(Value::Null, |personal| cell(&personal.0))
}

fn domain(state: &Domain) -> Value {
    let Domain {
        version,
        status,
        id,
        name: domain_name,
        parent,
        origins,
        enable_anonymous,
        anonymous_expiration_ms,
        anonymous_capabilities,
        services,
        created_at,
    } = state;
    json!({
        "version": version, "status": name(status), "id": id, "name": domain_name, "parent": parent,
        "origins": origins, "enableAnonymous": enable_anonymous, "anonymousExpirationMs": anonymous_expiration_ms,
        "anonymousCapabilities": anonymous_capabilities, "services": services, "createdAt": created_at,
    })
}

fn user(state: &User) -> Value {
    let User {
        version,
        status,
        id,
        domain,
        username,
        name_key,
        role,
        email,
        mobile_phones,
        land_line_number,
        alias,
        display_name,
        capabilities,
        created_at,
    } = state;
    json!({
        "version": version, "status": name(status), "id": id, "domain": domain, "username": cell(&username.0),
        "nameKey": name_key, "role": role, "email": maybe(email.as_ref()), "mobilePhones": cells(mobile_phones),
        "landLineNumber": maybe(land_line_number.as_ref()), "alias": cell(&alias.0),
        "displayName": maybe(display_name.as_ref()), "capabilities": capabilities, "createdAt": created_at,
    })
}

fn subject(state: &Subject) -> Value {
    let Subject { version, erased } = state;
    json!({ "version": version, "erased": erased })
}

fn credential(state: &Credential) -> Value {
    let Credential {
        version,
        status,
        id,
        kind,
        source,
        context,
        domain,
        user,
        identity_key,
        data,
        lease_s,
        lease,
        created_at,
    } = state;
    let lease = lease.as_ref().map(|lease| json!({ "holder": lease.holder, "until": lease.until }));
    json!({
        "version": version, "status": name(status), "id": id, "kind": kind, "source": source, "context": context,
        "domain": domain, "user": user, "identityKey": identity_key, "data": cell(&data.0), "leaseS": lease_s,
        "lease": lease, "createdAt": created_at,
    })
}

fn client(state: &Client) -> Value {
    let Client {
        version,
        status,
        id,
        name: client_name,
        redirect_uris,
        grants,
        domain,
        trusted,
        access_token_expiration_s,
        refresh_token_expiration_s,
        secret_hash,
        created_at,
    } = state;
    json!({
        "version": version, "status": name(status), "id": id, "name": client_name, "redirectUris": redirect_uris,
        "grants": grants, "domain": domain, "trusted": trusted, "accessTokenExpirationS": access_token_expiration_s,
        "refreshTokenExpirationS": refresh_token_expiration_s, "secretHash": secret_hash, "createdAt": created_at,
    })
}

fn token(state: &Token) -> Value {
    let Token {
        version,
        status,
        id,
        grant,
        user,
        client,
        domain,
        role,
        access_hash,
        access_expires_at,
        refresh_hash,
        refresh_expires_at,
        used_refresh_hashes,
        issued_at,
    } = state;
    json!({
        "version": version, "status": name(status), "id": id, "grant": grant, "user": user, "client": client,
        "domain": domain, "role": role, "accessHash": access_hash, "accessExpiresAt": access_expires_at,
        "refreshHash": refresh_hash, "refreshExpiresAt": refresh_expires_at,
        "usedRefreshHashes": used_refresh_hashes, "issuedAt": issued_at,
    })
}

fn reservation(state: &Reservation) -> Value {
    let Reservation { version, holder } = state;
    json!({ "version": version, "holder": holder })
}
