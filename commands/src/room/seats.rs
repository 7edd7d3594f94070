use wac_events::room::{
    JoinReason, LeaveReason, ParticipantJoined, ParticipantLeft, RoomClosed, RoomEnd, RoomOwnerChanged,
};
use wac_events::{InviteId, RoomEvent, RoomRef, SessionId, StreamId, UserId};

use super::{Room, Seat, evolve};
use crate::{Context, Device, Fact, Rejection, World, agent, presence};

/// One room on its way through several changes of one decision.
pub(crate) struct Seating<'a> {
    world: &'a World,
    ctx: &'a Context,
    stream: StreamId,
    room: Room,
    facts: Vec<Fact>,
}

impl<'a> Seating<'a> {
    /// Starts with the room as it is.
    pub(crate) fn of(world: &'a World, ctx: &'a Context, room: &RoomRef) -> Self {
        Self { world, ctx, stream: room.stream(), room: world.room(room).clone(), facts: Vec::new() }
    }

    /// Starts with the room as it is; it must be open.
    pub(crate) fn open(world: &'a World, ctx: &'a Context, room: &RoomRef) -> Result<Self, Rejection> {
        let seating = Self::of(world, ctx, room);
        if seating.room.open { Ok(seating) } else { Err(Rejection::NotFound { what: "room", id: room.id.to_string() }) }
    }

    /// The room after what has been decided so far.
    pub(crate) fn room(&self) -> &Room {
        &self.room
    }

    /// What has been decided.
    pub(crate) fn facts(self) -> Vec<Fact> {
        self.facts
    }

    /// Adds a fact of the room.
    pub(crate) fn push(&mut self, event: impl Into<RoomEvent>) {
        let event = event.into();
        let before = std::mem::take(&mut self.room);
        self.room = evolve(before, &event);
        self.facts.push(Fact::of(&self.room.domain, self.stream.clone(), event));
    }

    /// A device takes a seat; there must be one left.
    pub(crate) fn join(&mut self, device: &Device, via: JoinReason, invite: Option<InviteId>) -> Result<(), Rejection> {
        let limit = self.room.participants_limit;
        if u64::try_from(self.room.seats.len()).unwrap_or(u64::MAX) >= u64::from(limit) {
            return Err(Rejection::ParticipantsLimit { limit });
        }
        self.push(ParticipantJoined {
            room: self.room.id.clone(),
            opening: self.room.opening.clone(),
            seat: self.room.seats_given + 1,
            user: device.user.clone(),
            session: device.session.clone(),
            via,
            invite,
            at: self.ctx.now,
        });
        if self.room.counted {
            let room = RoomRef { domain: self.room.domain.clone(), id: self.room.id.clone() };
            self.facts.extend(presence::call_entered(self.world, self.ctx, &device.user, &room));
        }
        Ok(())
    }

    /// A device gives its seat back; who owns the room and whether it ends follows.
    pub(crate) fn leave(&mut self, session: &SessionId, reason: LeaveReason, by: Option<&UserId>) {
        self.unseat(session, reason, by);
        self.settle_owner();
        self.settle_end();
    }

    /// All devices of a user give their seats back.
    pub(crate) fn leave_all(&mut self, user: &UserId, reason: LeaveReason, by: Option<&UserId>) {
        let sessions: Vec<SessionId> = self.room.seats_of(user).map(|(session, _)| session.clone()).collect();
        sessions.iter().for_each(|session| self.unseat(session, reason, by));
        self.settle_owner();
        self.settle_end();
    }

    /// Everybody leaves, and the room ends.
    pub(crate) fn close(&mut self, by: Option<&UserId>) {
        let mut seats: Vec<(u64, SessionId)> =
            self.room.seats.iter().map(|(session, seat)| (seat.number, session.clone())).collect();
        seats.sort_unstable();
        seats.iter().for_each(|(_, session)| self.unseat(session, LeaveReason::Closed, by));
        self.end(RoomEnd::Closed, by);
    }

    fn unseat(&mut self, session: &SessionId, reason: LeaveReason, by: Option<&UserId>) {
        let Some(Seat { number, user, via, invite, .. }) = self.room.seats.get(session).cloned() else { return };
        self.push(ParticipantLeft {
            room: self.room.id.clone(),
            opening: self.room.opening.clone(),
            seat: number,
            user: user.clone(),
            session: session.clone(),
            reason,
            by: by.cloned(),
            at: self.ctx.now,
        });
        if let (JoinReason::Assigned, Some(invite)) = (via, invite) {
            self.facts.extend(agent::released(self.world, self.ctx, &self.room.domain, &user, &invite));
        }
    }

    fn settle_owner(&mut self) {
        let Some(owner) = &self.room.owner else { return };
        if self.room.has(owner) || self.room.people.is_empty() {
            return;
        }
        let eldest = self.room.seats.values().min_by_key(|seat| seat.number).map(|seat| seat.user.clone());
        self.push(RoomOwnerChanged {
            room: self.room.id.clone(),
            opening: self.room.opening.clone(),
            owner: eldest.filter(|_| self.room.owner_succeeds),
        });
    }

    fn settle_end(&mut self) {
        if self.room.open && self.room.seats.is_empty() {
            self.end(RoomEnd::Empty, None);
        }
    }

    fn end(&mut self, reason: RoomEnd, by: Option<&UserId>) {
        self.push(RoomClosed {
            room: self.room.id.clone(),
            opening: self.room.opening.clone(),
            reason,
            by: by.cloned(),
            at: self.ctx.now,
        });
    }
}

/// What a seat of this user in a room that is open needs to be looked at, besides the room and his presence.
pub(crate) fn seat_reads(world: &World, room: &RoomRef, user: &UserId) -> Vec<StreamId> {
    if !world.room(room).counted {
        return Vec::new();
    }
    presence::call_streams(world, user).chain([user.stream()]).collect()
}

/// The streams of the agents who sit in a room as such: their leaving releases them.
pub(crate) fn agents_in(room: &Room) -> impl Iterator<Item = StreamId> {
    room.seats.values().filter(|seat| seat.via == JoinReason::Assigned).map(|seat| seat.user.agent_stream())
}
