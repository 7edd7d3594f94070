//! What people, domains and rooms are called.

use std::sync::Arc;

use wac_commands::{CommandHandler, Domain, State, User};
use wac_events::{DomainId, Personal, Position, Recorded, RoomRef, StoreError, SubjectId, UserId};

use crate::follower::{load_at, open};
use crate::notices::Notice;
use crate::remembered::Remembered;
use crate::wire::{CallerDetails, Event, NoticeBody};

/// Most people and domains whose names are kept, about 1 kB each.
const NAMED_STREAMS_MAX: usize = 10_000;

/// Names as they were at the position last followed.
pub(crate) struct Names {
    handler: CommandHandler,
    states: Remembered,
    rooms_by_user: bool,
}

impl Names {
    pub(crate) fn new(handler: CommandHandler) -> Self {
        Self { handler, states: Remembered::new(NAMED_STREAMS_MAX), rooms_by_user: false }
    }

    pub(crate) fn rooms_by_user(&mut self, by_user: bool) {
        self.rooms_by_user = by_user;
    }

    pub(crate) fn forget(&mut self, subject: &SubjectId) {
        self.states.forget(subject);
    }

    /// Folds an event of a person or a domain, if the names of that one are kept.
    pub(crate) async fn follow(&mut self, recorded: &Recorded) -> Result<(), StoreError> {
        let Some(known) = self.states.find(&recorded.stream) else { return Ok(()) };
        if known.version() >= recorded.version {
            return Ok(());
        }
        match open(&self.handler, recorded).await? {
            Some(event) if known.version() + 1 == recorded.version => {
                let state = Arc::new(Arc::unwrap_or_clone(known).evolve(&event));
                self.states.put(recorded.stream.clone(), state);
            }
            _ => self.states.drop_stream(&recorded.stream),
        }
        Ok(())
    }

    /// Puts in what a notice's own stream does not know.
    pub(crate) async fn fill_in(&mut self, notice: &mut Notice) -> Result<(), StoreError> {
        let position = notice.position;
        let NoticeBody::Event(event) = &mut notice.body else { return Ok(()) };
        if let Event::Invite(invite) | Event::InviteRequest(invite) = event {
            invite.from_details = self.caller(&invite.from, position).await?;
        }
        if self.rooms_by_user
            && let (Some(room), Some(id)) = (&notice.room, event.room_id_mut())
            && let Some(name) = self.room_name(room, position).await?
        {
            *id = name;
        }
        Ok(())
    }

    async fn caller(&mut self, id: &UserId, position: Position) -> Result<CallerDetails, StoreError> {
        let Some(user) = self.user(id, position).await? else { return Ok(CallerDetails::of(id.clone())) };
        let domain = self.domain(&user.domain, position).await?;
        Ok(caller_details(&user, domain.as_ref()))
    }

    /// The name of the user whose room it is, if it is known by him.
    async fn room_name(&mut self, room: &RoomRef, position: Position) -> Result<Option<String>, StoreError> {
        let user = self.user(&UserId::from(room.id.as_str()), position).await?;
        Ok(user.and_then(|user| user.username.clear().map(str::to_owned)))
    }

    async fn user(&mut self, id: &UserId, position: Position) -> Result<Option<User>, StoreError> {
        match self.state(&id.stream(), position).await?.as_deref() {
            Some(State::User(user)) if user.version > 0 => Ok(Some(user.clone())),
            _ => Ok(None),
        }
    }

    async fn domain(&mut self, id: &DomainId, position: Position) -> Result<Option<Domain>, StoreError> {
        match self.state(&id.stream(), position).await?.as_deref() {
            Some(State::Domain(domain)) if domain.version > 0 => Ok(Some(domain.clone())),
            _ => Ok(None),
        }
    }

    async fn state(
        &mut self,
        stream: &wac_events::StreamId,
        position: Position,
    ) -> Result<Option<Arc<State>>, StoreError> {
        if let Some(known) = self.states.find(stream) {
            return Ok(Some(known));
        }
        let loaded = load_at(&self.handler, stream, position).await?.map(Arc::new);
        if let Some(state) = &loaded {
            self.states.put(stream.clone(), state.clone());
        }
        Ok(loaded)
    }
}

/// A caller by his names.
pub(crate) fn caller_details(user: &User, domain: Option<&Domain>) -> CallerDetails {
    CallerDetails {
        user_id: user.id.clone(),
        username: user.username.clear().map(str::to_owned),
        display_name: user.display_name.as_ref().and_then(Personal::clear).map(str::to_owned),
        domain: domain.map(|domain| domain.name.clone()),
    }
}
