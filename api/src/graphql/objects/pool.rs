//! Agents, alarms and reachability.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, Object, Result, SimpleObject};
use wac_signaling::Transport as Reach;

use super::{Presence, User};
use crate::Caller;
use crate::graphql::moment::Moment;
use crate::graphql::scalars::{DateTime, Long};
use crate::policy::{Action, Target, allows};
use crate::reads::{AgentView, CallAlarmView, LoginAlarmView};
use crate::sapi::reachability::{ShownDevice, ShownReachability};

/// What an agent is up to.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::reads::AgentState")]
pub(in crate::graphql) enum AgentState {
    /// He can be given a contact.
    Available,
    /// He has one.
    Busy,
    /// He is there, but says that he does something else.
    Away,
    /// He is not there.
    Offline,
}

/// Somebody of a domain's agents' pool.
pub(in crate::graphql) struct Agent {
    view: AgentView,
    moment: Arc<Moment>,
}

impl Agent {
    /// The agent, if the caller may see him as one.
    pub(in crate::graphql) fn seen(caller: &Caller, view: AgentView, moment: &Arc<Moment>) -> Option<Self> {
        let allowed = allows(caller, Action::Read, &Target::Agent(&view.user)).is_allowed();
        allowed.then(|| Self { view, moment: moment.clone() })
    }
}

/// Somebody of a domain's agents' pool.
#[Object]
impl Agent {
    /// Who.
    async fn user(&self, ctx: &Context<'_>) -> Result<Option<User>> {
        User::load(ctx, &self.moment, &self.view.user).await
    }

    /// Who: a user's id.
    async fn user_id(&self) -> ID {
        ID::from(self.view.user.as_str())
    }

    /// The name of his domain, whose pool he belongs to.
    async fn domain_name(&self) -> &str {
        &self.view.domain_name
    }

    /// What he is up to.
    async fn state(&self) -> AgentState {
        self.view.state().into()
    }

    /// Whether he is there, and what he says of himself.
    async fn presence(&self) -> Presence {
        Presence::of(self.view.presence.clone(), &self.moment)
    }

    /// The invitation he has been given.
    async fn invite_id(&self) -> Option<ID> {
        self.view.invite.as_ref().map(|id| ID::from(id.as_str()))
    }

    /// Since when he has had nothing; null: he has something, or never had anything.
    async fn idle_since(&self) -> Option<DateTime> {
        self.view.idle_since.map(DateTime)
    }
}

/// Log-ins under one name have failed too often.
pub(in crate::graphql) struct LoginAlarm {
    view: LoginAlarmView,
    moment: Arc<Moment>,
}

impl LoginAlarm {
    /// The alarm, if the caller may see it.
    pub(in crate::graphql) fn seen(caller: &Caller, view: LoginAlarmView, moment: &Arc<Moment>) -> Option<Self> {
        let allowed = allows(caller, Action::Read, &Target::Alarms).is_allowed();
        allowed.then(|| Self { view, moment: moment.clone() })
    }
}

/// Log-ins under one name have failed too often.
#[Object]
impl LoginAlarm {
    /// Its id: that of its event.
    async fn id(&self) -> &str {
        &self.view.row.id
    }

    /// The user, if there is one of the name that was tried.
    async fn user(&self, ctx: &Context<'_>) -> Result<Option<User>> {
        match &self.view.row.user {
            Some(user) => User::load(ctx, &self.moment, user).await,
            None => Ok(None),
        }
    }

    /// The name of the domain that was tried.
    async fn domain_name(&self) -> &str {
        &self.view.domain_name
    }

    /// Failed log-ins within the window.
    async fn failures(&self) -> Long {
        Long(self.view.row.failures)
    }

    /// The window in seconds.
    async fn window_seconds(&self) -> Long {
        Long(self.view.row.window_s)
    }

    /// When.
    async fn at(&self) -> DateTime {
        DateTime(self.view.row.at)
    }

    /// When somebody took notice of it; null: nobody has.
    async fn acknowledged_at(&self) -> Option<DateTime> {
        self.view.row.acknowledged_at.map(DateTime)
    }

    /// Who did; null with a time: an OAuth2 client.
    async fn acknowledged_by(&self) -> Option<ID> {
        self.view.row.acknowledged_by.as_ref().map(|by| ID::from(by.as_str()))
    }
}

