//! The endpoints themselves.

use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, PRAGMA};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wac_commands::{RevokeToken, Token};
use wac_events::oauth::TokenRevocation;

use super::client_auth::Requester;
use super::error::OauthError;
use super::grants::Pair;
use super::request::OauthRequest;
use super::tokens::{TokenKind, TokenText};
use crate::sapi::schemas;
use crate::{Platform, Problem};

/// The routes, below `/sapi`.
pub(crate) fn routes() -> OpenApiRouter<Platform> {
    OpenApiRouter::new().routes(routes!(token)).routes(routes!(revoke)).routes(routes!(introspect))
}

/// A request for tokens.
#[derive(ToSchema)]
#[allow(dead_code)]
struct TokenRequest {
    /// `password`, `refresh_token`, `anonymous` or `client_credentials`.
    grant_type: String,
    /// `password`: `user@domain`, or a bare name in the base domain. `anonymous`: `@domain`.
    username: Option<String>,
    /// `password`: the password.
    password: Option<String>,
    /// `refresh_token`: the token.
    refresh_token: Option<String>,
    /// The client; left out: the built-in first-party client.
    client_id: Option<String>,
    /// Its secret, unless it is in an `Authorization: Basic` header.
    client_secret: Option<String>,
}

/// Tokens (RFC 6749 §5.1).
#[derive(ToSchema)]
#[allow(dead_code)]
struct TokenAnswer {
    /// Calls the interfaces: `Authorization: Bearer <access_token>`.
    access_token: String,
    /// Obtains the next pair, once. Not there for `client_credentials`.
    #[schema(nullable = false)]
    refresh_token: Option<String>,
    /// Whole seconds left of the access token's lifetime.
    expires_in: u64,
    /// `Bearer`.
    token_type: String,
}

/// A token to be revoked or introspected.
#[derive(ToSchema)]
#[allow(dead_code)]
struct TokenQuestion {
    /// An access or refresh token.
    token: String,
    /// `access_token` or `refresh_token`; of no importance here, the token itself tells.
    token_type_hint: Option<String>,
    /// The client; left out: the built-in first-party client.
    client_id: Option<String>,
    /// Its secret, unless it is in an `Authorization: Basic` header.
    client_secret: Option<String>,
}

/// What is known of a token (RFC 7662 §2.2).
#[derive(ToSchema)]
#[allow(dead_code)]
struct Introspection {
    /// Whether it works now; the other fields are there only then.
    active: bool,
    /// `Bearer` for an access token.
    #[schema(nullable = false)]
    token_type: Option<String>,
    /// The client that obtained it.
    #[schema(nullable = false)]
    client_id: Option<String>,
    /// The user's id.
    #[schema(nullable = false)]
    sub: Option<String>,
    /// The role it acts in.
    #[schema(nullable = false)]
    scope: Option<String>,
    /// When it ends, in seconds since the epoch.
    #[schema(nullable = false)]
    exp: Option<i64>,
    /// When its family was issued, in seconds since the epoch.
    #[schema(nullable = false)]
    iat: Option<i64>,
}

pub(super) fn not_cached(body: &Value) -> Response {
    let headers =
        [(CACHE_CONTROL, HeaderValue::from_static("no-store")), (PRAGMA, HeaderValue::from_static("no-cache"))];
    (headers, axum::Json(body)).into_response()
}

/// RFC 6749 §5.1.
pub(super) fn token_answer(platform: &Platform, pair: Pair) -> Value {
    let left = pair.access_expires_at.since(platform.env.now());
    let mut body = json!({
        "access_token": pair.access.into_text(),
        "expires_in": left.as_secs(),
        "token_type": "Bearer",
    });
    if let Some(refresh) = pair.refresh {
        body["refresh_token"] = refresh.into_text().into();
    }
    body
}

/// Issues tokens (RFC 6749). Grants: `password`, `refresh_token`, `anonymous`, `client_credentials`.
#[utoipa::path(post, path = "/o/token", tag = "oauth2", operation_id = "issueToken", security(()),
    request_body(content((TokenRequest = "application/json"), (TokenRequest = "application/x-www-form-urlencoded"))),
    responses(
        (status = 200, description = "The tokens", body = TokenAnswer),
        (status = 400, description = "Refused", body = schemas::OauthError),
    ))]
