//! From an access token to its [`Caller`].

use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use wac_events::{ClientId, StoreError, TokenId};

use crate::edge::RequestInfo;
use crate::freshness::Stamp;
use crate::oauth::{TokenKind, TokenText};
use crate::{Caller, Platform, Problem};

/// Most callers remembered at once.
pub const CALLERS_MAX: u64 = 100_000;
/// How long a caller is remembered without being asked for.
pub const CALLER_IDLE: Duration = Duration::from_secs(600);

/// What was found out about an access token, and since when it may have changed.
#[derive(Clone)]
struct Known {
    caller: Arc<Caller>,
    stamp: Stamp<3>,
}

/// Callers by the SHA-256 of their access token.
pub(crate) struct Sessions(moka::sync::Cache<[u8; 32], Known>);

impl Default for Sessions {
    fn default() -> Self {
        Self(moka::sync::Cache::builder().max_capacity(CALLERS_MAX).time_to_idle(CALLER_IDLE).build())
    }
}

impl Platform {
    /// The caller behind an access token: 401 `invalid_token` if it is unknown, expired or revoked,
    /// or if its user or client is gone.
    pub async fn authenticate(&self, token: &str) -> Result<Arc<Caller>, Problem> {
        let text = TokenText::parse(TokenKind::Access, token).ok_or_else(invalid_token)?;
        let hash = text.hash();
        if let Some(known) = self.sessions.0.get(&hash)
            && self.freshness.is_trusted()
            && self.freshness.holds(&known.stamp)
        {
            return if known.caller.expires_at > self.env.now() { Ok(known.caller) } else { Err(invalid_token()) };
        }
        let position = self.log.head().await?.position;
        let caller = Arc::new(self.look_up(&text).await?.ok_or_else(invalid_token)?);
        let nobody = || ClientId::from("").stream();
        let user = caller.user.as_ref().map_or_else(nobody, wac_events::UserId::stream);
        let client = caller.client.as_ref().map_or_else(nobody, ClientId::stream);
        let stamp = self.freshness.stamp([&caller.token.stream(), &user, &client], position);
        self.sessions.0.insert(hash, Known { caller: caller.clone(), stamp });
        Ok(caller)
    }

    /// Reads the token family, its user and its client from the log itself, so that a token works
    /// on every node as soon as it has been issued, and not after it has been revoked.
    async fn look_up(&self, text: &TokenText) -> Result<Option<Caller>, StoreError> {
        let id: TokenId = text.family();
        let mut streams = vec![id.stream()];
        let world = self.handler.load(&streams).await?;
        let token = world.token(&id);
        let hash = wac_events::hex(&text.hash());
        if !token.exists() || token.access_hash != hash || token.access_expires_at <= self.env.now() {
            return Ok(None);
        }
        let (user, client) = (token.user.clone(), token.client.clone());
        streams = user.iter().map(wac_events::UserId::stream).chain(client.iter().map(ClientId::stream)).collect();
        let owners = self.handler.load(&streams).await?;
        if client.as_ref().is_some_and(|client| !owners.client(client).exists()) {
            return Ok(None);
        }
        let (role, domain) = match &user {
            Some(user) if !owners.user(user).exists() => return Ok(None),
            Some(user) => (owners.user(user).role, owners.user(user).domain.clone()),
            None => (token.role, token.domain.clone()),
        };
        Ok(Some(Caller {
            user,
            role,
            domain,
            client,
            token: id,
            grant: token.grant,
            expires_at: token.access_expires_at,
        }))
    }
}

const BEARER: HeaderValue = HeaderValue::from_static(r#"Bearer realm="Users""#);
const BEARER_INVALID: HeaderValue = HeaderValue::from_static(r#"Bearer realm="Users", error="invalid_token""#);
const CHALLENGE: HeaderName = WWW_AUTHENTICATE;

fn invalid_token() -> Problem {
    let detail = "The access token is unknown, expired or revoked.";
    Problem::new(StatusCode::UNAUTHORIZED, "invalid_token", detail).with_header(CHALLENGE, BEARER_INVALID)
}

/// 401: who is asking?
pub(crate) fn no_token() -> Problem {
    let detail = "This needs an access token: Authorization: Bearer <token>.";
    Problem::new(StatusCode::UNAUTHORIZED, "unauthenticated", detail).with_header(CHALLENGE, BEARER)
}

/// 403: tokens do not travel in the clear.
pub(crate) fn https_required() -> Problem {
    let detail = "Tokens are not accepted over plain HTTP; use the HTTPS address.";
    Problem::new(StatusCode::FORBIDDEN, "https_required", detail)
}

/// The token of an `Authorization: Bearer` header; `None` if there is no such header.
fn bearer(parts: &Parts) -> Option<&str> {
    let value = parts.headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

impl FromRequestParts<Platform> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, platform: &Platform) -> Result<Self, Problem> {
        if let Some(caller) = parts.extensions.get::<Arc<Caller>>() {
            return Ok(Caller::clone(caller));
        }
        let token = bearer(parts).ok_or_else(no_token)?;
        if !parts.extensions.get::<RequestInfo>().is_some_and(|info| info.secure) {
            return Err(https_required());
        }
        let caller = platform.authenticate(token).await?;
        parts.extensions.insert(caller.clone());
        Ok(Caller::clone(&caller))
    }
}
