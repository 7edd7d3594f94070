use std::collections::BTreeMap;

use wac_commands::Room;
use wac_commands::room::Seat;
use wac_events::room::{LeaveReason, ParticipantJoined, ParticipantLeft, ParticipantMuted};
use wac_events::{RoomEvent, RoomRef, SessionId, Time, UserId};

use super::{At, Notice, Recipients};
use crate::wire::{self, ConferencePush, Event, NoticeBody, Push, PushBody, WapiMethod};

pub(super) fn notices(at: &At<'_>, before: &Room, event: &RoomEvent, after: &Room) -> Vec<Notice> {
    let view = View { at, room: after, reference: RoomRef { domain: after.domain.clone(), id: after.id.clone() } };
    match event {
        RoomEvent::Created(_) => Vec::new(),
        RoomEvent::Updated(_) | RoomEvent::OwnerChanged(_) => view.to_all(view.updated()),
        RoomEvent::MediaAssigned(_) => view.moved(),
        RoomEvent::ParticipantJoined(joined) => view.joined(before, joined),
        RoomEvent::ParticipantLeft(left) => view.left(left),
        RoomEvent::ParticipantHeld(held) => view.to_all(Event::ParticipantHeld(view.in_room(&held.user))),
        RoomEvent::ParticipantUnheld(unheld) => view.to_all(Event::ParticipantUnheld(view.in_room(&unheld.user))),
        RoomEvent::ParticipantMuted(muted) => view.muted(muted),
        RoomEvent::Closed(closed) => view.over(closed.at),
    }
}

/// A room after an event, and whom to tell.
struct View<'a> {
    at: &'a At<'a>,
    room: &'a Room,
    reference: RoomRef,
}

impl View<'_> {
    fn room_id(&self) -> String {
        self.room.id.to_string()
    }

    fn people(&self) -> Vec<UserId> {
        self.room.people.keys().cloned().collect()
    }

    fn in_room(&self, user: &UserId) -> wire::InRoom {
        wire::InRoom { room_id: self.room_id(), user_id: user.clone() }
    }

    fn notice(&self, to: Recipients, event: Event) -> Vec<Notice> {
        self.at.event(to, Some(&self.reference), event).into_iter().collect()
    }

    fn to_all(&self, event: Event) -> Vec<Notice> {
        self.notice(self.at.others(self.people()), event)
    }

    fn updated(&self) -> Event {
        Event::RoomUpdated(wire::RoomUpdated {
            room_id: self.room_id(),
            owner: self.room.owner.clone(),
            acl: self.room.acl.clone(),
            record: self.room.record,
            server: BTreeMap::new(),
            token: None,
        })
    }

    /// Each device with a seat is told by itself: it gets a token of its own. The one whose request had the
    /// room assigned hears it in its answer.
    fn moved(&self) -> Vec<Notice> {
        let seats = self.room.seats.iter().filter(|(session, _)| self.at.session != Some(*session));
        let tell = |(session, seat): (&SessionId, &Seat)| {
            let to =
                Recipients { users: vec![seat.user.clone()], only: Some(session.clone()), ..Recipients::default() };
            self.notice(to, self.updated())
        };
        seats.flat_map(tell).collect()
    }

    /// Others see a person, not his devices.
    fn joined(&self, before: &Room, joined: &ParticipantJoined) -> Vec<Notice> {
        if before.open && before.has(&joined.user) {
            return Vec::new();
        }
        self.to_all(Event::ParticipantJoined(self.in_room(&joined.user)))
    }

    /// Who has left altogether is missed by all; of a person who stays on another device only the
    /// device that has lost its seat is told. Who is put out by the room's end is told of that.
    fn left(&self, left: &ParticipantLeft) -> Vec<Notice> {
        if self.room.has(&left.user) {
            return self.told_alone(left);
        }
        if left.reason == LeaveReason::Closed {
            let closed = wire::RoomClosed { room_id: self.room_id(), reason: left.reason.as_str().to_owned() };
            return self.notice(self.at.others(vec![left.user.clone()]), Event::RoomClosed(closed));
        }
        let mut users = self.people();
        users.push(left.user.clone());
        self.notice(self.at.others(users), self.gone(left))
    }

    fn told_alone(&self, left: &ParticipantLeft) -> Vec<Notice> {
        if left.reason == LeaveReason::Closed || self.at.session == Some(&left.session) {
            return Vec::new();
        }
        let only: Option<SessionId> = Some(left.session.clone());
        let to = Recipients { users: vec![left.user.clone()], only, ..Recipients::default() };
        self.notice(to, self.gone(left))
    }

    fn gone(&self, left: &ParticipantLeft) -> Event {
        Event::ParticipantLeft(wire::ParticipantLeft {
            room_id: self.room_id(),
            user_id: left.user.clone(),
            reason: left.reason,
        })
    }

    /// Who was muted by somebody else is asked to be silent; all others see that he was.
    fn muted(&self, muted: &ParticipantMuted) -> Vec<Notice> {
        let moderated = muted.by != muted.user;
        let seen = Event::ParticipantMuted(wire::ParticipantMuted {
            room_id: self.room_id(),
            user_id: muted.user.clone(),
            media: muted.media,
            muted: muted.muted,
            by: muted.by.clone(),
        });
        let others = self.people().into_iter().filter(|user| !(moderated && *user == muted.user)).collect();
        let mut notices = self.notice(self.at.others(others), seen);
        if moderated {
            let request = Event::MuteRequest(wire::MuteRequest {
                media: muted.media,
                muted: muted.muted,
                room_id: self.room_id(),
                to: muted.user.clone(),
            });
            notices.extend(self.notice(self.at.others(vec![muted.user.clone()]), request));
        }
        notices
    }

    /// The entry of the conference log, for everybody who was or might have been in the room.
    fn over(&self, ended: Time) -> Vec<Notice> {
        let entry = ConferencePush {
            id: self.room.opening.to_string(),
            room_id: self.room_id(),
            state: "finished".to_owned(),
            created_at: self.room.created_at.millis(),
            finished_at: ended.millis(),
            owner: self.room.owner.clone(),
            rest: None,
        };
        let push = Push { method: WapiMethod::Post, url: "/conferences".to_owned(), body: PushBody::Conference(entry) };
        let to = Recipients::all(self.room.acl.clone());
        let room = Some(self.reference.clone());
        vec![Notice { position: self.at.position, to, body: NoticeBody::Push(push), room }]
    }
}
