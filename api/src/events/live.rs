//! `GET /events/stream`: server-sent events (WHATWG HTML §9.2).

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::stream::{self, StreamExt};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wac_events::Position;

use super::{Feed, FeedEnd, scope};
use crate::reading::Query;
use crate::{Caller, Platform, Problem};

/// A comment is sent when nothing else has been for this long, so that proxies keep the connection.
pub const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Most live streams of one node; one more is answered with 503.
pub const LIVE_STREAMS_MAX: usize = 10_000;
/// What `Retry-After` says then.
const FULL_RETRY: Duration = Duration::from_secs(5);
/// What a browser resumes with.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// Asks reverse proxies (nginx) not to hold the stream back.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// Places for live streams.
pub(crate) struct LivePlaces(Arc<Semaphore>);

impl Default for LivePlaces {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(LIVE_STREAMS_MAX)))
    }
}

impl LivePlaces {
    /// A place, or 503 if all are taken.
    pub(crate) fn take(&self) -> Result<OwnedSemaphorePermit, Problem> {
        self.0.clone().try_acquire_owned().map_err(|_| {
            let detail = format!("This node serves {LIVE_STREAMS_MAX} live streams already.");
            Problem::unavailable("overloaded", detail, FULL_RETRY)
        })
    }
}

/// Events as they happen. `id` is the position; resume with `Last-Event-ID`. Without it (or
/// `after`) the stream starts at the end of the log. It ends when the token does.
#[utoipa::path(get, path = "/events/stream", tag = "events", operation_id = "streamEvents",
    params(
        ("stream" = Option<String>, Query, description = "Only of this stream, `user-<id>`"),
        ("type" = Option<String>, Query, description = "Only these types, separated by commas; `user.*` is all of an aggregate's"),
        ("domain" = Option<String>, Query, description = "Only of this domain (name or id)"),
        ("after" = Option<u64>, Query, description = "Start behind this position; `Last-Event-ID` goes first"),
        ("Last-Event-ID" = Option<u64>, Header, description = "The last position seen"),
    ),
    responses((status = 200, description = "The events, each `data` one event as `GET /events` shows it",
        body = String, content_type = "text/event-stream")))]
pub(super) async fn stream(
    State(platform): State<Platform>,
    caller: Caller,
    headers: HeaderMap,
    mut query: Query,
) -> Result<Response, Problem> {
    let wanted = query.wanted()?;
    let after = query.position("after", 0)?;
    query.settle(&platform, &[]).await?;
    let filter = scope(&platform, &caller, wanted).await?;
    let head = platform.log.head().await?.position;
    let after = last_seen(&headers)?.or(after).unwrap_or(head);
    if after > head {
        let detail = format!("The log ends at position {head}.");
        return Err(Problem::invalid("position_unknown", detail).at("?after"));
    }
    let place = platform.live.take()?;
    let feed = Feed::new(platform, caller, filter, after);
    let events = stream::unfold(Some((feed, place)), |state| async move {
        let (mut feed, place) = state?;
        match feed.next().await {
            Ok(event) => {
                let id = event.recorded.position.to_string();
                let message = Event::default().id(id).data(event.to_json().to_string());
                Some((message, Some((feed, place))))
            }
            Err(end) => Some((farewell(&end), None)),
        }
    });
    let opening = stream::once(async { Event::default().comment("open") });
    let events = opening.chain(events).map(Ok::<_, std::convert::Infallible>);
    let answer = Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE).text("alive"));
    Ok(([(X_ACCEL_BUFFERING, HeaderValue::from_static("no"))], answer).into_response())
}

/// The last thing a reader hears: a comment, which browsers pass over.
fn farewell(end: &FeedEnd) -> Event {
    Event::default().comment(match end {
        FeedEnd::Shutdown => "the server shuts down",
        FeedEnd::TokenEnded => "the access token has ended",
        FeedEnd::Failed(_) => "the log cannot be read at the moment",
    })
}

fn last_seen(headers: &HeaderMap) -> Result<Option<Position>, Problem> {
    let Some(value) = headers.get(LAST_EVENT_ID).filter(|value| !value.is_empty()) else { return Ok(None) };
    let position = value.to_str().ok().and_then(|text| text.parse::<u64>().ok());
    let position = position.filter(|position| i64::try_from(*position).is_ok());
    let wrong = || Problem::parameter("Last-Event-ID", "type", "`Last-Event-ID` is a position: a whole number.");
    position.map(Position).map(Some).ok_or_else(wrong)
}
