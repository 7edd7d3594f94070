//! One opening of a room as a media node knows it: the fold of its events.

use std::collections::BTreeMap;

use wac_events::room::RoomCreated;
use wac_events::{Media, OpeningId, Position, RoomEvent, SessionId, UserId};

/// How one person is in a room.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Standing {
    /// He attends to something else: nothing of him is forwarded, and nothing to him.
    pub held: bool,
    /// His sound is not forwarded.
    pub audio_muted: bool,
    /// His picture is not forwarded.
    pub video_muted: bool,
}

/// One opening of a room.
#[derive(Clone, PartialEq, Debug)]
pub struct Room {
    /// Which.
    pub opening: OpeningId,
    /// Greatest bit rate of one video, kbit/s; 0: no limit.
    pub bitrate_kbps: u32,
    /// Who may send and receive here: the devices that have a seat.
    pub seats: BTreeMap<SessionId, UserId>,
    /// How those are whose standing has ever changed.
    pub people: BTreeMap<UserId, Standing>,
    /// Whether it has ended.
    pub closed: bool,
    /// Where in the log its last event is that has been taken in.
    pub position: Position,
}

impl Room {
    /// A room that has just been opened.
    pub fn open(created: &RoomCreated, position: Position) -> Self {
        Self {
            opening: created.opening.clone(),
            bitrate_kbps: created.bitrate_kbps,
            seats: BTreeMap::new(),
            people: BTreeMap::new(),
            closed: false,
            position,
        }
    }

    /// Takes in one of its events. Total: what cannot be is taken as it is said.
    pub fn evolve(&mut self, event: &RoomEvent, position: Position) {
        self.position = position;
        match event {
            RoomEvent::Created(_)
            | RoomEvent::Updated(_)
            | RoomEvent::OwnerChanged(_)
            | RoomEvent::MediaAssigned(_) => {}
            RoomEvent::ParticipantJoined(joined) => {
                self.seats.insert(joined.session.clone(), joined.user.clone());
            }
            RoomEvent::ParticipantLeft(left) => {
                self.seats.remove(&left.session);
                if !self.seats.values().any(|user| *user == left.user) {
                    self.people.remove(&left.user);
                }
            }
            RoomEvent::ParticipantHeld(held) => self.person(&held.user).held = true,
            RoomEvent::ParticipantUnheld(unheld) => self.person(&unheld.user).held = false,
            RoomEvent::ParticipantMuted(muted) => match muted.media {
                Media::Audio => self.person(&muted.user).audio_muted = muted.muted,
                Media::Video => self.person(&muted.user).video_muted = muted.muted,
            },
            RoomEvent::Closed(_) => self.closed = true,
        }
    }

    /// How somebody is in the room.
    pub fn standing(&self, user: &UserId) -> Standing {
        self.people.get(user).copied().unwrap_or_default()
    }

    /// Whether this device has this person's seat.
    pub fn seats(&self, session: &SessionId, user: &UserId) -> bool {
        !self.closed && self.seats.get(session) == Some(user)
    }

    fn person(&mut self, user: &UserId) -> &mut Standing {
        self.people.entry(user.clone()).or_default()
    }
}

/// The opening an event belongs to.
pub fn opening_of(event: &RoomEvent) -> &OpeningId {
    match event {
        RoomEvent::Created(event) => &event.opening,
        RoomEvent::Updated(event) => &event.opening,
        RoomEvent::OwnerChanged(event) => &event.opening,
        RoomEvent::ParticipantJoined(event) => &event.opening,
        RoomEvent::ParticipantLeft(event) => &event.opening,
        RoomEvent::ParticipantHeld(event) => &event.opening,
        RoomEvent::ParticipantUnheld(event) => &event.opening,
        RoomEvent::ParticipantMuted(event) => &event.opening,
        RoomEvent::MediaAssigned(event) => &event.opening,
        RoomEvent::Closed(event) => &event.opening,
    }
}
