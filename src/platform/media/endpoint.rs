//! The command endpoint: where media nodes without a database speak to the deployment.
//!
//! `POST /media-nodes/{id}/{offer,beat,withdraw,room,reports}`, JSON, with the deployment's `media.secret` as bearer.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde::de::DeserializeOwned;
use serde_json::json;
use wac_commands::{CommandError, CommandHandler, Context};
use wac_events::{Actor, ID_BYTES_MAX, NodeId, READ_EVENTS_MAX};
use wac_media_io::{REPORTER, opening_of};

use super::link::{MediaLink, OfRoom, Report, RoomFact};
use crate::config::SharedSecret;

/// Most reports of one request.
pub(crate) const REPORTS_MAX: usize = 256;
/// Longest body, in bytes.
const BODY_BYTES_MAX: usize = 1024 * 1024;
/// When to try again after the log did not take something, in seconds.
const RETRY_AFTER_S: &str = "1";

/// What the routes stand on.
#[derive(Clone)]
struct Endpoint {
    link: Arc<dyn MediaLink>,
    handler: CommandHandler,
    secret: SharedSecret,
}

/// The routes; nothing is there without a secret.
pub(crate) fn routes(link: Arc<dyn MediaLink>, handler: CommandHandler, secret: Option<SharedSecret>) -> Router {
    let Some(secret) = secret else { return Router::new() };
    Router::new()
        .route("/media-nodes/{id}/offer", post(offer))
        .route("/media-nodes/{id}/beat", post(beat))
        .route("/media-nodes/{id}/withdraw", post(withdraw))
        .route("/media-nodes/{id}/room", post(room))
        .route("/media-nodes/{id}/reports", post(reports))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(Endpoint { link, handler, secret })
}

/// A refusal.
struct Refused(StatusCode, &'static str, String);

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let Self(status, code, detail) = self;
        let title = status.canonical_reason().unwrap_or("Refused");
        let body = json!({ "title": title, "status": status.as_u16(), "code": code, "detail": detail });
        let headers = [(CACHE_CONTROL, "no-store"), (axum::http::header::CONTENT_TYPE, "application/problem+json")];
        let mut response = (status, headers, body.to_string()).into_response();
        let further = match status {
            StatusCode::UNAUTHORIZED => Some((WWW_AUTHENTICATE, "Bearer")),
            StatusCode::SERVICE_UNAVAILABLE => Some((RETRY_AFTER, RETRY_AFTER_S)),
            _ => None,
        };
        response.headers_mut().extend(further.map(|(name, text)| (name, axum::http::HeaderValue::from_static(text))));
        response
    }
}

impl From<anyhow::Error> for Refused {
    fn from(error: anyhow::Error) -> Self {
        if let Some(CommandError::Rejected(rejection)) = error.downcast_ref::<CommandError>() {
            return Refused(StatusCode::CONFLICT, rejection.code(), rejection.to_string());
        }
        tracing::warn!(error = crate::sentence(&error), "what a media node said cannot be noted");
        unavailable()
    }
}

fn unavailable() -> Refused {
    Refused(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Try again in a moment.".to_owned())
}

impl Endpoint {
    /// Who knows the secret, and which node he speaks for.
    fn admit(&self, headers: &HeaderMap, id: &str) -> Result<NodeId, Refused> {
        let header = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let given = header.and_then(|value| value.split_once(' '));
        let known =
            given.is_some_and(|(scheme, given)| scheme.eq_ignore_ascii_case("bearer") && self.secret.is(given.trim()));
        if !known {
            let detail = "Media nodes send media.secret as a bearer token.".to_owned();
            return Err(Refused(StatusCode::UNAUTHORIZED, "invalid_secret", detail));
        }
        let sound = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        if id.is_empty() || id.len() > ID_BYTES_MAX || !id.bytes().all(sound) {
            return Err(malformed("the node's id consists of letters, digits and hyphens"));
        }
        Ok(NodeId::from(id))
    }
}

fn malformed(detail: impl Into<String>) -> Refused {
    Refused(StatusCode::BAD_REQUEST, "malformed", detail.into())
}

fn body<T: DeserializeOwned>(bytes: &Bytes) -> Result<T, Refused> {
    serde_json::from_slice(bytes).map_err(|error| malformed(error.to_string()))
}

async fn offer(
    State(endpoint): State<Endpoint>,
    Path(id): Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Refused> {
    let node = endpoint.admit(&headers, &id)?;
    let welcome = endpoint.link.offer(&node, &body(&bytes)?).await?;
    Ok(([(CACHE_CONTROL, "no-store")], Json(welcome)).into_response())
}

async fn beat(
    State(endpoint): State<Endpoint>,
    Path(id): Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Refused> {
    let node = endpoint.admit(&headers, &id)?;
    let standing = endpoint.link.beat(&node, body(&bytes)?).await?;
    Ok(([(CACHE_CONTROL, "no-store")], Json(standing)).into_response())
}

async fn withdraw(
    State(endpoint): State<Endpoint>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, Refused> {
    let node = endpoint.admit(&headers, &id)?;
    endpoint.link.withdraw(&node).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What has happened in one opening of a room, for a node that Kafka has not told of it yet.
async fn room(
    State(endpoint): State<Endpoint>,
    Path(id): Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Refused> {
    endpoint.admit(&headers, &id)?;
    let OfRoom { stream, opening } = body(&bytes)?;
    if stream.aggregate() != "room" {
        return Err(malformed("the stream is one of a room"));
    }
    let (log, mut facts, mut from) = (endpoint.handler.log(), Vec::new(), 1);
    loop {
        let events = log.read_stream(&stream, from, READ_EVENTS_MAX).await.map_err(anyhow::Error::new)?;
        let told = events.iter().map(RoomFact::of);
        facts.extend(told.filter(|fact| fact.decoded().is_some_and(|(event, _)| *opening_of(&event) == opening)));
        match events.last() {
            Some(last) if events.len() == READ_EVENTS_MAX => from = last.version + 1,
            _ => return Ok(([(CACHE_CONTROL, "no-store")], Json(facts)).into_response()),
        }
    }
}

/// Notes reports in order. One that a rule refuses is left out, as it would be if it came again.
async fn reports(
    State(endpoint): State<Endpoint>,
    Path(id): Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<StatusCode, Refused> {
    endpoint.admit(&headers, &id)?;
    let reports: Vec<Report> = body(&bytes)?;
    if reports.len() > REPORTS_MAX {
        return Err(malformed(format!("at most {REPORTS_MAX} reports at a time")));
    }
    for Report { command_id, at, report } in reports {
        let ctx = Context::new(at, Actor::System(REPORTER.to_owned()), command_id);
        match endpoint.handler.execute(&report, ctx).await {
            Ok(_) => {}
            Err(CommandError::Rejected(rejection)) => {
                tracing::warn!(media.session = %report.of.id, code = rejection.code(), "a media node's report was refused");
            }
            Err(error) => {
                tracing::warn!(media.session = %report.of.id, %error, "a media node's report cannot be noted now");
                return Err(unavailable());
            }
        }
    }
    Ok(StatusCode::NO_CONTENT)
}
