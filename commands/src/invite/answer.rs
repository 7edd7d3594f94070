//! What becomes of an invitation.

use std::collections::BTreeSet;

use wac_events::invite::{
    CancelReason, InviteAccepted, InviteCancelled, InviteCandidateAdded, InviteCandidateRemoved, InviteDeclined,
    InviteEnded, InviteExpired,
};
use wac_events::room::JoinReason;
use wac_events::{InviteId, InviteKind, RoomRef, StreamId, UserId};

use super::outcome::{completed, fact, failed, unassigned};
use super::*;
use crate::room::{Room, Seating, seat_reads};
use crate::{Context, Fact, Rejection, World};

/// The invitation, still ringing at this moment.
fn ringing<'a>(world: &'a World, ctx: &Context, id: &InviteId) -> Result<&'a Invite, Rejection> {
    let invite = world.invite(id);
    match invite.status {
        InviteStatus::Absent => Err(Rejection::NotFound { what: "invite", id: id.to_string() }),
        InviteStatus::Ringing if ctx.now < invite.ring_until => Ok(invite),
        InviteStatus::Ringing | InviteStatus::Accepted(_) | InviteStatus::Over(_) => Err(Rejection::InviteOver),
    }
}

/// The invitation, of which this user is a candidate who has not refused it.
fn for_candidate<'a>(world: &'a World, ctx: &Context, id: &InviteId, user: &UserId) -> Result<&'a Invite, Rejection> {
    match world.invite(id).candidates.get(user) {
        None => Err(Rejection::NotFound { what: "invite", id: id.to_string() }),
        Some(Candidate::Declined(_)) => Err(Rejection::InviteOver),
        Some(Candidate::Ringing | Candidate::Absent) => ringing(world, ctx, id),
    }
}

pub(crate) fn check_code(code: u16) -> Result<(), Rejection> {
    if (400..700).contains(&code) {
        Ok(())
    } else {
        Err(Rejection::invalid("error_code_invalid", "/errorCode", "a call code is a number from 400 to 699"))
    }
}

pub(super) fn reads(command: &AcceptInvite, world: &World) -> Vec<StreamId> {
    let invite = world.invite(&command.invite);
    let mut streams = outcome::reads(world, &command.invite);
    streams.push(command.by.stream());
    let seated = match invite.kind {
        InviteKind::Invite => &command.by.user,
        InviteKind::InviteRequest => &invite.from,
    };
    streams.push(seated.presence_stream());
    if let Some(room) = room_of(command, invite) {
        streams.push(room.stream());
        streams.extend(seat_reads(world, room, seated));
    }
    streams.extend(command.not_in.iter().map(RoomRef::stream));
    streams.extend(command.decline.iter().flat_map(|other| outcome::reads(world, other)));
    if let Some(transfer) = &invite.transfer {
        let transferor = &world.transfer(transfer).by;
        streams.push(transferor.agent_stream());
    }
    streams
}

/// The room that accepting leads into.
fn room_of<'a>(command: &'a AcceptInvite, invite: &'a Invite) -> Option<&'a RoomRef> {
    match invite.kind {
        InviteKind::Invite => invite.room.as_ref(),
        InviteKind::InviteRequest => command.room.as_ref(),
    }
}

pub(super) fn accept(command: &AcceptInvite, world: &World, ctx: &Context) -> Result<Vec<Fact>, Rejection> {
    let invite = for_candidate(world, ctx, &command.invite, &command.by.user)?;
    command.by.check(world)?;
    let elsewhere = |room: &RoomRef| {
        let state = world.room(room);
        state.seats_of(&command.by.user).any(|(session, _)| *session != command.by.session)
    };
    if command.not_in.iter().any(elsewhere) {
        return Err(Rejection::InACall);
    }
    let missing = || Rejection::invalid("room_invalid", "/roomId", "name the room the caller is let into");
    let room = room_of(command, invite).ok_or_else(missing)?;
    let mut seating = match invite.kind {
        InviteKind::Invite => Seating::open(world, ctx, room).map_err(|_| Rejection::InviteOver)?,
        InviteKind::InviteRequest => Seating::open(world, ctx, room)?,
    };
    check_seats(command, world, invite, seating.room())?;
    let completion = completed(world, ctx, invite, &mut seating);
    take_seat(command, invite, &mut seating)?;
    let accepted = InviteAccepted {
        by: command.by.user.clone(),
        session: command.by.session.clone(),
        room: room.clone(),
        opening: seating.room().opening.clone(),
        at: ctx.now,
    };
    let mut facts = vec![fact(invite, accepted)];
    facts.extend(seating.facts());
    facts.extend(completion);
    if invite.kind == InviteKind::InviteRequest {
        // The agent sat in the room before: no seat of his stands for this contact.
        facts.extend(unassigned(world, ctx, invite));
    }
    let others: BTreeSet<&InviteId> = command.decline.iter().filter(|other| **other != command.invite).collect();
    for other in others {
        if let Ok(other) = for_candidate(world, ctx, other, &command.by.user) {
            facts.extend(declined(world, ctx, other, &command.by.user, CODE_BUSY));
        }
    }
    Ok(facts)
}

