//! From whom somebody wants to reach to who rings.

use std::collections::BTreeSet;

use wac_events::{Activity, Callee, Reserved, RoomRef, StreamId, UserId};

use super::{CODE_BUSY, CODE_NOT_FOUND, CODE_UNAVAILABLE, Target};
use crate::{Rejection, World, agent, presence};

/// Who rings for a target, or why nobody does.
pub(super) struct Resolved {
    /// Whom the invitation is for.
    pub(super) callee: Callee,
    /// Who has a device.
    pub(super) ringing: Vec<UserId>,
    /// Who has none, but will ring as soon as he has one.
    pub(super) absent: Vec<UserId>,
    /// The call code if nobody rings.
    pub(super) nobody: u16,
}

fn named(world: &World, target: &Target) -> Option<UserId> {
    match target {
        Target::Name { key, .. } => {
            world.reservation(&Reserved::Username(key.clone())).holder.as_deref().map(UserId::from)
        }
        Target::User(user) | Target::Agent(user) => Some(user.clone()),
        Target::Group(_) => None,
    }
}

/// The streams a target leads to.
pub(crate) fn reads(world: &World, target: &Target, streams: &mut Vec<StreamId>) {
    match target {
        Target::Name { key, .. } => streams.push(Reserved::Username(key.clone()).stream()),
        Target::Group(group) => {
            streams.push(group.stream());
            for user in &world.group(group).users {
                streams.push(user.presence_stream());
                streams.extend(presence::call_streams(world, user));
            }
        }
        Target::Agent(user) => streams.push(user.agent_stream()),
        Target::User(_) => {}
    }
    if let Some(user) = named(world, target) {
        streams.extend([user.stream(), user.presence_stream()]);
        streams.extend(presence::call_streams(world, &user));
    }
}

/// Whom a target is, whether or not he can be reached.
pub(crate) fn callee_of(world: &World, target: &Target) -> Result<Callee, Rejection> {
    if let Target::Group(id) = target {
        return if world.group(id).exists() { Ok(Callee::Group(id.clone())) } else { Err(Rejection::CalleeUnknown) };
    }
    let user = named(world, target).filter(|user| world.user(user).exists()).ok_or(Rejection::CalleeUnknown)?;
    Ok(if matches!(target, Target::Agent(_)) { Callee::Agent(user) } else { Callee::User(user) })
}

/// Who rings. `caller` does not ring himself, who sits in `room` neither.
pub(super) fn resolve(
    world: &World,
    target: &Target,
    caller: &UserId,
    room: Option<&RoomRef>,
    busy: Option<&BTreeSet<UserId>>,
) -> Result<Resolved, Rejection> {
    let busy = |user: &UserId| busy.is_some_and(|known| known.contains(user) || presence::is_in_a_call(world, user));
    let seated = |user: &UserId| room.is_some_and(|room| world.room(room).has(user));
    match target {
        Target::Name { .. } | Target::User(_) => {
            let user = named(world, target).filter(|user| world.user(user).exists());
            let user = user.ok_or(Rejection::CalleeUnknown)?;
            if user == *caller {
                return Err(Rejection::invalid("callee_self", "/to", "nobody invites himself"));
            }
            if seated(&user) {
                return Err(Rejection::AlreadyJoined);
            }
            Ok(one(world, Callee::User(user.clone()), &user, busy(&user)))
        }
        Target::Agent(user) => {
            let free = agent::is_idle(world, user) && is_available(world, user) && !busy(user);
            if !free || user == caller || seated(user) {
                return Err(Rejection::AgentBusy);
            }
            Ok(one(world, Callee::Agent(user.clone()), user, false))
        }
        Target::Group(id) => {
            let group = world.group(id);
            if !group.exists() {
                return Err(Rejection::CalleeUnknown);
            }
            let members = group.users.iter().filter(|user| *user != caller && !seated(user));
            let (ringing, absent): (Vec<UserId>, Vec<UserId>) =
                members.filter(|user| !busy(user)).cloned().partition(|user| world.presence(user).has_ringable());
            Ok(Resolved { callee: Callee::Group(id.clone()), ringing, absent, nobody: CODE_UNAVAILABLE })
        }
    }
}

fn one(world: &World, callee: Callee, user: &UserId, busy: bool) -> Resolved {
    let ringing = if busy || !world.presence(user).has_ringable() { vec![] } else { vec![user.clone()] };
    let nobody = if busy { CODE_BUSY } else { CODE_NOT_FOUND };
    Resolved { callee, ringing, absent: Vec::new(), nobody }
}

/// An agent who is there and says so, or says nothing.
fn is_available(world: &World, user: &UserId) -> bool {
    let presence = world.presence(user);
    let willing = matches!(presence.activity, Activity::Available | Activity::Unknown);
    world.user(user).exists() && presence.has_ringable() && willing
}
