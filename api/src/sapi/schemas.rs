//! What the objects of SAPI look like, for the OpenAPI document. The handlers write and read the
//! same fields by name; a test compares the two.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use utoipa::ToSchema;

pub(crate) use super::schemas_calls::*;
pub(crate) use super::schemas_pool::*;

/// A problem (RFC 9457).
#[derive(ToSchema)]
#[allow(dead_code)]
pub(crate) struct Problem {
    /// URL of the page that explains the problem.
    #[schema(rename = "type")]
    r#type: String,
    /// What went wrong in a few words.
    title: String,
    /// HTTP status.
    status: u16,
    /// A sentence about this occurrence.
    detail: String,
    /// Stable, snake_case.
    code: String,
    /// The path of the request.
    instance: String,
    /// The request's id, also in `X-Request-Id`.
    request_id: String,
    /// Whether the same request may succeed later.
    retryable: bool,
    /// The fields concerned.
    #[schema(nullable = false)]
    errors: Option<Vec<FieldError>>,
}

/// One field that is wrong.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(crate) struct FieldError {
    /// JSON pointer into the body, or `?name` for a query parameter.
    pointer: String,
    /// Stable, snake_case.
    code: String,
    /// A sentence for people.
    detail: String,
}

/// An OAuth2 error (RFC 6749 §5.2).
#[derive(ToSchema)]
#[allow(dead_code)]
pub(crate) struct OauthError {
    /// `invalid_request`, `invalid_client`, `invalid_grant`, `unauthorized_client`,
    /// `unsupported_grant_type`, `temporarily_unavailable` or `too_many_attempts`.
    error: String,
    /// A sentence for people.
    error_description: String,
}

/// A domain.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code)]
pub(crate) struct Domain {
    /// Its id.
    id: String,
    /// Its name.
    domain: String,
    /// The services given; `null` inherits the parent's.
    services: Option<BTreeMap<String, Vec<String>>>,
    /// The services that hold.
    effective_services: BTreeMap<String, Vec<String>>,
    /// Its parent's name; `null` for the base domain. Not shown to guests.
    parent: Option<String>,
    /// Patterns that map an anonymous log-in to it. Not shown to guests.
    #[schema(required = false)]
    origins: Vec<Option<String>>,
    /// Whether guests may log in. Not shown to guests.
    #[schema(required = false)]
    enable_anonymous: bool,
    /// Lifetime of a guest's access token in milliseconds; 0: the default. Not shown to guests.
    #[schema(required = false)]
    anonymous_expiration: u64,
    /// Capabilities of guests, `+name` or `-name`. Not shown to guests.
    #[schema(required = false)]
    anonymous_capabilities: Vec<String>,
    /// Whether it is being removed. Not shown to guests.
    #[schema(required = false)]
    closing: bool,
    /// When it was created, in milliseconds since the epoch. Not shown to guests.
    #[schema(required = false)]
    created: i64,
}

/// A domain on its way in.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code)]
pub(crate) struct DomainInput {
    /// Its name: 1–253 letters, digits, `.`, `-`, `_`; kept in lower case.
    #[schema(min_length = 1, max_length = 253)]
    domain: String,
    /// Name or id of its parent. Default: the base domain.
    parent: Option<String>,
    /// Patterns that map an anonymous log-in to it: `*` matches any run of characters, a pattern
    /// between slashes is a regular expression, `null` matches nothing. Default: `[null]`.
    #[schema(max_items = 100)]
    origins: Option<Vec<Option<String>>>,
    /// Whether guests may log in. Default: `false`.
    #[schema(nullable = false)]
    enable_anonymous: Option<bool>,
    /// Lifetime of a guest's access token in milliseconds. Default: 0, the platform's default.
    #[schema(nullable = false)]
    anonymous_expiration: Option<u64>,
    /// Capabilities of guests, `+name` or `-name`. Default: none.
    #[schema(nullable = false)]
    anonymous_capabilities: Option<Vec<String>>,
    /// Service → backends; bounded by the parent's. Default (and `null`): inherited.
    services: Option<BTreeMap<String, Vec<String>>>,
}

/// A user. Others than the user and administrators see `id`, `uri`, `domain`, `username`, `alias` and
/// `displayName`.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code)]
pub(crate) struct User {
    /// Its id.
    id: String,
    /// `wac-user:<id>`.
    uri: String,
    /// Its domain's name.
    domain: String,
    /// Its name; `null` once erased.
    username: Option<String>,
    /// Another name.
    alias: Option<String>,
    /// The name others see.
    display_name: Option<String>,
    /// `admin`, `user` or `anonymous`.
    #[schema(required = false)]
    role: String,
    /// Where notices go.
    email: Option<String>,
    /// Where text messages go.
    #[schema(required = false)]
    mobile_phone: Vec<String>,
    /// A land line.
    land_line_number: Option<String>,
    /// Forced (`+name`) and pruned (`-name`) capabilities.
    #[schema(required = false)]
    capabilities: Vec<String>,
    /// When it was created, in milliseconds since the epoch.
    #[schema(required = false)]
    created: i64,
    /// When it last logged in, in milliseconds since the epoch.
    last_login: Option<i64>,
}

/// A user on its way in.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code)]
pub(crate) struct UserInput {
    /// Its name: 1–128 characters without `@`, `/`, `:`, controls, or blanks at the ends.
    #[schema(min_length = 1, max_length = 128)]
    username: String,
    /// Name or id of its domain. Default (at creation): the base domain.
    domain: Option<String>,
    /// `admin`, `user` or `anonymous` (the default).
    #[schema(nullable = false)]
    role: Option<Role>,
    /// Where notices go.
    email: Option<String>,
    /// Where text messages go.
    #[schema(nullable = false, max_items = 20)]
    mobile_phone: Option<Vec<String>>,
    /// A land line.
    land_line_number: Option<String>,
    /// Another name. Default: a random UUID at creation, else kept.
    #[schema(nullable = false, min_length = 1, max_length = 256)]
    alias: Option<String>,
    /// The name others see.
    #[schema(min_length = 1, max_length = 256)]
    display_name: Option<String>,
    /// `+name` forces a capability, `-name` prunes it.
    #[schema(nullable = false, max_items = 256)]
    capabilities: Option<Vec<String>>,
}

