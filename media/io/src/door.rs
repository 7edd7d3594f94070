//! Who is let in, by which door he may come: the media socket, WHIP or WHEP.

use std::sync::PoisonError;
use std::time::Duration;

use axum::http::header::{ACCEPT, AUTHORIZATION, RETRY_AFTER, SEC_WEBSOCKET_PROTOCOL, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use tokio::sync::oneshot;
use wac_commands::MediaSessionRef;
use wac_media::{Entrance, JoinRejection, Limit, Rights, Ticket};

use crate::bad_tokens::BadToken;
use crate::desk::Knock;
use crate::node::Door;
use crate::orders::{Joined, Order};
use crate::token::Claims;

/// The prefix of the subprotocol in which browsers send the token.
const BEARER: &str = "bearer.";
/// How long the log may take to tell the node of a room or seat that signaling has told the client of.
const LOG_PATIENCE: Duration = Duration::from_secs(3);
/// How often a seat is looked for meanwhile.
const LOG_RETRY: Duration = Duration::from_millis(25);
/// Every so many looks whoever may know more is asked.
const LOG_ASKED_EVERY: u32 = 8;

/// A refusal at the door.
#[derive(Debug)]
pub(crate) struct Refused {
    status: StatusCode,
    code: &'static str,
    detail: String,
}

impl Refused {
    pub(crate) fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into() }
    }

    /// There is no such session, or no longer.
    pub(crate) fn unknown_session() -> Self {
        Self::new(StatusCode::NOT_FOUND, "session_not_found", "There is no such media session, or no longer.")
    }

    fn header(&self) -> Option<(axum::http::HeaderName, &'static str)> {
        match (self.status, self.code) {
            (StatusCode::UNAUTHORIZED, "invalid_token") => Some((WWW_AUTHENTICATE, "Bearer error=\"invalid_token\"")),
            (StatusCode::UNAUTHORIZED, _) => Some((WWW_AUTHENTICATE, "Bearer")),
            (StatusCode::SERVICE_UNAVAILABLE, _) => Some((RETRY_AFTER, "5")),
            (StatusCode::TOO_MANY_REQUESTS, _) => Some((RETRY_AFTER, "1")),
            _ => None,
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let title = self.status.canonical_reason().unwrap_or("Refused");
        let body = json!({"title": title, "status": self.status.as_u16(), "code": self.code, "detail": self.detail});
        let mut response = (self.status, body.to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert("content-type", HeaderValue::from_static("application/problem+json"));
        if let Some((name, value)) = self.header() {
            headers.insert(name, HeaderValue::from_static(value));
        }
        response
    }
}

fn invalid(detail: &str) -> Refused {
    Refused::new(StatusCode::UNAUTHORIZED, "invalid_token", detail)
}

impl Door {
    /// Counts a token that does not let its holder in.
    pub(crate) fn refuse(&self, why: BadToken, refused: Refused) -> Refused {
        self.bad_tokens.count(why);
        refused
    }
}

fn token(headers: &HeaderMap) -> Option<&str> {
    let header = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    let offered = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|value| value.to_str().ok());
    header.or_else(|| offered.flat_map(|value| value.split(',')).find_map(|offer| offer.trim().strip_prefix(BEARER)))
}

/// Whether a client takes an answer of this type (RFC 9110 §12.5.1).
pub(crate) fn takes(headers: &HeaderMap, media_type: &str) -> bool {
    let mut accepted = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).peekable();
    let family = media_type.split('/').next().unwrap_or_default();
    accepted.peek().is_none()
        || accepted.flat_map(|value| value.split(',')).any(|range| {
            let range = range.split(';').next().unwrap_or_default().trim();
            range == "*/*" || range.strip_suffix("/*") == Some(family) || range.eq_ignore_ascii_case(media_type)
        })
}

/// What the token of a request says, if this deployment has signed it; its time may be over.
pub(crate) fn check(door: &Door, headers: &HeaderMap) -> Result<Claims, Refused> {
    let token = token(headers).ok_or_else(|| {
        let detail = "Send the room's media token as a bearer token, or as a subprotocol `bearer.<token>`.";
        door.refuse(BadToken::Missing, Refused::new(StatusCode::UNAUTHORIZED, "token_missing", detail))
    })?;
    door.tokens.check(token).map_err(|error| {
        tracing::debug!(%error, "a media token is refused");
        door.refuse(BadToken::Forged, invalid("The media token is not one of this deployment."))
    })
}

