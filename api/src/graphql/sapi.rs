//! Mutations are SAPI's own writes: the same handlers, so the same rules, refusals and idempotency.

use async_graphql::Context;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::header::{CONTENT_TYPE, IF_MATCH};
use axum::http::{HeaderMap, HeaderValue, Method, Request};
use serde::Serialize;
use serde_json::Value;
use tower::ServiceExt;
use utoipa_axum::router::OpenApiRouter;

use super::scalars::Long;
use super::session::session;
use crate::idempotency::{IDEMPOTENCY_KEY, IDEMPOTENT_REPLAYED};
use crate::reading::X_WAC_POSITION;
use crate::{Platform, Problem};

/// SAPI inside this process.
pub(super) struct Sapi(Router);

/// How a write is to be done.
#[derive(Default)]
pub(super) struct How {
    /// `Idempotency-Key` of this write alone.
    pub(super) key: Option<String>,
    /// The version the object must be at.
    pub(super) if_version: Option<Long>,
}

/// What a write came to.
pub(super) struct Written {
    /// The log position it reached.
    pub(super) position: wac_events::Position,
    /// Whether it had been done before.
    pub(super) replayed: bool,
    /// Whether it goes on in the background.
    pub(super) goes_on: bool,
    /// The object as SAPI shows it.
    pub(super) object: Value,
}

impl Written {
    /// The object's id.
    pub(super) fn id(&self) -> Result<&str, Problem> {
        self.object["id"].as_str().ok_or_else(|| Problem::internal(&"an answer of SAPI without an id"))
    }
}

impl Sapi {
    pub(super) fn new(platform: &Platform) -> Self {
        let (routes, _) = OpenApiRouter::new().nest("/sapi", crate::sapi::routes()).split_for_parts();
        Self(routes.with_state(platform.clone()))
    }

    /// Does a write in the caller's name.
    pub(super) async fn write(
        &self,
        ctx: &Context<'_>,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
        how: How,
    ) -> Result<Written, Problem> {
        let session = session(ctx);
        let mut request = Request::builder().method(method).uri(path);
        if let Some(key) = key_of(ctx, how.key)? {
            request = request.header(IDEMPOTENCY_KEY, key);
        }
        if let Some(version) = how.if_version {
            request = request.header(IF_MATCH, format!("\"{}\"", version.0));
        }
        let body = match body {
            Some(body) => {
                request = request.header(CONTENT_TYPE, "application/json");
                Body::from(serde_json::to_vec(body).map_err(|error| Problem::internal(&error))?)
            }
            None => Body::empty(),
        };
        let mut request = request.body(body).map_err(|error| Problem::internal(&error))?;
        request.extensions_mut().insert(session.caller.clone());
        request.extensions_mut().insert(session.info.clone());
        let response = match self.0.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        let (parts, body) = response.into_parts();
        if let Some(problem) = parts.extensions.get::<Problem>() {
            return Err(problem.clone());
        }
        let bytes = to_bytes(body, usize::MAX).await.map_err(|error| Problem::internal(&error))?;
        if !parts.status.is_success() {
            return Err(Problem::internal(&format!("SAPI answered {} without a problem", parts.status)));
        }
        let object = if bytes.is_empty() { Value::Null } else { crate::body::parse(&bytes)? };
        let position = position(&parts.headers)?;
        session.reach(position.0);
        let replayed = parts.headers.contains_key(IDEMPOTENT_REPLAYED);
        Ok(Written { position, replayed, goes_on: parts.status == 202, object })
    }
}

fn position(headers: &HeaderMap) -> Result<wac_events::Position, Problem> {
    let position = headers.get(X_WAC_POSITION).and_then(|value| value.to_str().ok()?.parse().ok());
    position.map(wac_events::Position).ok_or_else(|| Problem::internal(&"a write of SAPI without a position"))
}

/// The key of one write: its own argument, or one made from the request's header and the place of
/// the mutation in the request, so that two mutations of one request are two.
fn key_of(ctx: &Context<'_>, argument: Option<String>) -> Result<Option<HeaderValue>, Problem> {
    let session = session(ctx);
    let invalid = || {
        Problem::invalid("validation_failed", "An idempotency key has visible ASCII characters.").at("/idempotencyKey")
    };
    if let Some(key) = argument {
        return HeaderValue::from_str(&key).map(Some).map_err(|_| invalid());
    }
    let Some(key) = session.idempotency_key.as_ref() else { return Ok(None) };
    let key = key.to_str().map_err(|_| invalid())?;
    let path = ctx.path_node.map(|node| node.to_string_vec().join(".")).unwrap_or_default();
    let derived = format!("{key}/{}.{path}", session.index);
    HeaderValue::from_str(&derived).map(Some).map_err(|_| invalid())
}
