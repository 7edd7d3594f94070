//! Errors as callers see them: RFC 9457 problem details with a stable `code`.
//!
//! A handler returns a [`Problem`]; the [edge](crate::edge) writes it out with the request's id and
//! path. The catalogue below names every code this crate makes itself; codes of rejections come
//! from the deciders.

use std::borrow::Cow;
use std::time::Duration;

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

/// Media type of problem details.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// One field that is wrong.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FieldError {
    /// JSON pointer (RFC 6901) into the request's body, or `?name` for a query parameter.
    pub pointer: String,
    /// Stable, snake_case.
    pub code: Cow<'static, str>,
    /// A sentence for people.
    pub detail: String,
}

/// A refusal or failure, ready to be shown.
#[derive(Clone, Debug)]
pub struct Problem {
    /// HTTP status.
    pub status: StatusCode,
    /// Stable, snake_case; the last part of the problem's `type`.
    pub code: Cow<'static, str>,
    /// A sentence about this occurrence.
    pub detail: String,
    /// The fields concerned, for validation.
    pub errors: Vec<FieldError>,
    /// When to try again; always there on 429 and 503.
    pub retry_after: Option<Duration>,
    /// Further headers (`WWW-Authenticate`, `Allow` …).
    pub headers: Vec<(HeaderName, HeaderValue)>,
}

impl Problem {
    /// A problem with a status of its own.
    pub fn new(status: StatusCode, code: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Self {
        Self {
            status,
            code: code.into(),
            detail: detail.into(),
            errors: Vec::new(),
            retry_after: None,
            headers: Vec::new(),
        }
    }

    /// 400: the request is malformed or its content invalid.
    pub fn invalid(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    /// 400 `validation_failed` with the fields concerned.
    pub fn fields(errors: Vec<FieldError>) -> Self {
        // The pointer of the whole body is empty (RFC 6901 §5).
        let place =
            |error: &FieldError| if error.pointer.is_empty() { "its root".into() } else { error.pointer.clone() };
        let named: Vec<String> = errors.iter().map(place).collect();
        let detail = format!("The request is not valid at {}.", named.join(", "));
        Self { errors, ..Self::invalid("validation_failed", detail) }
    }

    /// 400 `validation_failed` for one query parameter.
    pub fn parameter(name: &str, code: &'static str, detail: impl Into<String>) -> Self {
        Self::fields(vec![FieldError { pointer: format!("?{name}"), code: code.into(), detail: detail.into() }])
    }

    /// 403.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", detail)
    }

    /// 404: it does not exist, or not for this caller.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", detail)
    }

    /// 503 with `Retry-After`.
    pub fn unavailable(code: &'static str, detail: impl Into<String>, retry_after: Duration) -> Self {
        Self { retry_after: Some(retry_after), ..Self::new(StatusCode::SERVICE_UNAVAILABLE, code, detail) }
    }

    /// 500: an error of ours. The cause goes to the log, not to the caller.
    pub fn internal(cause: &dyn std::fmt::Display) -> Self {
        tracing::error!(error = %cause, "request failed");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "The server made a mistake; its log has the cause.")
    }

    /// Adds a header to the answer.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Names one field.
    #[must_use]
    pub fn at(mut self, pointer: impl Into<String>) -> Self {
        let (code, detail) = (self.code.clone(), self.detail.clone());
        self.errors.push(FieldError { pointer: pointer.into(), code, detail });
        self
    }

    /// What the code means in a few words, the same for every occurrence.
    pub fn title(&self) -> String {
        match kind(&self.code) {
            Some(kind) => kind.title.to_owned(),
            None => title_of(&self.code),
        }
    }

    /// Seconds for `Retry-After`, at least 1.
    pub fn retry_after_s(&self) -> Option<u64> {
        self.retry_after.map(|wait| wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).map(|wait| wait.max(1))
    }

    /// Whether the same request may succeed later.
    pub fn retryable(&self) -> bool {
        self.retry_after.is_some() || self.code == "contention" || self.code == "idempotency_in_progress"
    }

    /// The problem as JSON. `base` is the public URL without a slash at its end.
    pub fn to_json(&self, base: &str, request: Option<(&str, &str)>) -> Value {
        let mut json = Map::new();
        json.insert("type".into(), format!("{base}/docs/problems/{}", self.code).into());
        json.insert("title".into(), self.title().into());
        json.insert("status".into(), self.status.as_u16().into());
        json.insert("detail".into(), self.detail.as_str().into());
        json.insert("code".into(), (*self.code).into());
        if let Some((path, request_id)) = request {
            json.insert("instance".into(), path.into());
            json.insert("request_id".into(), request_id.into());
        }
        json.insert("retryable".into(), self.retryable().into());
        if !self.errors.is_empty() {
            let errors = self.errors.iter();
            let errors = errors.map(|e| json!({ "pointer": e.pointer, "code": e.code, "detail": e.detail }));
            json.insert("errors".into(), errors.collect::<Vec<_>>().into());
        }
        Value::Object(json)
    }

    /// The whole answer.
    pub(crate) fn render(&self, base: &str, request: Option<(&str, &str)>) -> Response {
        let mut response = self.to_json(base, request).to_string().into_response();
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        if let Some(wait) = self.retry_after_s() {
            headers.insert(RETRY_AFTER, wait.into());
        }
        for (name, value) in &self.headers {
            headers.append(name, value.clone());
        }
        response
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code, self.detail)
    }
}

