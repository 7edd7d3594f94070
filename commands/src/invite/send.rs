//! Sending.

use std::collections::BTreeSet;

use wac_events::invite::{InviteCreated, InviteEnded};
use wac_events::{
    Callee, DomainId, InviteEvent, InviteKind, MediaTypes, OpeningId, Personal, RoomRef, Time, TransferId, UserId,
};

use super::target::{Resolved, resolve};
use super::*;
use crate::domain::open_domain;
use crate::rejection::Checks;
use crate::{Context, Device, Fact, Rejection, World, agent};

/// What all invitations of one sender have in common.
pub(crate) struct Sender<'a> {
    pub(crate) kind: InviteKind,
    pub(crate) by: &'a Device,
    pub(crate) domain: &'a DomainId,
    pub(crate) room: Option<(&'a RoomRef, OpeningId)>,
    pub(crate) mediatypes: MediaTypes,
    pub(crate) context: Option<&'a str>,
    pub(crate) ring_until: Time,
    pub(crate) transfer: Option<TransferId>,
    pub(crate) busy: Option<&'a BTreeSet<UserId>>,
}

fn check(command: &SendInvites, ctx: &Context) -> Result<(), Rejection> {
    let mut checks = Checks::default();
    let some = (1..=INVITE_TARGETS_MAX).contains(&command.invites.len());
    checks.require(some, "targets_invalid", "/to", "a request invites 1 to 50 targets");
    let distinct: BTreeSet<&str> = command.invites.iter().map(|invite| invite.id.as_str()).collect();
    checks.require(distinct.len() == command.invites.len(), "targets_invalid", "/to", "each invitation has its own id");
    let paired = command.room.is_some() == (command.kind == InviteKind::Invite);
    checks.require(paired, "room_invalid", "/roomId", "an invite names a room, an inviteRequest does not");
    let short = command.context.as_ref().is_none_or(|context| context.len() <= INVITE_CONTEXT_BYTES_MAX);
    checks.require(short, "context_invalid", "/context", "a context has at most 8,192 bytes");
    checks.require(command.ring_until > ctx.now, "deadline_invalid", "/ringUntil", "a deadline lies in the future");
    checks.done()
}

pub(super) fn decide(command: &SendInvites, world: &World, ctx: &Context) -> Result<Vec<Fact>, Rejection> {
    check(command, ctx)?;
    open_domain(world, &command.domain, "/domain")?;
    command.by.check(world)?;
    let room = match &command.room {
        Some(room) => Some((room, seated(world, room, &command.by)?)),
        None => None,
    };
    let sender = Sender {
        kind: command.kind,
        by: &command.by,
        domain: &command.domain,
        room,
        mediatypes: command.mediatypes,
        context: command.context.as_deref(),
        ring_until: command.ring_until,
        transfer: None,
        busy: command.busy.as_ref(),
    };
    let mut facts = Vec::new();
    let mut reached: Vec<Callee> = Vec::new();
    for invite in &command.invites {
        let (callee, sent) = send(&sender, invite, world, ctx)?;
        if reached.contains(&callee) {
            return Err(Rejection::invalid("targets_invalid", "/to", "each target is named once"));
        }
        reached.push(callee);
        facts.extend(sent);
    }
    Ok(facts)
}

/// The opening of a room in which the device sits.
fn seated(world: &World, room: &RoomRef, by: &Device) -> Result<OpeningId, Rejection> {
    let state = world.room(room);
    if !state.open {
        return Err(Rejection::NotFound { what: "room", id: room.id.to_string() });
    }
    if state.seats.contains_key(&by.session) { Ok(state.opening.clone()) } else { Err(Rejection::NotAParticipant) }
}

/// The facts of one invitation: it rings, or it is over at once because nobody does.
pub(crate) fn send(
    sender: &Sender<'_>,
    invite: &TargetedInvite,
    world: &World,
    ctx: &Context,
) -> Result<(Callee, Vec<Fact>), Rejection> {
    if world.invite(&invite.id).version > 0 {
        return Err(Rejection::AlreadyExists { what: "invite", id: invite.id.to_string() });
    }
    let room = sender.room.as_ref().map(|(room, _)| *room);
    let Resolved { callee, ringing, absent, nobody } = resolve(world, &invite.to, &sender.by.user, room, sender.busy)?;
    let over = ringing.is_empty();
    let created = InviteCreated {
        id: invite.id.clone(),
        domain: sender.domain.clone(),
        kind: sender.kind,
        room: room.cloned(),
        opening: sender.room.as_ref().map(|(_, opening)| opening.clone()),
        from: sender.by.user.clone(),
        from_session: sender.by.session.clone(),
        to: callee.clone(),
        candidates: ringing,
        absent,
        mediatypes: sender.mediatypes,
        context: sender.context.map(Personal::new),
        ring_until: sender.ring_until,
        transfer: sender.transfer.clone(),
        at: ctx.now,
    };
    let fact = |event: InviteEvent| Fact::of(sender.domain, invite.id.stream(), event);
    let mut facts = vec![fact(created.into())];
    if over {
        facts.push(fact(InviteEnded { code: nobody, at: ctx.now }.into()));
    } else if let Callee::Agent(user) = &callee {
        facts.push(agent::assigned(sender.domain, ctx, user, &invite.id));
    }
    Ok((callee, facts))
}
