use std::sync::Arc;

use wac_commands::{CommandHandler, Device, Room, State};
use wac_events::{AnyEvent, Meta, PersonalFields, Position, Recorded, RoomEvent, StoreError, StreamId, SubjectId};

use crate::media::{MediaNodes, NoMedia};
use crate::names::Names;
use crate::notices::{Notice, notices};
use crate::remembered::Remembered;
use crate::wire::{Event, NoticeBody};

/// Most streams whose states a follower keeps, about 1 kB each.
pub const FOLLOWED_STREAMS_MAX: usize = 20_000;

/// Turns the log, event by event and in order, into notices. Every node has one of its own.
pub struct Follower {
    handler: CommandHandler,
    states: Remembered,
    names: Names,
    media: Arc<dyn MediaNodes>,
}

impl Follower {
    /// A follower that has seen nothing yet; it may start anywhere in the log.
    pub fn new(handler: CommandHandler) -> Self {
        let names = Names::new(handler.clone());
        Self { handler, states: Remembered::new(FOLLOWED_STREAMS_MAX), names, media: Arc::new(NoMedia) }
    }

    /// Rooms that are known by their creator's name are called by it (`rooms.userIdAsRoomId`).
    #[must_use]
    pub fn calling_rooms_by_user(mut self, by_user: bool) -> Self {
        self.names.rooms_by_user(by_user);
        self
    }

    /// Knows where the media of rooms is.
    #[must_use]
    pub fn with_media(mut self, media: Arc<dyn MediaNodes>) -> Self {
        self.media = media;
        self
    }

    /// What is told of the next event. An event this binary cannot read tells nothing.
    pub async fn follow(&mut self, recorded: &Recorded) -> Result<Vec<Notice>, StoreError> {
        match concern(&recorded.event_type) {
            Concern::None => Ok(Vec::new()),
            Concern::Names => self.names.follow(recorded).await.map(|()| Vec::new()),
            Concern::Erasure => {
                let subject = SubjectId::from(recorded.stream.id());
                self.states.forget(&subject);
                self.names.forget(&subject);
                Ok(Vec::new())
            }
            Concern::Event => self.tell(recorded, false).await,
            Concern::State => self.tell(recorded, true).await,
        }
    }

    async fn tell(&mut self, recorded: &Recorded, folded: bool) -> Result<Vec<Notice>, StoreError> {
        let (Some(event), Some(meta)) = (self.open(recorded).await?, meta(recorded)) else {
            self.states.drop_stream(&recorded.stream);
            return Ok(Vec::new());
        };
        let Some((before, after)) = self.around(recorded, &event, folded).await? else { return Ok(Vec::new()) };
        let mut notices = notices(&before, &event, &after, recorded, &meta);
        if let (State::Room(room), AnyEvent::Room(RoomEvent::MediaAssigned(_))) = (&*after, &event) {
            self.let_in(room, &mut notices).await;
        }
        for notice in &mut notices {
            self.names.fill_in(notice).await?;
        }
        Ok(notices)
    }

    /// Puts the way to a room's media into what its devices are told. Who is told without it asks for it.
    async fn let_in(&self, room: &Room, notices: &mut [Notice]) {
        for notice in notices {
            let ([user], Some(session)) = (&notice.to.users[..], &notice.to.only) else { continue };
            let NoticeBody::Event(Event::RoomUpdated(updated)) = &mut notice.body else { continue };
            let device = Device { user: user.clone(), session: session.clone() };
            if let Ok(door) = self.media.door(room, &device, false).await {
                (updated.server, updated.token) = (door.server, Some(door.token));
            }
        }
    }

    /// The stream before and after the event; `None` if it cannot be read.
    async fn around(
        &mut self,
        recorded: &Recorded,
        event: &AnyEvent,
        folded: bool,
    ) -> Result<Option<(Arc<State>, Arc<State>)>, StoreError> {
        let Some(empty) = State::empty(recorded.stream.aggregate()) else { return Ok(None) };
        if !folded {
            let empty = Arc::new(empty);
            return Ok(Some((empty.clone(), empty)));
        }
        let known = self.states.find(&recorded.stream).filter(|state| state.version() + 1 == recorded.version);
        let before = match known {
            Some(state) => state,
            None if recorded.version == 1 => Arc::new(empty),
            None => match load_before(&self.handler, &recorded.stream, recorded.position).await? {
                Some(state) => Arc::new(state),
                None => return Ok(None),
            },
        };
        let after = Arc::new(State::clone(&before).evolve(event));
        self.states.put(recorded.stream.clone(), after.clone());
        Ok(Some((before, after)))
    }

    /// The event with its protected fields open; `None` if this binary cannot read it.
    async fn open(&self, recorded: &Recorded) -> Result<Option<AnyEvent>, StoreError> {
        open(&self.handler, recorded).await
    }
}

/// What an event is to a follower.
enum Concern {
    None,
    /// It may tell something by itself.
    Event,
    /// It may tell something together with its stream.
    State,
    /// It may change what somebody or something is called.
    Names,
    /// Somebody is to be forgotten.
    Erasure,
}

fn concern(event_type: &str) -> Concern {
    let aggregate = event_type.split_once('.').map_or(event_type, |(aggregate, _)| aggregate);
    match aggregate {
        "room" | "invite" | "transfer" => Concern::State,
        "user" | "domain" => Concern::Names,
        _ => match event_type {
            "session.closed" | "presence.online" | "presence.offline" | "presence.changed" => Concern::Event,
            "media.ended" => Concern::State,
            "subject.erased" => Concern::Erasure,
            _ => Concern::None,
        },
    }
}

fn meta(recorded: &Recorded) -> Option<Meta> {
    match recorded.meta() {
        Ok(meta) => Some(meta),
        Err(error) => {
            tracing::warn!(%error, position = recorded.position.0, "the metadata of an event cannot be read");
            None
        }
    }
}

/// The event with its protected fields open; `None`, and a line in the log, if it cannot be read.
pub(crate) async fn open(handler: &CommandHandler, recorded: &Recorded) -> Result<Option<AnyEvent>, StoreError> {
    let unreadable = |error: &dyn std::fmt::Display| {
        tracing::warn!(%error, position = recorded.position.0, "an event cannot be read; nobody is told of it");
    };
    let mut event = match AnyEvent::decode_recorded(recorded) {
        Ok(event) => event,
        Err(error) => {
            unreadable(&error);
            return Ok(None);
        }
    };
    if let Some(subject) = event.subject() {
        let found = handler.keys().find(std::slice::from_ref(&subject)).await?;
        if let Err(error) = event.open(found.first().and_then(wac_events::KeyState::key)) {
            unreadable(&error);
            return Ok(None);
        }
    }
    Ok(Some(event))
}

/// A stream as it was just before a position; `None`, and a line in the log, if it cannot be read.
async fn load_before(
    handler: &CommandHandler,
    stream: &StreamId,
    position: Position,
) -> Result<Option<State>, StoreError> {
    load_at(handler, stream, Position(position.0.saturating_sub(1))).await
}

/// A stream as it was at a position; `None`, and a line in the log, if it cannot be read.
pub(crate) async fn load_at(
    handler: &CommandHandler,
    stream: &StreamId,
    position: Position,
) -> Result<Option<State>, StoreError> {
    match handler.load_at(stream, position).await {
        Ok(state) => Ok(Some(state)),
        Err(error) if error.operation == wac_commands::FOLD_OPERATION => {
            tracing::warn!(%error, stream = %stream, "a stream cannot be read");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
