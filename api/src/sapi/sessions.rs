//! `/sessions` and `/pushtokens`: where people are logged in, and how their devices are woken.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wac_commands::session::{ChangeSessionContext, CloseSession, ExtendSession, RemovePushToken, SetPushToken};
use wac_commands::{Command, Together};
use wac_events::session::{SessionContext, SessionEnd};
use wac_events::{Patch, Personal, Role, SessionId};

use super::common::{IdInPath, shown, user_id};
use super::user_input::set;
use super::{lists, schemas};
use crate::body::JsonBody;
use crate::fields::Fields;
use crate::policy::{Action, Decision, Target, allows};
use crate::reading::Query;
use crate::reads::{SessionFilter, SessionView};
use crate::write::{Done, Write, nothing_here};
use crate::{Caller, Platform, Problem};

const TABLES: [&str; 2] = ["sessions", "domains"];
/// The server's own fields, ignored in a body.
const OWN_FIELDS: [&str; 11] =
    ["id", "user", "domain", "role", "grant", "client", "from", "to", "expires", "registered", "pushToken"];
/// `to` of a session that is open (guide §4.8.1).
const OPEN_END: i64 = -1;

/// The routes.
pub(super) fn routes() -> OpenApiRouter<Platform> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(read, refresh, close))
        .routes(routes!(list_push_tokens, add_push_token, put_push_token, remove_own_push_token))
        .routes(routes!(remove_push_token))
}

fn text(personal: Option<&Personal>) -> Option<&str> {
    personal.and_then(Personal::clear)
}

fn session_json(session: &SessionView) -> Value {
    let context = &session.context;
    json!({
        "id": session.id,
        "user": session.user,
        "domain": session.domain_name,
        "role": session.role.as_str(),
        "grant": session.grant.as_str(),
        "client": session.client,
        "from": session.opened_at.millis(),
        "to": OPEN_END,
        "expires": session.expires_at.millis(),
        "registered": session.node.as_ref().map(|node| format!("{}@{node}", session.user)),
        "context": {
            "src": text(context.src.as_ref()),
            "useragent": text(context.useragent.as_ref()),
            "language": text(context.language.as_ref()),
            "location": text(context.location.as_ref()),
            "platform": text(context.platform.as_ref()),
            "vendor": text(context.vendor.as_ref()),
            "deviceId": text(context.device_id.as_ref()),
        },
        "pushToken": session.push_type.as_ref().map(|kind| json!({ "tokenType": kind })),
    })
}

fn push_token_json(session: &SessionView) -> Option<Value> {
    let device = text(session.context.device_id.as_ref());
    let kind = session.push_type.as_ref()?;
    Some(json!({ "id": session.id, "tokenType": kind, "deviceId": device }))
}

fn sight(caller: &Caller, session: &SessionView) -> Decision {
    allows(caller, Action::Read, &Target::Session { owner: Some(&session.user), id: &session.id.token() })
}

/// Open sessions the caller may see: all for administrators, else his own.
#[utoipa::path(get, path = "/sessions", tag = "sessions", operation_id = "listSessions",
    params(
        ("user" = Option<String>, Query, description = "Only those of this user (id or `wac-user:<id>`)"),
        ("domain" = Option<String>, Query, description = "Only those of users of this domain (name or id)"),
        ("limit" = Option<u64>, Query, description = "At most this many", minimum = 1, maximum = 1000),
        ("cursor" = Option<String>, Query, description = "Where the page starts, from a `Link` header"),
    ),
    responses((status = 200, description = "The sessions", body = Vec<schemas::Session>)))]
async fn list(State(platform): State<Platform>, caller: Caller, mut query: Query) -> Result<Response, Problem> {
    let original = query.clone();
    let page = query.page()?;
    let user = query.take("user")?.map(|user| user_id(&user));
    let domain = query.take("domain")?;
    query.settle(&platform, &TABLES).await?;
    let mut filter = SessionFilter { user, domain: None };
    let mut empty = false;
    if let Some(domain) = domain {
        filter.domain = platform.find_domain(&domain).await?;
        empty = filter.domain.is_none();
    }
    if caller.role != Role::Admin {
        empty |= caller.user.is_none() || filter.user.as_ref().is_some_and(|user| Some(user) != caller.user.as_ref());
        filter.user.clone_from(&caller.user);
    }
    let sessions = if empty { Vec::new() } else { platform.reads.sessions(&filter, &page).await? };
    let last = sessions.last().map(|session| session.id.to_string());
    let shown = sessions.iter().filter(|session| sight(&caller, session).is_allowed()).map(session_json);
    Ok(lists::answer(shown.collect(), sessions.len(), last, &page, &original))
}

