//! `POST`: an offer begins a media session, and its answer comes with the response.

use std::sync::PoisonError;
use std::time::Instant;

use axum::body::Body;
use axum::extract::{OriginalUri, Path, State};
use axum::http::header::{CONTENT_TYPE, ETAG, LINK, LOCATION};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use wac_events::OpeningId;
use wac_media::Entrance;
use wac_media::offer::{Flow, OfferError, one_way};

use super::session::Begun;
use super::{ACCEPT_PATCH, FRAGMENT, SDP, text_of};
use crate::bad_tokens::BadToken;
use crate::door::{Refused, begin, check, takes};
use crate::node::Door;
use crate::token::Claims;

/// A request to an endpoint.
struct Request {
    door: Door,
    room: OpeningId,
    path: String,
    headers: HeaderMap,
    body: Body,
}

/// `POST /whip/{room}`.
pub(super) async fn publish(
    State(door): State<Door>,
    Path(room): Path<String>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refused> {
    let path = uri.path().to_owned();
    enter(Request { door, room: room.as_str().into(), path, headers, body }, Entrance::Whip).await
}

/// `POST /whep/{room}`: whoever speaks.
pub(super) async fn watch(
    State(door): State<Door>,
    Path(room): Path<String>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refused> {
    let path = uri.path().to_owned();
    enter(Request { door, room: room.as_str().into(), path, headers, body }, Entrance::Whep(None)).await
}

/// `POST /whep/{room}/{user}`: one participant.
pub(super) async fn watch_one(
    State(door): State<Door>,
    Path((room, user)): Path<(String, String)>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refused> {
    let path = uri.path().to_owned();
    let request = Request { door, room: room.as_str().into(), path, headers, body };
    enter(request, Entrance::Whep(Some(user.as_str().into()))).await
}

async fn enter(request: Request, entrance: Entrance) -> Result<Response, Refused> {
    let Request { door, room, path, headers, body } = request;
    let claims = check(&door, &headers)?;
    let flow = if entrance == Entrance::Whip { Flow::Sends } else { Flow::Receives };
    may(&claims, &room, flow).map_err(|refused| door.refuse(BadToken::Foreign, refused))?;
    let text = text_of(&headers, body, SDP).await?;
    if !takes(&headers, SDP) {
        let detail = format!("The answer is `{SDP}`.");
        return Err(Refused::new(StatusCode::NOT_ACCEPTABLE, "not_acceptable", detail));
    }
    let offer = one_way(&text, flow).map_err(|error| refused(&error))?;
    if !door.pace.lock().unwrap_or_else(PoisonError::into_inner).admits(Instant::now()) {
        let detail = "Too many media sessions begin at once; try again.";
        return Err(Refused::new(StatusCode::TOO_MANY_REQUESTS, "joins_limit", detail));
    }
    let joined = begin(&door, &claims, entrance).await?;
    let begun = door.sessions.begin(&door.orders, claims.jti.as_str().into(), joined, offer).await?;
    Ok(created(&door, &path, &claims.jti, begun))
}

/// Whether the token is for this, whenever it was made.
fn may(claims: &Claims, room: &OpeningId, flow: Flow) -> Result<(), Refused> {
    if claims.opening != *room {
        return Err(Refused::new(StatusCode::FORBIDDEN, "another_room", "The media token is for another room."));
    }
    let (granted, detail) = match flow {
        Flow::Sends => (claims.rights().publish, "The media token does not let its holder send."),
        Flow::Receives => (claims.rights().subscribe, "The media token does not let its holder receive."),
    };
    if granted { Ok(()) } else { Err(Refused::new(StatusCode::FORBIDDEN, "not_granted", detail)) }
}

fn refused(error: &OfferError) -> Refused {
    match error {
        OfferError::Malformed(_) => Refused::new(StatusCode::BAD_REQUEST, "malformed", error.to_string()),
        OfferError::Unusable(_) => Refused::new(StatusCode::UNPROCESSABLE_ENTITY, "unusable_offer", error.to_string()),
    }
}

fn created(door: &Door, path: &str, id: &str, begun: Begun) -> Response {
    let location = format!("{}/session/{id}", path.trim_end_matches('/'));
    let headers = [(CONTENT_TYPE, SDP), (ACCEPT_PATCH, FRAGMENT), (ETAG, begun.tag.as_str()), (LOCATION, &location)];
    let mut response =
        (StatusCode::CREATED, headers.map(|(name, value)| (name, value.to_owned())), begun.answer).into_response();
    for link in door.ice_servers.iter().filter_map(|server| HeaderValue::try_from(link(server)).ok()) {
        response.headers_mut().append(LINK, link);
    }
    response
}

/// An ICE server as RFC 9725 §4.6 names it.
fn link(server: &str) -> String {
    format!("<{server}>; rel=\"ice-server\"")
}
