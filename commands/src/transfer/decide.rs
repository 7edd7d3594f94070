use wac_events::invite::CancelReason;
use wac_events::room::{JoinReason, LeaveReason};
use wac_events::transfer::{
    TransferAccepted, TransferCompleted, TransferCreated, TransferDeclined, TransferFailed, TransferKind,
};
use wac_events::{Callee, InviteId, InviteKind, RoomRef, StreamId, Time, TransferEvent, TransferId, UserId};

use super::*;
use crate::invite::{
    CODE_BUSY, CODE_NOT_FOUND, CODE_UNAVAILABLE, Sender, Target, TargetedInvite, callee_of, cancelled, check_code,
    outcome_reads, send, target_reads,
};
use crate::room::{Room, Seating, agents_in, seat_reads};
use crate::{Context, Device, Fact, Rejection, World};

fn fact(domain: &wac_events::DomainId, id: &TransferId, event: impl Into<TransferEvent>) -> Fact {
    Fact::of(domain, id.stream(), event.into())
}

/// The open room in which the transferor's device sits, and the one other person there.
fn shared<'a>(world: &'a World, room: &RoomRef, by: &Device) -> Result<(&'a Room, UserId), Rejection> {
    let state = world.room(room);
    if !state.open {
        return Err(Rejection::NotFound { what: "room", id: room.id.to_string() });
    }
    if !state.seats.contains_key(&by.session) {
        return Err(Rejection::NotAParticipant);
    }
    let mut others = state.people.keys().filter(|user| **user != by.user);
    match (others.next(), others.next()) {
        (Some(party), None) => Ok((state, party.clone())),
        _ => Err(Rejection::TransferAmbiguous),
    }
}

fn others_in(room: &Room, user: &UserId) -> bool {
    room.people.keys().any(|other| other != user)
}

fn check_new(world: &World, ctx: &Context, id: &TransferId, until: Time) -> Result<(), Rejection> {
    if world.transfer(id).version > 0 {
        return Err(Rejection::AlreadyExists { what: "transfer", id: id.to_string() });
    }
    if until <= ctx.now {
        return Err(Rejection::invalid("deadline_invalid", "/until", "a deadline lies in the future"));
    }
    Ok(())
}

pub(super) fn blind(command: &BlindTransfer, world: &World, ctx: &Context) -> Result<Vec<Fact>, Rejection> {
    check_new(world, ctx, &command.id, command.until)?;
    command.by.check(world)?;
    let (room, party) = shared(world, &command.room, &command.by)?;
    let to = callee_of(world, &command.to)?;
    if matches!(&to, Callee::User(user) | Callee::Agent(user) if *user == party || *user == command.by.user) {
        return Err(Rejection::AlreadyJoined);
    }
    let created = TransferCreated {
        id: command.id.clone(),
        domain: room.domain.clone(),
        kind: TransferKind::Blind,
        by: command.by.user.clone(),
        by_session: command.by.session.clone(),
        party,
        room: command.room.clone(),
        opening: room.opening.clone(),
        to: Some(to),
        target_room: None,
        mediatypes: command.mediatypes,
        until: command.until,
        at: ctx.now,
    };
    Ok(vec![fact(&room.domain, &command.id, created)])
}

pub(super) fn attended(command: &AttendedTransfer, world: &World, ctx: &Context) -> Result<Vec<Fact>, Rejection> {
    check_new(world, ctx, &command.id, command.until)?;
    command.by.check(world)?;
    let (room, party) = shared(world, &command.room, &command.by)?;
    let target = world.room(&command.target_room);
    if !target.open {
        return Err(Rejection::NotFound { what: "room", id: command.target_room.id.to_string() });
    }
    if !target.has(&command.by.user) || command.target_room == command.room {
        return Err(Rejection::NotAParticipant);
    }
    if target.has(&party) {
        return Err(Rejection::AlreadyJoined);
    }
    if !others_in(target, &command.by.user) {
        return Err(Rejection::TransferAmbiguous);
    }
    let created = TransferCreated {
        id: command.id.clone(),
        domain: room.domain.clone(),
        kind: TransferKind::Attended,
        by: command.by.user.clone(),
        by_session: command.by.session.clone(),
        party,
        room: command.room.clone(),
        opening: room.opening.clone(),
        to: None,
        target_room: Some(command.target_room.clone()),
        mediatypes: wac_events::MediaTypes { audio: true, video: false, screen: false },
        until: command.until,
        at: ctx.now,
    };
    Ok(vec![fact(&room.domain, &command.id, created)])
}

