//! What can be asked.

use std::sync::Arc;

use async_graphql::connection::{Connection, EmptyFields};
use async_graphql::{Context, ID, InputObject, Object, OneofObject, Result, SimpleObject};
use serde_json::Value;
use wac_events::{CredentialId, DomainId, ReadRequest, StreamId, UserId};

use super::enums::{CredentialType, Role};
use super::events::{Event, EventPage, History};
use super::history::{HISTORY_ENTRIES_MAX, Part, history};
use super::lists::{self, PAGE_FIRST, page_cost};
use super::moment::Moment;
use super::objects::{Client, Credential, Domain, Me, User};
use super::scalars::{DateTime, Position};
use super::session::{AsOf, ObjectRef, moment, platform, position_of, session};
use crate::events::{PAGE_EVENTS_MAX, Wanted, catalogue_types, scope, shown};
use crate::reads::{CredentialFilter, UserFilter};
use crate::sapi::{effective_capabilities, service_capabilities};
use crate::{Platform, Problem};

/// How many events a page has unless asked otherwise.
const EVENTS_FIRST: i32 = 100;

type Page<T> = Connection<String, T, EmptyFields, EmptyFields>;

/// Which user.
#[derive(OneofObject)]
pub(super) enum UserRef {
    /// By id; `wac-user:<id>` is taken, too.
    Id(ID),
    /// By name: `name@domain`, or a bare name in the caller's own domain.
    Username(String),
}

/// Which domain.
#[derive(OneofObject)]
pub(super) enum DomainRef {
    /// By id.
    Id(ID),
    /// By name.
    Name(String),
}

/// Which users. Every condition given must hold.
#[derive(InputObject, Default)]
pub(super) struct UserConditions {
    /// Only of this domain (name or id).
    domain: Option<String>,
    /// Only of this role.
    role: Option<Role>,
}

/// Which credentials. Every condition given must hold.
#[derive(InputObject, Default)]
pub(super) struct CredentialConditions {
    /// Only of this type.
    #[graphql(name = "type")]
    kind: Option<CredentialType>,
    /// Only of this user.
    user: Option<ID>,
    /// Only of this domain (name or id).
    domain: Option<String>,
}

/// What the caller can do.
#[derive(SimpleObject)]
pub(super) struct Capabilities {
    /// What follows from the services of his domain.
    domain: Vec<String>,
    /// Forced (`+name`) and pruned (`-name`) ones of his own.
    user: Vec<String>,
    /// What results.
    effective: Vec<String>,
}

/// The end of the log.
#[derive(SimpleObject)]
pub(super) struct Head {
    /// Position of the last event.
    position: Position,
    /// When it was recorded.
    recorded_at: DateTime,
}

/// Which events. Every condition given must hold.
#[derive(InputObject, Default)]
pub(super) struct EventConditions {
    /// Only of this stream, `user-<id>`.
    stream: Option<String>,
    /// Only these types; `user.*` is all of an aggregate's.
    #[graphql(name = "type", default)]
    types: Vec<String>,
    /// Only of this domain (name or id).
    domain: Option<String>,
}

impl From<EventConditions> for Wanted {
    fn from(conditions: EventConditions) -> Self {
        Self { stream: conditions.stream, types: conditions.types, domain: conditions.domain }
    }
}

/// What can be asked. `asOf` asks it of the past.
pub(super) struct PlatformQuery;

/// What can be asked. `asOf` asks it of the past.
#[Object]
impl PlatformQuery {
    /// The caller.
    async fn me(&self, ctx: &Context<'_>, as_of: Option<AsOf>) -> Result<Me> {
        Ok(Me { moment: moment(ctx, as_of).await? })
    }

    /// One domain; null if there is none the caller may see.
    async fn domain(&self, ctx: &Context<'_>, by: DomainRef, as_of: Option<AsOf>) -> Result<Option<Domain>> {
        let moment = moment(ctx, as_of).await?;
        let mut found = find_domain(&moment, &by).await?;
        if found.is_none() && moment.position.is_none() {
            platform(ctx).caught_up(&["domains"]).await?;
            found = find_domain(&moment, &by).await?;
        }
        Ok(found.and_then(|view| Domain::seen(&session(ctx).caller, view, &moment)))
    }

