use wac_events::room::{
    JoinReason, LeaveReason, ParticipantHeld, ParticipantMuted, ParticipantUnheld, RoomCreated, RoomKind, RoomUpdated,
};
use wac_events::{OpeningId, Patch, RoomRef, StreamId, UserId};

use super::*;
use crate::domain::open_domain;
use crate::presence::is_in_a_call;
use crate::rejection::Checks;
use crate::{Context, Device, Fact, Rejection, World};

fn check_rules(rules: &RoomRules, acl: &[UserId]) -> Result<(), Rejection> {
    let mut checks = Checks::default();
    let seats = (1..=ROOM_SEATS_MAX).contains(&rules.participants_limit);
    checks.require(seats, "participants_limit_invalid", "/participantsLimit", "a room has 1 to 900 seats");
    checks.require(acl.len() <= ROOM_ACL_MAX, "acl_invalid", "/acl", "an access list has at most 1,000 entries");
    checks.done()
}

/// The domain is open, the user is one of it, and his device can be reached.
fn check_creator(world: &World, room: &RoomRef, by: &Device) -> Result<(), Rejection> {
    open_domain(world, &room.domain, "/domain")?;
    let user = world.user(&by.user);
    if !user.exists() || user.domain != room.domain {
        return Err(Rejection::NotFound { what: "user", id: by.user.to_string() });
    }
    by.check(world)
}

/// An opening's first fact.
fn created(
    room: &RoomRef,
    opening: &OpeningId,
    kind: RoomKind,
    by: &Device,
    rules: &RoomRules,
    ctx: &Context,
) -> RoomCreated {
    RoomCreated {
        room: room.id.clone(),
        opening: opening.clone(),
        domain: room.domain.clone(),
        kind,
        creator: by.user.clone(),
        owner: rules.set_owner.then(|| by.user.clone()),
        acl: Vec::new(),
        record: false,
        participants_limit: rules.participants_limit,
        bitrate_kbps: rules.bitrate_kbps,
        owner_succeeds: rules.owner_succeeds,
        hard_mute: rules.hard_mute,
        counted: rules.counted,
        at: ctx.now,
    }
}

/// Owners may; in a room without an owner any participant; administrators always.
fn check_authority(room: &Room, by: &UserId, as_admin: bool) -> Result<(), Rejection> {
    let may = match &room.owner {
        Some(owner) => owner == by,
        None => room.has(by),
    };
    if may || as_admin { Ok(()) } else { Err(Rejection::NotAllowed) }
}

fn check_participant(room: &Room, user: &UserId) -> Result<(), Rejection> {
    if room.has(user) { Ok(()) } else { Err(Rejection::NotAParticipant) }
}

impl CreateRoom {
    pub(super) fn facts(&self, world: &World, ctx: &Context) -> Result<Vec<Fact>, Rejection> {
        check_rules(&self.rules, &self.acl)?;
        check_creator(world, &self.room, &self.by)?;
        if let Some(rooms) = &self.not_in
            && (rooms.iter().any(|room| world.room(room).has(&self.by.user)) || is_in_a_call(world, &self.by.user))
        {
            return Err(Rejection::InACall);
        }
        let mut seating = Seating::of(world, ctx, &self.room);
        if seating.room().open {
            return Err(Rejection::RoomOpen);
        }
        let created = created(&self.room, &self.opening, self.kind, &self.by, &self.rules, ctx);
        seating.push(RoomCreated { acl: self.acl.clone(), record: self.record, ..created });
        seating.join(&self.by, JoinReason::Created, None)?;
        Ok(seating.facts())
    }
}

impl JoinRoom {
    pub(super) fn facts(&self, world: &World, ctx: &Context) -> Result<Vec<Fact>, Rejection> {
        let mut seating = Seating::open(world, ctx, &self.room)?;
        if seating.room().seats.contains_key(&self.by.session) {
            return Ok(Vec::new());
        }
        if !seating.room().admits(&self.by.user) {
            return Err(Rejection::NotAllowed);
        }
        self.by.check(world)?;
        seating.join(&self.by, JoinReason::Joined, None)?;
        Ok(seating.facts())
    }
}

impl EnterQuickConference {
    pub(super) fn facts(&self, world: &World, ctx: &Context) -> Result<Vec<Fact>, Rejection> {
        check_rules(&self.rules, &[])?;
        check_creator(world, &self.room, &self.by)?;
        let mut seating = Seating::of(world, ctx, &self.room);
        if seating.room().seats.contains_key(&self.by.session) {
            return Ok(Vec::new());
        }
        let via = if seating.room().open {
            JoinReason::Joined
        } else {
            seating.push(created(&self.room, &self.opening, RoomKind::Quick, &self.by, &self.rules, ctx));
            JoinReason::Created
        };
        seating.join(&self.by, via, None)?;
        Ok(seating.facts())
    }
}