/// The transfer, of which this user is the party, still waiting for its answer.
fn asked<'a>(world: &'a World, ctx: &Context, id: &TransferId, by: &UserId) -> Result<&'a Transfer, Rejection> {
    let transfer = world.transfer(id);
    if transfer.status == TransferStatus::Absent || transfer.party != *by {
        return Err(Rejection::NotFound { what: "transfer", id: id.to_string() });
    }
    if transfer.status == TransferStatus::Asked && ctx.now < transfer.until {
        Ok(transfer)
    } else {
        Err(Rejection::TransferOver)
    }
}

fn target_of(transfer: &Transfer) -> Option<Target> {
    transfer.to.as_ref().map(|callee| match callee {
        Callee::User(user) => Target::User(user.clone()),
        Callee::Group(group) => Target::Group(group.clone()),
        Callee::Agent(user) => Target::Agent(user.clone()),
    })
}

pub(super) fn reads(command: &AcceptTransfer, world: &World) -> Vec<StreamId> {
    let transfer = world.transfer(&command.transfer);
    let mut streams = vec![command.transfer.stream(), command.by.stream(), command.invite.stream()];
    if transfer.status == TransferStatus::Absent {
        return streams;
    }
    for room in [&transfer.room].into_iter().chain(&transfer.target_room) {
        streams.push(room.stream());
        streams.extend(agents_in(world.room(room)));
    }
    if let Some(room) = &transfer.target_room {
        streams.extend(seat_reads(world, room, &command.by.user));
    }
    if let Some(target) = target_of(transfer) {
        target_reads(world, &target, &mut streams);
    }
    streams
}

pub(super) fn accept(command: &AcceptTransfer, world: &World, ctx: &Context) -> Result<Vec<Fact>, Rejection> {
    let transfer = asked(world, ctx, &command.transfer, &command.by.user)?;
    command.by.check(world)?;
    let room = world.room(&transfer.room);
    let together = room.open && room.opening == transfer.opening && room.has(&transfer.by);
    if !together || !room.seats.contains_key(&command.by.session) {
        return Err(Rejection::TransferOver);
    }
    match (target_of(transfer), &transfer.target_room) {
        (Some(target), _) => call_target(command, transfer, target, world, ctx),
        (None, Some(target_room)) => move_party(command, transfer, target_room, world, ctx),
        (None, None) => Err(Rejection::TransferOver),
    }
}

fn accepted(command: &AcceptTransfer, transfer: &Transfer, invite: Option<InviteId>, ctx: &Context) -> Fact {
    let event = TransferAccepted { session: command.by.session.clone(), invite, at: ctx.now };
    fact(&transfer.domain, &transfer.id, event)
}

/// The target rings in the name of the party.
fn call_target(
    command: &AcceptTransfer,
    transfer: &Transfer,
    target: Target,
    world: &World,
    ctx: &Context,
) -> Result<Vec<Fact>, Rejection> {
    let sender = Sender {
        kind: InviteKind::Invite,
        by: &command.by,
        domain: &transfer.domain,
        room: Some((&transfer.room, transfer.opening.clone())),
        mediatypes: transfer.mediatypes,
        context: None,
        ring_until: command.ring_until,
        transfer: Some(transfer.id.clone()),
        busy: command.busy.as_ref(),
    };
    let invite = TargetedInvite { id: command.invite.clone(), to: target };
    let sent = match send(&sender, &invite, world, ctx) {
        Ok((_, sent)) => sent,
        Err(rejection) => return unreached(command, transfer, rejection, ctx),
    };
    let mut facts = vec![accepted(command, transfer, Some(command.invite.clone()), ctx)];
    let over = sent.iter().find_map(|fact| match &fact.event {
        wac_events::AnyEvent::Invite(wac_events::InviteEvent::Ended(ended)) => Some(ended.code),
        _ => None,
    });
    facts.extend(sent);
    if let Some(code) = over {
        facts.push(fact(&transfer.domain, &transfer.id, TransferFailed { code, at: ctx.now }));
    }
    Ok(facts)
}

