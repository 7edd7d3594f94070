//! The media socket: `/media`, subprotocols `media` and `bearer.<media token>`.

use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::http::header::{AUTHORIZATION, RETRY_AFTER, SEC_WEBSOCKET_PROTOCOL, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use tokio::sync::oneshot;
use wac_commands::MediaSessionRef;
use wac_media::wire::{ByeReason, ClientFrame, ClientMessage, FRAME_BYTES_MAX, NodeFrame, NodeMessage};
use wac_media::{JoinRejection, Ticket};

use crate::desk::Knock;
use crate::node::Door;
use crate::shard::{Joined, Order};
use crate::token::Claims;

/// The prefix of the subprotocol in which browsers send the token.
const BEARER: &str = "bearer.";
/// The subprotocol.
const PROTOCOL: &str = "media";
/// How long the log may take to tell the node of a room or seat that signaling has told the client of.
const LOG_PATIENCE: Duration = Duration::from_secs(3);
/// How often a seat is looked for meanwhile.
const LOG_RETRY: Duration = Duration::from_millis(25);
/// Every so many looks whoever may know more is asked.
const LOG_ASKED_EVERY: u32 = 8;
/// A client that sends nothing for so long, not even a pong, is gone.
const IDLE: Duration = Duration::from_secs(60);
/// How often a client is pinged.
const PING: Duration = Duration::from_secs(20);
/// How long a client may take to answer a close frame. A connection that is dropped with frames of
/// the client unread is reset, and takes the reason with it.
const CLOSE_PATIENCE: Duration = Duration::from_secs(1);
/// So many malformed frames are answered; then the socket is closed.
const MALFORMED_MAX: usize = 8;

/// Close codes, as on the signaling sockets.
mod close {
    pub(super) const NORMAL: u16 = 1000;
    pub(super) const STOPPING: u16 = 1012;
    pub(super) const MALFORMED: u16 = 4400;
    pub(super) const ENDED: u16 = 4401;
    pub(super) const RIGHTS: u16 = 4403;
    pub(super) const IDLE: u16 = 4408;
    pub(super) const SLOW: u16 = 4409;
}

/// A refusal at the door.
struct Refused {
    status: StatusCode,
    code: &'static str,
    detail: &'static str,
}

impl Refused {
    fn new(status: StatusCode, code: &'static str, detail: &'static str) -> Self {
        Self { status, code, detail }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let title = self.status.canonical_reason().unwrap_or("Refused");
        let body = json!({"title": title, "status": self.status.as_u16(), "code": self.code, "detail": self.detail});
        let mut response = (self.status, body.to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert("content-type", HeaderValue::from_static("application/problem+json"));
        match (self.status, self.code) {
            (StatusCode::UNAUTHORIZED, "invalid_token") => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer error=\"invalid_token\""));
            }
            (StatusCode::UNAUTHORIZED, _) => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            (StatusCode::SERVICE_UNAVAILABLE, _) => {
                headers.insert(RETRY_AFTER, HeaderValue::from_static("5"));
            }
            _ => {}
        }
        response
    }
}

/// Lets somebody in, or says why not.
pub(crate) async fn enter(State(door): State<Door>, headers: HeaderMap, upgrade: WebSocketUpgrade) -> Response {
    match admit(&door, &headers).await {
        Ok(joined) => upgrade
            .protocols([PROTOCOL])
            .max_message_size(FRAME_BYTES_MAX)
            .on_upgrade(move |socket| serve(door, joined, socket)),
        Err(refused) => refused.into_response(),
    }
}

async fn admit(door: &Door, headers: &HeaderMap) -> Result<Joined, Refused> {
    let token = token(headers).ok_or(Refused::new(
        StatusCode::UNAUTHORIZED,
        "token_missing",
        "Send the room's media token as a bearer token, or as a subprotocol `bearer.<token>`.",
    ))?;
    let invalid = |detail| Refused::new(StatusCode::UNAUTHORIZED, "invalid_token", detail);
    let claims = door.tokens.check(token).map_err(|error| {
        tracing::debug!(%error, "a media token is refused");
        invalid("The media token is not one of this deployment.")
    })?;
    // A token stays good for the session that it has begun.
    if let Some(joined) = resume(door, &claims).await {
        return Ok(joined);
    }
    let now = door.env.now();
    let spend =
        || door.spent.lock().unwrap_or_else(std::sync::PoisonError::into_inner).spend(&claims.jti, claims.exp, now);
    if claims.is_over(now) || !spend() {
        return Err(invalid("The media token has expired or begun a session already; `joinRoom` gives a fresh one."));
    }
    join(door, &claims).await.map_err(|rejection| match rejection {
        JoinRejection::UnknownRoom | JoinRejection::Ended => {
            Refused::new(StatusCode::NOT_FOUND, "room_not_found", "The room is not open, or no longer.")
        }
        JoinRejection::NoSeat => {
            Refused::new(StatusCode::FORBIDDEN, "not_a_participant", "This device is not in the room, or no longer.")
        }
        _ => Refused::new(StatusCode::SERVICE_UNAVAILABLE, "node_full", "This media node takes no further sessions."),
    })
}

fn token(headers: &HeaderMap) -> Option<&str> {
    let header = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    let offered = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|value| value.to_str().ok());
    header.or_else(|| offered.flat_map(|value| value.split(',')).find_map(|offer| offer.trim().strip_prefix(BEARER)))
}

