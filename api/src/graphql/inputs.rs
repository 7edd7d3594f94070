//! What mutations take: the same fields as SAPI's bodies.

use async_graphql::{InputObject, MaybeUndefined};
use serde::Serialize;
use serde_json::Value;

use super::enums::{CredentialType, Grant, Role};
use super::scalars::Long;

/// A new domain. What is left out has its default.
#[derive(InputObject, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CreateDomainInput {
    /// Its name.
    #[serde(rename = "domain")]
    pub(super) name: String,
    /// Its parent (name or id); left out: the base domain.
    #[serde(skip_serializing_if = "Option::is_none")]
    parent: Option<String>,
    /// Patterns that map an anonymous log-in to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    origins: Option<Vec<Option<String>>>,
    /// Whether guests may log in.
    #[serde(skip_serializing_if = "Option::is_none")]
    enable_anonymous: Option<bool>,
    /// How long a guest's access token lasts, in milliseconds; 0: the default.
    #[serde(skip_serializing_if = "Option::is_none")]
    anonymous_expiration: Option<Long>,
    /// Forced (`+name`) and pruned (`-name`) capabilities of guests.
    #[serde(skip_serializing_if = "Option::is_none")]
    anonymous_capabilities: Option<Vec<String>>,
    /// Service to backends; left out: the parent's.
    #[serde(skip_serializing_if = "Option::is_none")]
    services: Option<Value>,
}

/// Changes of a domain: what is left out stays; null falls back to the default.
#[derive(InputObject, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UpdateDomainInput {
    /// New name.
    #[serde(rename = "domain", skip_serializing_if = "MaybeUndefined::is_undefined")]
    name: MaybeUndefined<String>,
    /// New parent (name or id).
    #[serde(skip_serializing_if = "MaybeUndefined::is_undefined")]
    parent: MaybeUndefined<String>,
    /// New origins.
    #[serde(skip_serializing_if = "MaybeUndefined::is_undefined")]
    origins: MaybeUndefined<Vec<Option<String>>>,
    /// Guests allowed or not.
    #[serde(skip_serializing_if = "MaybeUndefined::is_undefined")]
    enable_anonymous: MaybeUndefined<bool>,
    /// New lifetime of guests' tokens, in milliseconds.
    #[serde(skip_serializing_if = "MaybeUndefined::is_undefined")]
    anonymous_expiration: MaybeUndefined<Long>,
    /// New guest capabilities.
    #[serde(skip_serializing_if = "MaybeUndefined::is_undefined")]
    anonymous_capabilities: MaybeUndefined<Vec<String>>,
    /// New services; null inherits the parent's.
    #[serde(skip_serializing_if = "MaybeUndefined::is_undefined")]
    services: MaybeUndefined<Value>,
}

/// A new user. What is left out has its default.
#[derive(InputObject, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CreateUserInput {
    /// Its name.
    username: String,
    /// Its domain (name or id); left out: the base domain.
    #[serde(skip_serializing_if = "Option::is_none")]
    domain: Option<String>,
    /// What it may do; left out: ANONYMOUS.
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<Role>,
    /// Where notices go.
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    /// Where text messages go.
    #[serde(skip_serializing_if = "Option::is_none")]
    mobile_phone: Option<Vec<String>>,
    /// A land line.
    #[serde(skip_serializing_if = "Option::is_none")]
    land_line_number: Option<String>,
    /// Another name; left out: a random one.
    #[serde(skip_serializing_if = "Option::is_none")]
    alias: Option<String>,
    /// The name others see.
    #[serde(skip_serializing_if = "Option::is_none")]
    display_name: Option<String>,
    /// Forced (`+name`) and pruned (`-name`) capabilities.
    #[serde(skip_serializing_if = "Option::is_none")]
    capabilities: Option<Vec<String>>,
}

