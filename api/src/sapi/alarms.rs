//! `/alarms`: what should not have happened so often, or so badly: failed log-ins (guide §5.1.6.2), and calls whose
//! media broke a rule (guide §5.1.4.4.2, `call-alarms`).

use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;
use wac_commands::Command;
use wac_commands::login::{AcknowledgeLoginAlarm, LoginKey};
use wac_commands::media::AcknowledgeCallAlarm;
use wac_events::{EventId, Time, UserId};

use super::common::{IdInPath, user_id};
use super::{lists, schemas};
use crate::policy::{Action, Target, allows};
use crate::reading::Query;
use crate::reads::{AlarmFilter, CallAlarmView, LoginAlarmView};
use crate::write::{Write, not_for_you, nothing_here};
use crate::{Caller, Platform, Problem};

const TABLES: [&str; 3] = ["login_alarms", "call_alarms", "domains"];

/// The routes.
pub(super) fn routes() -> OpenApiRouter<Platform> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(read)).routes(routes!(acknowledge))
}

fn acknowledged_json(at: Option<Time>, by: Option<&UserId>) -> Value {
    at.map_or(Value::Null, |at| json!({ "at": at.millis(), "by": by }))
}

fn login_json(alarm: &LoginAlarmView) -> Value {
    let row = &alarm.row;
    json!({
        "id": row.id,
        "domain": alarm.domain_name,
        "urgency": "medium",
        "type": "login",
        "timestamp": row.at.millis(),
        "payload": {
            "user": row.user,
            "failures": row.failures,
            "windowSeconds": row.window_s,
        },
        "acknowledged": acknowledged_json(row.acknowledged_at, row.acknowledged_by.as_ref()),
    })
}

/// The value stands where the rule looks for it: in its section of the statistics.
fn call_json(alarm: &CallAlarmView) -> Value {
    let row = &alarm.row;
    json!({
        "id": row.id,
        "domain": alarm.domain_name,
        "urgency": "medium",
        "type": "call",
        "timestamp": row.at.millis(),
        "payload": {
            "callid": row.opening,
            "user": row.user,
            "value": { &row.rule.section: [{ "id": row.media, &row.rule.value: row.value }] },
            "alarm": row.rule,
        },
        "acknowledged": acknowledged_json(row.acknowledged_at, row.acknowledged_by.as_ref()),
    })
}

/// Of which kind alarms are wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Login,
    Call,
}

fn kind(query: &mut Query) -> Result<Option<Kind>, Problem> {
    match query.take("type")?.as_deref() {
        None => Ok(None),
        Some("login") => Ok(Some(Kind::Login)),
        Some("call") => Ok(Some(Kind::Call)),
        Some(_) => Err(Problem::parameter("type", "type", "`type` is `login` or `call`.")),
    }
}

fn require(caller: &Caller, action: Action) -> Result<(), Problem> {
    if allows(caller, action, &Target::Alarms).is_allowed() { Ok(()) } else { Err(not_for_you()) }
}

/// Alarms, newest first.
#[utoipa::path(get, path = "/alarms", tag = "alarms", operation_id = "listAlarms",
    params(
        ("user" = Option<String>, Query, description = "Only about this user (id or `wac-user:<id>`)"),
        ("domain" = Option<String>, Query, description = "Only of this domain (name or id)"),
        ("type" = Option<String>, Query, description = "Only `login` or only `call`"),
        ("limit" = Option<u64>, Query, description = "At most this many", minimum = 1, maximum = 1000),
        ("cursor" = Option<String>, Query, description = "Where the page starts, from a `Link` header"),
    ),
    responses((status = 200, description = "The alarms", body = Vec<schemas::Alarm>)))]
