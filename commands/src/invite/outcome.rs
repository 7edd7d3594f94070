//! What follows from an outcome in the same append: the agent is idle again, the transfer is
//! completed or has failed.

use wac_events::room::LeaveReason;
use wac_events::transfer::{TransferCompleted, TransferFailed};
use wac_events::{InviteEvent, InviteId, StreamId, TransferEvent};

use super::Invite;
use crate::room::Seating;
use crate::{Context, Fact, World, agent};

/// The streams every outcome of an invitation looks at.
pub(crate) fn reads(world: &World, id: &InviteId) -> Vec<StreamId> {
    let invite = world.invite(id);
    let mut streams = vec![id.stream()];
    streams.extend(invite.agent().map(wac_events::UserId::agent_stream));
    streams.extend(invite.transfer.as_ref().map(wac_events::TransferId::stream));
    streams
}

/// A fact of an invitation.
pub(super) fn fact(invite: &Invite, event: impl Into<InviteEvent>) -> Fact {
    Fact::of(&invite.domain, invite.id.stream(), event.into())
}

/// The agent it was assigned to is idle again.
pub(super) fn unassigned(world: &World, ctx: &Context, invite: &Invite) -> Option<Fact> {
    invite.agent().and_then(|user| agent::released(world, ctx, &invite.domain, user, &invite.id))
}

/// The invitation has come to nothing with this call code.
pub(super) fn failed(world: &World, ctx: &Context, invite: &Invite, code: u16) -> Vec<Fact> {
    let mut facts: Vec<Fact> = unassigned(world, ctx, invite).into_iter().collect();
    if let Some(id) = &invite.transfer {
        let transfer = world.transfer(id);
        if transfer.is_pending() {
            let event = TransferEvent::from(TransferFailed { code, at: ctx.now });
            facts.push(Fact::of(&transfer.domain, id.stream(), event));
        }
    }
    facts
}

/// The target of a transfer has answered: the transferor leaves the room, and leaves his seat to it.
pub(super) fn completed(world: &World, ctx: &Context, invite: &Invite, seating: &mut Seating<'_>) -> Vec<Fact> {
    let Some(id) = &invite.transfer else { return Vec::new() };
    let transfer = world.transfer(id);
    if !transfer.is_pending() {
        return Vec::new();
    }
    seating.leave_all(&transfer.by, LeaveReason::Left, None);
    let event = TransferEvent::from(TransferCompleted { at: ctx.now });
    vec![Fact::of(&transfer.domain, id.stream(), event)]
}
