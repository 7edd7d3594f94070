//! `GET /events`: the log in pages.

use axum::extract::State;
use axum::http::header::{ACCEPT, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use wac_events::{Position, ReadRequest};

use super::{Shown, Wanted, schemas, scope, shown};
use crate::reading::Query;
use crate::{Caller, Platform, Problem};

/// Most events of one page, and how many there are unless asked otherwise.
pub const PAGE_EVENTS_MAX: usize = 1_000;
/// Media type of a CloudEvents batch (CloudEvents JSON format §4).
const CLOUD_EVENTS: &str = "application/cloudevents-batch+json";

impl Query {
    /// Takes `stream`, `type` and `domain`.
    pub(super) fn wanted(&mut self) -> Result<Wanted, Problem> {
        let types = self.take("type")?.unwrap_or_default();
        let types = types.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned);
        Ok(Wanted { stream: self.take("stream")?, types: types.collect(), domain: self.take("domain")? })
    }

    /// Takes `limit`.
    fn event_limit(&mut self) -> Result<usize, Problem> {
        let Some(text) = self.take("limit")? else { return Ok(PAGE_EVENTS_MAX) };
        let limit = text.parse().ok().filter(|limit| (1..=PAGE_EVENTS_MAX).contains(limit));
        limit.ok_or_else(|| {
            Problem::parameter("limit", "range", format!("`limit` is a whole number from 1 to {PAGE_EVENTS_MAX}."))
        })
    }

    /// Takes a position.
    pub(super) fn position(&mut self, name: &str, least: u64) -> Result<Option<Position>, Problem> {
        let Some(text) = self.take(name)? else { return Ok(None) };
        let position = text.parse::<u64>().ok().filter(|at| *at >= least && i64::try_from(*at).is_ok());
        let wrong =
            || Problem::parameter(name, "type", format!("`{name}` is a position: a whole number from {least} on."));
        position.map(Position).map(Some).ok_or_else(wrong)
    }
}

/// Events, oldest first. Administrators see all, a user those of his own record.
#[utoipa::path(get, path = "/events", tag = "events", operation_id = "listEvents",
    params(
        ("stream" = Option<String>, Query, description = "Only of this stream, `user-<id>`"),
        ("type" = Option<String>, Query, description = "Only these types, separated by commas; `user.*` is all of an aggregate's"),
        ("domain" = Option<String>, Query, description = "Only of this domain (name or id)"),
        ("after" = Option<u64>, Query, description = "Only positions greater than this"),
        ("before" = Option<u64>, Query, description = "Only positions less than this", minimum = 1),
        ("limit" = Option<u64>, Query, description = "At most this many (default 1000)", minimum = 1, maximum = 1000),
    ),
    responses((status = 200, description = "The events; the next page is in a `Link` header", content(
        (Vec<schemas::Event> = "application/json"),
        (Vec<schemas::CloudEvent> = "application/cloudevents-batch+json"),
    ))))]
pub(super) async fn list(
    State(platform): State<Platform>,
    caller: Caller,
    headers: HeaderMap,
    mut query: Query,
) -> Result<Response, Problem> {
    let original = query.clone();
    let wanted = query.wanted()?;
    let after = query.position("after", 0)?.unwrap_or(Position::START);
    let before = query.position("before", 1)?;
    let limit = query.event_limit()?;
    query.settle(&platform, &[]).await?;
    let filter = scope(&platform, &caller, wanted).await?;
    let page = platform.log.read(ReadRequest { after, before, filter, limit }).await?;
    let full = page.events.len() >= limit;
    let last = page.events.last().map(|event| event.position);
    let events = shown(page.events, &*platform.keys).await?;
    let mut answer = answer(&platform, &headers, &events);
    if let Some(last) = last.filter(|_| full) {
        answer.headers_mut().extend(original.page_behind(limit, last));
    }
    Ok(answer)
}

fn answer(platform: &Platform, headers: &HeaderMap, events: &[Shown]) -> Response {
    let accepted = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let cloud = accepted.flat_map(|value| value.split(',')).any(|part| {
        let media = part.split(';').next().unwrap_or_default().trim();
        media.eq_ignore_ascii_case(CLOUD_EVENTS)
    });
    let source = &platform.config.events_source;
    let (media, body): (_, Vec<Value>) = if cloud {
        (CLOUD_EVENTS, events.iter().map(|event| event.to_cloud_event(source)).collect())
    } else {
        ("application/json", events.iter().map(Shown::to_json).collect())
    };
    let vary = (VARY, HeaderValue::from_static("accept"));
    ([(CONTENT_TYPE, HeaderValue::from_static(media)), vary], Value::from(body).to_string()).into_response()
}
