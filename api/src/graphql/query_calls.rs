//! What can be asked about sessions, presence, groups, conferences, agents and alarms.

use std::sync::Arc;

use async_graphql::connection::{Connection, EmptyFields};
use async_graphql::{Context, ID, InputObject, Object, Result};
use wac_events::{GroupId, OpeningId, SessionId};

use super::lists::{PAGE_FIRST, page_cost};
use super::lists_calls;
use super::moment::Moment;
use super::objects::{
    Agent, CallAlarm, Conference, DeviceSession, LoginAlarm, Presence, Reachability, User, UsersGroup,
};
use super::query::{domain_id, user_id};
use super::scalars::DateTime;
use super::session::{AsOf, moment, platform, session};
use crate::Problem;
use crate::reads::{AgentFilter, AlarmFilter, ConferenceFilter, GroupFilter, PresenceView, SessionFilter};
use crate::write::nothing_here;

/// How many conferences there are unless asked otherwise.
const CONFERENCES_FIRST: i32 = 10;
/// What an entry of the conference log costs: it is made of several lists.
const CONFERENCE_COST: usize = 5;

type Page<T> = Connection<String, T, EmptyFields, EmptyFields>;

/// Which sessions. Every condition given must hold.
#[derive(InputObject, Default)]
struct SessionConditions {
    /// Only of this user.
    user: Option<ID>,
    /// Only of users of this domain (name or id).
    domain: Option<String>,
}

/// Which users groups. Every condition given must hold.
#[derive(InputObject, Default)]
struct UsersGroupConditions {
    /// Only of this domain (name or id).
    domain: Option<String>,
    /// Only those this user is in.
    participant: Option<ID>,
}

/// Which conferences. Every condition given must hold.
#[derive(InputObject, Default)]
struct ConferenceConditions {
    /// Only those this user sat in or was invited to.
    user: Option<ID>,
    /// Only those of rooms of this domain (name or id).
    domain: Option<String>,
    /// Only those opened after this.
    after: Option<DateTime>,
    /// Only those opened before this.
    before: Option<DateTime>,
}

/// Which alarms. Every condition given must hold.
#[derive(InputObject, Default)]
struct AlarmConditions {
    /// Only about this user.
    user: Option<ID>,
    /// Only of this domain (name or id).
    domain: Option<String>,
}

/// What can be asked about calls and who takes part in them.
#[derive(Default)]
pub(super) struct CallsQuery;

/// What can be asked about calls and who takes part in them.
#[Object]
impl CallsQuery {
    /// One open session; null if there is none the caller may see.
    async fn session(&self, ctx: &Context<'_>, id: ID, as_of: Option<AsOf>) -> Result<Option<DeviceSession>> {
        let moment = moment(ctx, as_of).await?;
        let id = SessionId::from(id.as_str());
        let mut found = moment.reads.session(&id).await?;
        if found.is_none() && moment.position.is_none() {
            platform(ctx).caught_up(&["sessions", "domains"]).await?;
            found = moment.reads.session(&id).await?;
        }
        Ok(found.and_then(|view| DeviceSession::seen(&session(ctx).caller, view, &moment)))
    }

    /// Open sessions: all for administrators, his own for others.
    #[graphql(complexity = "page_cost(first, child_complexity)")]
    async fn sessions(
        &self,
        ctx: &Context<'_>,
        #[graphql(default)] filter: SessionConditions,
        #[graphql(default_with = "PAGE_FIRST")] first: i32,
        after: Option<String>,
        as_of: Option<AsOf>,
    ) -> Result<Page<DeviceSession>> {
        let moment = moment(ctx, as_of).await?;
        let domain = domain_id(&moment, filter.domain).await?;
        let filter = SessionFilter { user: filter.user.map(|user| user_id(&user)), domain };
        Ok(lists_calls::sessions(&session(ctx).caller, &moment, filter, first, after).await?)
    }

    /// A user's presence; null if there is no such user the caller may see.
    async fn presence(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whose; left out: the caller's own")] user: Option<ID>,
        as_of: Option<AsOf>,
    ) -> Result<Option<Presence>> {
        let moment = moment(ctx, as_of).await?;
        let Some(id) = user.map(|user| user_id(&user)).or_else(|| session(ctx).caller.user.clone()) else {
            return Ok(None);
        };
        if User::load(ctx, &moment, &id).await?.is_none() {
            return Ok(None);
        }
        let known = moment.reads.presence_of(std::slice::from_ref(&id)).await?.remove(&id);
        Ok(Some(Presence::of(known.unwrap_or_else(|| PresenceView::unknown(id)), &moment)))
    }

    /// One users group; null if there is none the caller may see.
    async fn users_group(&self, ctx: &Context<'_>, id: ID, as_of: Option<AsOf>) -> Result<Option<UsersGroup>> {
        let moment = moment(ctx, as_of).await?;
        let id = GroupId::from(id.strip_prefix("wac-group:").unwrap_or(&id));
        let mut found = moment.reads.group(&id).await?;
        if found.is_none() && moment.position.is_none() {
            platform(ctx).caught_up(&["groups", "domains"]).await?;
            found = moment.reads.group(&id).await?;
        }
        Ok(found.and_then(|view| UsersGroup::seen(&session(ctx).caller, view, &moment)))
    }