    /// The domains the caller may see.
    #[graphql(complexity = "page_cost(first, child_complexity)")]
    async fn domains(
        &self,
        ctx: &Context<'_>,
        #[graphql(default_with = "PAGE_FIRST")] first: i32,
        after: Option<String>,
        as_of: Option<AsOf>,
    ) -> Result<Page<Domain>> {
        let moment = moment(ctx, as_of).await?;
        Ok(lists::domains(&session(ctx).caller, &moment, first, after).await?)
    }

    /// One user; null if there is none the caller may see.
    async fn user(&self, ctx: &Context<'_>, by: UserRef, as_of: Option<AsOf>) -> Result<Option<User>> {
        let moment = moment(ctx, as_of).await?;
        let mut found = find_user(ctx, &moment, &by).await?;
        if found.is_none() && moment.position.is_none() {
            platform(ctx).caught_up(&["users", "domains"]).await?;
            found = find_user(ctx, &moment, &by).await?;
        }
        Ok(found.and_then(|view| User::seen(&session(ctx).caller, view, &moment)))
    }

    /// The users the caller may see.
    #[graphql(complexity = "page_cost(first, child_complexity)")]
    async fn users(
        &self,
        ctx: &Context<'_>,
        #[graphql(default)] filter: UserConditions,
        #[graphql(default_with = "PAGE_FIRST")] first: i32,
        after: Option<String>,
        as_of: Option<AsOf>,
    ) -> Result<Page<User>> {
        let moment = moment(ctx, as_of).await?;
        let domain = domain_id(&moment, filter.domain).await?;
        let filter = UserFilter { domain, role: filter.role.map(Into::into), ..UserFilter::default() };
        Ok(lists::users(&session(ctx).caller, &moment, filter, first, after).await?)
    }

    /// One credential; null if there is none the caller may see.
    async fn credential(&self, ctx: &Context<'_>, id: ID, as_of: Option<AsOf>) -> Result<Option<Credential>> {
        let moment = moment(ctx, as_of).await?;
        let id = CredentialId::from(id.as_str());
        let mut found = moment.reads.credential(&id).await?;
        if found.is_none() && moment.position.is_none() {
            platform(ctx).caught_up(&["credentials", "domains"]).await?;
            found = moment.reads.credential(&id).await?;
        }
        Ok(found.and_then(|view| Credential::seen(&session(ctx).caller, view, &moment)))
    }

    /// The credentials the caller may see: all for administrators, his own for others.
    #[graphql(complexity = "page_cost(first, child_complexity)")]
    async fn credentials(
        &self,
        ctx: &Context<'_>,
        #[graphql(default)] filter: CredentialConditions,
        #[graphql(default_with = "PAGE_FIRST")] first: i32,
        after: Option<String>,
        as_of: Option<AsOf>,
    ) -> Result<Page<Credential>> {
        let moment = moment(ctx, as_of).await?;
        let filter = CredentialFilter {
            kind: filter.kind.map(Into::into),
            user: filter.user.map(|user| Some(user_id(&user))),
            domain: domain_id(&moment, filter.domain).await?,
            ..CredentialFilter::default()
        };
        Ok(lists::credentials(&session(ctx).caller, &moment, filter, first, after).await?)
    }

    /// One OAuth2 client; null if there is none the caller may see.
    async fn client(&self, ctx: &Context<'_>, id: ID, as_of: Option<AsOf>) -> Result<Option<Client>> {
        let moment = moment(ctx, as_of).await?;
        let id = id.as_str().into();
        let mut found = moment.reads.client(&id).await?;
        if found.is_none() && moment.position.is_none() {
            platform(ctx).caught_up(&["clients", "domains"]).await?;
            found = moment.reads.client(&id).await?;
        }
        Ok(found.and_then(|view| Client::seen(&session(ctx).caller, view, &moment)))
    }

