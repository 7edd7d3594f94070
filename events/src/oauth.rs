//! Events of OAuth2 clients, stream `client-<id>`, and of token families, stream `token-<id>`.
//! Tokens and client secrets are 256-bit random values; only their SHA-256 is ever stored.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::codec::aggregate_events;
use crate::{ClientId, DomainId, Patch, PersonalFields, Role, StreamId, Time, TokenId, UserId};

/// How an access token may be obtained (RFC 6749 §1.3).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GrantKind {
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
    /// A guest of a domain that allows them.
    Anonymous,
}

impl GrantKind {
    /// Every kind.
    pub const ALL: [GrantKind; 6] = [
        GrantKind::AuthorizationCode,
        GrantKind::Implicit,
        GrantKind::Password,
        GrantKind::ClientCredentials,
        GrantKind::RefreshToken,
        GrantKind::Anonymous,
    ];

    /// The name on every wire.
    pub fn as_str(self) -> &'static str {
        match self {
            GrantKind::AuthorizationCode => "authorization_code",
            GrantKind::Implicit => "implicit",
            GrantKind::Password => "password",
            GrantKind::ClientCredentials => "client_credentials",
            GrantKind::RefreshToken => "refresh_token",
            GrantKind::Anonymous => "anonymous",
        }
    }

    /// Reads the name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// A client has been registered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClientCreated {
    /// Its id.
    pub id: ClientId,
    /// Its name, for people.
    pub name: String,
    /// Where an authorization answer may go.
    #[serde(default)]
    pub redirect_uris: Vec<String>,
    /// How it may obtain tokens.
    pub grants: Vec<GrantKind>,
    /// The domain it belongs to, and acts in with `client_credentials`.
    pub domain: DomainId,
    /// Whether users are not asked for consent.
    #[serde(default)]
    pub trusted: bool,
    /// Lifetime of its access tokens in seconds; `None`: the platform's default.
    #[serde(default)]
    pub access_token_expiration_s: Option<u64>,
    /// Lifetime of its refresh tokens in seconds; `None`: the platform's default.
    #[serde(default)]
    pub refresh_token_expiration_s: Option<u64>,
    /// SHA-256 of its secret, hex; `None`: a public client.
    #[serde(default)]
    pub secret_hash: Option<String>,
    /// When.
    pub at: Time,
}

/// Some of a client's fields have changed; those that have not are absent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClientChanged {
    /// New name.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub name: Patch<String>,
    /// New redirect URIs.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub redirect_uris: Patch<Vec<String>>,
    /// New grants.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub grants: Patch<Vec<GrantKind>>,
    /// Trusted or not.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub trusted: Patch<bool>,
    /// New access token lifetime in seconds.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub access_token_expiration_s: Patch<Option<u64>>,
    /// New refresh token lifetime in seconds.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub refresh_token_expiration_s: Patch<Option<u64>>,
}

/// The client has a new secret; the old one no longer works.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClientSecretRotated {
    /// SHA-256 of the new secret, hex.
    pub secret_hash: String,
}

/// The client is gone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClientDeleted {}

/// A grant has opened a token family.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TokenIssued {
    /// Its id.
    pub id: TokenId,
    /// How it was obtained.
    pub grant: GrantKind,
    /// Whose it is; `None` for `client_credentials`.
    #[serde(default)]
    pub user: Option<UserId>,
    /// The client that asked; `None`: the built-in first-party client.
    #[serde(default)]
    pub client: Option<ClientId>,
    /// The domain it acts in.
    pub domain: DomainId,
    /// The role it acts in.
    pub role: Role,
    /// SHA-256 of the access token, hex.
    pub access_hash: String,
    /// When the access token ends.
    pub access_expires_at: Time,
    /// SHA-256 of the refresh token, hex; `None`: there is none.
    #[serde(default)]
    pub refresh_hash: Option<String>,
    /// When the refresh token ends.
    #[serde(default)]
    pub refresh_expires_at: Option<Time>,
    /// When it was issued: the user's `lastLogin`.
    pub at: Time,
}

/// The family's tokens were replaced (refresh token rotation); the former ones no longer work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TokenRefreshed {
    /// SHA-256 of the new access token, hex.
    pub access_hash: String,
    /// When the new access token ends.
    pub access_expires_at: Time,
    /// SHA-256 of the new refresh token, hex.
    pub refresh_hash: String,
    /// When the new refresh token ends.
    pub refresh_expires_at: Time,
    /// SHA-256 of the refresh token that was used up, hex.
    pub used_refresh_hash: String,
}

/// Why a token family ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TokenRevocation {
    /// Its owner or an administrator asked for it.
    Requested,
    /// A refresh token was used twice: one of the two users stole it (RFC 9700 §4.14).
    Reuse,
    /// Its user was deleted.
    UserDeleted,
    /// Its client was deleted.
    ClientDeleted,
    /// Newer tokens of the same user took its place (`maxTokens`).
    Superseded,
    /// Its user's password was changed.
    PasswordChanged,
    /// Its session has expired.
    SessionExpired,
    /// Its user moved to another domain.
    UserMoved,
}

/// The family has ended; none of its tokens work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TokenRevoked {
    /// Why.
    pub reason: TokenRevocation,
}

impl PersonalFields for ClientCreated {}
impl PersonalFields for ClientChanged {}
impl PersonalFields for ClientSecretRotated {}
impl PersonalFields for ClientDeleted {}
impl PersonalFields for TokenIssued {}
impl PersonalFields for TokenRefreshed {}
impl PersonalFields for TokenRevoked {}

aggregate_events! {
    /// What happens to an OAuth2 client.
    pub enum ClientEvent in "client" {
        /// See [`ClientCreated`].
        Created(ClientCreated) = "client.created", 1;
        /// See [`ClientChanged`].
        Changed(ClientChanged) = "client.changed", 1;
        /// See [`ClientSecretRotated`].
        SecretRotated(ClientSecretRotated) = "client.secret_rotated", 1;
        /// See [`ClientDeleted`].
        Deleted(ClientDeleted) = "client.deleted", 1;
    }
}

aggregate_events! {
    /// What happens to a token family.
    pub enum TokenEvent in "token" {
        /// See [`TokenIssued`].
        Issued(TokenIssued) = "token.issued", 1;
        /// See [`TokenRefreshed`].
        Refreshed(TokenRefreshed) = "token.refreshed", 1;
        /// See [`TokenRevoked`].
        Revoked(TokenRevoked) = "token.revoked", 1;
    }
}

impl ClientId {
    /// `client-<id>`.
    pub fn stream(&self) -> StreamId {
        StreamId::of("client", self.as_str())
    }
}

impl TokenId {
    /// `token-<id>`.
    pub fn stream(&self) -> StreamId {
        StreamId::of("token", self.as_str())
    }
}
