//! From events to notices: pure functions of what was, what happened, and what is now.

mod invites;
mod media;
mod presence;
mod rooms;
mod transfers;

use wac_commands::State;
use wac_events::{AnyEvent, DomainId, Meta, OpeningId, Position, Recorded, RoomRef, SessionId, UserId};

pub(crate) use invites::incoming;

use crate::wire::{self, NoticeBody, NoticeFrame, Push, PushBody, PushFrame};

/// Who is told of something.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Recipients {
    /// These users, on all their devices.
    pub users: Vec<UserId>,
    /// Only this device of theirs.
    pub only: Option<SessionId>,
    /// Not this device: it did it itself, and its answer tells it.
    pub except: Option<SessionId>,
    /// Whoever has subscribed to somebody's presence; then there are no `users`.
    pub subscribers: Option<Subscribers>,
}

/// Sockets that have subscribed to a user's presence.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Subscribers {
    /// The user's domain; nobody of another one hears of him.
    pub domain: DomainId,
    /// The user.
    pub of: UserId,
}

impl Recipients {
    /// These users, on all their devices.
    pub(crate) fn all(users: Vec<UserId>) -> Self {
        Self { users, ..Self::default() }
    }

    /// But for the device that did it.
    pub(crate) fn but(mut self, session: Option<&SessionId>) -> Self {
        self.except = session.cloned();
        self
    }

    /// Whether a device is among them. Subscribers are not: sockets know what they subscribed to.
    pub fn reaches(&self, user: &UserId, session: &SessionId) -> bool {
        self.users.contains(user)
            && self.only.as_ref().is_none_or(|only| only == session)
            && self.except.as_ref() != Some(session)
    }
}

/// What some devices are to be told.
#[derive(Clone, PartialEq, Debug)]
pub struct Notice {
    /// Where what happened stands in the log.
    pub position: Position,
    /// Who is told.
    pub to: Recipients,
    /// What. Its `roomId` is as the room's own domain knows the room.
    pub body: NoticeBody,
    /// The room it is about.
    pub room: Option<RoomRef>,
}

impl Notice {
    /// The frame for a device of this domain.
    pub fn text(&self, domain: &DomainId) -> String {
        let foreign = self.room.as_ref().filter(|room| room.domain != *domain);
        let text = match (&self.body, foreign) {
            (NoticeBody::Push(push), _) => serde_json::to_string(&PushFrame { push, position: self.position }),
            (NoticeBody::Event(event), None) => serde_json::to_string(&NoticeFrame::new(self.position, event)),
            (NoticeBody::Event(event), Some(room)) => {
                let mut event = event.clone();
                if let Some(id) = event.room_id_mut() {
                    *id = crate::rooms::qualified(id, &room.domain);
                }
                serde_json::to_string(&NoticeFrame::new(self.position, &event))
            }
        };
        text.expect("a notice is plain JSON")
    }

    /// Whether the text is the same for devices of every domain but the room's own.
    pub fn home(&self) -> Option<&DomainId> {
        self.room.as_ref().map(|room| &room.domain)
    }

    /// The conference it tells the end, or a change, of.
    pub fn conference(&self) -> Option<OpeningId> {
        match &self.body {
            NoticeBody::Push(Push { body: PushBody::Conference(ended), .. }) => Some(ended.id.as_str().into()),
            NoticeBody::Push(Push { body: PushBody::ConferenceChange(change), .. }) => Some(change.id.as_str().into()),
            NoticeBody::Push(_) | NoticeBody::Event(_) => None,
        }
    }

    /// Whether it goes over WAPI; all others go over the signaling socket.
    pub fn is_push(&self) -> bool {
        matches!(self.body, NoticeBody::Push(_))
    }
}

/// What is told of one event, at most one notice for each device. `before` and `after` are the states
/// of its stream, protected fields open; names of people and of rooms known by a person's name are
/// not among them and are left to [`crate::Follower`].
pub fn notices(before: &State, event: &AnyEvent, after: &State, recorded: &Recorded, meta: &Meta) -> Vec<Notice> {
    let at = At { position: recorded.position, session: meta.session.as_ref() };
    match (before, event, after) {
        (State::Room(before), AnyEvent::Room(event), State::Room(after)) => rooms::notices(&at, before, event, after),
        (State::Invite(before), AnyEvent::Invite(event), State::Invite(after)) => {
            invites::notices(&at, before, event, after)
        }
        (_, AnyEvent::Transfer(event), State::Transfer(transfer)) => transfers::notices(&at, event, transfer),
        (_, AnyEvent::MediaSession(event), State::MediaSession(session)) => media::notices(&at, event, session),
        (_, AnyEvent::Session(event), _) => presence::session(&at, recorded.stream.id(), event),
        (_, AnyEvent::Presence(event), _) => {
            presence::presence(&at, recorded.stream.id(), recorded.domain.as_ref(), event)
        }
        _ => Vec::new(),
    }
}

/// Where an event stands, and on which device it was caused.
struct At<'a> {
    position: Position,
    session: Option<&'a SessionId>,
}

impl At<'_> {
    /// To these, but not to the device that did it.
    fn others(&self, users: Vec<UserId>) -> Recipients {
        Recipients::all(users).but(self.session)
    }

    fn event(&self, to: Recipients, room: Option<&RoomRef>, event: wire::Event) -> Option<Notice> {
        let body = NoticeBody::Event(event);
        (!to.users.is_empty()).then(|| Notice { position: self.position, to, body, room: room.cloned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_of_another_domain_gets_the_room_with_its_domain() {
        let room = RoomRef { domain: "a".into(), id: "r".into() };
        let event = wire::Event::ParticipantJoined(wire::InRoom { room_id: "r".to_owned(), user_id: "u".into() });
        let at = At { position: Position(7), session: None };
        let notice = at.event(Recipients::all(vec!["v".into()]), Some(&room), event).unwrap();
        assert!(notice.text(&"a".into()).contains(r#""roomId":"r""#));
        assert!(notice.text(&"b".into()).contains(r#""roomId":"r@a""#));
        assert!(notice.text(&"a".into()).starts_with(r#"{"type":"event","position":7,"payload":{"eventName":"#));
    }
}