/// Begins the session of a token, which is spent with that.
pub(crate) async fn begin(door: &Door, claims: &Claims, entrance: Entrance) -> Result<Joined, Refused> {
    let now = door.env.now();
    let spend = || door.spent.lock().unwrap_or_else(PoisonError::into_inner).spend(&claims.jti, claims.exp, now);
    let why = if claims.is_over(now) { Some(BadToken::Expired) } else { (!spend()).then_some(BadToken::Spent) };
    if let Some(why) = why {
        let detail = "The media token has expired or begun a session already; `joinRoom` gives a fresh one.";
        return Err(door.refuse(why, invalid(detail)));
    }
    let foreign = |status, code, detail| door.refuse(BadToken::Foreign, Refused::new(status, code, detail));
    join(door, claims, entrance).await.map_err(|rejection| match rejection {
        JoinRejection::UnknownRoom | JoinRejection::Ended => {
            foreign(StatusCode::NOT_FOUND, "room_not_found", "The room is not open, or no longer.")
        }
        JoinRejection::NoSeat => {
            foreign(StatusCode::FORBIDDEN, "not_a_participant", "This device is not in the room, or no longer.")
        }
        JoinRejection::Full(limit) => full(limit),
        _ => full(Limit::Sessions),
    })
}

/// What whoever asked should know of it; that all places of the room are taken is for him, the rest is the node's.
fn full(limit: Limit) -> Refused {
    let (status, code, detail) = match limit {
        Limit::Participants => {
            (StatusCode::FORBIDDEN, "participants_limit", "The room has as many media sessions as one may have.")
        }
        Limit::Sessions => (StatusCode::SERVICE_UNAVAILABLE, "node_full", "This media node takes no further sessions."),
        Limit::Rooms => (StatusCode::SERVICE_UNAVAILABLE, "rooms_limit", "This media node takes no further rooms."),
        Limit::Bandwidth => {
            (StatusCode::SERVICE_UNAVAILABLE, "bandwidth_limit", "This media node sends as much as it may.")
        }
    };
    Refused::new(status, code, detail)
}

/// Takes up the session that a token has begun by the media socket.
pub(crate) async fn resume(door: &Door, claims: &Claims) -> Option<Joined> {
    let (reply, answer) = oneshot::channel();
    door.orders.say(Order::Resume(claims.jti.as_str().into(), reply));
    answer.await.ok().flatten()
}

/// Joins; waits a little for the log, which may not yet have told the node what the client knows.
async fn join(door: &Door, claims: &Claims, entrance: Entrance) -> Result<Joined, JoinRejection> {
    let deadline = tokio::time::Instant::now() + LOG_PATIENCE;
    let ticket = Ticket {
        id: claims.jti.as_str().into(),
        opening: claims.opening.clone(),
        user: claims.user.clone(),
        session: claims.session.clone(),
        rights: rights(claims, &entrance),
        entrance,
    };
    for attempt in 1_u32.. {
        let (reply, answer) = oneshot::channel();
        let knock = Knock {
            ticket: ticket.clone(),
            of: session_of(door, claims),
            stream: claims.room_ref().stream(),
            again: attempt % LOG_ASKED_EVERY == 0,
            reply,
        };
        if door.closing.is_cancelled() || door.knocks.send(knock).await.is_err() {
            return Err(JoinRejection::Full(Limit::Sessions));
        }
        match answer.await {
            Ok(Err(JoinRejection::UnknownRoom | JoinRejection::NoSeat)) if tokio::time::Instant::now() < deadline => {
                tokio::time::sleep(LOG_RETRY).await;
            }
            Ok(outcome) => return outcome,
            Err(_) => return Err(JoinRejection::Full(Limit::Sessions)),
        }
    }
    Err(JoinRejection::UnknownRoom)
}

/// By WHIP and WHEP media goes one way only, and there are no messages.
fn rights(claims: &Claims, entrance: &Entrance) -> Rights {
    let given = claims.rights();
    match entrance {
        Entrance::Socket => given,
        Entrance::Whip => Rights { subscribe: false, data: false, ..given },
        Entrance::Whep(_) => Rights { publish: false, data: false, ..given },
    }
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
        node_id: door.identity.id(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_does_not_take_the_answer_is_told_apart() {
        let of = |accept: &'static str| HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(accept))]);
        assert!(takes(&HeaderMap::new(), "application/sdp"));
        for accept in ["*/*", "application/*", "text/html, application/SDP;q=0.5"] {
            assert!(takes(&of(accept), "application/sdp"), "{accept}");
        }
        assert!(!takes(&of("text/html"), "application/sdp"));
    }
}