async fn resume(door: &Door, claims: &Claims) -> Option<Joined> {
    let (reply, answer) = oneshot::channel();
    door.orders.say(Order::Resume(claims.jti.as_str().into(), reply));
    answer.await.ok().flatten()
}

/// Joins; waits a little for the log, which may not yet have told the node what the client knows.
async fn join(door: &Door, claims: &Claims) -> Result<Joined, JoinRejection> {
    let deadline = tokio::time::Instant::now() + LOG_PATIENCE;
    for attempt in 1_u32.. {
        let ticket = Ticket {
            id: claims.jti.as_str().into(),
            opening: claims.opening.clone(),
            user: claims.user.clone(),
            session: claims.session.clone(),
            rights: claims.rights(),
        };
        let (reply, answer) = oneshot::channel();
        let knock = Knock {
            ticket,
            of: session_of(door, claims),
            stream: claims.room_ref().stream(),
            again: attempt % LOG_ASKED_EVERY == 0,
            reply,
        };
        if door.closing.is_cancelled() || door.knocks.send(knock).await.is_err() {
            return Err(JoinRejection::Full);
        }
        match answer.await {
            Ok(Err(JoinRejection::UnknownRoom | JoinRejection::NoSeat)) if tokio::time::Instant::now() < deadline => {
                tokio::time::sleep(LOG_RETRY).await;
            }
            Ok(outcome) => return outcome,
            Err(_) => return Err(JoinRejection::Full),
        }
    }
    Err(JoinRejection::UnknownRoom)
}

/// What a session is called in the log: a token begins one, so its name is the session's.
fn session_of(door: &Door, claims: &Claims) -> MediaSessionRef {
    MediaSessionRef {
        id: claims.jti.as_str().into(),
        domain: claims.domain.clone(),
        room: claims.room.clone(),
        opening: claims.opening.clone(),
        user: claims.user.clone(),
        session: claims.session.clone(),
        node: door.node.to_string(),
    }
}

/// How a conversation ended.
enum Ending {
    /// The node has ended the session.
    Node(Option<ByeReason>),
    /// The client has gone; its session goes on as long as media comes.
    Client,
    /// The client does not keep to the protocol, or not to time.
    Fault(u16),
}

async fn serve(door: Door, joined: Joined, mut socket: WebSocket) {
    let Joined { peer, mut frames } = joined;
    let mut ping = tokio::time::interval(PING);
    let mut heard = tokio::time::Instant::now();
    let mut malformed = 0;
    let mut said_bye = None;
    let ending = loop {
        tokio::select! {
            frame = frames.recv() => {
                let Some(message) = frame else { break Ending::Node(said_bye) };
                if let NodeFrame::Bye { reason } = &message.frame {
                    said_bye = Some(*reason);
                }
                if send(&mut socket, &message).await.is_err() {
                    break Ending::Client;
                }
            }
            received = socket.recv() => {
                heard = tokio::time::Instant::now();
                match received {
                    Some(Ok(Message::Text(text))) => match serde_json::from_str::<ClientMessage>(&text) {
                        Ok(message) => {
                            let bye = matches!(message.frame, ClientFrame::Bye { .. });
                            door.orders.say(Order::Said(peer, Box::new(message)));
                            if bye {
                                said_bye = Some(ByeReason::Left);
                            }
                        }
                        Err(error) => {
                            malformed += 1;
                            let title = error.to_string();
                            let frame = NodeFrame::Error { code: "malformed", title };
                            let told = send(&mut socket, &NodeMessage { id: None, frame }).await;
                            if malformed > MALFORMED_MAX || told.is_err() {
                                break Ending::Fault(close::MALFORMED);
                            }
                        }
                    },
                    Some(Ok(Message::Binary(_))) => break Ending::Fault(close::MALFORMED),
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                    Some(Ok(Message::Close(_)) | Err(_)) | None => break Ending::Client,
                }
            }
            _ = ping.tick() => {
                if heard.elapsed() > IDLE {
                    break Ending::Fault(close::IDLE);
                }
                if socket.send(Message::Ping(Vec::new().into())).await.is_err() {
                    break Ending::Client;
                }
            }
        }
    };
    finish(&door, peer, ending, socket).await;
}

async fn finish(door: &Door, peer: wac_media::PeerId, ending: Ending, mut socket: WebSocket) {
    let code = match ending {
        Ending::Client => return,
        Ending::Fault(close::IDLE) => close::IDLE,
        Ending::Fault(code) => {
            door.orders.say(Order::End(peer, ByeReason::Lost));
            code
        }
        Ending::Node(reason) => match reason {
            Some(ByeReason::Left | ByeReason::Closed) => close::NORMAL,
            Some(ByeReason::Expelled) => close::RIGHTS,
            Some(ByeReason::Stopping) => close::STOPPING,
            Some(_) => close::ENDED,
            None => close::SLOW,
        },
    };
    // A client that has gone is not told.
    if socket.send(Message::Close(Some(CloseFrame { code, reason: "".into() }))).await.is_ok() {
        let answered = async { while let Some(Ok(_)) = socket.recv().await {} };
        let _ = tokio::time::timeout(CLOSE_PATIENCE, answered).await;
    }
}

async fn send(socket: &mut WebSocket, message: &NodeMessage) -> Result<(), axum::Error> {
    let text = serde_json::to_string(message).expect("a frame is plain JSON");
    socket.send(Message::Text(text.into())).await
}
