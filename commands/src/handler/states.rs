use std::collections::BTreeSet;
use std::sync::Arc;

use futures::future::try_join_all;
use moka::sync::Cache;
use wac_events::{
    AnyEvent, EventLog, KeyStore, PersonalFields, Position, READ_EVENTS_MAX, Recorded, StoreError, StreamId, SubjectId,
};

use super::InternalError;
use crate::world::Seen;
use crate::{State, World};

/// The operation a [`StoreError`] names if a stream cannot be folded: it holds what this binary
/// cannot read, or what does not open; asking again does not help.
pub const FOLD_OPERATION: &str = "fold a stream";

/// Folded states, remembered and brought up to date from the log.
pub(super) struct States {
    log: Arc<dyn EventLog>,
    keys: Arc<dyn KeyStore>,
    remembered: Cache<StreamId, Remembered>,
}

#[derive(Clone)]
struct Remembered {
    state: Arc<State>,
    position: Position,
}

/// Why a state could not be read.
#[derive(Debug)]
pub(super) enum ReadError {
    Store(StoreError),
    Internal(InternalError),
}

impl From<StoreError> for ReadError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl<E: Into<InternalError>> From<E> for ReadError {
    fn from(error: E) -> Self {
        Self::Internal(error.into())
    }
}

impl ReadError {
    pub(super) fn into_store(self) -> StoreError {
        match self {
            ReadError::Store(error) => error,
            ReadError::Internal(error) => StoreError::new(FOLD_OPERATION, error),
        }
    }
}

impl States {
    pub(super) fn new(log: Arc<dyn EventLog>, keys: Arc<dyn KeyStore>, states_max: u64) -> Self {
        Self { log, keys, remembered: Cache::new(states_max) }
    }

    /// Puts these streams into `world`: as they are remembered, or, `fresh`, as the log has them.
    pub(super) async fn read(&self, world: &mut World, streams: &[StreamId], fresh: bool) -> Result<(), ReadError> {
        let seen = try_join_all(streams.iter().map(|stream| self.see(stream, fresh))).await?;
        for (stream, seen) in streams.iter().zip(seen) {
            world.insert(stream.clone(), seen);
        }
        Ok(())
    }

    async fn see(&self, stream: &StreamId, fresh: bool) -> Result<Seen, ReadError> {
        match self.remembered.get(stream) {
            Some(found) if !fresh => Ok(Seen { state: found.state, position: found.position, fresh: false }),
            found => self.catch_up(stream, found).await,
        }
    }

    /// Reads what came after the remembered state, or everything.
    async fn catch_up(&self, stream: &StreamId, from: Option<Remembered>) -> Result<Seen, ReadError> {
        let (mut state, mut position) = match from {
            Some(found) => (found.state, found.position),
            None => (Arc::new(empty(stream)?), Position::START),
        };
        loop {
            let events = self.log.read_stream(stream, state.version() + 1, READ_EVENTS_MAX).await?;
            let count = events.len();
            if let Some(last) = events.last() {
                position = last.position;
                state = Arc::new(self.fold(Arc::unwrap_or_clone(state), events).await?);
            }
            if count < READ_EVENTS_MAX {
                break;
            }
        }
        self.remember(stream, &state, position);
        Ok(Seen { state, position, fresh: true })
    }

    /// The state at `position`: from what is remembered if that is not newer, else from the beginning.
    pub(super) async fn fold_until(&self, stream: &StreamId, position: Position) -> Result<State, ReadError> {
        let usable = |known: &Remembered| known.position <= position && !may_be_erased(&known.state);
        let remembered = self.remembered.get(stream).filter(usable);
        let mut state = match remembered {
            Some(known) => Arc::unwrap_or_clone(known.state),
            None => empty(stream)?,
        };
        loop {
            let mut events = self.log.read_stream(stream, state.version() + 1, READ_EVENTS_MAX).await?;
            let full = events.len() == READ_EVENTS_MAX;
            events.retain(|event| event.position <= position);
            let more = full && events.len() == READ_EVENTS_MAX;
            state = self.fold(state, events).await?;
            if !more {
                return Ok(state);
            }
        }
    }

