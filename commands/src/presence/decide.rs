use std::time::Duration;

use wac_events::presence::{
    CallEntered, DeviceEnd, DeviceRegistered, DeviceRemoved, FirstLogin, LastLogout, LoggedIn, LoggedOut,
    PresenceChanged, WentOffline, WentOnline,
};
use wac_events::{DomainId, Patch, Personal, PresenceEvent, RoomRef, SessionId, StreamId, Time, UserId};

use super::*;
use crate::rejection::Checks;
use crate::{Context, Fact, Rejection, World};

fn fact(domain: &DomainId, user: &UserId, event: impl Into<PresenceEvent>) -> Fact {
    Fact::of(domain, user.presence_stream(), event.into())
}

/// A session of the user has been opened.
pub(crate) fn logged_in(world: &World, domain: &DomainId, user: &UserId, session: &SessionId) -> Vec<Fact> {
    let mut facts = vec![fact(domain, user, LoggedIn { session: session.clone() })];
    if world.presence(user).sessions.is_empty() {
        facts.push(fact(domain, user, FirstLogin { session: session.clone() }));
    }
    facts
}

/// A session of the user has ended.
pub(crate) fn logged_out(world: &World, domain: &DomainId, user: &UserId, session: &SessionId) -> Vec<Fact> {
    let sessions = &world.presence(user).sessions;
    if !sessions.contains(session) {
        return Vec::new();
    }
    let mut facts = vec![fact(domain, user, LoggedOut { session: session.clone() })];
    if sessions.len() == 1 {
        facts.push(fact(domain, user, LastLogout { session: session.clone() }));
    }
    facts
}

/// A device can no longer be reached; nothing if it could not.
pub(crate) fn device_gone(
    world: &World,
    ctx: &Context,
    domain: &DomainId,
    user: &UserId,
    session: &SessionId,
    end: (DeviceEnd, Time),
    kept: (Duration, Duration),
) -> Vec<Fact> {
    let devices = &world.presence(user).devices;
    if !devices.contains_key(session) {
        return Vec::new();
    }
    let ((reason, lost_at), (seats, ringing)) = (end, kept);
    let removed = DeviceRemoved {
        user: user.clone(),
        session: session.clone(),
        reason,
        lost_at,
        leave_by: lost_at.plus(seats),
        unring_by: lost_at.plus(ringing),
        at: ctx.now,
    };
    let mut facts = vec![fact(domain, user, removed)];
    if devices.len() == 1 {
        facts.push(fact(domain, user, WentOffline { at: ctx.now }));
    }
    facts
}

/// The streams that say whether a user sits in a room that counts as a call; his presence has been read.
pub(crate) fn call_streams<'a>(world: &'a World, user: &UserId) -> impl Iterator<Item = StreamId> + use<'a> {
    world.presence(user).rooms.iter().map(RoomRef::stream)
}

/// Whether a user sits in a room that counts as a call.
pub(crate) fn is_in_a_call(world: &World, user: &UserId) -> bool {
    world.presence(user).rooms.iter().any(|room| world.room(room).has(user))
}

/// A user takes a seat in a room that counts as a call; nothing if his own stream names it already.
pub(crate) fn call_entered(world: &World, ctx: &Context, user: &UserId, room: &RoomRef) -> Option<Fact> {
    let known = &world.presence(user).rooms;
    if known.contains(room) {
        return None;
    }
    let still = known.iter().filter(|known| world.room(known).has(user));
    let rooms = still.chain([room]).cloned().collect();
    Some(fact(&world.user(user).domain, user, CallEntered { user: user.clone(), rooms, at: ctx.now }))
}

impl RegisterDevice {
    pub(super) fn facts(&self, world: &World, ctx: &Context) -> Result<Vec<Fact>, Rejection> {
        let (user, session) = (&self.device.user, &self.device.session);
        let state = world.session(session);
        if !state.is_open() || state.user != *user {
            return Err(Rejection::SessionClosed);
        }
        if !world.node(&self.node).is_running() {
            return Err(Rejection::NodeStopped);
        }
        let presence = world.presence(user);
        let unchanged = |known: &RegisteredDevice| known.node == self.node && known.ringable >= self.ringable;
        if self.resumed && presence.devices.get(session).is_some_and(unchanged) {
            return Ok(Vec::new());
        }
        let rings = |known: &RegisteredDevice| known.node == self.node && known.ringable;
        // A further socket that cannot ring takes nothing from a device that can, and gives it nothing.
        let rings_already = !self.ringable && presence.devices.get(session).is_some_and(rings);
        let registered = DeviceRegistered {
            user: user.clone(),
            session: session.clone(),
            node: self.node.clone(),
            ringable: self.ringable || rings_already,
            resumed: rings_already || (self.resumed && presence.devices.contains_key(session)),
            at: ctx.now,
        };
        let mut facts = vec![fact(&state.domain, user, registered)];
        if !presence.has_device() {
            facts.push(fact(&state.domain, user, WentOnline { at: ctx.now }));
        }
        Ok(facts)
    }
}

impl RemoveDevice {
    pub(super) fn facts(&self, world: &World, ctx: &Context) -> Vec<Fact> {
        let (user, session) = (&self.device.user, &self.device.session);
        let known = world.presence(user).devices.get(session);
        // A node that has ended registers nothing any more; clocks of other nodes tell nothing then.
        let ended = world.node(&self.node).devices_by.is_some();
        if !known.is_some_and(|known| known.node == self.node && (ended || known.since <= self.lost_at)) {
            return Vec::new();
        }
        let domain = &world.session(session).domain;
        let kept = (self.seats_kept, self.ringing_kept);
        device_gone(world, ctx, domain, user, session, (self.reason, self.lost_at), kept)
    }
}

impl ChangePresence {
    fn check(&self) -> Result<(), Rejection> {
        let mut checks = Checks::default();
        let short = |text: &Option<Option<String>>, chars_max: usize| {
            text.as_ref().and_then(Option::as_ref).is_none_or(|text| text.chars().count() <= chars_max)
        };
        checks.require(
            short(&self.changes.note, NOTE_CHARS_MAX),
            "note_invalid",
            "/note",
            "a note has at most 1,024 characters",
        );
        let mood = self.changes.mood.as_ref().and_then(Option::as_ref);
        let plain = mood.is_none_or(|mood| {
            (1..=MOOD_CHARS_MAX).contains(&mood.len())
                && mood.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
        });
        checks.require(plain, "mood_invalid", "/mood", "a mood is a word of RFC 4480, such as happy or in_love");
        checks.done()
    }

    pub(super) fn facts(&self, world: &World) -> Result<Vec<Fact>, Rejection> {
        self.check()?;
        let user = world.user(&self.user);
        if !user.exists() {
            return Err(Rejection::NotFound { what: "user", id: self.user.to_string() });
        }
        let presence = world.presence(&self.user);
        let note = self.changes.note.as_ref().map(|note| note.as_ref().map(Personal::new));
        let changed = PresenceChanged {
            user: self.user.clone(),
            activity: self.changes.activity.map_or(Patch::Keep, |new| Patch::between(&presence.activity, new)),
            note: note.map_or(Patch::Keep, |new| Patch::between(&presence.note, new)),
            mood: self.changes.mood.clone().map_or(Patch::Keep, |new| Patch::between(&presence.mood, new)),
        };
        if changed.activity.is_keep() && changed.note.is_keep() && changed.mood.is_keep() {
            return Ok(Vec::new());
        }
        Ok(vec![fact(&user.domain, &self.user, changed)])
    }
}
