//! The log as one node reaches it: over a network, and only as long as the node lives.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, pending};
use wac_events::{
    AppendBatch, AppendError, Appended, CommandId, Environment, EventLog, Head, Page, Position, ReadRequest, Recorded,
    StoreError, StreamId, Time,
};

use super::cluster::Cluster;
use super::process::Pulse;
use super::sabotage::Sabotage;

/// How long word of an append takes at most to reach a node.
const WORD_MS: u64 = 120;

/// Of 1,000 appends: after how many the node that made it dies.
const CRASHES_AFTER_APPEND: usize = 5;
/// Of 1,000 appends: how many have no answer, although they are made.
const ANSWERS_LOST: usize = 10;
/// Of 1,000 reads: how many fail.
const READS_FAILED: usize = 3;

/// A node's way to the log that all share.
pub(crate) struct NodeLog {
    cluster: Arc<Cluster>,
    pulse: Pulse,
}

impl NodeLog {
    pub(crate) fn new(cluster: Arc<Cluster>, pulse: Pulse) -> Self {
        Self { cluster, pulse }
    }

    /// Now and then the way is long, so that others are there first.
    async fn travel(&self, permille: usize, most_ms: u64) {
        let dice = &self.cluster.dice;
        if dice.chance(permille) {
            self.cluster.executor.sleep(dice.millis(0, most_ms)).await;
        }
    }
}

impl EventLog for NodeLog {
    fn append(&self, mut batch: AppendBatch) -> BoxFuture<'_, Result<Appended, AppendError>> {
        async move {
            self.travel(300, 15).await;
            self.pulse.reach("append").map_err(AppendError::Unavailable)?;
            if self.cluster.sabotage == Sabotage::ForgetCommandIds {
                batch.command_id = CommandId(self.cluster.clock.new_uuid());
            }
            let command_id = batch.command_id;
            let appended = self.cluster.append(batch).await;
            if appended.is_ok() && self.cluster.trouble() {
                if self.cluster.dice.chance(CRASHES_AFTER_APPEND) {
                    // It is in the log, and nobody here will ever know.
                    self.pulse.stop("after an append");
                    return pending().await;
                }
                if self.cluster.dice.chance(ANSWERS_LOST) {
                    let source = StoreError::new("append", "the connection broke");
                    return Err(AppendError::OutcomeUnknown { command_id, source });
                }
            }
            self.travel(300, 15).await;
            let unknown = |source| AppendError::OutcomeUnknown { command_id, source };
            self.pulse.reach("append").map_err(unknown)?;
            appended
        }
        .boxed()
    }

    fn outcome(&self, command: CommandId) -> BoxFuture<'_, Result<Option<Appended>, StoreError>> {
        async move {
            self.pulse.reach("outcome")?;
            if self.cluster.sabotage == Sabotage::ForgetCommandIds {
                return Ok(None);
            }
            self.cluster.log.outcome(command).await
        }
        .boxed()
    }

    fn read(&self, request: ReadRequest) -> BoxFuture<'_, Result<Page, StoreError>> {
        async move {
            self.travel(100, 10).await;
            self.pulse.reach("read")?;
            if self.cluster.trouble() && self.cluster.dice.chance(READS_FAILED) {
                return Err(StoreError::new("read", "the connection broke"));
            }
            self.cluster.log.read(request).await
        }
        .boxed()
    }

    fn read_stream<'a>(
        &'a self,
        stream: &'a StreamId,
        from_version: u64,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Recorded>, StoreError>> {
        async move {
            self.travel(100, 10).await;
            self.pulse.reach("read a stream")?;
            self.cluster.log.read_stream(stream, from_version, limit).await
        }
        .boxed()
    }

    fn head(&self) -> BoxFuture<'_, Result<Head, StoreError>> {
        async move {
            self.pulse.reach("head")?;
            self.cluster.log.head().await
        }
        .boxed()
    }

    fn position_at(&self, time: Time) -> BoxFuture<'_, Result<Position, StoreError>> {
        self.cluster.log.position_at(time)
    }

    fn wait_beyond(&self, position: Position, patience: Duration) -> BoxFuture<'_, ()> {
        async move {
            self.cluster.executor.within(patience, self.cluster.moved_beyond(position)).await;
            self.cluster.executor.sleep(self.cluster.dice.millis(1, WORD_MS)).await;
        }
        .boxed()
    }
}