/// One open session.
#[utoipa::path(get, path = "/sessions/{id}", tag = "sessions", operation_id = "readSession",
    params(("id" = String, Path, description = "The session's id")),
    responses((status = 200, description = "The session", body = schemas::Session)))]
async fn read(
    State(platform): State<Platform>,
    caller: Caller,
    IdInPath(id): IdInPath,
    query: Query,
) -> Result<Response, Problem> {
    query.settle(&platform, &TABLES).await?;
    let session = platform.session_now(&SessionId::from(id)).await?;
    if !sight(&caller, &session).is_allowed() {
        return Err(nothing_here());
    }
    Ok(shown(&session_json(&session), session.version))
}

/// What a client says of its context; what is left out stays.
fn context_of(body: Value, known: &SessionContext) -> Result<Option<SessionContext>, Problem> {
    let mut fields = Fields::of_body(body, &OWN_FIELDS)?;
    let given = set(fields.object("context"));
    fields.finish()?;
    let Some(given) = given else { return Ok(None) };
    let mut fields = Fields::of_body(Value::Object(given), &["src"])?;
    let mut context = known.clone();
    let parts = [
        ("useragent", &mut context.useragent),
        ("language", &mut context.language),
        ("location", &mut context.location),
        ("platform", &mut context.platform),
        ("vendor", &mut context.vendor),
        ("deviceId", &mut context.device_id),
    ];
    for (name, part) in parts {
        if let Patch::Set(text) = fields.optional_text(name) {
            *part = text.map(Personal::new);
        }
    }
    fields.finish()?;
    Ok(Some(context))
}

/// Refreshes a session: it lasts as long again, and says where it is used from.
#[utoipa::path(put, path = "/sessions/{id}", tag = "sessions", operation_id = "refreshSession",
    params(("id" = String, Path, description = "The session's id")),
    request_body = schemas::SessionInput,
    responses((status = 200, description = "The session", body = schemas::Session)))]
async fn refresh(
    State(platform): State<Platform>,
    write: Write,
    IdInPath(id): IdInPath,
    body: JsonBody,
) -> Result<Response, Problem> {
    let id = SessionId::from(id);
    let known = platform.session_for_change(&write, &id).await?;
    let context = context_of(body.value, &known)?;
    let extend = ExtendSession { id: id.clone(), expires_at: platform.session_until(platform.env.now()) };
    let changed = context.map(|context| ChangeSessionContext { id: id.clone(), context });
    let mut commands: Vec<&dyn Command> = vec![&extend];
    commands.extend(changed.as_ref().map(|changed| changed as &dyn Command));
    let refresh = Together { name: "refresh_session", commands: &commands };
    let done = write.run(&platform, &refresh, &body.bytes).await?;
    let session = platform.session_after(&done, &id).await?;
    Ok(done.changed(&session_json(&session), session.version))
}

/// Logs out: ends a session and all its tokens.
#[utoipa::path(delete, path = "/sessions/{id}", tag = "sessions", operation_id = "closeSession",
    params(("id" = String, Path, description = "The session's id")),
    responses((status = 204, description = "It has ended")))]
async fn close(
    State(platform): State<Platform>,
    write: Write,
    IdInPath(id): IdInPath,
    query: Query,
) -> Result<Response, Problem> {
    query.finish()?;
    let id = SessionId::from(id);
    platform.session_for_change(&write, &id).await?;
    let own = write.caller.token == id.token();
    let reason = if own { SessionEnd::Logout } else { SessionEnd::Revoked };
    let done = write.run(&platform, &CloseSession { id, reason }, &Bytes::new()).await?;
    Ok(done.answer(StatusCode::NO_CONTENT))
}

/// How the caller's devices are woken. The tokens themselves are not given back.
#[utoipa::path(get, path = "/pushtokens", tag = "sessions", operation_id = "listPushTokens",
    responses((status = 200, description = "The push tokens", body = Vec<schemas::PushToken>)))]
async fn list_push_tokens(State(platform): State<Platform>, caller: Caller, query: Query) -> Result<Response, Problem> {
    query.settle(&platform, &TABLES).await?;
    let Some(user) = caller.user else { return Ok(axum::Json(json!([])).into_response()) };
    let filter = SessionFilter { user: Some(user), domain: None };
    let sessions = platform.reads.sessions(&filter, &crate::reads::PageOf::default()).await?;
    let tokens: Vec<Value> = sessions.iter().filter_map(push_token_json).collect();
    Ok(axum::Json(tokens).into_response())
}

/// Says how to wake the caller's device.
#[utoipa::path(post, path = "/pushtokens", tag = "sessions", operation_id = "addPushToken",
    request_body = schemas::PushTokenInput,
    responses((status = 201, description = "The push token", body = schemas::PushToken)))]
