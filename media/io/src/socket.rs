//! The media socket: `/media`, subprotocols `media` and `bearer.<media token>`.

use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use tokio_tungstenite::tungstenite;
use wac_media::Entrance;
use wac_media::wire::{ByeReason, ClientFrame, ClientMessage, FRAME_BYTES_MAX, NodeFrame, NodeMessage};

use crate::door::{Refused, begin, check, resume};
use crate::node::Door;
use crate::orders::{Joined, Order};

/// The subprotocol.
const PROTOCOL: &str = "media";
/// A client that sends nothing for so long, not even a pong, is gone.
const IDLE: Duration = Duration::from_secs(60);
/// A frame longer than one may be is read to its end up to here, so that the client hears why it is refused.
const READ_BYTES_MAX: usize = 4 * FRAME_BYTES_MAX;
/// So much is read of a socket at a time: frames are short, and each session holds it.
const READ_BUFFER_BYTES: usize = 4_096;
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
    pub(super) const TOO_LONG: u16 = 4413;
}

/// Lets somebody in, or says why not.
pub(crate) async fn enter(State(door): State<Door>, headers: HeaderMap, upgrade: WebSocketUpgrade) -> Response {
    match enter_by(&door, &headers).await {
        Ok(joined) => upgrade
            .protocols([PROTOCOL])
            .max_message_size(FRAME_BYTES_MAX)
            .max_frame_size(READ_BYTES_MAX)
            .read_buffer_size(READ_BUFFER_BYTES)
            .write_buffer_size(0)
            .on_upgrade(move |socket| serve(door, joined, socket)),
        Err(refused) => refused.into_response(),
    }
}

/// A token begins a session, or takes up the one that it has begun.
async fn enter_by(door: &Door, headers: &HeaderMap) -> Result<Joined, Refused> {
    let claims = check(door, headers)?;
    if let Some(joined) = resume(door, &claims).await {
        return Ok(joined);
    }
    begin(door, &claims, Entrance::Socket).await
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
                    Some(Err(error)) => break broken(error),
                    Some(Ok(Message::Close(_))) | None => break Ending::Client,
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

/// How a conversation ends in which something could not be received.
fn broken(error: axum::Error) -> Ending {
    match error.into_inner().downcast_ref() {
        Some(tungstenite::Error::Capacity(_)) => Ending::Fault(close::TOO_LONG),
        Some(tungstenite::Error::Utf8(_)) => Ending::Fault(close::MALFORMED),
        // The connection: the client may come back.
        _ => Ending::Client,
    }
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
