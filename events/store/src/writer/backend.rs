//! What the group-commit writer asks of a store.

use std::future::Future;

use wac_events::{CommandId, StoreError, StreamId, Time};

use super::plan::{Base, Row};

/// One write connection to a store. Used by one task, one call at a time; reconnects by itself.
pub(crate) trait Backend: Send + 'static {
    /// After so many attempts in which others were faster the next one holds the head's lock from
    /// planning to commit, so that it is the last.
    const LOCK_AFTER: u32;

    /// Reads the versions of `streams` (0: does not exist) and where `commands` stand, together
    /// with a head not beyond which both are complete.
    fn look_up(
        &mut self,
        streams: &[StreamId],
        commands: &[CommandId],
    ) -> impl Future<Output = Result<Found, StoreError>> + Send;

    /// Writes the whole batch behind the head, durably, or nothing of it: only if every base
    /// still holds under the head's lock.
    fn commit(&mut self, batch: Batch<'_>) -> impl Future<Output = Result<Commit, CommitError>> + Send;

    /// Takes the head's lock, until the next [`Backend::commit`] or [`Backend::unlock`], and tells
    /// what others have written since `known_head`.
    fn lock(&mut self, known_head: u64) -> impl Future<Output = Result<Moved, StoreError>> + Send;

    /// Gives the head's lock up, if it is held.
    fn unlock(&mut self) -> impl Future<Output = ()> + Send;

    /// Writes `text` durably to a place of its own, to find out whether that can be done.
    fn probe(&mut self, text: &str) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Gives the connection back in good order.
    fn close(&mut self) -> impl Future<Output = ()> + Send;
}

/// What one round trip writes.
pub(crate) struct Batch<'a> {
    /// The head the bases are complete up to.
    pub(crate) known_head: u64,
    pub(crate) bases: &'a [Base<'a>],
    /// Never empty. Row `i` gets position `head + 1 + i`.
    pub(crate) rows: &'a [Row<'a>],
    /// The writer's clock; recorded if the log's last time is not later.
    pub(crate) now: Time,
}

pub(crate) struct Found {
    pub(crate) head: u64,
    /// One for each stream asked for, in any order.
    pub(crate) versions: Vec<(StreamId, u64)>,
    /// First and last position of those that exist.
    pub(crate) commands: Vec<(CommandId, u64, u64)>,
}

#[derive(Debug)]
pub(crate) enum Commit {
    /// Durable, at `head_before + 1` and on. `moved`: versions of streams which others have
    /// written to since `known_head`.
    Written { head_before: u64, moved: Vec<(StreamId, u64)> },
    /// Nothing was written: a base does not hold.
    Moved(Moved),
}

/// What others have written.
#[derive(Debug)]
pub(crate) struct Moved {
    /// How far this tells.
    pub(crate) head: u64,
    /// Streams and their versions there, or later.
    pub(crate) versions: Vec<(StreamId, u64)>,
    /// Or else too much has happened to tell: look everything up again.
    pub(crate) complete: bool,
}

#[derive(Debug)]
pub(crate) enum CommitError {
    /// A uniqueness rule refused it: a command or event id is in the log already, or a stream
    /// believed new exists. Nothing was written.
    Taken,
    /// The store refuses the content. Nothing was written.
    Content(StoreError),
    /// The store cannot write now. Nothing was written.
    NotWritten(StoreError),
    /// Nobody knows.
    Unknown(StoreError),
}
