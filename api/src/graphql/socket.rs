//! GraphQL over WebSocket: the protocol `graphql-transport-ws`.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_graphql::futures_util::stream::BoxStream;
use async_graphql::http::{WebSocket as Protocol, WebSocketProtocols, WsMessage};
use async_graphql::{BatchRequest, BatchResponse, Data, Executor, Request, Response};
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::http::StatusCode;
use axum::response::Response as HttpResponse;
use bytes::Bytes;
use futures::stream::{self, SplitSink, StreamExt};
use futures::{FutureExt, SinkExt};
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::time::{Instant, interval, timeout};

use super::errors::explain;
use super::session::Session;
use super::{ApiSchema, OPERATIONS_PER_SOCKET_MAX};
use crate::auth::https_required;
use crate::edge::RequestInfo;
use crate::events::{WATCH_INTERVAL, Watch};
use crate::{Caller, Platform, Problem};

/// The one protocol spoken.
const PROTOCOL: &str = "graphql-transport-ws";
/// How long a socket may take to say who it is.
pub const INIT_PATIENCE: Duration = Duration::from_secs(10);
/// How long one message may take to leave; a reader slower than that is cut off.
pub const SEND_PATIENCE: Duration = Duration::from_secs(20);
/// How often a ping is sent.
const PING_INTERVAL: Duration = Duration::from_secs(25);
/// A socket that has been silent for longer than this is dead.
const SILENCE_MAX: Duration = Duration::from_secs(75);

/// Close codes of the protocol.
const MALFORMED: u16 = 4400;
const UNAUTHORIZED: u16 = 4401;
const FORBIDDEN: u16 = 4403;
const NO_INIT: u16 = 4408;
const GOING_AWAY: u16 = 1001;

/// What a subscription's reader is told when his token has ended.
pub(super) fn token_ended() -> Problem {
    let detail = "The access token has expired or been revoked, or its rights have changed.";
    Problem::new(StatusCode::UNAUTHORIZED, "invalid_token", detail)
}

/// Answers an upgrade. `caller`: who the request's `Authorization` header says, if there is one.
pub(super) fn upgrade(
    upgrade: WebSocketUpgrade,
    platform: Platform,
    schema: ApiSchema,
    info: RequestInfo,
    caller: Option<Arc<Caller>>,
) -> Result<HttpResponse, Problem> {
    let upgrade = upgrade.protocols([PROTOCOL]).max_message_size(platform.config.body_bytes_max);
    if upgrade.selected_protocol().is_none() {
        let detail = format!("Ask for the WebSocket protocol `{PROTOCOL}`.");
        return Err(Problem::invalid("graphql_invalid", detail));
    }
    let place = platform.live.take()?;
    Ok(upgrade.on_upgrade(move |socket| async move {
        let _place = place;
        Box::pin(serve(socket, platform, schema, info, caller)).await;
    }))
}

/// The engine, with every error explained and the number of operations bounded.
#[derive(Clone)]
struct Bounded {
    schema: ApiSchema,
    base: Arc<str>,
    request_id: Arc<str>,
    places: Arc<Semaphore>,
}

impl Executor for Bounded {
    async fn execute(&self, request: Request) -> Response {
        let mut response = self.schema.execute(request).await;
        explain(&mut response, &self.base, &self.request_id);
        response
    }

    async fn execute_batch(&self, batch: BatchRequest) -> BatchResponse {
        // A socket takes one operation a message.
        match batch {
            BatchRequest::Single(request) => BatchResponse::Single(self.execute(request).await),
            BatchRequest::Batch(_) => BatchResponse::Batch(Vec::new()),
        }
    }

    fn execute_stream(&self, request: Request, data: Option<Arc<Data>>) -> BoxStream<'static, Response> {
        let (base, request_id) = (self.base.clone(), self.request_id.clone());
        let explained = move |mut response: Response| {
            explain(&mut response, &base, &request_id);
            response
        };
        let Ok(place) = self.places.clone().try_acquire_owned() else {
            let detail = format!("One socket runs at most {OPERATIONS_PER_SOCKET_MAX} operations at once.");
            let error = async_graphql::Error::from(Problem::invalid("too_many_subscriptions", detail));
            let refused = Response::from_errors(vec![error.into_server_error(async_graphql::Pos::default())]);
            return stream::iter([explained(refused)]).boxed();
        };
        let responses = self.schema.execute_stream_with_session_data(request, data.unwrap_or_default());
        responses
            .map(move |response| {
                let _place = &place;
                explained(response)
            })
            .boxed()
    }
}

/// Who the socket turned out to be.
type Known = Arc<Mutex<Option<Arc<Caller>>>>;