/// What a user may do.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[allow(dead_code)]
pub(crate) enum Role {
    /// Sees and changes everything.
    Admin,
    /// A subscriber.
    User,
    /// A guest.
    Anonymous,
}

/// What a credential opens.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
#[allow(dead_code)]
pub(crate) enum CredentialType {
    /// A password for this platform.
    Basic,
    /// A SIP identity.
    SipMapping,
    /// An account at a third-party SIP-over-WebSocket gateway.
    Ims,
    /// An account at a gateway of this platform's own making.
    WacIms,
    /// An account at an external OAuth2 provider.
    Oauth2,
    /// A token for an external service.
    Token,
}

/// A credential.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code)]
pub(crate) struct Credential {
    /// Its id.
    id: String,
    /// What it opens.
    #[schema(rename = "type")]
    r#type: CredentialType,
    /// Who gave it out.
    source: String,
    /// Free data of the application.
    context: Map<String, Value>,
    /// Its domain's name.
    domain: String,
    /// Its owner's id; `null`: the domain's anonymous pool.
    user: Option<String>,
    /// The secret; shown to its owner only, and that of `basic` to nobody.
    #[schema(nullable = false)]
    data: Option<Map<String, Value>>,
    /// Registration lifetime in seconds; 0 leaves it to the gateway.
    lease: u64,
    /// Until when a guest has it, in milliseconds since the epoch.
    leased_until: Option<i64>,
    /// When it was created, in milliseconds since the epoch.
    created: i64,
}

/// A credential on its way in.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code)]
pub(crate) struct CredentialInput {
    /// What it opens.
    #[schema(rename = "type")]
    r#type: CredentialType,
    /// Who gives it out. Default: `wac`.
    #[schema(nullable = false)]
    source: Option<String>,
    /// Free data of the application. Default: empty.
    #[schema(nullable = false)]
    context: Option<Map<String, Value>>,
    /// Name or id of its domain. Default: its owner's, else the base domain.
    domain: Option<String>,
    /// Its owner's id; left out or `null` (`ims` only): the domain's anonymous pool.
    user: Option<String>,
    /// The secret. `basic`: `password`. `sip-mapping`: `username`, `password`. `ims`: `username`,
    /// `userauthname`, `password`, `authserver`, `iceserver[]`. Others: free. A change may leave it
    /// out: it is kept.
    #[schema(nullable = false)]
    data: Option<Map<String, Value>>,
    /// Registration lifetime in seconds. Default: 0, which leaves it to the gateway.
    #[schema(nullable = false)]
    lease: Option<u64>,
}

/// An OAuth2 client.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code)]
pub(crate) struct Client {
    /// Its id: `client_id`.
    id: String,
    /// Its name, for people.
    name: String,
    /// Where an authorization answer may go.
    redirect_uris: Vec<String>,
    /// How it may obtain tokens.
    grants: Vec<String>,
    /// Its domain's name.
    domain: String,
    /// Whether users are not asked for consent.
    trusted: bool,
    /// Whether it has a secret.
    confidential: bool,
    /// Lifetime of its access tokens in seconds; `null`: the platform's default.
    access_token_expiration: Option<u64>,
    /// Lifetime of its refresh tokens in seconds; `null`: the platform's default.
    refresh_token_expiration: Option<u64>,
    /// When it was created, in milliseconds since the epoch.
    created: i64,
    /// Its secret: shown once, when it is made.
    #[schema(nullable = false)]
    secret: Option<String>,
}

/// How tokens are obtained.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[allow(dead_code)]
pub(crate) enum Grant {
    /// RFC 6749 §4.1.
    AuthorizationCode,
    /// RFC 6749 §4.2.
    Implicit,
    /// RFC 6749 §4.3.
    Password,
    /// RFC 6749 §4.4.
    ClientCredentials,
    /// RFC 6749 §6.
    RefreshToken,
    /// A guest.
    Anonymous,
}

/// An OAuth2 client on its way in.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code)]
pub(crate) struct ClientInput {
    /// Its name, for people.
    #[schema(min_length = 1)]
    name: String,
    /// Where an authorization answer may go. Default: nowhere.
    #[schema(nullable = false)]
    redirect_uris: Option<Vec<String>>,
    /// How it may obtain tokens, each once.
    #[schema(min_items = 1)]
    grants: Vec<Grant>,
    /// Name or id of its domain. Default: the base domain.
    domain: Option<String>,
    /// Whether users are not asked for consent. Default: `false`.
    #[schema(nullable = false)]
    trusted: Option<bool>,
    /// Whether it gets a secret. Default: `true`. A change keeps it.
    #[schema(nullable = false)]
    confidential: Option<bool>,
    /// Lifetime of its access tokens in seconds. Default: the platform's.
    access_token_expiration: Option<u64>,
    /// Lifetime of its refresh tokens in seconds. Default: the platform's.
    refresh_token_expiration: Option<u64>,
}

/// What the caller can do.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code)]
pub(crate) struct Capabilities {
    /// Capabilities of the services that run here and are on in the caller's domain.
    domain: Vec<String>,
    /// The caller's own entries: `+name` forces, `-name` prunes.
    user: Vec<String>,
    /// What results: `domain`, and what is forced, without what is pruned.
    effective: Vec<String>,
}
