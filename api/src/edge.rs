//! The edge: what happens to every request and every answer, whatever its route.

use std::net::{IpAddr, SocketAddr};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Uri};
use axum::middleware::Next;
use axum::response::Response;
use futures::FutureExt;

use crate::{ApiConfig, Platform, Problem, origin};

/// Header with the request's id; taken from the client if it is well formed, else made here.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// W3C trace context.
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Longest request id taken from a client, in bytes.
const REQUEST_ID_BYTES_MAX: usize = 128;

/// Which listener a request came in by. The binary lays it over the router of each listener; a
/// request without it counts as plain HTTP.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Listener {
    /// Whether it speaks TLS.
    pub tls: bool,
}

/// What is known of a request besides its content. In every request's extensions.
#[derive(Clone, Debug)]
pub struct RequestInfo {
    /// Its id.
    pub request_id: Arc<str>,
    /// Its trace context, if it is well formed.
    pub traceparent: Option<Arc<str>>,
    /// The path as the client wrote it.
    pub path: Arc<str>,
    /// The client's address: the peer, or whom a trusted proxy speaks for.
    pub client: Option<IpAddr>,
    /// Whether tokens may travel here: TLS, a loopback address in development mode, or a trusted
    /// proxy that says `X-Forwarded-Proto: https`.
    pub secure: bool,
    /// Whether the client uses HTTPS.
    pub https: bool,
}

/// The path the client wrote, before it was brought into its normal form.
#[derive(Clone)]
struct OriginalPath(Arc<str>);

/// Brings a path into its normal form: `/wac/sapi/…` is `/sapi/…`, and a slash at the end of a SAPI
/// path means nothing.
pub(crate) fn normalise(mut request: Request) -> Request {
    let path = request.uri().path();
    let original: Arc<str> = path.into();
    let inner = path.strip_prefix("/wac").filter(|rest| is_sapi(rest)).unwrap_or(path);
    let inner = if is_sapi(inner) { inner.strip_suffix('/').unwrap_or(inner) } else { inner };
    if inner.len() != path.len() {
        let target = match request.uri().query() {
            Some(query) => format!("{inner}?{query}"),
            None => inner.to_owned(),
        };
        if let Ok(target) = PathAndQuery::try_from(target) {
            let mut parts = request.uri().clone().into_parts();
            parts.path_and_query = Some(target);
            if let Ok(uri) = Uri::from_parts(parts) {
                *request.uri_mut() = uri;
            }
        }
    }
    request.extensions_mut().insert(OriginalPath(original));
    request
}