async fn authenticate(
    platform: &Platform,
    info: &RequestInfo,
    from_header: Option<Arc<Caller>>,
    payload: &Value,
) -> Result<Arc<Caller>, Problem> {
    let named = |name: &str| {
        let holders = [payload, &payload["headers"]];
        holders
            .into_iter()
            .filter_map(Value::as_object)
            .flatten()
            .find_map(|(key, value)| if key.eq_ignore_ascii_case(name) { value.as_str() } else { None })
    };
    let bearer = named("authorization").map(|text| match text.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
        _ => text,
    });
    let Some(token) = bearer.or_else(|| named("token")) else {
        let missing = "Send the access token in the payload of `connection_init`: {\"authorization\": \"Bearer …\"}.";
        return from_header.ok_or_else(|| Problem::new(StatusCode::UNAUTHORIZED, "unauthenticated", missing));
    };
    if !info.secure {
        return Err(https_required());
    }
    platform.authenticate(token).await
}

async fn serve(
    socket: WebSocket,
    platform: Platform,
    schema: ApiSchema,
    info: RequestInfo,
    from_header: Option<Arc<Caller>>,
) {
    let (mut sink, messages) = socket.split();
    let started = Instant::now();
    let heard = Arc::new(AtomicU64::new(0));
    let hearing = heard.clone();
    let input = messages
        .take_while(|message| std::future::ready(message.is_ok()))
        .filter_map(move |message| {
            hearing.store(millis(started.elapsed()), Ordering::Relaxed);
            std::future::ready(match message {
                Ok(Message::Text(text)) => Some(Bytes::from(text)),
                Ok(Message::Binary(bytes)) => Some(bytes),
                _ => None,
            })
        })
        .boxed();
    let known: Known = Arc::default();
    let bounded = Bounded {
        schema,
        base: platform.config.public_url.as_str().into(),
        request_id: info.request_id.clone(),
        places: Arc::new(Semaphore::new(OPERATIONS_PER_SOCKET_MAX)),
    };
    let init = {
        let (platform, info, known) = (platform.clone(), info.clone(), known.clone());
        move |payload: Value| {
            async move {
                let caller = authenticate(&platform, &info, from_header, &payload).await?;
                *known.lock().unwrap_or_else(PoisonError::into_inner) = Some(caller.clone());
                let mut data = Data::default();
                data.insert(Arc::new(Session::new(caller, info, None, 0)));
                Ok(data)
            }
            .boxed()
        }
    };
    let protocol = Protocol::new(bounded, input, WebSocketProtocols::GraphQLWS).on_connection_init(init);
    let end = drive(&mut sink, protocol, &platform, &known, &|| {
        started.elapsed().saturating_sub(Duration::from_millis(heard.load(Ordering::Relaxed)))
    })
    .await;
    if let Some((code, reason)) = end {
        let frame = CloseFrame { code, reason: reason.into() };
        let _ = timeout(SEND_PATIENCE, sink.send(Message::Close(Some(frame)))).await;
    }
}

/// Moves messages until the socket ends; the close frame to be sent, if one is.
async fn drive(
    sink: &mut SplitSink<WebSocket, Message>,
    protocol: impl stream::Stream<Item = WsMessage>,
    platform: &Platform,
    known: &Known,
    silent: &(dyn Fn() -> Duration + Send + Sync),
) -> Option<(u16, String)> {
    let mut protocol = std::pin::pin!(protocol);
    let mut looks = interval(WATCH_INTERVAL);
    let mut pings = interval(PING_INTERVAL);
    let opened = Instant::now();
    let mut watch: Option<Watch> = None;
    loop {
        let message = tokio::select! {
            () = platform.closing.cancelled() => return Some((GOING_AWAY, "the server shuts down".to_owned())),
            message = protocol.next() => match message? {
                WsMessage::Text(text) => Message::Text(text.into()),
                WsMessage::Close(code, reason) => return Some(closing(code, reason, watch.is_some() || is_known(known))),
            },
            _ = pings.tick() => Message::Ping(Bytes::new()),
            _ = looks.tick() => {
                if silent() > SILENCE_MAX {
                    return Some((GOING_AWAY, "nothing has been heard for too long".to_owned()));
                }
                if watch.is_none() {
                    let caller = known.lock().unwrap_or_else(PoisonError::into_inner).clone();
                    watch = caller.map(|caller| Watch::new((*caller).clone()));
                }
                match &mut watch {
                    None if opened.elapsed() > INIT_PATIENCE => {
                        return Some((NO_INIT, "Connection initialisation timeout".to_owned()));
                    }
                    None => {}
                    // A store that does not answer for a moment ends no connection.
                    Some(watch) => if let Ok(false) = watch.holds(platform).await {
                        return Some((FORBIDDEN, token_ended().detail));
                    },
                }
                continue;
            }
        };
        match timeout(SEND_PATIENCE, sink.send(message)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) | Err(_) => return None,
        }
    }
}

fn is_known(known: &Known) -> bool {
    known.lock().unwrap_or_else(PoisonError::into_inner).is_some()
}

/// The engine's close codes as the protocol names them.
fn closing(code: u16, reason: String, known: bool) -> (u16, String) {
    let code = match code {
        1011 => UNAUTHORIZED,
        1002 if !known => FORBIDDEN,
        1002 => MALFORMED,
        code => code,
    };
    // A close frame holds at most 123 bytes of text (RFC 6455 §5.5).
    (code, reason.chars().take(100).filter(char::is_ascii).collect())
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
