//! What every write has in common: who asks, idempotency, `If-Match`, and the position it reached.

use axum::extract::FromRequestParts;
use axum::http::header::{ETAG, IF_MATCH, LOCATION};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::Serialize;
use wac_commands::{Command, Context, Executed};
use wac_events::{AnyEvent, Appended, CommandId, EventFilter, Position, READ_EVENTS_MAX, ReadRequest, StreamId};

use crate::edge::RequestInfo;
use crate::failures::outcome_code;
use crate::idempotency::{IDEMPOTENT_REPLAYED, Identity, identity};
use crate::policy::{Action, Decision, Target, allows};
use crate::reading::X_WAC_POSITION;
use crate::{Caller, Platform, Problem};

/// A write on its way.
pub(crate) struct Write {
    /// Who asks.
    pub(crate) caller: Caller,
    /// Whether the command of this request stands in the log already: it was allowed then, and
    /// what it found may have changed since.
    pub(crate) replay: bool,
    /// Where the events of a replay stand.
    replayed: Option<Appended>,
    info: RequestInfo,
    headers: HeaderMap,
    method: String,
    path: String,
    query: String,
}

/// A write that has happened.
pub(crate) struct Done {
    /// What was executed.
    pub(crate) executed: Executed,
}

impl FromRequestParts<Platform> for Write {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, platform: &Platform) -> Result<Self, Problem> {
        let caller = Caller::from_request_parts(parts, platform).await?;
        let info = parts.extensions.get::<RequestInfo>().cloned();
        let info = info.ok_or_else(|| Problem::internal(&"a request without the edge"))?;
        let mut write = Self {
            caller,
            replay: false,
            replayed: None,
            info,
            headers: parts.headers.clone(),
            method: parts.method.to_string(),
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
        };
        if let Some(identity) = write.identity(platform, &[])? {
            write.replayed = platform.log.outcome(identity.command_id).await?;
            write.replay = write.replayed.is_some();
        }
        Ok(write)
    }
}

impl Write {
    /// 403 or 404 unless the caller may do it. A replay was allowed when it happened.
    pub(crate) fn require(&self, action: Action, target: &Target<'_>) -> Result<Decision, Problem> {
        match allows(&self.caller, action, target) {
            Decision::Hidden if !self.replay => Err(nothing_here()),
            Decision::Forbidden if !self.replay => Err(not_for_you()),
            decision => Ok(decision),
        }
    }

    /// 404 unless the object is there, 403 or 404 unless the caller may do it. A replay found it, and
    /// was allowed, when it happened.
    pub(crate) fn admit(&self, there: bool, action: Action, target: &Target<'_>) -> Result<Decision, Problem> {
        if there || self.replay { self.require(action, target) } else { Err(nothing_here()) }
    }

    /// The version an object that is at `current` now must still be at when it is changed: `If-Match`
    /// (RFC 9110 §13.1.1). `None`: any. 412 if no tag of the list names `current`; a replay was at it.
    pub(crate) fn expected_version(&self, current: u64) -> Result<Option<u64>, Problem> {
        let values: Vec<&str> = self.headers.get_all(IF_MATCH).iter().filter_map(|value| value.to_str().ok()).collect();
        let mut tags = values.iter().flat_map(|value| value.split(',')).map(str::trim).peekable();
        if self.replay || tags.peek().is_none() {
            return Ok(None);
        }
        let version = |tag: &str| tag.strip_prefix('"')?.strip_suffix('"')?.parse::<u64>().ok();
        let mut any = false;
        let named = tags.any(|tag| {
            any |= tag == "*";
            any || version(tag) == Some(current)
        });
        match (named, any) {
            (true, true) => Ok(None),
            (true, false) => Ok(Some(current)),
            (false, _) => {
                let detail = format!("The object is at version {current}.");
                Err(Problem::new(StatusCode::PRECONDITION_FAILED, "precondition_failed", detail))
            }
        }
    }

    /// The stream of this aggregate that a replay wrote to when it happened.
    pub(crate) async fn replayed_stream(
        &self,
        platform: &Platform,
        aggregate: &str,
    ) -> Result<Option<StreamId>, Problem> {
        let Some(Appended { first, last, .. }) = self.replayed else { return Ok(None) };
        let request = ReadRequest {
            after: Position(first.0.saturating_sub(1)),
            before: Some(Position(last.0 + 1)),
            filter: EventFilter::default(),
            limit: READ_EVENTS_MAX,
        };
        let page = platform.log.read(request).await?;
        Ok(page.events.into_iter().map(|event| event.stream).find(|stream| stream.aggregate() == aggregate))
    }

