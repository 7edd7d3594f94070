//! Pages of other origins: which of them may ask, and what their browsers want to hear (CORS).

use axum::extract::Request;
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, HOST, ORIGIN, VARY,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use wac_commands::domain::origin::Pattern;

use crate::{ApiConfig, Problem};

/// What a page may send.
const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, PUT, PATCH, DELETE");
/// What it may send beside what every page may.
const REQUEST_HEADERS: HeaderValue = HeaderValue::from_static(
    "authorization, content-type, idempotency-key, if-match, if-none-match, last-event-id, traceparent, x-request-id, x-wac-min-position",
);
/// What it may read beside what every page may.
const RESPONSE_HEADERS: HeaderValue = HeaderValue::from_static(
    "etag, idempotent-replayed, link, location, retry-after, www-authenticate, x-request-id, x-wac-position",
);
/// How long a browser may remember that it may ask, in seconds: as long as any browser does.
const MAX_AGE_S: HeaderValue = HeaderValue::from_static("7200");

/// 403 for the socket of a page that is neither ours nor named in `corsDomains`. Browsers say which page asks.
pub(crate) fn check_origin(headers: &HeaderMap, config: &ApiConfig) -> Result<(), Problem> {
    let Some(origin) = headers.get(ORIGIN) else { return Ok(()) };
    if is_allowed(origin, headers, config) {
        return Ok(());
    }
    tracing::warn!(origin = ?origin, "a socket of a foreign origin was refused");
    Err(Problem::new(StatusCode::FORBIDDEN, "origin_forbidden", "Pages of this origin may not open sockets here."))
}

/// The origin a request's page is of, if such pages may read what is answered.
pub(crate) fn admitted(request: &Request, config: &ApiConfig) -> Option<HeaderValue> {
    let headers = request.headers();
    headers.get(ORIGIN).filter(|origin| is_allowed(origin, headers, config)).cloned()
}

/// Whether a browser only asks whether its page may ask (a preflight, Fetch standard §3.3.5).
pub(crate) fn is_preflight(request: &Request) -> bool {
    request.method() == Method::OPTIONS && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

/// The answer to that: it may.
pub(crate) fn preflight() -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS);
    headers.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE_S);
    response
}

/// Lets pages of this origin read an answer. Tokens travel in headers, so cookies are none of its business.
pub(crate) fn open_to(origin: HeaderValue, headers: &mut HeaderMap) {
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, RESPONSE_HEADERS);
    headers.append(VARY, HeaderValue::from_static("origin"));
}

fn is_allowed(origin: &HeaderValue, headers: &HeaderMap, config: &ApiConfig) -> bool {
    origin.to_str().is_ok_and(|origin| is_ours(origin, headers, config) || is_named(origin, config))
}

/// `scheme://host:port`, without what follows.
fn origin_of(url: &str) -> Option<&str> {
    let host = url.find("://")? + 3;
    let end = url[host..].find('/').map_or(url.len(), |slash| host + slash);
    Some(&url[..end])
}

fn is_ours(origin: &str, headers: &HeaderMap, config: &ApiConfig) -> bool {
    let same = |url: &str| origin_of(url).is_some_and(|own| own.eq_ignore_ascii_case(origin));
    // In development a page may come from any name of this machine.
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).filter(|_| config.dev);
    host.is_some_and(|host| origin.ends_with(&format!("://{host}")))
        || same(&config.public_url)
        || config.public_origins.iter().any(|url| same(url))
}

fn is_named(origin: &str, config: &ApiConfig) -> bool {
    let authority = origin.split_once("://").map_or(origin, |(_, authority)| authority);
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    };
    let matches = |pattern: &Pattern| [origin, authority, host].into_iter().any(|text| pattern.matches(text));
    config.cors_domains.iter().any(matches)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(cors: &[&str]) -> ApiConfig {
        let mut config = ApiConfig::new("quobis", "d".into(), "https://wac.example/");
        config.public_origins = vec!["http://127.0.0.1:8000".to_owned()];
        config.cors_domains = cors.iter().map(|domain| Pattern::compile(Some(domain)).expect("sound")).collect();
        config
    }

    fn allowed(origin: &str, cors: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(ORIGIN, HeaderValue::from_str(origin).expect("a header"));
        check_origin(&headers, &config(cors)).is_ok()
    }

    #[test]
    fn no_origin_and_our_own_origins_are_let_in() {
        assert!(check_origin(&HeaderMap::new(), &config(&[])).is_ok());
        assert!(allowed("https://wac.example", &[]) && allowed("http://127.0.0.1:8000", &[]));
        assert!(
            !allowed("http://wac.example", &[]) && !allowed("https://wac.example.evil", &[]) && !allowed("null", &[])
        );
    }

    #[test]
    fn cors_domains_name_hosts_patterns_and_whole_origins() {
        assert!(allowed("https://app.example:8443", &["app.example"]));
        assert!(allowed("https://a.example.org", &["other.example", "*.example.org"]));
        assert!(allowed("https://only.example", &["https://only.example"]));
        assert!(!allowed("http://only.example", &["https://only.example"]));
        assert!(!allowed("https://evil-example.org", &["*.example.org"]));
    }
}
