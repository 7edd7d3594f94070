//! The event log port: what every store promises, and what everything else builds on.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;

use crate::{CommandId, DomainId, NewEvent, Position, Recorded, StreamId, Time};

/// Most events one command may append.
pub const COMMAND_EVENTS_MAX: usize = 1_000;
/// Most events one read returns.
pub const READ_EVENTS_MAX: usize = 10_000;

/// What a stream's version must be for an append to hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ExpectedVersion {
    /// Whatever it is.
    Any,
    /// Exactly this many events so far; 0: the stream does not exist yet.
    Exact(u64),
}

/// One stream's part of a command: what is expected of it, and what is added to it.
#[derive(Clone, Debug)]
pub struct StreamAppend {
    /// The stream.
    pub stream: StreamId,
    /// The version the decision was made on.
    pub expected: ExpectedVersion,
    /// What to add; empty: the stream was only read, and must not have moved.
    pub events: Vec<NewEvent>,
}

/// Everything one command appends: all of it or nothing.
#[derive(Clone, Debug)]
pub struct AppendBatch {
    /// The command; a second append under the same id returns the first one's result.
    pub command_id: CommandId,
    /// The streams concerned; each at most once, with at least one event among them.
    pub appends: Vec<StreamAppend>,
}

/// Where a command's events stand. They are contiguous.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Appended {
    /// Position of the command's first event.
    pub first: Position,
    /// Position of its last event.
    pub last: Position,
    /// The command had been appended before; nothing was written now.
    pub duplicate: bool,
}

/// Why an append did not happen.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AppendError {
    /// A stream has moved since it was read. Nothing was written.
    #[error("stream {stream} is at version {actual}, expected {expected}")]
    Conflict {
        /// The stream.
        stream: StreamId,
        /// What the writer expected.
        expected: u64,
        /// What it is.
        actual: u64,
    },
    /// The batch breaks a rule of [`AppendBatch`]. Nothing was written.
    #[error("append refused: {0}")]
    Invalid(&'static str),
    /// The writer's queue is full. Nothing was written; try again after `retry_after`.
    #[error("the log's queue is full")]
    Overloaded {
        /// When to try again.
        retry_after: Duration,
    },
    /// The store cannot be reached, its disk is full, or it refuses writes. Nothing was written.
    #[error("the log cannot be written: {0}")]
    Unavailable(#[source] StoreError),
    /// The connection broke after the batch was sent and the outcome could not be found out in
    /// time. [`EventLog::outcome`] tells later.
    #[error("the outcome of command {command_id} is unknown: {source}")]
    OutcomeUnknown {
        /// The command.
        command_id: CommandId,
        /// What broke.
        source: StoreError,
    },
}

/// A store's own trouble: which operation failed, and why.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{operation}: {cause}")]
pub struct StoreError {
    /// What was being done.
    pub operation: &'static str,
    /// The driver's error, for the operator's log; never for a caller.
    #[source]
    pub cause: Arc<dyn std::error::Error + Send + Sync>,
}

impl StoreError {
    /// Names the operation that failed.
    pub fn new(operation: &'static str, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { operation, cause: Arc::from(cause.into()) }
    }
}

/// Which events to read. Every condition given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// Only this stream.
    pub stream: Option<StreamId>,
    /// Only these wire names. An entry that ends in `.*` stands for all of an aggregate's names.
    pub types: Vec<String>,
    /// Only this tenant.
    pub domain: Option<DomainId>,
}

/// One page of the log, oldest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadRequest {
    /// Only positions greater than this.
    pub after: Position,
    /// Only positions less than this.
    pub before: Option<Position>,
    /// Which events.
    pub filter: EventFilter,
    /// At most this many events, 1 to [`READ_EVENTS_MAX`].
    pub limit: usize,
}

/// A page and how far it looked.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// The events, oldest first.
    pub events: Vec<Recorded>,
    /// Everything up to here has been looked at: where the next page starts, and what a
    /// subscriber may take as its checkpoint even if nothing matched.
    pub scanned_to: Position,
}

/// The end of the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Head {
    /// Position of the last committed event.
    pub position: Position,
    /// When it was recorded.
    pub recorded_at: Time,
}

/// A log of events in one gapless order, equal to commit order.
///
/// * An append that returned `Ok` survives `kill -9` and power loss.
/// * A reader never sees a position before everything below it is visible, so reading
///   `position > checkpoint` can never skip.
pub trait EventLog: Send + Sync + 'static {
    /// Appends all of `batch` or nothing. Returns once it is durable.
    fn append(&self, batch: AppendBatch) -> BoxFuture<'_, Result<Appended, AppendError>>;

    /// What became of a command, if it ever appended anything.
    fn outcome(&self, command: CommandId) -> BoxFuture<'_, Result<Option<Appended>, StoreError>>;

    /// Reads a page in log order.
    fn read(&self, request: ReadRequest) -> BoxFuture<'_, Result<Page, StoreError>>;

    /// Reads one stream from `from_version` (1 is the first) on, at most `limit` events.
    fn read_stream<'a>(
        &'a self,
        stream: &'a StreamId,
        from_version: u64,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Recorded>, StoreError>>;

    /// The end of the log.
    fn head(&self) -> BoxFuture<'_, Result<Head, StoreError>>;

    /// The last position recorded at or before `time`.
    fn position_at(&self, time: Time) -> BoxFuture<'_, Result<Position, StoreError>>;

    /// Resolves when the head is beyond `position`, or after at most `patience` (then the caller
    /// looks for itself). Notices appends of other processes too, within a bounded time.
    fn wait_beyond(&self, position: Position, patience: Duration) -> BoxFuture<'_, ()>;
}

/// Reads the log from a position on, for ever: each matching event once, in order.
///
/// The subscriber keeps the checkpoint; after a restart it starts a subscription from there.
pub struct Subscription {
    log: Arc<dyn EventLog>,
    request: ReadRequest,
}

impl Subscription {
    /// How long one wait for new events lasts at most before the log is asked again.
    pub const PATIENCE: Duration = Duration::from_secs(5);

    /// Starts behind `after`; `batch` is the most events one page brings.
    pub fn new(log: Arc<dyn EventLog>, after: Position, filter: EventFilter, batch: usize) -> Self {
        let limit = batch.clamp(1, READ_EVENTS_MAX);
        Self { log, request: ReadRequest { after, before: None, filter, limit } }
    }

    /// Everything up to here has been delivered.
    pub fn position(&self) -> Position {
        self.request.after
    }

    /// The next page; waits until the log has moved. May be empty but for a higher `scanned_to`
    /// when what came did not match the filter. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Result<Page, StoreError> {
        loop {
            let page = self.log.read(self.request.clone()).await?;
            if page.scanned_to > self.request.after {
                self.request.after = page.scanned_to;
                return Ok(page);
            }
            self.log.wait_beyond(self.request.after, Self::PATIENCE).await;
        }
    }

    /// The next page if there is one now.
    pub async fn poll_now(&mut self) -> Result<Option<Page>, StoreError> {
        let page = self.log.read(self.request.clone()).await?;
        if page.scanned_to > self.request.after {
            self.request.after = page.scanned_to;
            return Ok(Some(page));
        }
        Ok(None)
    }
}