    fn identity(&self, platform: &Platform, body: &[u8]) -> Result<Option<Identity>, Problem> {
        let path = format!("{}?{}", self.path, self.query);
        identity(&self.headers, &self.caller, &*platform.keys, (&self.method, &path, body))
    }

    /// A context without idempotency, for commands beside the one the request is about.
    pub(crate) fn context(&self, platform: &Platform) -> Context {
        let mut ctx = Context::new(platform.env.now(), self.caller.actor(), CommandId(platform.env.new_uuid()));
        ctx.correlation_id = self.info.request_id.to_string();
        ctx.traceparent = self.info.traceparent.as_deref().map(str::to_owned);
        ctx
    }

    /// Executes the command this request is about.
    pub(crate) async fn run(&self, platform: &Platform, command: &dyn Command, body: &Bytes) -> Result<Done, Problem> {
        let mut ctx = self.context(platform);
        let identity = self.identity(platform, body)?;
        if let Some(Identity { command_id, fingerprint }) = identity {
            ctx.command_id = command_id;
            ctx.request = Some(fingerprint);
            ctx.idempotency = wac_commands::Idempotency::Before;
        }
        let executed = platform.execute(command, ctx).await?;
        Ok(Done { executed })
    }
}

/// 404 without saying more.
pub(crate) fn nothing_here() -> Problem {
    Problem::not_found("There is nothing here that you may see.")
}

/// 403 for the role.
pub(crate) fn not_for_you() -> Problem {
    Problem::forbidden("Your role does not allow this.")
}

impl Platform {
    /// Executes a command, counts it, and tells this node's caches at once what has moved.
    pub async fn execute(&self, command: &dyn Command, ctx: Context) -> Result<Executed, Problem> {
        match self.handler.execute(command, ctx).await {
            Ok(executed) => {
                self.metrics.command(command.name(), if executed.duplicate { "duplicate" } else { "appended" });
                self.note(&executed);
                Ok(executed)
            }
            Err(error) => {
                self.metrics.command(command.name(), outcome_code(&error));
                Err(error.into())
            }
        }
    }

    /// Tells this node's caches what a command has moved, before anybody is answered.
    pub fn note(&self, executed: &Executed) {
        if executed.facts.is_empty() {
            return;
        }
        self.metrics.position(executed.position);
        for fact in &executed.facts {
            self.freshness.touch(&fact.stream, executed.position);
        }
    }
}

impl Done {
    /// Where the log stands after it.
    pub(crate) fn position(&self) -> Position {
        self.executed.position
    }

    /// The stream on which the command put an event that `picks`: that of the object it made, now
    /// or when it was executed first.
    pub(crate) fn stream_of(&self, picks: impl Fn(&AnyEvent) -> bool) -> Option<StreamId> {
        self.executed.facts.iter().find(|fact| picks(&fact.event)).map(|fact| fact.stream.clone())
    }

    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(X_WAC_POSITION, self.executed.position.0.into());
        if self.executed.duplicate {
            headers.insert(IDEMPOTENT_REPLAYED, HeaderValue::from_static("true"));
        }
        headers
    }

    /// An answer without an object: 204, or 202 for what goes on.
    pub(crate) fn answer(&self, status: StatusCode) -> Response {
        (status, self.headers()).into_response()
    }

    /// 200 with the object, its version as `ETag`.
    pub(crate) fn changed(&self, object: &impl Serialize, version: u64) -> Response {
        let mut headers = self.headers();
        headers.insert(ETAG, etag(version));
        (StatusCode::OK, headers, axum::Json(object)).into_response()
    }

    /// 201 with the object and where it is.
    pub(crate) fn created(&self, object: &impl Serialize, version: u64, collection: &str, id: &str) -> Response {
        let mut headers = self.headers();
        headers.insert(ETAG, etag(version));
        let location = format!("/sapi/{collection}/{}", crate::form::escape(id));
        if let Ok(location) = HeaderValue::from_str(&location) {
            headers.insert(LOCATION, location);
        }
        (StatusCode::CREATED, headers, axum::Json(object)).into_response()
    }
}

/// `"7"`.
pub(crate) fn etag(version: u64) -> HeaderValue {
    HeaderValue::from_str(&format!("\"{version}\"")).expect("digits and quotes are a header value")
}