    /// The users groups the caller may see: those of his domain, for administrators all.
    #[graphql(complexity = "page_cost(first, child_complexity)")]
    async fn users_groups(
        &self,
        ctx: &Context<'_>,
        #[graphql(default)] filter: UsersGroupConditions,
        #[graphql(default_with = "PAGE_FIRST")] first: i32,
        after: Option<String>,
        as_of: Option<AsOf>,
    ) -> Result<Page<UsersGroup>> {
        let moment = moment(ctx, as_of).await?;
        let domain = domain_id(&moment, filter.domain).await?;
        let filter = GroupFilter { domain, participant: filter.participant.map(|user| user_id(&user)) };
        Ok(lists_calls::groups(&session(ctx).caller, &moment, filter, first, after).await?)
    }

    /// One conference; null if there is none the caller may see.
    #[graphql(complexity = "CONFERENCE_COST + child_complexity")]
    async fn conference(&self, ctx: &Context<'_>, id: ID, as_of: Option<AsOf>) -> Result<Option<Conference>> {
        let moment = moment(ctx, as_of).await?;
        let id = OpeningId::from(id.as_str());
        let mut found = moment.reads.conference(&id).await?;
        if found.is_none() && moment.position.is_none() {
            platform(ctx).caught_up(&crate::sapi::conferences::TABLES).await?;
            found = moment.reads.conference(&id).await?;
        }
        let Some(view) = found else { return Ok(None) };
        Ok(Conference::seen(&session(ctx).caller, &view, &moment)?)
    }

    /// Conferences, newest first: all for administrators, else those the caller sat in or was invited to.
    #[graphql(complexity = "page_cost(first, CONFERENCE_COST + child_complexity)")]
    async fn conferences(
        &self,
        ctx: &Context<'_>,
        #[graphql(default)] filter: ConferenceConditions,
        #[graphql(default_with = "CONFERENCES_FIRST")] first: i32,
        after: Option<String>,
        as_of: Option<AsOf>,
    ) -> Result<Page<Conference>> {
        let moment = moment(ctx, as_of).await?;
        let filter = ConferenceFilter {
            user: filter.user.map(|user| user_id(&user)),
            domain: domain_id(&moment, filter.domain).await?,
            after: filter.after.map(|after| after.0),
            before: filter.before.map(|before| before.0),
        };
        Ok(lists_calls::conferences(&session(ctx).caller, &moment, filter, first, after).await?)
    }

    /// Agents: all for administrators, the caller himself for others if he is one.
    #[graphql(complexity = "page_cost(first, child_complexity)")]
    async fn agents(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only those of this domain (name or id)")] domain: Option<String>,
        #[graphql(default_with = "PAGE_FIRST")] first: i32,
        after: Option<String>,
        as_of: Option<AsOf>,
    ) -> Result<Page<Agent>> {
        let moment = moment(ctx, as_of).await?;
        let filter = AgentFilter { user: None, domain: domain_id(&moment, domain).await? };
        Ok(lists_calls::agents(&session(ctx).caller, &moment, filter, first, after).await?)
    }

    /// Alarms about failed log-ins, newest first, for administrators.
    #[graphql(complexity = "page_cost(first, child_complexity)")]
    async fn login_alarms(
        &self,
        ctx: &Context<'_>,
        #[graphql(default)] filter: AlarmConditions,
        #[graphql(default_with = "PAGE_FIRST")] first: i32,
        after: Option<String>,
        as_of: Option<AsOf>,
    ) -> Result<Page<LoginAlarm>> {
        let moment = moment(ctx, as_of).await?;
        let filter = alarm_filter(&moment, filter).await?;
        Ok(lists_calls::login_alarms(&session(ctx).caller, &moment, filter, first, after).await?)
    }

    /// Alarms about calls whose media broke a rule, newest first, for administrators.
    #[graphql(complexity = "page_cost(first, child_complexity)")]
    async fn call_alarms(
        &self,
        ctx: &Context<'_>,
        #[graphql(default)] filter: AlarmConditions,
        #[graphql(default_with = "PAGE_FIRST")] first: i32,
        after: Option<String>,
        as_of: Option<AsOf>,
    ) -> Result<Page<CallAlarm>> {
        let moment = moment(ctx, as_of).await?;
        let filter = alarm_filter(&moment, filter).await?;
        Ok(lists_calls::call_alarms(&session(ctx).caller, &moment, filter, first, after).await?)
    }

    /// Who would ring if an address were called now; null if nobody has it whom the caller may see.
    #[graphql(complexity = "CONFERENCE_COST + child_complexity")]
    async fn reachability(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "A username, `name@domain`, `wac-user:<id>`, `wac-group:<id>`, or `wac-agent`")]
        address: String,
        #[graphql(desc = "The domain (name or id) in which it is called; left out: the caller's own")] domain: Option<
            String,
        >,
    ) -> Result<Option<Reachability>> {
        let (platform, caller) = (platform(ctx), &session(ctx).caller);
        let domain = match domain {
            Some(domain) => match platform.find_domain(&domain).await? {
                Some(domain) => domain,
                None => return Ok(None),
            },
            None => caller.domain.clone(),
        };
        match platform.reachability_for(caller, &domain, &address).await {
            Ok(shown) => Ok(Some(shown.into())),
            Err(problem) if is_nothing(&problem) => Ok(None),
            Err(problem) => Err(problem.into()),
        }
    }
}

async fn alarm_filter(moment: &Arc<Moment>, conditions: AlarmConditions) -> Result<AlarmFilter, Problem> {
    let domain = domain_id(moment, conditions.domain).await?;
    Ok(AlarmFilter { user: conditions.user.map(|user| user_id(&user)), domain })
}

fn is_nothing(problem: &Problem) -> bool {
    problem.status == nothing_here().status
}