async fn add_push_token(State(platform): State<Platform>, write: Write, body: JsonBody) -> Result<Response, Problem> {
    let (done, session) = platform.set_push_token(&write, body).await?;
    let object = push_token_json(&session).ok_or_else(nothing_here)?;
    Ok(done.created(&object, session.version, "pushtokens", session.id.as_str()))
}

/// Says how to wake the caller's device.
#[utoipa::path(put, path = "/pushtokens", tag = "sessions", operation_id = "setPushToken",
    request_body = schemas::PushTokenInput,
    responses((status = 200, description = "The push token", body = schemas::PushToken)))]
async fn put_push_token(State(platform): State<Platform>, write: Write, body: JsonBody) -> Result<Response, Problem> {
    let (done, session) = platform.set_push_token(&write, body).await?;
    let object = push_token_json(&session).ok_or_else(nothing_here)?;
    Ok(done.changed(&object, session.version))
}

/// The caller's device is not woken any more.
#[utoipa::path(delete, path = "/pushtokens", tag = "sessions", operation_id = "removeOwnPushToken",
    responses((status = 204, description = "It is forgotten")))]
async fn remove_own_push_token(
    State(platform): State<Platform>,
    write: Write,
    query: Query,
) -> Result<Response, Problem> {
    query.finish()?;
    let id = SessionId::of_token(&write.caller.token);
    platform.forget_push_token(&write, id).await
}

/// A device is not woken any more.
#[utoipa::path(delete, path = "/pushtokens/{id}", tag = "sessions", operation_id = "removePushToken",
    params(("id" = String, Path, description = "The push token's id: that of its session")),
    responses((status = 204, description = "It is forgotten")))]
async fn remove_push_token(
    State(platform): State<Platform>,
    write: Write,
    IdInPath(id): IdInPath,
    query: Query,
) -> Result<Response, Problem> {
    query.finish()?;
    platform.forget_push_token(&write, SessionId::from(id)).await
}

impl Platform {
    /// An open session out of rows that are not called behind; 404 if there is none.
    async fn session_now(&self, id: &SessionId) -> Result<SessionView, Problem> {
        if let Some(session) = self.reads.session(id).await? {
            return Ok(session);
        }
        self.caught_up(&TABLES).await?;
        self.reads.session(id).await?.ok_or_else(nothing_here)
    }

    /// The session as it is after a write.
    async fn session_after(&self, done: &Done, id: &SessionId) -> Result<SessionView, Problem> {
        self.waiter.wait_for(&TABLES, done.position(), self.config.read_patience).await?;
        self.reads.session(id).await?.ok_or_else(nothing_here)
    }

    /// The context of an open session the caller may change, as the log has it now.
    async fn session_for_change(&self, write: &Write, id: &SessionId) -> Result<SessionContext, Problem> {
        let world = self.handler.load(&[id.stream()]).await?;
        let session = world.session(id);
        let target = Target::Session { owner: Some(&session.user), id: &id.token() };
        write.admit(session.is_open(), Action::Change, &target)?;
        write.expected_version(session.version)?;
        Ok(session.context.clone())
    }

    async fn set_push_token(&self, write: &Write, body: JsonBody) -> Result<(Done, SessionView), Problem> {
        let id = SessionId::of_token(&write.caller.token);
        let mut fields = Fields::of_body(body.value, &["id"])?;
        let token = fields.required_text("token");
        let token_type = fields.required_text("tokenType");
        let device = fields.optional_text("deviceId");
        fields.finish()?;
        let known = self.session_for_change(write, &id).await?;
        let set = SetPushToken { id: id.clone(), token, token_type };
        let changed = match device {
            Patch::Set(device) => {
                let context = SessionContext { device_id: device.map(Personal::new), ..known };
                Some(ChangeSessionContext { id: id.clone(), context })
            }
            Patch::Keep => None,
        };
        let mut commands: Vec<&dyn Command> = vec![&set];
        commands.extend(changed.as_ref().map(|changed| changed as &dyn Command));
        let done = write.run(self, &Together { name: "set_push_token", commands: &commands }, &body.bytes).await?;
        self.caught_up(&TABLES).await?;
        let session = self.session_after(&done, &id).await?;
        Ok((done, session))
    }

    async fn forget_push_token(&self, write: &Write, id: SessionId) -> Result<Response, Problem> {
        self.session_for_change(write, &id).await?;
        let done = write.run(self, &RemovePushToken { id }, &Bytes::new()).await?;
        Ok(done.answer(StatusCode::NO_CONTENT))
    }
}
