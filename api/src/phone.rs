//! The web phone at `/phone`: a page of this binary, with nothing loaded from elsewhere.

use axum::Router;
use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::oauth::pair;
use crate::write::nothing_here;
use crate::{Platform, Problem};

/// What the page may do: run its own script, use its own style, and talk to this server and to the
/// media nodes that it names.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self' blob:; \
     connect-src 'self' wss: ws:; manifest-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
);
/// Cameras, microphones and screens for the page itself, and for nothing within it.
const PERMISSIONS: HeaderValue =
    HeaderValue::from_static("camera=(self), microphone=(self), display-capture=(self), autoplay=(self)");
const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");

const PAGE: &str = include_str!("../assets/phone/index.html");
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

macro_rules! assets {
    ($($name:literal, $media:expr;)+) => {
        /// Names, media types and contents; made from `web/phone` (`npm run build`).
        static ASSETS: &[(&str, &str, &[u8])] =
            &[$(($name, $media, include_bytes!(concat!("../assets/phone/", $name)))),+];
    };
}

assets! {
    "phone.js", "text/javascript; charset=utf-8";
    "phone.css", "text/css; charset=utf-8";
}

/// `/phone`, `/phone/pair`, `/phone/assets/{name}`.
pub(crate) fn routes(platform: &Platform) -> Router<Platform> {
    let routes =
        Router::new().route("/phone", get(page)).route("/phone/", get(page)).route("/phone/assets/{name}", get(asset));
    match platform.config.pairing {
        Some(_) => routes.route("/phone/pair", get(page).post(pair)),
        None => routes,
    }
}

async fn page() -> Response {
    let headers = [
        (CONTENT_TYPE, HTML),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (CONTENT_SECURITY_POLICY, POLICY),
        (PERMISSIONS_POLICY, PERMISSIONS),
    ];
    (headers, PAGE).into_response()
}

/// The page names a version of each, so what it names never changes.
async fn asset(Path(name): Path<String>) -> Result<Response, Problem> {
    let (_, media, bytes) = ASSETS.iter().find(|(known, ..)| *known == name).ok_or_else(nothing_here)?;
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(media)),
        (CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable")),
    ];
    Ok((headers, *bytes).into_response())
}