/// Whoever is to take a seat may: who was invited, or, of a request, who asked to be let in.
fn check_seats(command: &AcceptInvite, world: &World, invite: &Invite, room: &Room) -> Result<(), Rejection> {
    let seated = |session| room.seats.contains_key(session);
    match invite.kind {
        InviteKind::Invite => {
            let transferred_away = invite.transfer.is_some() && !room.has(&invite.from);
            if invite.opening.as_ref() != Some(&room.opening) || transferred_away {
                return Err(Rejection::InviteOver);
            }
            if seated(&command.by.session) { Err(Rejection::AlreadyJoined) } else { Ok(()) }
        }
        InviteKind::InviteRequest => {
            if !seated(&command.by.session) {
                return Err(Rejection::NotAParticipant);
            }
            invite.caller().check(world).map_err(|_| Rejection::InviteOver)?;
            if seated(&invite.from_session) { Err(Rejection::AlreadyJoined) } else { Ok(()) }
        }
    }
}

fn take_seat(command: &AcceptInvite, invite: &Invite, seating: &mut Seating<'_>) -> Result<(), Rejection> {
    let (device, via) = match invite.kind {
        InviteKind::Invite if invite.agent().is_some() => (command.by.clone(), JoinReason::Assigned),
        InviteKind::Invite => (command.by.clone(), JoinReason::Accepted),
        InviteKind::InviteRequest => (invite.caller(), JoinReason::Accepted),
    };
    seating.join(&device, via, Some(invite.id.clone()))
}

/// A candidate refuses; of a group it is over when nobody is left who rings.
fn declined(world: &World, ctx: &Context, invite: &Invite, by: &UserId, code: u16) -> Vec<Fact> {
    let over = !invite.is_for_group();
    let mut facts = vec![fact(invite, InviteDeclined { by: by.clone(), code, over, at: ctx.now })];
    if over {
        facts.extend(failed(world, ctx, invite, code));
    } else if !others_ring(invite, by) {
        facts.push(fact(invite, InviteEnded { code: CODE_UNAVAILABLE, at: ctx.now }));
        facts.extend(failed(world, ctx, invite, CODE_UNAVAILABLE));
    }
    facts
}

fn others_ring(invite: &Invite, but: &UserId) -> bool {
    invite.candidates.iter().any(|(user, candidate)| user != but && *candidate == Candidate::Ringing)
}

pub(super) fn decline(command: &DeclineInvite, world: &World, ctx: &Context) -> Result<Vec<Fact>, Rejection> {
    check_code(command.code)?;
    let invite = for_candidate(world, ctx, &command.invite, &command.by)?;
    Ok(declined(world, ctx, invite, &command.by, command.code))
}

pub(super) fn cancel(command: &CancelInvite, world: &World, ctx: &Context) -> Result<Vec<Fact>, Rejection> {
    check_code(command.code)?;
    let invite = world.invite(&command.invite);
    if command.by.as_ref().is_some_and(|by| *by != invite.from) {
        return Err(Rejection::NotFound { what: "invite", id: command.invite.to_string() });
    }
    let invite = ringing(world, ctx, &command.invite)?;
    let kept = match command.unless {
        Some(Unless::Registered) => world.presence(&invite.from).has_device(),
        Some(Unless::Seated) => sits(world, invite),
        None => false,
    };
    if kept {
        return Ok(Vec::new());
    }
    Ok(cancelled(world, ctx, &command.invite, command.code, command.reason))
}

/// Whether the caller sits in the room his invitation leads into.
fn sits(world: &World, invite: &Invite) -> bool {
    let Some(room) = invite.room.as_ref().map(|room| world.room(room)) else { return false };
    invite.opening.as_ref() == Some(&room.opening) && room.has(&invite.from)
}

/// The caller's side gives it up; nothing if it is over.
pub(crate) fn cancelled(world: &World, ctx: &Context, id: &InviteId, code: u16, reason: CancelReason) -> Vec<Fact> {
    let invite = world.invite(id);
    if !invite.is_ringing() {
        return Vec::new();
    }
    let mut facts = vec![fact(invite, InviteCancelled { code, reason, at: ctx.now })];
    facts.extend(failed(world, ctx, invite, code));
    facts
}

pub(super) fn expire(command: &ExpireInvite, world: &World, ctx: &Context) -> Result<Vec<Fact>, Rejection> {
    let invite = world.invite(&command.invite);
    if !invite.is_ringing() || invite.ring_until != command.ring_until || ctx.now < invite.ring_until {
        return Ok(Vec::new());
    }
    let mut facts = vec![fact(invite, InviteExpired { at: ctx.now })];
    facts.extend(failed(world, ctx, invite, CODE_TIMEOUT));
    Ok(facts)
}

pub(super) fn add(command: &AddCandidate, world: &World, ctx: &Context) -> Result<Vec<Fact>, Rejection> {
    let invite = for_candidate(world, ctx, &command.invite, &command.device.user)?;
    let ringable = world.presence(&command.device.user).devices.get(&command.device.session);
    if !ringable.is_some_and(|device| device.ringable) {
        return Ok(Vec::new());
    }
    let (user, session) = (command.device.user.clone(), command.device.session.clone());
    Ok(vec![fact(invite, InviteCandidateAdded { user, session })])
}

pub(super) fn remove(command: &RemoveCandidate, world: &World, ctx: &Context) -> Result<Vec<Fact>, Rejection> {
    let invite = for_candidate(world, ctx, &command.invite, &command.user)?;
    let rings = invite.candidates.get(&command.user) == Some(&Candidate::Ringing);
    if !rings || world.presence(&command.user).has_ringable() {
        return Ok(Vec::new());
    }
    let mut facts = vec![fact(invite, InviteCandidateRemoved { user: command.user.clone() })];
    if !others_ring(invite, &command.user) {
        facts.push(fact(invite, InviteEnded { code: CODE_UNAVAILABLE, at: ctx.now }));
        facts.extend(failed(world, ctx, invite, CODE_UNAVAILABLE));
    }
    Ok(facts)
}