    /// OAuth2 clients, for administrators.
    #[graphql(complexity = "page_cost(first, child_complexity)")]
    async fn clients(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only of this domain (name or id)")] domain: Option<String>,
        #[graphql(default_with = "PAGE_FIRST")] first: i32,
        after: Option<String>,
        as_of: Option<AsOf>,
    ) -> Result<Page<Client>> {
        let moment = moment(ctx, as_of).await?;
        let domain = domain_id(&moment, domain).await?;
        Ok(lists::clients(&session(ctx).caller, &moment, domain.as_ref(), first, after).await?)
    }

    /// What the caller can do; null if his domain was not there at that moment.
    async fn capabilities(&self, ctx: &Context<'_>, as_of: Option<AsOf>) -> Result<Option<Capabilities>> {
        let (caller, moment) = (&session(ctx).caller, moment(ctx, as_of).await?);
        let Some(domain) = moment.domains.load_one(caller.domain.clone()).await? else { return Ok(None) };
        let of_domain = service_capabilities(&domain.effective_services);
        let mut entries = match &caller.user {
            Some(user) => moment.users.load_one(user.clone()).await?.map(|user| user.capabilities).unwrap_or_default(),
            None => Vec::new(),
        };
        let guest = caller.role == wac_events::Role::Anonymous && caller.grant == wac_events::GrantKind::Anonymous;
        if guest && entries.is_empty() {
            entries = domain.anonymous_capabilities;
        }
        let effective = effective_capabilities(&of_domain, &entries);
        Ok(Some(Capabilities { domain: of_domain, user: entries, effective }))
    }

    /// Events, oldest first. Administrators see all, a user those of his own record.
    #[graphql(complexity = "events_cost(limit, child_complexity)")]
    #[allow(clippy::too_many_arguments)]
    async fn events(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only of this stream, `user-<id>`")] stream: Option<String>,
        #[graphql(name = "type", default, desc = "Only these types; `user.*` is all of an aggregate's")] types: Vec<
            String,
        >,
        #[graphql(desc = "Only of this domain (name or id)")] domain: Option<String>,
        #[graphql(desc = "Only positions greater than this")] after: Option<Position>,
        #[graphql(desc = "Only positions less than this")] before: Option<Position>,
        #[graphql(default_with = "EVENTS_FIRST", desc = "At most this many, 1 to 1,000")] limit: i32,
        #[graphql(desc = "Only what was there at that moment")] as_of: Option<AsOf>,
    ) -> Result<EventPage> {
        let (platform, session) = (platform(ctx), session(ctx));
        let limit = bounded(limit, PAGE_EVENTS_MAX)?;
        let filter = scope(platform, &session.caller, Wanted { stream, types, domain }).await?;
        let until = end(platform, before, as_of).await?;
        let after = after.map_or(wac_events::Position::START, Into::into);
        let page = platform.log.read(ReadRequest { after, before: until, filter, limit }).await?;
        let has_next_page = page.events.len() >= limit;
        let last = page.events.last().map(|event| event.position).filter(|_| has_next_page);
        let present = session.present(platform);
        let events = shown(page.events, &*platform.keys).await?;
        let events = events.into_iter().map(|event| Event::new(event, &present)).collect();
        Ok(EventPage { events, has_next_page, scanned_to: last.unwrap_or(page.scanned_to).into() })
    }

    /// Who changed which field of an object when, and what caused it. For administrators, and for a
    /// user of his own record.
    #[graphql(complexity = "events_cost(limit, child_complexity)")]
    async fn history(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The object")] of: ObjectRef,
        #[graphql(desc = "Only positions greater than this")] after: Option<Position>,
        #[graphql(default_with = "EVENTS_FIRST", desc = "At most this many, 1 to 1,000")] limit: i32,
        #[graphql(desc = "As it was told at that moment")] as_of: Option<AsOf>,
    ) -> Result<History> {
        let limit = bounded(limit, HISTORY_ENTRIES_MAX)?;
        let until = match as_of {
            Some(as_of) => Some(position_of(platform(ctx), as_of).await?),
            None => None,
        };
        let stream = StreamId::of(of.kind.aggregate(), user_id(&of.id).as_str());
        let after = after.map_or(wac_events::Position::START, Into::into);
        Ok(history(ctx, stream, Part { after, until, limit }).await?)
    }

