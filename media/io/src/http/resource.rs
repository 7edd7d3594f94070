//! The resource of a media session: `PATCH` brings candidates or restarts ICE, `DELETE` ends it.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_TYPE, ETAG, IF_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use wac_events::MediaSessionId;
use wac_media::fragment::Fragment;

use super::session::{Changed, Match};
use super::{FRAGMENT, text_of};
use crate::bad_tokens::BadToken;
use crate::door::{Refused, check};
use crate::node::Door;

/// The path of a resource: its room, of WHEP perhaps its person, and its session.
type Place = Path<Vec<(String, String)>>;

/// The session of the path, if the token of the request has begun it.
fn own_session(door: &Door, place: &Place, headers: &HeaderMap) -> Result<MediaSessionId, Refused> {
    let claims = check(door, headers)?;
    let of = |name: &str| place.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str());
    if of("id") != claims.jti || of("room") != claims.opening.to_string() {
        let detail = "The media token has not begun this session.";
        let refused = Refused::new(StatusCode::FORBIDDEN, "another_session", detail);
        return Err(door.refuse(BadToken::Foreign, refused));
    }
    Ok(claims.jti.as_str().into())
}

/// `PATCH`.
pub(super) async fn change(
    State(door): State<Door>,
    place: Place,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refused> {
    let id = own_session(&door, &place, &headers)?;
    let text = text_of(&headers, body, FRAGMENT).await?;
    let condition = condition(&headers)?;
    let fragment = Fragment::parse(&text)
        .map_err(|error| Refused::new(StatusCode::BAD_REQUEST, "malformed", error.to_string()))?;
    Ok(match door.sessions.change(&id, condition, fragment).await? {
        Changed::Trickled => StatusCode::NO_CONTENT.into_response(),
        Changed::Restarted { tag, fragment } => {
            (StatusCode::OK, [(CONTENT_TYPE, FRAGMENT.to_owned()), (ETAG, tag)], fragment).into_response()
        }
    })
}

/// What `If-Match` asks for (RFC 9725 §4.3).
fn condition(headers: &HeaderMap) -> Result<Match, Refused> {
    let missing = || {
        let detail = "Send `If-Match` with the session's `ETag`, or with \"*\" to restart ICE.";
        Refused::new(StatusCode::PRECONDITION_REQUIRED, "if_match_missing", detail)
    };
    let value = headers.get(IF_MATCH).and_then(|value| value.to_str().ok()).map(str::trim).ok_or_else(missing)?;
    Ok(match value {
        "*" | "\"*\"" => Match::Any,
        tags => Match::Tags(tags.split(',').map(|tag| tag.trim().to_owned()).collect()),
    })
}

/// `DELETE`.
pub(super) async fn end(State(door): State<Door>, place: Place, headers: HeaderMap) -> Result<StatusCode, Refused> {
    let id = own_session(&door, &place, &headers)?;
    door.sessions.end(&id).await?;
    Ok(StatusCode::OK)
}
