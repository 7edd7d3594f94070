//! Lists as connections: bounded pages with cursors.

use std::sync::Arc;

use async_graphql::OutputType;
use async_graphql::connection::{Connection, Edge, EmptyFields};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use wac_events::{DomainId, Role};

use super::moment::Moment;
use super::objects::{Client, Credential, Domain, User};
use crate::policy::{Action, Target, allows};
use crate::reads::{CredentialFilter, PageOf, UserFilter};
use crate::write::not_for_you;
use crate::{Caller, Problem};

/// Most objects of one page.
pub const FIRST_MAX: usize = 500;
/// The longest list a cost is counted for.
const COST_OBJECTS_MAX: usize = 1_000;
/// How many there are unless asked otherwise.
pub(super) const PAGE_FIRST: i32 = 50;
/// How many credentials of one user there are unless asked otherwise.
pub(super) const CREDENTIALS_FIRST: i32 = 10;

/// What a page costs: what one object costs, for each.
pub(super) fn page_cost(first: i32, child_complexity: usize) -> usize {
    let first = usize::try_from(first).unwrap_or(0).clamp(1, COST_OBJECTS_MAX);
    first.saturating_mul(child_complexity).saturating_add(1)
}

/// A page of objects: those the caller may see among those found.
type Page<T> = Connection<String, T, EmptyFields, EmptyFields>;

/// The page a field asks for, with room for one more: whether there is a next page.
pub(super) fn page(first: i32, after: Option<String>) -> Result<(usize, PageOf), Problem> {
    let first = usize::try_from(first).ok().filter(|first| (1..=FIRST_MAX).contains(first)).ok_or_else(|| {
        Problem::invalid("validation_failed", format!("`first` is a whole number from 1 to {FIRST_MAX}.")).at("/first")
    })?;
    let after = after.map(|cursor| {
        let key = URL_SAFE_NO_PAD.decode(&cursor).ok().and_then(|key| String::from_utf8(key).ok());
        key.filter(|key| !key.is_empty() && !key.contains('\0')).ok_or_else(|| {
            Problem::invalid("validation_failed", "`after` is a cursor of an earlier page.").at("/after")
        })
    });
    Ok((first, PageOf { after: after.transpose()?, limit: first + 1 }))
}

/// A key as a cursor.
pub(super) fn cursor(key: &str) -> String {
    URL_SAFE_NO_PAD.encode(key)
}

pub(super) fn connection<V, T: OutputType>(
    mut found: Vec<V>,
    first: usize,
    after: bool,
    key: impl Fn(&V) -> &str,
    seen: impl Fn(V) -> Option<T>,
) -> Page<T> {
    let more = found.len() > first;
    found.truncate(first);
    let mut page = Page::new(after, more);
    for view in found {
        let cursor = cursor(key(&view));
        page.edges.extend(seen(view).map(|node| Edge::new(cursor, node)));
    }
    page
}

/// Domains: all for administrators, his own for others.
pub(super) async fn domains(
    caller: &Caller,
    moment: &Arc<Moment>,
    first: i32,
    after: Option<String>,
) -> Result<Page<Domain>, Problem> {
    let (first, page) = page(first, after)?;
    let found = if caller.role == Role::Admin {
        moment.reads.domains(None, &page).await?
    } else {
        let behind = |id: &DomainId| page.after.as_deref().is_none_or(|after| id.as_str() > after);
        let own = moment.reads.domain(&caller.domain).await?;
        own.into_iter().filter(|domain| behind(&domain.id)).collect()
    };
    let seen = |view| Domain::seen(caller, view, moment);
    Ok(connection(found, first, page.after.is_some(), |view| view.id.as_str(), seen))
}

/// Users: all for administrators, those of his domain for a user, himself for a guest.
pub(super) async fn users(
    caller: &Caller,
    moment: &Arc<Moment>,
    mut filter: UserFilter,
    first: i32,
    after: Option<String>,
) -> Result<Page<User>, Problem> {
    let (first, page) = page(first, after)?;
    let mut empty = false;
    if caller.role != Role::Admin {
        empty |= filter.domain.as_ref().is_some_and(|domain| *domain != caller.domain);
        filter.domain = Some(caller.domain.clone());
    }
    if caller.role == Role::Anonymous {
        empty |= caller.user.is_none();
        filter.id.clone_from(&caller.user);
    }
    let found = if empty { Vec::new() } else { moment.reads.users(&filter, &page).await? };
    let seen = |view| User::seen(caller, view, moment);
    Ok(connection(found, first, page.after.is_some(), |view| view.id.as_str(), seen))
}

/// Credentials: all for administrators, his own for others; for a guest the one leased to him.
pub(super) async fn credentials(
    caller: &Caller,
    moment: &Arc<Moment>,
    mut filter: CredentialFilter,
    first: i32,
    after: Option<String>,
) -> Result<Page<Credential>, Problem> {
    let (first, page) = page(first, after)?;
    let mut empty = false;
    if caller.role == Role::Anonymous && filter.user.is_none() {
        empty |= filter.domain.as_ref().is_some_and(|domain| *domain != caller.domain);
        filter.leased_by = Some(caller.token.clone());
        filter.domain = Some(caller.domain.clone());
    } else if caller.role != Role::Admin {
        empty |= caller.user.is_none() || filter.user.as_ref().is_some_and(|user| *user != caller.user);
        filter.user = Some(caller.user.clone());
    }
    let found = if empty { Vec::new() } else { moment.reads.credentials(&filter, &page).await? };
    let seen = |view| Credential::seen(caller, view, moment);
    Ok(connection(found, first, page.after.is_some(), |view| view.id.as_str(), seen))
}

/// OAuth2 clients, for administrators.
pub(super) async fn clients(
    caller: &Caller,
    moment: &Arc<Moment>,
    domain: Option<&DomainId>,
    first: i32,
    after: Option<String>,
) -> Result<Page<Client>, Problem> {
    if !allows(caller, Action::List, &Target::Clients).is_allowed() {
        return Err(not_for_you());
    }
    let (first, page) = page(first, after)?;
    let found = moment.reads.clients(domain, &page).await?;
    let seen = |view| Client::seen(caller, view, moment);
    Ok(connection(found, first, page.after.is_some(), |view| view.id.as_str(), seen))
}