/// The target that was there when the transfer was asked for cannot be called any more.
fn unreached(
    command: &AcceptTransfer,
    transfer: &Transfer,
    rejection: Rejection,
    ctx: &Context,
) -> Result<Vec<Fact>, Rejection> {
    let code = match rejection {
        Rejection::CalleeUnknown => CODE_NOT_FOUND,
        Rejection::AgentBusy => CODE_UNAVAILABLE,
        Rejection::AlreadyJoined => CODE_BUSY,
        other => return Err(other),
    };
    let failed = fact(&transfer.domain, &transfer.id, TransferFailed { code, at: ctx.now });
    Ok(vec![accepted(command, transfer, None, ctx), failed])
}

/// The party moves with all its devices that sit in the room to the one that agreed; the transferor
/// leaves both rooms, and leaves his seat to it.
fn move_party(
    command: &AcceptTransfer,
    transfer: &Transfer,
    target_room: &RoomRef,
    world: &World,
    ctx: &Context,
) -> Result<Vec<Fact>, Rejection> {
    let mut there = Seating::open(world, ctx, target_room).map_err(|_| Rejection::TransferOver)?;
    if !there.room().has(&transfer.by) || !others_in(there.room(), &transfer.by) {
        return Err(Rejection::TransferOver);
    }
    there.leave_all(&transfer.by, LeaveReason::Left, None);
    if !there.room().seats.contains_key(&command.by.session) {
        there.join(&command.by, JoinReason::Transferred, None)?;
    }
    let mut here = Seating::of(world, ctx, &transfer.room);
    here.leave_all(&command.by.user, LeaveReason::Left, None);
    here.leave_all(&transfer.by, LeaveReason::Left, None);
    let mut facts = vec![accepted(command, transfer, None, ctx)];
    facts.extend(there.facts());
    facts.extend(here.facts());
    facts.push(fact(&transfer.domain, &transfer.id, TransferCompleted { at: ctx.now }));
    Ok(facts)
}

pub(super) fn decline(command: &DeclineTransfer, world: &World, ctx: &Context) -> Result<Vec<Fact>, Rejection> {
    check_code(command.code)?;
    let transfer = asked(world, ctx, &command.transfer, &command.by)?;
    Ok(vec![fact(&transfer.domain, &transfer.id, TransferDeclined { code: command.code, at: ctx.now })])
}

/// A transfer whose target rings is given up with the invitation. When time is up the invitation's
/// own end, which lies ahead, decides.
pub(super) fn fail(command: &FailTransfer, world: &World, ctx: &Context) -> Vec<Fact> {
    let transfer = world.transfer(&command.transfer);
    let due = ctx.now >= transfer.until;
    match &transfer.status {
        TransferStatus::Asked if due || !command.when_due => {
            vec![fact(&transfer.domain, &transfer.id, TransferFailed { code: command.code, at: ctx.now })]
        }
        TransferStatus::Calling(invite) if !command.when_due => {
            cancelled(world, ctx, invite, command.code, CancelReason::RoomClosed)
        }
        TransferStatus::Absent
        | TransferStatus::Asked
        | TransferStatus::Calling(_)
        | TransferStatus::Completed
        | TransferStatus::Failed(_) => Vec::new(),
    }
}

/// The streams giving up looks at.
pub(super) fn reads_to_fail(command: &FailTransfer, world: &World) -> Vec<StreamId> {
    let mut streams = vec![command.transfer.stream()];
    if let TransferStatus::Calling(invite) = &world.transfer(&command.transfer).status {
        streams.extend(outcome_reads(world, invite));
    }
    streams
}
