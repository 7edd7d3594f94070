//! `/alarms`: what should not have happened so often. So far: failed log-ins (guide §5.1.6.2).

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wac_events::UserId;

use super::common::{IdInPath, user_id};
use super::{lists, schemas};
use crate::policy::{Action, Target, allows};
use crate::reading::Query;
use crate::reads::{AlarmFilter, LoginAlarmView};
use crate::write::{not_for_you, nothing_here};
use crate::{Caller, Platform, Problem};

const TABLES: [&str; 2] = ["login_alarms", "domains"];

/// The routes.
pub(super) fn routes() -> OpenApiRouter<Platform> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(read))
}

fn alarm_json(alarm: &LoginAlarmView) -> Value {
    json!({
        "id": alarm.id,
        "domain": alarm.domain_name,
        "urgency": "medium",
        "type": "login",
        "timestamp": alarm.at.millis(),
        "payload": {
            "user": alarm.user,
            "failures": alarm.failures,
            "windowSeconds": alarm.window_s,
        },
    })
}

fn require(caller: &Caller, action: Action) -> Result<(), Problem> {
    if allows(caller, action, &Target::Alarms).is_allowed() { Ok(()) } else { Err(not_for_you()) }
}

/// Alarms, newest first.
#[utoipa::path(get, path = "/alarms", tag = "alarms", operation_id = "listAlarms",
    params(
        ("user" = Option<String>, Query, description = "Only about this user (id or `wac-user:<id>`)"),
        ("domain" = Option<String>, Query, description = "Only of this domain (name or id)"),
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
    query.settle(&platform, &TABLES).await?;
    let mut filter = AlarmFilter { user, domain: None };
    if let Some(domain) = domain {
        filter.domain = platform.find_domain(&domain).await?;
        if filter.domain.is_none() {
            return Ok(axum::Json(json!([])).into_response());
        }
    }
    let alarms = platform.reads.login_alarms(&filter, &page).await?;
    let last = alarms.last().map(|alarm| alarm.id.clone());
    Ok(lists::answer(alarms.iter().map(alarm_json).collect(), alarms.len(), last, &page, &original))
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
    let mut alarm = platform.reads.login_alarm(&id).await?;
    if alarm.is_none() {
        platform.caught_up(&TABLES).await?;
        alarm = platform.reads.login_alarm(&id).await?;
    }
    Ok(axum::Json(alarm_json(&alarm.ok_or_else(nothing_here)?)).into_response())
}
