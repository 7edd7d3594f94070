//! One log from its parts: the writer's queue, a store's reads, and the wake-ups.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio_util::task::AbortOnDropHandle;
use wac_events::{
    AppendBatch, AppendError, Appended, CommandId, EventLog, Head, Page, Position, READ_EVENTS_MAX, ReadRequest,
    Recorded, StoreError, StreamId, Time,
};

use crate::tail::Tail;
use crate::wake::Wake;
use crate::writer::WriterHandle;

/// The reading half of a store.
pub(crate) trait Reader: Send + Sync + 'static {
    fn outcome(&self, command: CommandId) -> impl Future<Output = Result<Option<Appended>, StoreError>> + Send;
    /// `request.limit` is within its bounds, and `request.before` is greater than `after + 1`.
    fn read(&self, request: ReadRequest) -> impl Future<Output = Result<Page, StoreError>> + Send;
    fn read_stream(
        &self,
        stream: &StreamId,
        from_version: u64,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Recorded>, StoreError>> + Send;
    fn head(&self) -> impl Future<Output = Result<Head, StoreError>> + Send;
    fn position_at(&self, time: Time) -> impl Future<Output = Result<Position, StoreError>> + Send;
}

/// A whole log.
pub(crate) struct StoreLog<R> {
    pub(crate) reader: R,
    pub(crate) writer: WriterHandle,
    pub(crate) wake: Arc<Wake>,
    /// The end of the log, for those who follow it; none where reading costs nothing.
    pub(crate) tail: Option<Tail>,
    /// Listens for appends of other processes; none where there cannot be any.
    pub(crate) _watcher: Option<AbortOnDropHandle<()>>,
}

impl<R: Reader> EventLog for StoreLog<R> {
    fn append(&self, batch: AppendBatch) -> BoxFuture<'_, Result<Appended, AppendError>> {
        self.writer.append(batch).boxed()
    }

    fn outcome(&self, command: CommandId) -> BoxFuture<'_, Result<Option<Appended>, StoreError>> {
        self.reader.outcome(command).boxed()
    }

    fn read(&self, mut request: ReadRequest) -> BoxFuture<'_, Result<Page, StoreError>> {
        async move {
            request.limit = request.limit.clamp(1, READ_EVENTS_MAX);
            if request.before.is_some_and(|before| before.0 <= request.after.0.saturating_add(1)) {
                return Ok(Page { events: Vec::new(), scanned_to: request.after });
            }
            if let Some(tail) = &self.tail
                && let Some(page) = tail.read(&self.reader, &request).await?
            {
                return Ok(page);
            }
            self.reader.read(request).await
        }
        .boxed()
    }

    fn read_stream<'a>(
        &'a self,
        stream: &'a StreamId,
        from_version: u64,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Recorded>, StoreError>> {
        self.reader.read_stream(stream, from_version, limit.clamp(1, READ_EVENTS_MAX)).boxed()
    }

    fn head(&self) -> BoxFuture<'_, Result<Head, StoreError>> {
        self.reader.head().boxed()
    }

    fn position_at(&self, time: Time) -> BoxFuture<'_, Result<Position, StoreError>> {
        self.reader.position_at(time).boxed()
    }

    fn wait_beyond(&self, position: Position, patience: Duration) -> BoxFuture<'_, ()> {
        if let Some(tail) = &self.tail
            && self.wake.heard_of() >= position
        {
            tail.begin(position);
        }
        self.wake.wait_beyond(position, patience).boxed()
    }
}
