//! Who the client is (RFC 6749 §2.3), and what it may.

use subtle::ConstantTimeEq;
use wac_commands::Client;
use wac_events::{ClientId, GrantKind, ID_BYTES_MAX};

use super::error::OauthError;
use super::request::OauthRequest;
use super::tokens::secret_hash;
use crate::{Platform, Problem};

/// The client of a request. `None`: the built-in first-party client.
pub(crate) struct Requester(pub(crate) Option<Client>);

impl Requester {
    /// Its id.
    pub(crate) fn id(&self) -> Option<ClientId> {
        self.0.as_ref().map(|client| client.id.clone())
    }

    /// `unauthorized_client` unless it may use this grant. The built-in client may use every grant
    /// that names a user.
    pub(crate) fn may_use(&self, grant: GrantKind) -> Result<(), OauthError> {
        let allowed = match &self.0 {
            None => grant != GrantKind::ClientCredentials,
            Some(client) => client.grants.contains(&grant),
        };
        if allowed { Ok(()) } else { Err(OauthError::unauthorized_client()) }
    }

    /// Lifetimes of access and refresh tokens in seconds.
    pub(crate) fn lifetimes_s(&self, platform: &Platform) -> (u64, u64) {
        let client = self.0.as_ref();
        let access = client.and_then(|client| client.access_token_expiration_s);
        let refresh = client.and_then(|client| client.refresh_token_expiration_s);
        let config = &platform.config;
        (access.unwrap_or(config.access_token_s), refresh.unwrap_or(config.refresh_token_s))
    }
}

impl Platform {
    /// Authenticates the client by `Authorization: Basic` or by the body; both at once is refused.
    pub(crate) async fn requester(&self, request: &OauthRequest) -> Result<Requester, OauthError> {
        let in_body = request.get("client_id").map(str::to_owned);
        let (id, secret) = match (&request.basic, in_body) {
            (Some((id, secret)), None) => (id.clone(), Some(secret.clone())),
            (Some((id, secret)), Some(named)) if *id == named && request.get("client_secret").is_none() => {
                (named, Some(secret.clone()))
            }
            (Some(_), Some(_)) => return Err(OauthError::invalid_request("The client authenticates in one way only.")),
            (None, Some(id)) => (id, request.get("client_secret").map(str::to_owned)),
            (None, None) => return Ok(Requester(None)),
        };
        if id.is_empty() || id.len() > ID_BYTES_MAX {
            return Err(OauthError::invalid_client());
        }
        let id = ClientId::from(id);
        let world = self.handler.load(&[id.stream()]).await.map_err(Problem::from)?;
        let client = world.client(&id);
        let genuine = match (&client.secret_hash, secret) {
            (Some(hash), Some(secret)) => bool::from(hash.as_bytes().ct_eq(secret_hash(&secret).as_bytes())),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        if client.exists() && genuine { Ok(Requester(Some(client.clone()))) } else { Err(OauthError::invalid_client()) }
    }
}