impl UpdateRoom {
    pub(super) fn facts(&self, world: &World, ctx: &Context) -> Result<Vec<Fact>, Rejection> {
        let mut seating = Seating::open(world, ctx, &self.room)?;
        let room = seating.room();
        check_authority(room, &self.by, self.as_admin)?;
        let acl = self.acl.as_ref().map_or(Patch::Keep, |acl| Patch::between(&room.acl, acl.clone()));
        if let Some(acl) = acl.set()
            && acl.len() > ROOM_ACL_MAX
        {
            return Err(Rejection::invalid("acl_invalid", "/acl", "an access list has at most 1,000 entries"));
        }
        let record = self.record.map_or(Patch::Keep, |record| Patch::between(&room.record, record));
        if acl.is_keep() && record.is_keep() {
            return Ok(Vec::new());
        }
        let updated = RoomUpdated { room: room.id.clone(), opening: room.opening.clone(), acl, record };
        seating.push(updated);
        Ok(seating.facts())
    }
}

impl CloseRoom {
    pub(super) fn reads_in(&self, world: &World) -> Vec<StreamId> {
        let room = world.room(&self.room);
        [self.room.stream()].into_iter().chain(agents_in(room)).collect()
    }

    pub(super) fn facts(&self, world: &World, ctx: &Context) -> Result<Vec<Fact>, Rejection> {
        let mut seating = Seating::open(world, ctx, &self.room)?;
        if let Some(by) = &self.by {
            check_authority(seating.room(), by, self.as_admin)?;
        }
        seating.close(self.by.as_ref());
        Ok(seating.facts())
    }
}

impl LeaveRoom {
    pub(super) fn reads_in(&self, world: &World) -> Vec<StreamId> {
        let room = world.room(&self.room);
        let presence = self.unless_registered.then(|| self.device.stream());
        [self.room.stream()].into_iter().chain(presence).chain(agents_in(room)).collect()
    }

    pub(super) fn facts(&self, world: &World, ctx: &Context) -> Result<Vec<Fact>, Rejection> {
        let mut seating = Seating::of(world, ctx, &self.room);
        if !seating.room().seats.contains_key(&self.device.session) {
            return Err(Rejection::NotAParticipant);
        }
        if self.unless_registered && self.device.check(world).is_ok() {
            return Ok(Vec::new());
        }
        seating.leave(&self.device.session, self.reason, None);
        Ok(seating.facts())
    }
}

impl HoldParticipant {
    pub(super) fn facts(&self, world: &World, ctx: &Context) -> Result<Vec<Fact>, Rejection> {
        let mut seating = Seating::open(world, ctx, &self.room)?;
        check_participant(seating.room(), &self.user)?;
        let held = seating.room().people.get(&self.user).is_some_and(|person| person.held);
        let (room, opening, user) = (seating.room().id.clone(), seating.room().opening.clone(), self.user.clone());
        match (held, self.held) {
            (false, true) => seating.push(ParticipantHeld { room, opening, user }),
            (true, false) => seating.push(ParticipantUnheld { room, opening, user }),
            (true, true) | (false, false) => {}
        }
        Ok(seating.facts())
    }
}

impl MuteParticipant {
    pub(super) fn facts(&self, world: &World, ctx: &Context) -> Result<Vec<Fact>, Rejection> {
        let mut seating = Seating::open(world, ctx, &self.room)?;
        let room = seating.room();
        check_participant(room, &self.user)?;
        let person = room.people.get(&self.user).copied().unwrap_or_default();
        if self.by != self.user {
            check_authority(room, &self.by, self.as_admin)?;
        } else if !self.muted && room.hard_mute && person.moderated(self.media) {
            return Err(Rejection::NotAllowed);
        }
        let moderates = self.muted && self.by != self.user && !person.moderated(self.media);
        if person.muted(self.media) == self.muted && !moderates {
            return Ok(Vec::new());
        }
        let muted = ParticipantMuted {
            room: room.id.clone(),
            opening: room.opening.clone(),
            user: self.user.clone(),
            media: self.media,
            muted: self.muted,
            by: self.by.clone(),
        };
        seating.push(muted);
        Ok(seating.facts())
    }
}

impl ExpelParticipant {
    pub(super) fn reads_in(&self, world: &World) -> Vec<StreamId> {
        let room = world.room(&self.room);
        [self.room.stream()].into_iter().chain(agents_in(room)).collect()
    }

    pub(super) fn facts(&self, world: &World, ctx: &Context) -> Result<Vec<Fact>, Rejection> {
        let mut seating = Seating::open(world, ctx, &self.room)?;
        check_authority(seating.room(), &self.by, self.as_admin)?;
        if self.by == self.user {
            return Err(Rejection::invalid("expel_self", "/userId", "who wants to go himself leaves the room"));
        }
        check_participant(seating.room(), &self.user)?;
        seating.leave_all(&self.user, LeaveReason::Expelled, Some(&self.by));
        Ok(seating.facts())
    }
}
