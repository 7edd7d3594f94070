//! WHIP (RFC 9725) and WHEP (draft-ietf-wish-whep): media by one HTTP request, for OBS, GStreamer and whatever
//! else speaks them. The media token is the bearer token.

mod endpoint;
mod pace;
mod resource;
mod session;

use axum::Router;
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, CONTENT_TYPE,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, patch, post};

pub(crate) use pace::Pace;
pub(crate) use session::Sessions;

use crate::door::Refused;
use crate::node::Door;

/// Of offers and answers.
const SDP: &str = "application/sdp";
/// Of what a `PATCH` brings and gets.
const FRAGMENT: &str = "application/trickle-ice-sdpfrag";
/// Longest body that is taken, in bytes.
const BODY_BYTES_MAX: usize = 64 * 1024;

const ACCEPT_POST: HeaderName = HeaderName::from_static("accept-post");
const ACCEPT_PATCH: HeaderName = HeaderName::from_static("accept-patch");
/// What a page may read of an answer. A request carries its token itself, and no cookie: any page may ask.
const EXPOSED: &str = "location, etag, link, accept-post, accept-patch, retry-after, www-authenticate";
const SENT: &str = "authorization, content-type, if-match";
const PREFLIGHT_KEPT_S: &str = "86400";

/// The endpoints and the resources that they make.
pub(crate) fn router(door: Door) -> Router {
    let resource = || -> MethodRouter<Door> {
        patch(resource::change)
            .delete(resource::end)
            .options(|| async { options("PATCH, DELETE", ACCEPT_PATCH, FRAGMENT) })
    };
    let offered = || async { options("POST", ACCEPT_POST, SDP) };
    Router::new()
        .route("/whip/{room}", post(endpoint::publish).options(offered))
        .route("/whep/{room}", post(endpoint::watch).options(offered))
        .route("/whep/{room}/{user}", post(endpoint::watch_one).options(offered))
        .route("/whip/{room}/session/{id}", resource())
        .route("/whep/{room}/session/{id}", resource())
        .route("/whep/{room}/{user}/session/{id}", resource())
        .layer(axum::middleware::map_response(open_to_pages))
        .with_state(door)
}

/// The answer to `OPTIONS`, which needs no token: a browser asks before it sends one.
fn options(methods: &'static str, accepts: HeaderName, media_type: &'static str) -> Response {
    let headers = [
        (ACCESS_CONTROL_ALLOW_METHODS, methods),
        (ACCESS_CONTROL_ALLOW_HEADERS, SENT),
        (ACCESS_CONTROL_MAX_AGE, PREFLIGHT_KEPT_S),
        (accepts, media_type),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}

async fn open_to_pages(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
    response
}

/// The body of a request of this type, as text.
async fn text_of(headers: &HeaderMap, body: axum::body::Body, media_type: &'static str) -> Result<String, Refused> {
    let given = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !given.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(media_type) {
        let detail = format!("Send `{media_type}`.");
        return Err(Refused::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "wrong_content_type", detail));
    }
    let bytes = axum::body::to_bytes(body, BODY_BYTES_MAX).await.map_err(|_| {
        let detail = format!("A body has at most {BODY_BYTES_MAX} bytes.");
        Refused::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_long", detail)
    })?;
    String::from_utf8(bytes.into())
        .map_err(|_| Refused::new(StatusCode::BAD_REQUEST, "malformed", "The body is not UTF-8."))
}
