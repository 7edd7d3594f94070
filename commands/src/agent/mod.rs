//! Agents of the pool: each has one contact at a time.

#[cfg(test)]
mod tests;

use wac_events::agent::{AgentAssigned, AgentReleased};
use wac_events::{AgentEvent, DomainId, InviteId, Time, UserId};

use crate::{Context, Fact, World};

/// The capability of who belongs to the pool.
pub const AGENT_CAPABILITY: &str = "c2cagent";

/// An agent's state.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Agent {
    /// Events so far.
    pub version: u64,
    /// What he has.
    pub invite: Option<InviteId>,
    /// Since when he has been idle; `None` if he never had anything.
    pub idle_since: Option<Time>,
}

/// Folds one event.
#[must_use]
pub fn evolve(mut state: Agent, event: &AgentEvent) -> Agent {
    state.version += 1;
    match event {
        AgentEvent::Assigned(assigned) => state.invite = Some(assigned.invite.clone()),
        AgentEvent::Released(released) => {
            state.invite = None;
            state.idle_since = Some(released.at);
        }
    }
    state
}

/// Whether he has nothing.
pub(crate) fn is_idle(world: &World, user: &UserId) -> bool {
    world.agent(user).invite.is_none()
}

/// The fact that he is given an invitation.
pub(crate) fn assigned(domain: &DomainId, ctx: &Context, user: &UserId, invite: &InviteId) -> Fact {
    let event = AgentAssigned { user: user.clone(), invite: invite.clone(), at: ctx.now };
    Fact::of(domain, user.agent_stream(), AgentEvent::from(event))
}

/// The fact that he is idle again, if this is what he has.
pub(crate) fn released(
    world: &World,
    ctx: &Context,
    domain: &DomainId,
    user: &UserId,
    invite: &InviteId,
) -> Option<Fact> {
    if world.agent(user).invite.as_ref() != Some(invite) {
        return None;
    }
    let event = AgentReleased { user: user.clone(), invite: invite.clone(), at: ctx.now };
    Some(Fact::of(domain, user.agent_stream(), AgentEvent::from(event)))
}