impl std::error::Error for Problem {}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.render("", None);
        response.extensions_mut().insert(self);
        response
    }
}

/// `name_taken` → `Name taken`.
fn title_of(code: &str) -> String {
    let words = code.replace('_', " ");
    let mut chars = words.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// One code of the catalogue.
pub struct ProblemKind {
    /// The code.
    pub code: &'static str,
    /// In a few words.
    pub title: &'static str,
    /// What it means and what to do.
    pub explanation: &'static str,
}

/// The catalogue entry of a code.
pub fn kind(code: &str) -> Option<&'static ProblemKind> {
    CATALOGUE.iter().find(|kind| kind.code == code)
}

macro_rules! catalogue {
    ($($code:literal, $title:literal, $explanation:literal;)+) => {
        /// Every code this crate makes itself.
        pub static CATALOGUE: &[ProblemKind] = &[
            $( ProblemKind { code: $code, title: $title, explanation: $explanation }, )+
        ];
    };
}

catalogue! {
    "malformed_json", "The body is not JSON", "The body could not be read as JSON; `detail` names line and column. Correct it and send it again.";
    "validation_failed", "The request is not valid", "One or more fields are missing, unknown or invalid; `errors` names each of them by its JSON pointer (or `?name` for a query parameter).";
    "unauthenticated", "No access token", "Send `Authorization: Bearer <access token>`. Tokens are issued by `POST /sapi/o/token`.";
    "invalid_token", "The access token is not valid", "The token is unknown, expired or revoked, or its user is gone. Obtain a new one.";
    "https_required", "Tokens travel over HTTPS only", "Tokens are not accepted over plain HTTP. Use the HTTPS address.";
    "forbidden", "Not allowed", "The caller's role does not allow this.";
    "not_found", "Not found", "There is nothing at this address, or nothing this caller may see.";
    "method_not_allowed", "Method not allowed", "This address exists, but not for this method; `Allow` lists those it takes.";
    "payload_too_large", "The body is too large", "Send a smaller body; `detail` names the limit.";
    "unsupported_media_type", "Unsupported media type", "Send `Content-Type: application/json` (for PATCH also `application/merge-patch+json`).";
    "precondition_failed", "The object has changed", "`If-Match` names a version that no longer holds. Read the object again and decide anew.";
    "idempotency_mismatch", "The idempotency key was used for another request", "An `Idempotency-Key` belongs to one request: same method, path and body. Use a new key for a new request.";
    "idempotency_in_progress", "The same request is still running", "A request with this `Idempotency-Key` has not been answered yet. Wait for it, or send it again later.";
    "contention", "Too many changes at once", "Others changed the same objects at the same time, again and again. Send the request again.";
    "position_unknown", "There is no such position yet", "`min_position` is beyond the end of the log.";
    "not_caught_up", "The read model is behind", "The read model did not reach `min_position` in time. Send the request again after `Retry-After`.";
    "store_unavailable", "The store cannot be reached", "The database did not answer. Nothing was changed. Send the request again after `Retry-After`.";
    "outcome_unknown", "The outcome is not known", "The connection to the database broke in the middle of a commit. Repeat the request with the same `Idempotency-Key`: it will not happen twice.";
    "overloaded", "Too much at once", "A bounded queue is full. Nothing was changed. Send the request again after `Retry-After`.";
    "too_many_attempts", "Too many failed log-ins", "Log-ins have failed too often for this name or from this address. Wait for `Retry-After`.";
    "pool_exhausted", "No credential is free", "Every anonymous credential of the domain is leased to a guest. Try again after `Retry-After`.";
    "domain_not_found", "The domain does not exist", "What the request is about is not there, or not any more.";
    "user_not_found", "The user does not exist", "What the request is about is not there, or not any more.";
    "credential_not_found", "The credential does not exist", "What the request is about is not there, or not any more.";
    "client_not_found", "The client does not exist", "What the request is about is not there, or not any more.";
    "token_not_found", "The token does not exist", "What the request is about is not there, or not any more.";
    "id_in_use", "The id is in use", "An object of this id exists, or did once. Send the request again.";
    "username_taken", "The username is taken", "Another user of the domain has this name, in this or another case. Choose another name.";
    "domain_name_taken", "The domain name is taken", "Another domain has this name, in this or another case. Choose another name.";
    "basic_credential_exists", "The user has a password already", "A user has at most one credential of type `basic`. Change that one.";
    "sip_identity_taken", "The SIP identity is taken", "Another mapping of the domain has this identity. Choose another one.";
    "base_domain", "The base domain stays", "The base domain can be neither renamed, moved nor removed.";
    "domain_closing", "The domain is being removed", "The domain and all that is in it are being removed; nothing new is created in it.";
    "domain_not_empty", "The domain is not empty", "Users or child domains remain in it. Remove them first, or remove the domain with `cascade=true`.";
    "domain_cycle", "A domain cannot be its own ancestor", "The parent is the domain itself or one of its descendants.";
    "domain_too_deep", "Domains nest too deep", "The chain of parents would become too long.";
    "credential_leased", "The credential is leased", "Another guest has it. Try again after `Retry-After`.";
    "not_a_pool_credential", "Not a credential of a pool", "Only credentials of type `ims` without a user are leased to guests.";
    "own_administrator", "Administrators do not remove themselves", "An administrator is deleted or demoted by another administrator, so that one always remains.";
    "not_administrator", "Not an administrator any more", "The caller has lost the role in the meantime.";
    "subject_erased", "The person has been erased", "The person's key is destroyed; nothing about the person can be stored any more.";
    "grant_not_allowed", "The client may not use this grant", "The grant is not among the client's `grants`.";
    "anonymous_disabled", "The domain takes no guests", "`enableAnonymous` of the domain is off.";
    "role_changed", "The role has changed", "The user's role has changed while the request was decided. Send it again.";
    "credential_changed", "The credential has changed", "The credential has changed since it was checked. Send the request again.";
    "token_unknown", "The token is not known", "There is no such token, or it is another client's.";
    "token_expired", "The token has expired", "Its time is over. Obtain a new one.";
    "token_revoked", "The token has been revoked", "Its family has ended. Obtain a new one.";
    "session_not_found", "The session does not exist", "What the request is about is not there, or not any more.";
    "session_closed", "The session has ended", "Log in again.";
    "group_not_found", "The group does not exist", "What the request is about is not there, or not any more.";
    "node_not_found", "The media node does not exist", "No running media node has this id: it has ended, or began anew under another one.";
    "group_full", "The group is full", "A group has a greatest number of participants. Take somebody out first.";
    "not_allowed", "Not for this participant", "Only the owner, or an administrator of the domain, does this.";
    "field_fixed", "A field that stays", "The field cannot be changed after creation. Remove the object and create another one.";
    "graphql_invalid", "The GraphQL request is not valid", "The document does not parse or does not fit the schema, or its variables are wrong; `detail` and `locations` say where.";
    "query_too_complex", "The query costs too much", "Each field costs 1, fields of a list as often as the list has places (`first`, `limit`). Ask for fewer objects or fields at once.";
    "query_too_deep", "The query is nested too deep", "Ask in several steps.";
    "batch_size", "The batch is empty or too long", "Send fewer operations at once.";
    "too_many_subscriptions", "Too many operations on one socket", "Complete some of them, or open another socket.";
    "history_too_long", "The history is too long", "The object has more events than are folded at once. Read them in pages with `events`.";
    "as_of_too_far", "The log is too long for asOf", "The position asked for is beyond what is folded in memory. Use `wac replay --as-of` on the server.";
    "as_of_not_ready", "The past is still being folded", "What has been folded is kept. Send the query again after `Retry-After`.";
    "websocket_expected", "This address speaks WebSocket", "Ask for an upgrade to WebSocket (RFC 6455, version 13), over HTTP/1.1.";
    "websocket_protocol", "The WebSocket protocol is missing", "Offer the subprotocol of this address: `jt` for QSS, `wapi` for WAPI, beside `bearer.<token>`.";
    "origin_forbidden", "Pages of this origin may not open sockets", "Only pages of the deployment's own origins, and of those in `corsDomains`, may open sockets.";
    "session_required", "Sockets belong to sessions", "The token was issued to a client, not to a person. Log in as a user.";
    "no_streams_here", "Streams have no end", "What never ends cannot be answered over WAPI. Read it over HTTP.";
    "internal", "An error of the server", "The server made a mistake. `request_id` finds it in the server's log.";
}