/// Changes of a user: what is left out stays; null falls back to the default.
#[derive(InputObject, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UpdateUserInput {
    /// New name.
    #[serde(skip_serializing_if = "MaybeUndefined::is_undefined")]
    username: MaybeUndefined<String>,
    /// New domain (name or id).
    #[serde(skip_serializing_if = "MaybeUndefined::is_undefined")]
    domain: MaybeUndefined<String>,
    /// New role.
    #[serde(skip_serializing_if = "MaybeUndefined::is_undefined")]
    role: MaybeUndefined<Role>,
    /// New e-mail address.
    #[serde(skip_serializing_if = "MaybeUndefined::is_undefined")]
    email: MaybeUndefined<String>,
    /// New mobile phones.
    #[serde(skip_serializing_if = "MaybeUndefined::is_undefined")]
    mobile_phone: MaybeUndefined<Vec<String>>,
    /// New land line.
    #[serde(skip_serializing_if = "MaybeUndefined::is_undefined")]
    land_line_number: MaybeUndefined<String>,
    /// New alias.
    #[serde(skip_serializing_if = "MaybeUndefined::is_undefined")]
    alias: MaybeUndefined<String>,
    /// New display name.
    #[serde(skip_serializing_if = "MaybeUndefined::is_undefined")]
    display_name: MaybeUndefined<String>,
    /// New capabilities.
    #[serde(skip_serializing_if = "MaybeUndefined::is_undefined")]
    capabilities: MaybeUndefined<Vec<String>>,
}

/// A new credential.
#[derive(InputObject, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CreateCredentialInput {
    /// What it opens.
    #[graphql(name = "type")]
    #[serde(rename = "type")]
    kind: CredentialType,
    /// Its owner; left out: the domain's anonymous pool.
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    /// Its domain (name or id); left out: its owner's.
    #[serde(skip_serializing_if = "Option::is_none")]
    domain: Option<String>,
    /// The secret: `{"password": …}` of a `BASIC` one, else what its type asks for.
    data: Value,
    /// Who gave it out; left out: `wac`.
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    /// Free data of the application.
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<Value>,
    /// Registration lifetime in seconds; 0 leaves it to the gateway.
    #[serde(skip_serializing_if = "Option::is_none")]
    lease: Option<Long>,
}

/// Changes of a credential: what is left out stays.
#[derive(InputObject, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UpdateCredentialInput {
    /// New secret, as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Value>,
    /// New source.
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    /// Changes of the free data (JSON Merge Patch).
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<Value>,
    /// New lifetime in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    lease: Option<Long>,
}

/// A new OAuth2 client.
#[derive(InputObject, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CreateClientInput {
    /// Its name, for people.
    name: String,
    /// How it may obtain tokens.
    grants: Vec<Grant>,
    /// Where an authorization answer may go.
    #[serde(skip_serializing_if = "Option::is_none")]
    redirect_uris: Option<Vec<String>>,
    /// Its domain (name or id); left out: the base domain.
    #[serde(skip_serializing_if = "Option::is_none")]
    domain: Option<String>,
    /// Whether users are not asked for consent.
    #[serde(skip_serializing_if = "Option::is_none")]
    trusted: Option<bool>,
    /// Whether it gets a secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    confidential: Option<bool>,
    /// Lifetime of its access tokens in seconds; left out: the platform's default.
    #[serde(skip_serializing_if = "Option::is_none")]
    access_token_expiration: Option<Long>,
    /// Lifetime of its refresh tokens in seconds; left out: the platform's default.
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token_expiration: Option<Long>,
}

/// Changes of an OAuth2 client: what is left out stays; null falls back to the default.
#[derive(InputObject, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UpdateClientInput {
    /// New name.
    #[serde(skip_serializing_if = "MaybeUndefined::is_undefined")]
    name: MaybeUndefined<String>,
    /// New grants.
    #[serde(skip_serializing_if = "MaybeUndefined::is_undefined")]
    grants: MaybeUndefined<Vec<Grant>>,
    /// New redirect URIs.
    #[serde(skip_serializing_if = "MaybeUndefined::is_undefined")]
    redirect_uris: MaybeUndefined<Vec<String>>,
    /// Trusted or not.
    #[serde(skip_serializing_if = "MaybeUndefined::is_undefined")]
    trusted: MaybeUndefined<bool>,
    /// New access token lifetime in seconds.
    #[serde(skip_serializing_if = "MaybeUndefined::is_undefined")]
    access_token_expiration: MaybeUndefined<Long>,
    /// New refresh token lifetime in seconds.
    #[serde(skip_serializing_if = "MaybeUndefined::is_undefined")]
    refresh_token_expiration: MaybeUndefined<Long>,
}
