//! What an event says about the call it belongs to: rooms, invitations, transfers, people.

use wac_events::invite::Callee;
use wac_events::room::RoomRef;
use wac_events::{
    AgentEvent, AnyEvent, InviteEvent, InviteId, MediaEvent, OpeningId, PresenceEvent, Recorded, RoomEvent,
    SessionEvent, SessionId, StreamId, TransferEvent, TransferId, UserId,
};

/// A part of a call, which has events of its own.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Part {
    /// Everything that ever happened in a room.
    Room(StreamId),
    /// One opening of a room, by the room's stream.
    Opening(StreamId, OpeningId),
    /// An invitation.
    Invite(InviteId),
    /// A transfer.
    Transfer(TransferId),
    /// A media session, by its stream.
    Media(StreamId),
    /// What an agent had to do with an invitation, by the agent's stream.
    Contact(StreamId, InviteId),
}

impl Part {
    /// The part a stream tells; `None` for streams that are no part of a call.
    pub(super) fn of_stream(stream: &StreamId) -> Option<Self> {
        match stream.aggregate() {
            "room" => Some(Part::Room(stream.clone())),
            "invite" => Some(Part::Invite(InviteId::from(stream.id()))),
            "transfer" => Some(Part::Transfer(TransferId::from(stream.id()))),
            "media" => Some(Part::Media(stream.clone())),
            _ => None,
        }
    }

    /// The stream its events are in.
    pub(super) fn stream(&self) -> StreamId {
        match self {
            Part::Room(stream) | Part::Opening(stream, _) | Part::Media(stream) | Part::Contact(stream, _) => {
                stream.clone()
            }
            Part::Invite(invite) => invite.stream(),
            Part::Transfer(transfer) => transfer.stream(),
        }
    }

    fn opening(room: &RoomRef, opening: &OpeningId) -> Self {
        Part::Opening(room.stream(), opening.clone())
    }
}

/// Whether an event begins or ends the part it belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) enum Turn {
    /// Neither.
    #[default]
    None,
    /// It begins.
    Begins,
    /// It is over.
    Ends,
}

/// What one event mentions.
#[derive(Default)]
pub(super) struct Links {
    /// The part whose fact it is.
    pub(super) own: Option<Part>,
    /// Whether that part begins or ends with it.
    pub(super) turn: Turn,
    /// Parts it refers to.
    pub(super) parts: Vec<Part>,
    /// A room in which the call goes on, in the opening of that moment.
    pub(super) goes_on_in: Option<StreamId>,
    /// People who take part, or are asked to.
    pub(super) users: Vec<UserId>,
    /// Devices on which they do.
    pub(super) devices: Vec<SessionId>,
    /// Whose device has come or gone.
    pub(super) present: Option<UserId>,
    /// Which session is over.
    pub(super) over: Option<SessionId>,
}

/// What `recorded` mentions. What this program cannot decode mentions nothing but its stream.
pub(super) fn links(recorded: &Recorded) -> Links {
    match AnyEvent::decode_recorded(recorded) {
        Ok(AnyEvent::Room(event)) => room(&recorded.stream, &event),
        Ok(AnyEvent::Invite(event)) => invite(&recorded.stream, event),
        Ok(AnyEvent::Transfer(event)) => transfer(&recorded.stream, event),
        Ok(AnyEvent::MediaSession(MediaEvent::Connected(event))) => {
            let room = RoomRef { domain: event.domain, id: event.room };
            media(&recorded.stream, &room, &event.opening, event.user, event.session)
        }
        Ok(AnyEvent::MediaSession(MediaEvent::Refused(event))) => {
            let room = RoomRef { domain: event.domain, id: event.room };
            media(&recorded.stream, &room, &event.opening, event.user, event.session)
        }
        Ok(AnyEvent::Agent(AgentEvent::Assigned(event))) => contact(&recorded.stream, event.invite, event.user),
        Ok(AnyEvent::Agent(AgentEvent::Released(event))) => contact(&recorded.stream, event.invite, event.user),
        Ok(AnyEvent::Presence(PresenceEvent::DeviceRegistered(event))) => {
            Links { present: Some(event.user), ..Links::default() }
        }
        Ok(AnyEvent::Presence(PresenceEvent::DeviceRemoved(event))) => {
            Links { present: Some(event.user), ..Links::default() }
        }
        Ok(AnyEvent::Session(SessionEvent::Closed(_))) => {
            Links { over: Some(SessionId::from(recorded.stream.id())), ..Links::default() }
        }
        _ => Links { own: Part::of_stream(&recorded.stream), ..Links::default() },
    }
}

