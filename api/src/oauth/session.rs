//! The session a grant opens: where from, and for how long.

use std::time::Duration;

use axum::http::HeaderMap;
use axum::http::header::{ACCEPT_LANGUAGE, USER_AGENT};
use wac_commands::OpenSession;
use wac_commands::session::CONTEXT_CHARS_MAX;
use wac_events::session::SessionContext;
use wac_events::{Personal, Time};

use super::request::OauthRequest;
use crate::Platform;

/// What a header says, as far as a session's context takes it.
fn header(headers: &HeaderMap, name: axum::http::HeaderName) -> Option<Personal> {
    let text = headers.get(name)?.to_str().ok()?;
    let kept: String = text.chars().filter(|c| !c.is_control()).take(CONTEXT_CHARS_MAX).collect();
    (!kept.is_empty()).then(|| Personal::new(kept))
}

/// What a client says it is.
pub(super) fn user_agent(request: &OauthRequest) -> Option<String> {
    header(&request.headers, USER_AGENT)?.clear().map(str::to_owned)
}

impl Platform {
    /// The session that a request for tokens opens.
    pub(super) fn opening(&self, request: &OauthRequest, now: Time) -> OpenSession {
        let language = header(&request.headers, ACCEPT_LANGUAGE);
        let first = |list: Personal| list.clear().and_then(|list| list.split([',', ';']).next()).map(Personal::new);
        let context = SessionContext {
            src: request.address().map(|address| Personal::new(address.to_string())),
            useragent: header(&request.headers, USER_AGENT),
            language: language.and_then(first),
            ..SessionContext::default()
        };
        OpenSession { context, expires_at: self.session_until(now) }
    }

    /// Until when a session that is used now lasts.
    pub(crate) fn session_until(&self, now: Time) -> Time {
        now.plus(Duration::from_secs(self.config.session_s))
    }
}