    async fn fold(&self, state: State, events: Vec<Recorded>) -> Result<State, ReadError> {
        let events = self.decode(&events).await?;
        Ok(events.iter().fold(state, State::evolve))
    }

    /// Decodes events and opens their protected fields.
    pub(super) async fn decode(&self, recorded: &[Recorded]) -> Result<Vec<AnyEvent>, ReadError> {
        let mut events = Vec::with_capacity(recorded.len());
        for event in recorded {
            events.push(AnyEvent::decode_recorded(event)?);
        }
        let subjects: Vec<SubjectId> =
            events.iter().filter_map(sealed_for).collect::<BTreeSet<_>>().into_iter().collect();
        if subjects.is_empty() {
            return Ok(events);
        }
        let found = self.keys.find(&subjects).await?;
        for event in &mut events {
            let Some(subject) = sealed_for(event) else { continue };
            let key = subjects.binary_search(&subject).ok().and_then(|index| found.get(index)?.key());
            event.open(key)?;
        }
        Ok(events)
    }

    /// Remembers a state unless a newer one is remembered already. Two that do so at once may leave
    /// the older one: that costs a conflict and a look into the log, nothing else.
    pub(super) fn remember(&self, stream: &StreamId, state: &Arc<State>, position: Position) {
        if self.remembered.get(stream).is_none_or(|known| known.state.version() < state.version()) {
            self.remembered.insert(stream.clone(), Remembered { state: state.clone(), position });
        }
    }

    /// The version remembered.
    pub(super) fn version(&self, stream: &StreamId) -> Option<u64> {
        self.remembered.get(stream).map(|known| known.state.version())
    }

    /// Drops every state that holds something of the subject's.
    pub(super) fn forget(&self, subject: &SubjectId) {
        let concerned: Vec<Arc<StreamId>> = self
            .remembered
            .iter()
            .filter(|(_, known)| match &*known.state {
                State::User(user) => SubjectId::of_user(&user.id) == *subject,
                State::Credential(credential) => credential.subject() == *subject,
                State::Presence(presence) => SubjectId::of_user(&presence.user) == *subject,
                State::Invite(invite) => SubjectId::of_user(&invite.from) == *subject,
                State::Session(session) => SubjectId::of_user(&session.user) == *subject,
                State::Domain(_)
                | State::Subject(_)
                | State::Client(_)
                | State::Token(_)
                | State::Reservation(_)
                | State::Login(_)
                | State::Room(_)
                | State::Transfer(_)
                | State::Group(_)
                | State::Agent(_)
                | State::Node(_)
                | State::MediaSession(_) => false,
            })
            .map(|(stream, _)| stream)
            .collect();
        concerned.iter().for_each(|stream| self.remembered.invalidate(&**stream));
    }
}

/// Whether the person behind a state may have been erased on another node since it was remembered;
/// only who has been deleted is. Folding anew asks for the key anew.
fn may_be_erased(state: &State) -> bool {
    match state {
        State::User(user) => !user.exists(),
        State::Credential(credential) => !credential.exists(),
        State::Session(session) => !session.is_open(),
        State::Presence(presence) => presence.note.is_some() && presence.sessions.is_empty(),
        State::Invite(invite) => invite.context.is_some() && !invite.is_ringing(),
        State::Domain(_)
        | State::Subject(_)
        | State::Client(_)
        | State::Token(_)
        | State::Reservation(_)
        | State::Login(_)
        | State::Room(_)
        | State::Transfer(_)
        | State::Group(_)
        | State::Agent(_)
        | State::Node(_)
        | State::MediaSession(_) => false,
    }
}

fn empty(stream: &StreamId) -> Result<State, InternalError> {
    State::empty(stream.aggregate()).ok_or_else(|| InternalError::UnknownAggregate(stream.clone()))
}

/// Whose key opens the event's protected fields, if any is sealed.
fn sealed_for(event: &AnyEvent) -> Option<SubjectId> {
    event.subject()
}