fn is_sapi(path: &str) -> bool {
    path.strip_prefix("/sapi").is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Surrounds every handler.
pub(crate) async fn edge(State(platform): State<Platform>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let info = info(&platform, &request);
    let route = request.extensions().get::<MatchedPath>().cloned();
    let method = request.method().clone();
    request.extensions_mut().insert(info.clone());
    let origin = origin::admitted(&request, &platform.config);
    let response = if origin.is_some() && origin::is_preflight(&request) {
        origin::preflight()
    } else {
        answered(&platform, next.run(request)).await
    };
    let mut response = match response.extensions().get::<Problem>() {
        Some(problem) => rendered(&platform, &info, problem, &response),
        None => response,
    };
    dress(response.headers_mut(), &info);
    if let Some(origin) = origin {
        origin::open_to(origin, response.headers_mut());
    }
    let route = route.as_ref().map_or("none", |route| route.as_str());
    platform.metrics.request(route, method.as_str(), response.status().as_u16(), started.elapsed());
    response
}

/// What a handler answers; a problem if it panics or takes too long.
async fn answered(platform: &Platform, handler: impl Future<Output = Response>) -> Response {
    let handler = AssertUnwindSafe(handler).catch_unwind();
    match tokio::time::timeout(platform.config.request_patience, handler).await {
        Ok(Ok(response)) => response,
        Ok(Err(_panic)) => problem_response(Problem::internal(&"a handler panicked")),
        Err(_elapsed) => problem_response(timed_out()),
    }
}

fn timed_out() -> Problem {
    let detail = "The request took too long. A change may still happen; repeat it with the same Idempotency-Key.";
    Problem::unavailable("outcome_unknown", detail, std::time::Duration::from_secs(1))
}

fn problem_response(problem: Problem) -> Response {
    axum::response::IntoResponse::into_response(problem)
}

/// Writes the problem out anew, with what only the edge knows; headers that were added on the way
/// (`Allow`) stay.
fn rendered(platform: &Platform, info: &RequestInfo, problem: &Problem, response: &Response) -> Response {
    let mut fresh = problem.render(&platform.config.public_url, Some((&info.path, &info.request_id)));
    for (name, value) in response.headers() {
        if !fresh.headers().contains_key(name) && name != axum::http::header::CONTENT_LENGTH {
            fresh.headers_mut().append(name.clone(), value.clone());
        }
    }
    fresh
}

fn dress(headers: &mut HeaderMap, info: &RequestInfo) {
    if let Ok(id) = HeaderValue::from_str(&info.request_id) {
        headers.insert(X_REQUEST_ID, id);
    }
    let mut unless_set = |name: HeaderName, value: &'static str| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    unless_set(X_CONTENT_TYPE_OPTIONS, "nosniff");
    unless_set(X_FRAME_OPTIONS, "DENY");
    unless_set(REFERRER_POLICY, "no-referrer");
    unless_set(CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'");
    unless_set(CACHE_CONTROL, "no-store");
    if info.https {
        unless_set(STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    }
}

fn info(platform: &Platform, request: &Request) -> RequestInfo {
    let extensions = request.extensions();
    let peer = extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip().to_canonical());
    let tls = extensions.get::<Listener>().is_some_and(|listener| listener.tls);
    let config = &platform.config;
    let proxied = peer.is_some_and(|peer| config.trusts(peer));
    let headers = request.headers();
    let forwarded_https = proxied && headers.get(X_FORWARDED_PROTO).is_some_and(|proto| proto == "https");
    let loopback = config.dev && peer.is_some_and(|peer| peer.is_loopback());
    RequestInfo {
        request_id: request_id(platform, headers),
        traceparent: headers.get(TRACEPARENT).and_then(traceparent),
        path: extensions.get::<OriginalPath>().map_or_else(|| request.uri().path().into(), |path| path.0.clone()),
        client: if proxied { forwarded_for(config, headers).or(peer) } else { peer },
        secure: tls || forwarded_https || loopback,
        https: tls || forwarded_https,
    }
}

fn request_id(platform: &Platform, headers: &HeaderMap) -> Arc<str> {
    let fits = |id: &&str| {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-:/+=".contains(&b);
        (1..=REQUEST_ID_BYTES_MAX).contains(&id.len()) && id.bytes().all(plain)
    };
    match headers.get(X_REQUEST_ID).and_then(|id| id.to_str().ok()).filter(fits) {
        Some(id) => id.into(),
        None => format!("req_{}", platform.env.new_uuid().simple()).into(),
    }
}

/// `00-<32 hex>-<16 hex>-<2 hex>`, lower case, ids not all zero (W3C Trace Context §3.2).
fn traceparent(value: &HeaderValue) -> Option<Arc<str>> {
    let text = value.to_str().ok()?;
    let parts: Vec<&str> = text.split('-').collect();
    let hex = |part: &str, len: usize| {
        part.len() == len && part.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    let [version, trace, span, flags] = parts.as_slice() else { return None };
    let shaped = *version == "00" && hex(trace, 32) && hex(span, 16) && hex(flags, 2);
    let zero = |part: &str| part.bytes().all(|b| b == b'0');
    (shaped && !zero(trace) && !zero(span)).then(|| text.into())
}

/// The last address a trusted proxy names that is not itself a trusted proxy.
fn forwarded_for(config: &ApiConfig, headers: &HeaderMap) -> Option<IpAddr> {
    let values = headers.get_all(config.client_ip_header.as_str()).iter();
    let named: Vec<IpAddr> = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|address| address.trim().parse::<IpAddr>().ok())
        .collect();
    named.iter().rev().find(|address| !config.trusts(**address)).or(named.first()).copied()
}
