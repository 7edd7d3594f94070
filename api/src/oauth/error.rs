//! OAuth2 errors (RFC 6749 §5.2): always JSON, never cached.

use std::time::Duration;

use axum::http::header::{CACHE_CONTROL, PRAGMA, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::Problem;
use crate::failures::POOL_RETRY;

/// A refusal of a token endpoint.
#[derive(Clone, Debug)]
pub(crate) struct OauthError {
    status: StatusCode,
    error: &'static str,
    description: String,
    retry_after: Option<Duration>,
}

impl OauthError {
    fn new(status: StatusCode, error: &'static str, description: impl Into<String>) -> Self {
        Self { status, error, description: description.into(), retry_after: None }
    }

    /// 400: malformed.
    pub(crate) fn invalid_request(description: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", description)
    }

    /// 400: wrong name, password, refresh token, or domain.
    pub(crate) fn invalid_grant(description: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_grant", description)
    }

    /// 401: the client is not who it says.
    pub(crate) fn invalid_client() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "invalid_client", "The client is unknown, or its secret is wrong.")
    }

    /// 400: not for this client.
    pub(crate) fn unauthorized_client() -> Self {
        Self::new(StatusCode::BAD_REQUEST, "unauthorized_client", "The client may not use this grant.")
    }

    /// 400: a grant that is not offered here.
    pub(crate) fn unsupported_grant_type() -> Self {
        let known = "password, refresh_token, anonymous and client_credentials";
        Self::new(StatusCode::BAD_REQUEST, "unsupported_grant_type", format!("Grants offered here: {known}."))
    }

    /// Whether somebody else was quicker to take what was free.
    pub(crate) fn is_pool_taken(&self) -> bool {
        self.status == StatusCode::SERVICE_UNAVAILABLE && self.retry_after == Some(POOL_RETRY)
    }
}

impl From<Problem> for OauthError {
    fn from(problem: Problem) -> Self {
        let error = match problem.status {
            StatusCode::TOO_MANY_REQUESTS => "too_many_attempts",
            StatusCode::SERVICE_UNAVAILABLE => "temporarily_unavailable",
            StatusCode::INTERNAL_SERVER_ERROR => "server_error",
            _ => "invalid_request",
        };
        let retry_after = problem.retry_after;
        Self { status: problem.status, error, description: problem.detail, retry_after }
    }
}

impl IntoResponse for OauthError {
    fn into_response(self) -> Response {
        let body = json!({ "error": self.error, "error_description": self.description });
        let mut response = (self.status, axum::Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(r#"Basic realm="Users""#));
        }
        if let Some(wait) = self.retry_after {
            headers.insert(RETRY_AFTER, wait.as_secs().max(1).into());
        }
        response
    }
}
