//! The page for people: GraphiQL, served from this binary, with nothing loaded from elsewhere.

use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};

use crate::Problem;
use crate::write::nothing_here;

/// What the page may do: run its own scripts, and talk to this server.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
     font-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

const INDEX: &str = include_str!("../../assets/graphiql/index.html");
const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

macro_rules! assets {
    ($($name:literal, $media:expr;)+) => {
        /// Names, media types and contents. Where they come from: `assets/graphiql/README.md`.
        static ASSETS: &[(&str, &str, &[u8])] =
            &[$(($name, $media, include_bytes!(concat!("../../assets/graphiql/", $name)))),+];
    };
}

assets! {
    "react.production.min.js", SCRIPT;
    "react-dom.production.min.js", SCRIPT;
    "graphql-ws.min.js", SCRIPT;
    "graphiql.min.js", SCRIPT;
    "graphiql.min.css", STYLE;
    "page.js", SCRIPT;
    "page.css", STYLE;
}

fn headers(media: &'static str, cached: &'static str) -> [(HeaderName, HeaderValue); 3] {
    [
        (CONTENT_TYPE, HeaderValue::from_static(media)),
        (CACHE_CONTROL, HeaderValue::from_static(cached)),
        (CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
    ]
}

/// The page.
pub(super) fn page() -> Response {
    (headers("text/html; charset=utf-8", "no-store"), INDEX).into_response()
}

/// `GET /graphql/assets/{name}`.
pub(super) async fn asset(Path(name): Path<String>) -> Result<Response, Problem> {
    let (_, media, bytes) = ASSETS.iter().find(|(known, ..)| *known == name).ok_or_else(nothing_here)?;
    Ok((headers(media, "public, max-age=3600"), *bytes).into_response())
}