async fn list(State(platform): State<Platform>, caller: Caller, mut query: Query) -> Result<Response, Problem> {
    require(&caller, Action::List)?;
    let original = query.clone();
    let page = query.page()?;
    let user: Option<UserId> = query.take("user")?.map(|user| user_id(&user));
    let domain = query.take("domain")?;
    let wanted = kind(&mut query)?;
    query.settle(&platform, &TABLES).await?;
    let mut filter = AlarmFilter { user, domain: None };
    if let Some(domain) = domain {
        filter.domain = platform.find_domain(&domain).await?;
        if filter.domain.is_none() {
            return Ok(axum::Json(json!([])).into_response());
        }
    }
    let mut found: Vec<(String, Value)> = Vec::new();
    if wanted != Some(Kind::Call) {
        let alarms = platform.reads.login_alarms(&filter, &page).await?;
        found.extend(alarms.iter().map(|alarm| (alarm.row.id.clone(), login_json(alarm))));
    }
    if wanted != Some(Kind::Login) {
        let alarms = platform.reads.call_alarms(&filter, &page).await?;
        found.extend(alarms.iter().map(|alarm| (alarm.row.id.clone(), call_json(alarm))));
    }
    // Ids are those of events, which rise with time.
    found.sort_by(|(a, _), (b, _)| b.cmp(a));
    found.truncate(page.limit);
    let last = found.last().map(|(id, _)| id.clone());
    let (read, shown) = (found.len(), found.into_iter().map(|(_, alarm)| alarm).collect());
    Ok(lists::answer(shown, read, last, &page, &original))
}

/// One alarm.
#[utoipa::path(get, path = "/alarms/{id}", tag = "alarms", operation_id = "readAlarm",
    params(("id" = String, Path, description = "The alarm's id")),
    responses((status = 200, description = "The alarm", body = schemas::Alarm)))]
async fn read(
    State(platform): State<Platform>,
    caller: Caller,
    IdInPath(id): IdInPath,
    query: Query,
) -> Result<Response, Problem> {
    require(&caller, Action::Read)?;
    query.settle(&platform, &TABLES).await?;
    let alarm = platform.settled_alarm(&id).await?;
    Ok(axum::Json(alarm.json()).into_response())
}

/// Takes notice of an alarm; once is enough, again changes nothing.
#[utoipa::path(post, path = "/alarms/{id}/acknowledgement", tag = "alarms", operation_id = "acknowledgeAlarm",
    params(("id" = String, Path, description = "The alarm's id")),
    responses((status = 200, description = "The alarm", body = schemas::Alarm)))]
async fn acknowledge(
    State(platform): State<Platform>,
    write: Write,
    IdInPath(id): IdInPath,
    query: Query,
) -> Result<Response, Problem> {
    query.finish()?;
    write.require(Action::Change, &Target::Alarms)?;
    let found = platform.settled_alarm(&id).await?;
    let alarm = EventId(Uuid::parse_str(&id).map_err(|_| nothing_here())?);
    let command = found.acknowledgement(alarm, write.caller.user.clone());
    let done = write.run(&platform, &*command, &Bytes::new()).await?;
    platform.waiter.wait_for(&TABLES, done.position(), platform.config.read_patience).await?;
    let now = platform.alarm(&id).await?.unwrap_or(found);
    let shown = now.json();
    let version = if shown["acknowledged"].is_null() { 1 } else { 2 };
    Ok(done.changed(&shown, version))
}

/// An alarm of any kind.
enum Found {
    Login(LoginAlarmView),
    Call(CallAlarmView),
}

impl Found {
    fn json(&self) -> Value {
        match self {
            Found::Login(alarm) => login_json(alarm),
            Found::Call(alarm) => call_json(alarm),
        }
    }

    /// What somebody does who takes notice of it.
    fn acknowledgement(&self, alarm: EventId, by: Option<UserId>) -> Box<dyn Command> {
        match self {
            Found::Login(LoginAlarmView { row, .. }) => {
                let (login, domain) = (LoginKey(row.login.clone()), row.domain.clone());
                Box::new(AcknowledgeLoginAlarm { login, domain, alarm, by })
            }
            Found::Call(CallAlarmView { row, .. }) => {
                let (id, domain, opening) = (row.media.clone(), row.domain.clone(), row.opening.clone());
                Box::new(AcknowledgeCallAlarm { id, domain, opening, alarm, rule: row.rule.id.clone(), by })
            }
        }
    }
}

impl Platform {
    /// An alarm of any kind.
    async fn alarm(&self, id: &str) -> Result<Option<Found>, Problem> {
        if let Some(alarm) = self.reads.login_alarm(id).await? {
            return Ok(Some(Found::Login(alarm)));
        }
        Ok(self.reads.call_alarm(id).await?.map(Found::Call))
    }

    /// The same, from read models that have seen everything there is; 404 if there is none.
    async fn settled_alarm(&self, id: &str) -> Result<Found, Problem> {
        if let Some(found) = self.alarm(id).await? {
            return Ok(found);
        }
        self.caught_up(&TABLES).await?;
        self.alarm(id).await?.ok_or_else(nothing_here)
    }
}
