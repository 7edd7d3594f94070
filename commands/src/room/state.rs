use std::collections::BTreeMap;

use wac_events::room::{JoinReason, LeaveReason, RoomKind};
use wac_events::{DomainId, InviteId, Media, NodeId, OpeningId, RoomEvent, RoomId, SessionId, Time, UserId};

/// A device's place in a room.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Seat {
    /// Its number, from 1, in the order of joining.
    pub number: u64,
    /// Whose device.
    pub user: UserId,
    /// How it came in.
    pub via: JoinReason,
    /// The invitation it accepted.
    pub invite: Option<InviteId>,
    /// When.
    pub joined_at: Time,
}

/// What holds for a participant on all his devices.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Person {
    /// Attends to something else.
    pub held: bool,
    /// His sound is muted.
    pub audio_muted: bool,
    /// His picture is muted.
    pub video_muted: bool,
    /// His sound was muted by somebody else.
    pub audio_moderated: bool,
    /// His picture was muted by somebody else.
    pub video_moderated: bool,
}

impl Person {
    /// Whether this medium is muted.
    pub fn muted(&self, media: Media) -> bool {
        match media {
            Media::Audio => self.audio_muted,
            Media::Video => self.video_muted,
        }
    }

    /// Whether this medium was muted by somebody else.
    pub fn moderated(&self, media: Media) -> bool {
        match media {
            Media::Audio => self.audio_moderated,
            Media::Video => self.video_moderated,
        }
    }
}

/// A room's state: its present opening, or the last one.
#[derive(Clone, Debug, PartialEq)]
pub struct Room {
    /// Events so far, of all openings.
    pub version: u64,
    /// Whether it is open.
    pub open: bool,
    /// Its id; empty if it has never been open.
    pub id: RoomId,
    /// Its domain.
    pub domain: DomainId,
    /// The opening.
    pub opening: OpeningId,
    /// What for.
    pub kind: RoomKind,
    /// Who opened it.
    pub creator: UserId,
    /// Who may close it, change its access list, expel and mute.
    pub owner: Option<UserId>,
    /// Whether the participant of longest standing follows an owner who leaves.
    pub owner_succeeds: bool,
    /// Who may join without an invitation.
    pub acl: Vec<UserId>,
    /// Whether it is to be recorded.
    pub record: bool,
    /// Most seats at a time.
    pub participants_limit: u32,
    /// Greatest bit rate of one video, kbit/s.
    pub bitrate_kbps: u32,
    /// Whether who was muted by somebody else cannot unmute himself.
    pub hard_mute: bool,
    /// Whether its seats are told in their users' own streams, too.
    pub counted: bool,
    /// Seats taken.
    pub seats: BTreeMap<SessionId, Seat>,
    /// Seats given so far in this opening.
    pub seats_given: u64,
    /// What holds for those who sit in them.
    pub people: BTreeMap<UserId, Person>,
    /// When it was opened.
    pub created_at: Time,
    /// The node its media goes through, once one has been assigned.
    pub media_node: Option<NodeId>,
}

impl Default for Room {
    fn default() -> Self {
        Self {
            version: 0,
            open: false,
            id: RoomId::new(""),
            domain: DomainId::new(""),
            opening: OpeningId::new(""),
            kind: RoomKind::Call,
            creator: UserId::new(""),
            owner: None,
            owner_succeeds: false,
            acl: Vec::new(),
            record: false,
            participants_limit: 0,
            bitrate_kbps: 0,
            hard_mute: false,
            counted: false,
            seats: BTreeMap::new(),
            seats_given: 0,
            people: BTreeMap::new(),
            created_at: Time::EPOCH,
            media_node: None,
        }
    }
}

impl Room {
    /// Whether the user has a seat, on whatever device.
    pub fn has(&self, user: &UserId) -> bool {
        self.people.contains_key(user)
    }

    /// Whether the user may join without an invitation.
    pub fn admits(&self, user: &UserId) -> bool {
        self.acl.contains(user)
    }

    /// The user's seats, with their devices.
    pub fn seats_of<'a>(&'a self, user: &'a UserId) -> impl Iterator<Item = (&'a SessionId, &'a Seat)> {
        self.seats.iter().filter(move |(_, seat)| seat.user == *user)
    }
}

/// Folds one event.
#[must_use]
pub fn evolve(mut state: Room, event: &RoomEvent) -> Room {
    state.version += 1;
    match event {
        RoomEvent::Created(created) => {
            let created = created.clone();
            let mut acl = created.acl;
            if !acl.contains(&created.creator) {
                acl.push(created.creator.clone());
            }
            state = Room {
                version: state.version,
                open: true,
                id: created.room,
                domain: created.domain,
                opening: created.opening,
                kind: created.kind,
                creator: created.creator,
                owner: created.owner,
                owner_succeeds: created.owner_succeeds,
                acl,
                record: created.record,
                participants_limit: created.participants_limit,
                bitrate_kbps: created.bitrate_kbps,
                hard_mute: created.hard_mute,
                counted: created.counted,
                created_at: created.at,
                ..Room::default()
            };
        }
        RoomEvent::Updated(updated) => {
            updated.acl.clone().apply(&mut state.acl);
            updated.record.clone().apply(&mut state.record);
        }
        RoomEvent::OwnerChanged(changed) => state.owner = changed.owner.clone(),
        RoomEvent::ParticipantJoined(joined) => {
            let seat = Seat {
                number: joined.seat,
                user: joined.user.clone(),
                via: joined.via,
                invite: joined.invite.clone(),
                joined_at: joined.at,
            };
            state.seats_given = state.seats_given.max(joined.seat);
            state.seats.insert(joined.session.clone(), seat);
            state.people.entry(joined.user.clone()).or_default();
            if !state.acl.contains(&joined.user) {
                state.acl.push(joined.user.clone());
            }
        }
        RoomEvent::ParticipantLeft(left) => {
            state.seats.remove(&left.session);
            if state.seats_of(&left.user).next().is_none() {
                state.people.remove(&left.user);
            }
            if left.reason == LeaveReason::Expelled {
                state.acl.retain(|user| *user != left.user);
            }
        }
        RoomEvent::ParticipantHeld(held) => {
            state.people.entry(held.user.clone()).and_modify(|person| person.held = true);
        }
        RoomEvent::ParticipantUnheld(unheld) => {
            state.people.entry(unheld.user.clone()).and_modify(|person| person.held = false);
        }
        RoomEvent::ParticipantMuted(muted) => {
            let moderated = muted.muted && muted.by != muted.user;
            state.people.entry(muted.user.clone()).and_modify(|person| match muted.media {
                Media::Audio => (person.audio_muted, person.audio_moderated) = (muted.muted, moderated),
                Media::Video => (person.video_muted, person.video_moderated) = (muted.muted, moderated),
            });
        }
        RoomEvent::MediaAssigned(assigned) => state.media_node = Some(assigned.node.clone()),
        RoomEvent::Closed(_) => {
            state.open = false;
            state.seats.clear();
            state.people.clear();
        }
    }
    state
}
