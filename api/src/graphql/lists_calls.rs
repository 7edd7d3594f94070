//! Lists of sessions, groups, conferences, agents and alarms.

use std::sync::Arc;

use async_graphql::connection::{Connection, Edge, EmptyFields};
use wac_events::Role;

use super::lists::{connection, cursor, page};
use super::moment::Moment;
use super::objects::{Agent, CallAlarm, Conference, DeviceSession, LoginAlarm, UsersGroup};
use crate::policy::{Action, Target, allows};
use crate::reads::{AgentFilter, AlarmFilter, ConferenceFilter, GroupFilter, SessionFilter};
use crate::write::not_for_you;
use crate::{Caller, Problem};

/// How many pages of the log are looked through for one page of conferences.
const LOG_PAGES_MAX: usize = 20;

type Page<T> = Connection<String, T, EmptyFields, EmptyFields>;

/// Open sessions: all for administrators, his own for others.
pub(super) async fn sessions(
    caller: &Caller,
    moment: &Arc<Moment>,
    mut filter: SessionFilter,
    first: i32,
    after: Option<String>,
) -> Result<Page<DeviceSession>, Problem> {
    let (first, page) = page(first, after)?;
    let mut empty = false;
    if caller.role != Role::Admin {
        empty = caller.user.is_none() || filter.user.as_ref().is_some_and(|user| Some(user) != caller.user.as_ref());
        filter.user.clone_from(&caller.user);
    }
    let found = if empty { Vec::new() } else { moment.reads.sessions(&filter, &page).await? };
    let seen = |view| DeviceSession::seen(caller, view, moment);
    Ok(connection(found, first, page.after.is_some(), |view| view.id.as_str(), seen))
}

/// Users groups: all for administrators, those of his domain for a user.
pub(super) async fn groups(
    caller: &Caller,
    moment: &Arc<Moment>,
    mut filter: GroupFilter,
    first: i32,
    after: Option<String>,
) -> Result<Page<UsersGroup>, Problem> {
    let (first, page) = page(first, after)?;
    let mut empty = false;
    if caller.role != Role::Admin {
        empty = filter.domain.as_ref().is_some_and(|domain| *domain != caller.domain);
        filter.domain = Some(caller.domain.clone());
    }
    let found = if empty { Vec::new() } else { moment.reads.groups(&filter, &page).await? };
    let seen = |view| UsersGroup::seen(caller, view, moment);
    Ok(connection(found, first, page.after.is_some(), |view| view.id.as_str(), seen))
}

/// Conferences, newest first: all for administrators, else those the caller had to do with.
pub(super) async fn conferences(
    caller: &Caller,
    moment: &Arc<Moment>,
    mut filter: ConferenceFilter,
    first: i32,
    after: Option<String>,
) -> Result<Page<Conference>, Problem> {
    let (first, page) = page(first, after)?;
    let mut empty = false;
    if caller.role != Role::Admin {
        empty = caller.user.is_none() || filter.user.as_ref().is_some_and(|user| Some(user) != caller.user.as_ref());
        filter.user.clone_from(&caller.user);
    }
    let (mut found, mut next) = (Vec::new(), page.after);
    let has_previous = next.is_some();
    for _ in 0..if empty { 0 } else { LOG_PAGES_MAX } {
        let some = moment.reads.conferences(&filter, next.take(), page.limit).await?;
        found.extend(some.conferences);
        next = some.next;
        if next.is_none() || found.len() > first {
            break;
        }
    }
    let more = next.is_some() || found.len() > first;
    found.truncate(first);
    let mut page = Page::new(has_previous, more);
    for view in &found {
        let node = Conference::seen(caller, view, moment)?;
        page.edges.extend(node.map(|node| Edge::new(cursor(view.room.opening.as_str()), node)));
    }
    Ok(page)
}

/// Agents: all for administrators, himself for others.
pub(super) async fn agents(
    caller: &Caller,
    moment: &Arc<Moment>,
    mut filter: AgentFilter,
    first: i32,
    after: Option<String>,
) -> Result<Page<Agent>, Problem> {
    let (first, page) = page(first, after)?;
    let mut empty = false;
    if caller.role != Role::Admin {
        empty = caller.user.is_none();
        filter.user.clone_from(&caller.user);
    }
    let found = if empty { Vec::new() } else { moment.reads.agents(&filter, &page).await? };
    let seen = |view| Agent::seen(caller, view, moment);
    Ok(connection(found, first, page.after.is_some(), |view| view.user.as_str(), seen))
}

/// Alarms about calls, newest first, for administrators.
pub(super) async fn call_alarms(
    caller: &Caller,
    moment: &Arc<Moment>,
    filter: AlarmFilter,
    first: i32,
    after: Option<String>,
) -> Result<Page<CallAlarm>, Problem> {
    if !allows(caller, Action::List, &Target::Alarms).is_allowed() {
        return Err(not_for_you());
    }
    let (first, page) = page(first, after)?;
    let found = moment.reads.call_alarms(&filter, &page).await?;
    Ok(connection(
        found,
        first,
        page.after.is_some(),
        |view| view.row.id.as_str(),
        |view| CallAlarm::seen(caller, view),
    ))
}

/// Alarms about log-ins, newest first, for administrators.
pub(super) async fn login_alarms(
    caller: &Caller,
    moment: &Arc<Moment>,
    filter: AlarmFilter,
    first: i32,
    after: Option<String>,
) -> Result<Page<LoginAlarm>, Problem> {
    if !allows(caller, Action::List, &Target::Alarms).is_allowed() {
        return Err(not_for_you());
    }
    let (first, page) = page(first, after)?;
    let found = moment.reads.login_alarms(&filter, &page).await?;
    let seen = |view| LoginAlarm::seen(caller, view, moment);
    Ok(connection(found, first, page.after.is_some(), |view| view.row.id.as_str(), seen))
}