fn media(stream: &StreamId, room: &RoomRef, opening: &OpeningId, user: UserId, device: SessionId) -> Links {
    Links {
        own: Part::of_stream(stream),
        parts: vec![Part::opening(room, opening)],
        users: vec![user],
        devices: vec![device],
        ..Links::default()
    }
}

fn contact(stream: &StreamId, invite: InviteId, user: UserId) -> Links {
    let own = Some(Part::Contact(stream.clone(), invite.clone()));
    Links { own, parts: vec![Part::Invite(invite)], users: vec![user], ..Links::default() }
}

fn room(stream: &StreamId, event: &RoomEvent) -> Links {
    let opening = match event {
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
    };
    let mut links = Links { own: Some(Part::Opening(stream.clone(), opening.clone())), ..Links::default() };
    match event {
        RoomEvent::Created(event) => {
            links.turn = Turn::Begins;
            links.users.push(event.creator.clone());
        }
        RoomEvent::ParticipantJoined(event) => {
            links.parts.extend(event.invite.clone().map(Part::Invite));
            links.users.push(event.user.clone());
            links.devices.push(event.session.clone());
        }
        RoomEvent::Closed(_) => links.turn = Turn::Ends,
        _ => {}
    }
    links
}

fn invite(stream: &StreamId, event: InviteEvent) -> Links {
    let mut links = Links { own: Part::of_stream(stream), ..Links::default() };
    match event {
        InviteEvent::Created(event) => {
            links.turn = Turn::Begins;
            if let (Some(room), Some(opening)) = (&event.room, &event.opening) {
                links.parts.push(Part::opening(room, opening));
            }
            links.parts.extend(event.transfer.map(Part::Transfer));
            links.users.push(event.from);
            links.users.extend(event.candidates);
            links.users.extend(event.absent);
            links.users.extend(user(event.to));
            links.devices.push(event.from_session);
        }
        InviteEvent::CandidateAdded(event) => {
            links.users.push(event.user);
            links.devices.push(event.session);
        }
        InviteEvent::CandidateRemoved(event) => links.users.push(event.user),
        InviteEvent::Accepted(event) => {
            links.turn = Turn::Ends;
            links.parts.push(Part::opening(&event.room, &event.opening));
            links.users.push(event.by);
            links.devices.push(event.session);
        }
        InviteEvent::Declined(event) if !event.over => {}
        InviteEvent::Declined(_) | InviteEvent::Cancelled(_) | InviteEvent::Expired(_) | InviteEvent::Ended(_) => {
            links.turn = Turn::Ends;
        }
    }
    links
}

fn user(callee: Callee) -> Option<UserId> {
    match callee {
        Callee::User(user) | Callee::Agent(user) => Some(user),
        Callee::Group(_) => None,
    }
}

fn transfer(stream: &StreamId, event: TransferEvent) -> Links {
    let mut links = Links { own: Part::of_stream(stream), ..Links::default() };
    match event {
        TransferEvent::Created(event) => {
            links.turn = Turn::Begins;
            links.parts.push(Part::opening(&event.room, &event.opening));
            links.goes_on_in = event.target_room.map(|room| room.stream());
            links.users.extend([event.by, event.party]);
            links.users.extend(event.to.and_then(user));
            links.devices.push(event.by_session);
        }
        TransferEvent::Accepted(event) => {
            links.parts.extend(event.invite.map(Part::Invite));
            links.devices.push(event.session);
        }
        TransferEvent::Declined(_) | TransferEvent::Completed(_) | TransferEvent::Failed(_) => {
            links.turn = Turn::Ends;
        }
    }
    links
}