    /// The end of the log, or where a moment of the past is.
    async fn head(&self, ctx: &Context<'_>, as_of: Option<AsOf>) -> Result<Head> {
        let platform = platform(ctx);
        let head = platform.log.head().await?;
        let Some(as_of) = as_of else {
            return Ok(Head { position: head.position.into(), recorded_at: DateTime(head.recorded_at) });
        };
        let position = position_of(platform, as_of).await?;
        let after = wac_events::Position(position.0.saturating_sub(1));
        let request = ReadRequest { after, before: None, filter: wac_events::EventFilter::default(), limit: 1 };
        let page = platform.log.read(request).await?;
        let at = page.events.first().filter(|event| event.position == position);
        let recorded_at = DateTime(at.map_or(wac_events::Time::EPOCH, |event| event.recorded_at));
        Ok(Head { position: position.into(), recorded_at })
    }

    /// Every event type and version there is, with the JSON Schema of its payload.
    async fn event_types(&self) -> Vec<Value> {
        catalogue_types()
    }
}

/// What a list of events costs.
fn events_cost(limit: i32, child_complexity: usize) -> usize {
    page_cost(limit, child_complexity)
}

fn bounded(limit: i32, max: usize) -> Result<usize, Problem> {
    usize::try_from(limit).ok().filter(|limit| (1..=max).contains(limit)).ok_or_else(|| {
        Problem::invalid("validation_failed", format!("`limit` is a whole number from 1 to {max}.")).at("/limit")
    })
}

/// Where a list of events ends: before `before`, and with what was there at a moment.
async fn end(
    platform: &Platform,
    before: Option<Position>,
    as_of: Option<AsOf>,
) -> Result<Option<wac_events::Position>, Problem> {
    let until = match as_of {
        Some(as_of) => Some(position_of(platform, as_of).await?.0 + 1),
        None => None,
    };
    if before.is_some_and(|before| before.0 == 0) {
        return Err(Problem::invalid("validation_failed", "`before` is a position from 1 on.").at("/before"));
    }
    let ends = [before.map(|before| before.0), until];
    Ok(ends.into_iter().flatten().min().map(wac_events::Position))
}

/// `<id>` of `<id>` or `wac-user:<id>`.
pub(super) fn user_id(id: &ID) -> UserId {
    crate::sapi::common::user_id(id.as_str())
}

async fn find_domain(moment: &Arc<Moment>, by: &DomainRef) -> Result<Option<crate::reads::DomainView>, Problem> {
    Ok(match by {
        DomainRef::Id(id) => moment.domains.load_one(DomainId::from(id.as_str())).await?,
        DomainRef::Name(name) => moment.reads.domain_by_name(&name.to_lowercase()).await?,
    })
}

/// The id of the domain a filter names at a moment; one that is not there stays as it is and
/// matches nothing.
pub(super) async fn domain_id(moment: &Arc<Moment>, reference: Option<String>) -> Result<Option<DomainId>, Problem> {
    let Some(reference) = reference else { return Ok(None) };
    let named = moment.reads.domain_by_name(&reference.to_lowercase()).await?;
    Ok(Some(named.map_or_else(|| DomainId::from(reference), |domain| domain.id)))
}

async fn find_user(
    ctx: &Context<'_>,
    moment: &Arc<Moment>,
    by: &UserRef,
) -> Result<Option<crate::reads::UserView>, Problem> {
    let name = match by {
        UserRef::Id(id) => return moment.users.load_one(user_id(id)).await,
        UserRef::Username(name) => name,
    };
    let (name, domain) = match name.rsplit_once('@') {
        Some((name, domain)) => match moment.reads.domain_by_name(&domain.to_lowercase()).await? {
            Some(domain) => (name, domain.id),
            None => return Ok(None),
        },
        None => (name.as_str(), session(ctx).caller.domain.clone()),
    };
    let Ok(key) = wac_commands::name_key(&*platform(ctx).keys, &domain, name) else { return Ok(None) };
    let filter = UserFilter { domain: Some(domain), name_key: Some(key), ..UserFilter::default() };
    let one = crate::reads::PageOf { after: None, limit: 1 };
    Ok(moment.reads.users(&filter, &one).await?.pop())
}
