//! Group commit: one task for each log and process drains a bounded queue into round trips, each of
//! which takes all that waits.

pub(crate) mod backend;
pub(crate) mod plan;
mod recent;
mod run;
mod settle;
pub(crate) mod trouble;
mod validate;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::JoinHandle;
use wac_events::{AppendBatch, AppendError, Appended, Environment, StoreError};

use crate::wake::Wake;
use backend::Backend;
use plan::{Job, Known};
use recent::Recent;
use settle::Writer;
use trouble::Trouble;
pub use validate::{EVENT_BYTES_MAX, NAME_BYTES_MAX};

/// Most commands waiting for a log's writer; more are refused with [`AppendError::Overloaded`].
pub const QUEUE_COMMANDS_MAX: usize = 4_096;
/// Most commands in one round trip.
pub const BATCH_COMMANDS_MAX: usize = 512;
/// A round trip takes no further command once it has this many events.
pub const BATCH_EVENTS_MAX: usize = 4_096;
/// A round trip takes no further command once its payloads have this many bytes.
pub const BATCH_BYTES_MAX: usize = 8 << 20;
/// When a refused caller should try again: about the time a full queue takes.
pub const OVERLOADED_RETRY_AFTER: Duration = Duration::from_millis(200);
/// How long the writer tries to find out what became of a batch whose connection broke.
pub const OUTCOME_PATIENCE: Duration = Duration::from_secs(5);
/// Streams whose version a writer remembers (about 100 bytes each).
pub const STREAMS_REMEMBERED: usize = 131_072;
/// Commands whose outcome a writer remembers (about 50 bytes each).
pub const COMMANDS_REMEMBERED: usize = 131_072;

/// The queue's end that callers hold.
pub(crate) struct WriterHandle {
    queue: std::sync::Mutex<Option<mpsc::Sender<Job>>>,
    task: Mutex<Option<JoinHandle<()>>>,
    pub(crate) trouble: Trouble,
}

impl WriterHandle {
    /// `backends`: as many batches can be under way at once.
    pub(crate) fn start<B: Backend>(backends: Vec<B>, environment: Arc<dyn Environment>, wake: Arc<Wake>) -> Self {
        // Besides what is in the channel the task holds as many batches as can be under way.
        let (queue, jobs) = mpsc::channel(QUEUE_COMMANDS_MAX - backends.len() * BATCH_COMMANDS_MAX);
        let known =
            Known { head: None, versions: Recent::new(STREAMS_REMEMBERED), commands: Recent::new(COMMANDS_REMEMBERED) };
        let known = Arc::new(std::sync::Mutex::new(known));
        let trouble = Trouble::default();
        let writer = |backend| Writer {
            backend,
            known: known.clone(),
            environment: environment.clone(),
            wake: wake.clone(),
            trouble: trouble.clone(),
        };
        let writers = backends.into_iter().map(writer).collect();
        let task = tokio::spawn(run::run(writers, jobs, trouble.clone()));
        Self { queue: std::sync::Mutex::new(Some(queue)), task: Mutex::new(Some(task)), trouble }
    }

    pub(crate) async fn append(&self, batch: AppendBatch) -> Result<Appended, AppendError> {
        validate::batch(&batch).map_err(AppendError::Invalid)?;
        let command_id = batch.command_id;
        let (reply, outcome) = oneshot::channel();
        let queue = self.queue.lock().expect("nobody panics while holding the queue").clone();
        let closed = || AppendError::Unavailable(StoreError::new("append", "the log has been closed"));
        let queue = queue.ok_or_else(closed)?;
        queue.try_send(Job { batch, reply, sent: false }).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => AppendError::Overloaded { retry_after: OVERLOADED_RETRY_AFTER },
            mpsc::error::TrySendError::Closed(_) => closed(),
        })?;
        drop(queue);
        outcome.await.unwrap_or_else(|_| {
            let source = StoreError::new("append", "the log's writer has stopped");
            Err(AppendError::OutcomeUnknown { command_id, source })
        })
    }

    /// Takes nothing more, and returns once everything taken has its answer.
    pub(crate) async fn close(&self) {
        drop(self.queue.lock().expect("nobody panics while holding the queue").take());
        if let Some(task) = self.task.lock().await.take()
            && let Err(error) = task.await
        {
            tracing::error!(%error, "the log's writer ended badly");
        }
    }
}
