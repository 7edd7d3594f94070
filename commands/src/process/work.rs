use wac_events::{Actor, CommandId, Position, StoreError, StreamId, Time};

use super::{Cause, Listing, Ports, ProcessError};
use crate::{Calls, Command, CommandError, Context, Executed, RejectionKind, State, World};

/// Ids asked for at a time.
const PAGE_IDS: usize = 200;

/// One event and what a manager needs to react to it.
pub struct Work<'a> {
    manager: &'static str,
    ports: &'a Ports,
    cause: &'a Cause,
}

impl<'a> Work<'a> {
    pub(super) fn new(manager: &'static str, ports: &'a Ports, cause: &'a Cause) -> Self {
        Self { manager, ports, cause }
    }

    /// The event.
    pub fn cause(&self) -> &'a Cause {
        self.cause
    }

    /// Its position.
    pub fn position(&self) -> Position {
        self.cause.recorded.position
    }

    /// Keys of personal data.
    pub fn keys(&self) -> &'a dyn wac_events::KeyStore {
        &**self.ports.handler.keys()
    }

    /// The present.
    pub fn now(&self) -> Time {
        self.ports.handler.environment().now()
    }

    /// Executes a command caused by the event. `target` names what it is about, so that the
    /// commands of one reaction have different ids. `None`: a rule refused it, which is noted, and
    /// counts as done: what was to be removed is gone, or somebody has decided otherwise.
    pub async fn issue(&self, target: &str, command: &dyn Command) -> Result<Option<Executed>, ProcessError> {
        match self.ports.handler.execute(command, self.context(command.name(), target)).await {
            Ok(executed) => Ok(Some(executed)),
            Err(CommandError::Rejected(rejection)) => {
                if rejection.kind() != RejectionKind::NotFound {
                    self.ports.watcher.rejected(self.manager, command.name(), &rejection);
                }
                Ok(None)
            }
            Err(source) => Err(ProcessError::Command { command: command.name(), source }),
        }
    }

    fn context(&self, command: &str, target: &str) -> Context {
        let Cause { recorded, meta, .. } = self.cause;
        let key = format!("{}/{command}/{target}", recorded.event_id);
        Context {
            now: self.now(),
            actor: Actor::System(self.manager.to_owned()),
            command_id: CommandId::derived(self.manager, &key),
            correlation_id: meta.correlation_id.clone(),
            causation_id: Some(recorded.event_id),
            traceparent: meta.traceparent.clone(),
            request: None,
            idempotency: crate::Idempotency::Append,
            session: None,
        }
    }

    /// The ids of a listing, page by page, from read models that have seen the event.
    pub fn list(&self, listing: Listing) -> Pages<'a> {
        Pages { ports: self.ports, seen: self.position(), listing, after: None, done: false }
    }

    /// Who is where; asked with [`Work::position`], by read models that have seen the event.
    pub fn calls(&self) -> &'a dyn Calls {
        &*self.ports.calls
    }

    /// The present states of streams.
    pub async fn load(&self, streams: &[StreamId]) -> Result<World, StoreError> {
        self.ports.handler.load(streams).await
    }

    /// The state of a stream just after the event.
    pub async fn load_then(&self, stream: &StreamId) -> Result<State, StoreError> {
        self.ports.handler.load_at(stream, self.position()).await
    }

    /// The present state of a stream.
    pub async fn load_now(&self, stream: &StreamId) -> Result<State, StoreError> {
        let head = self.ports.handler.log().head().await?.position;
        self.ports.handler.load_at(stream, head).await
    }

    /// Nothing of this subject is kept in memory any more.
    pub fn forget(&self, subject: &wac_events::SubjectId) {
        self.ports.handler.forget(subject);
    }
}

/// A listing on the way.
pub struct Pages<'a> {
    ports: &'a Ports,
    listing: Listing,
    seen: Position,
    after: Option<String>,
    done: bool,
}

impl Pages<'_> {
    /// The next ids; `None` at the end. What is removed between two pages is not missed.
    pub async fn next(&mut self) -> Result<Option<Vec<String>>, StoreError> {
        if self.done {
            return Ok(None);
        }
        let ids = self.ports.lookup.list(&self.listing, self.after.as_deref(), PAGE_IDS, self.seen).await?;
        self.done = ids.len() < PAGE_IDS;
        self.after = ids.last().cloned().or(self.after.take());
        Ok((!ids.is_empty()).then_some(ids))
    }
}