/// The rule by which an alarm is raised.
#[derive(SimpleObject)]
pub(in crate::graphql) struct CallAlarmRule {
    /// Its name.
    id: String,
    /// The section of the statistics: `ssrc` or `quality`.
    section: String,
    /// The value there.
    value: String,
    /// `>`, `>=`, `<` or `<=`.
    cond: String,
    /// What the value is compared with.
    threshold: f64,
    /// Whether the value is a share: percent of packets, or bytes a second.
    relative: bool,
}

/// The media of a call has broken a rule.
#[derive(SimpleObject)]
pub(in crate::graphql) struct CallAlarm {
    /// Its id.
    id: ID,
    /// Name of its domain.
    domain: String,
    /// The conference.
    conference_id: ID,
    /// Whose media was measured.
    user_id: ID,
    /// The rule as it was.
    rule: CallAlarmRule,
    /// The value that broke it.
    value: f64,
    /// When.
    at: DateTime,
    /// When somebody took notice of it; null: nobody has.
    acknowledged_at: Option<DateTime>,
    /// Who did; null with a time: an OAuth2 client.
    acknowledged_by: Option<ID>,
}

impl CallAlarm {
    /// The alarm, if the caller may see it.
    pub(in crate::graphql) fn seen(caller: &Caller, view: CallAlarmView) -> Option<Self> {
        let CallAlarmView { row, domain_name: domain } = view;
        let rule = row.rule;
        let cond = serde_json::to_value(rule.cond).ok()?.as_str()?.to_owned();
        allows(caller, Action::Read, &Target::Alarms).is_allowed().then(|| Self {
            id: ID::from(row.id),
            domain,
            conference_id: ID::from(row.opening.as_str()),
            user_id: ID::from(row.user.as_str()),
            rule: CallAlarmRule {
                id: rule.id,
                section: rule.section,
                value: rule.value,
                cond,
                threshold: rule.threshold,
                relative: rule.relative,
            },
            value: row.value,
            at: DateTime(row.at),
            acknowledged_at: row.acknowledged_at.map(DateTime),
            acknowledged_by: row.acknowledged_by.map(|by| ID::from(by.as_str())),
        })
    }
}

/// How a device can be reached.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "Reach")]
pub(in crate::graphql) enum Transport {
    /// It has a signaling socket: it rings.
    Signaling,
    /// It has a WAPI socket only: it is told, but does not ring.
    Wapi,
    /// It is asleep and can be woken by push.
    Push,
}

/// A device of somebody who is meant by an address.
#[derive(SimpleObject)]
pub(in crate::graphql) struct ReachableDevice {
    /// Whose: a user's id.
    user_id: ID,
    /// Its session; null for those who see the user's public fields only.
    session_id: Option<ID>,
    /// How it can be reached.
    transport: Transport,
}

/// Somebody who is meant by an address and would not ring.
#[derive(SimpleObject)]
pub(in crate::graphql) struct UnreachedUser {
    /// Who: a user's id.
    user_id: ID,
    /// Why: `no_device`, or `busy` where calls do not ring beside others (`conferenceState.allowInvitesWhileInCall`).
    reason: String,
}

/// Who would ring if an address were called now.
#[derive(SimpleObject)]
pub(in crate::graphql) struct Reachability {
    /// The address that was asked for.
    address: String,
    /// Whether anybody would ring.
    reachable: bool,
    /// The devices in the order in which they would be tried; devices of one person and members of a
    /// group ring together, agents one after the other.
    candidates: Vec<ReachableDevice>,
    /// Who else is meant.
    unreached: Vec<UnreachedUser>,
    /// The call code an invitation would end with at once; null if somebody would ring.
    error_code: Option<u16>,
}

impl From<ShownDevice> for ReachableDevice {
    fn from(ShownDevice { device, whole }: ShownDevice) -> Self {
        Self {
            user_id: ID::from(device.user_id.as_str()),
            session_id: whole.then(|| ID::from(device.session_id.as_str())),
            transport: device.transport.into(),
        }
    }
}

impl From<ShownReachability> for Reachability {
    fn from(ShownReachability { found, candidates }: ShownReachability) -> Self {
        let unreached = found.unreached.into_iter();
        Self {
            address: found.address,
            reachable: found.reachable,
            candidates: candidates.into_iter().map(Into::into).collect(),
            unreached: unreached
                .map(|who| UnreachedUser { user_id: ID::from(who.user_id.as_str()), reason: who.reason })
                .collect(),
            error_code: found.error_code,
        }
    }
}