async fn token(State(platform): State<Platform>, request: OauthRequest) -> Result<Response, OauthError> {
    let grant = request.require("grant_type")?;
    let requester = platform.requester(&request).await?;
    let pair = match grant {
        "password" => platform.password_grant(&request, &requester).await?,
        "refresh_token" => platform.refresh_grant(&request, &requester).await?,
        "anonymous" => platform.anonymous_grant(&request, &requester).await?,
        "client_credentials" => platform.client_grant(&request, &requester).await?,
        _ => return Err(OauthError::unsupported_grant_type()),
    };
    Ok(not_cached(&token_answer(&platform, pair)))
}

/// A token and the family behind it, as the log has it now.
async fn family_of(platform: &Platform, token: &str) -> Result<Option<(TokenKind, TokenText, Token)>, OauthError> {
    for kind in [TokenKind::Access, TokenKind::Refresh] {
        let Some(text) = TokenText::parse(kind, token) else { continue };
        let id = text.family();
        let world = platform.handler.load(&[id.stream()]).await.map_err(Problem::from)?;
        let family = world.token(&id);
        let hash = text.hash_hex();
        let theirs = match kind {
            TokenKind::Access => family.access_hash == hash,
            TokenKind::Refresh => family.refresh_hash.as_ref() == Some(&hash),
        };
        if family.exists() && theirs {
            return Ok(Some((kind, text, family.clone())));
        }
    }
    Ok(None)
}

/// Revokes a token and its family (RFC 7009). An unknown token is no error.
#[utoipa::path(post, path = "/o/revoke", tag = "oauth2", operation_id = "revokeToken", security(()),
    request_body(content((TokenQuestion = "application/json"), (TokenQuestion = "application/x-www-form-urlencoded"))),
    responses(
        (status = 200, description = "It does not work any more"),
        (status = 400, description = "Refused", body = schemas::OauthError),
    ))]
async fn revoke(State(platform): State<Platform>, request: OauthRequest) -> Result<Response, OauthError> {
    let requester = platform.requester(&request).await?;
    let found = family_of(&platform, request.require("token")?).await?;
    if let Some((_, text, family)) = found.filter(|(_, _, family)| family.client == requester.id()) {
        let actor = family.user.as_ref().map_or_else(
            || wac_events::Actor::System("oauth2".to_owned()),
            |user| wac_events::Actor::User(user.to_string()),
        );
        let command = RevokeToken { id: text.family(), reason: TokenRevocation::Requested };
        platform.execute_grant(&command, platform.oauth_context(&request, actor)).await?;
    }
    Ok((StatusCode::OK, [(CACHE_CONTROL, "no-store")]).into_response())
}

/// Tells what is known of a token (RFC 7662), to the client it was issued to.
#[utoipa::path(post, path = "/o/introspect", tag = "oauth2", operation_id = "introspectToken", security(()),
    request_body(content((TokenQuestion = "application/json"), (TokenQuestion = "application/x-www-form-urlencoded"))),
    responses(
        (status = 200, description = "What is known", body = Introspection),
        (status = 400, description = "Refused", body = schemas::OauthError),
    ))]
async fn introspect(State(platform): State<Platform>, request: OauthRequest) -> Result<Response, OauthError> {
    let requester: Requester = platform.requester(&request).await?;
    let found = family_of(&platform, request.require("token")?).await?;
    let now = platform.env.now();
    let found = found.filter(|(_, _, family)| family.client == requester.id());
    let live = found.and_then(|(kind, _, family)| {
        let ends = match kind {
            TokenKind::Access => Some(family.access_expires_at),
            TokenKind::Refresh => family.refresh_expires_at,
        }?;
        (ends > now).then_some((kind, ends, family))
    });
    let Some((kind, ends, family)) = live else { return Ok(not_cached(&json!({ "active": false }))) };
    let mut body = json!({
        "active": true,
        "scope": family.role.as_str(),
        "exp": ends.millis() / 1000,
        "iat": family.issued_at.millis() / 1000,
    });
    if kind == TokenKind::Access {
        body["token_type"] = "Bearer".into();
    }
    if let Some(user) = family.user {
        body["sub"] = user.as_str().into();
    }
    if let Some(client) = family.client {
        body["client_id"] = client.as_str().into();
    }
    Ok(not_cached(&body))
}
