//! The one command handler: read, fold, decide, seal, append, retry.

mod execute;
mod inflight;
mod mailbox;
mod repeat;
mod seal;
mod states;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use wac_events::{
    AnyEvent, CodecError, CommandId, Environment, EventLog, KeyStore, OpenError, Position, StoreError, StreamId,
};

use crate::{Command, Context, Fact, Forgotten, Idempotency, Refusals, Rejection};
use inflight::InFlight;
use mailbox::Mailboxes;
pub use states::FOLD_OPERATION;
use states::States;

/// What a handler allows itself.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Most folded states remembered. A state takes about 1 kB, so the default about 50 MB at most.
    pub states_max: u64,
    /// Most commands that hold or wait for one stream; one more is [`CommandError::Unavailable`].
    pub mailbox_max: usize,
    /// How often a command is decided anew after another node moved one of its streams; then it is
    /// [`CommandError::Contention`].
    pub attempts_max: usize,
    /// When to come again after [`CommandError::Unavailable`].
    pub retry_after: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { states_max: 50_000, mailbox_max: 4_096, attempts_max: 16, retry_after: Duration::from_secs(1) }
    }
}

/// What a command came to.
#[derive(Clone, Debug)]
pub struct Executed {
    /// Position of the last event appended; if nothing was, the greatest position the decision saw.
    pub position: Position,
    /// The versions of the streams written to, after this command.
    pub version_of: BTreeMap<StreamId, u64>,
    /// What was decided, protected fields clear; rebuilt from the log for a duplicate (erased
    /// fields are erased then).
    pub facts: Vec<Fact>,
    /// The command had been executed before; nothing happened now.
    pub duplicate: bool,
}

/// Why a command came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// A rule refused it.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// Other nodes kept moving its streams; nothing was written. Trying again is reasonable.
    #[error("other writers kept changing what the command is about")]
    Contention,
    /// The same command id is being executed at this moment.
    #[error("the same command is still being executed")]
    InProgress,
    /// The command id was used for another request.
    #[error("the idempotency key was used for another request")]
    IdempotencyMismatch,
    /// A queue is full or the store cannot be reached; nothing was written.
    #[error("the service is busy or its store cannot be reached")]
    Unavailable {
        /// When to try again.
        retry_after: Duration,
        /// The store's trouble, for the operator's log; `None`: a queue was full.
        #[source]
        cause: Option<StoreError>,
    },
    /// The connection broke in the middle of the append. The same command id sent again, with
    /// [`Context::idempotency`], finds out.
    #[error("the outcome of command {0} is not known")]
    OutcomeUnknown(CommandId),
    /// A bug, or a log this binary cannot read.
    #[error("internal error: {0}")]
    Internal(#[from] InternalError),
}

/// What must not happen; for the operator's log, never for a caller.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InternalError {
    /// An event that cannot be written or read.
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// A sealed field that does not open with its key.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Metadata that cannot be written or read.
    #[error("metadata: {0}")]
    Meta(#[from] serde_json::Error),
    /// A command broke the handler's rules.
    #[error("command {command} {fault}")]
    Command {
        /// Its name.
        command: &'static str,
        /// What it did.
        fault: &'static str,
    },
    /// A stream of no known aggregate.
    #[error("stream {0} belongs to no known aggregate")]
    UnknownAggregate(StreamId),
    /// The log refused a batch as malformed.
    #[error("the log refused the batch: {0}")]
    Batch(&'static str),
    /// The log does not hold what it said a command appended.
    #[error("the events of command {0} are missing from the log")]
    Missing(CommandId),
}

/// Executes commands against a log. Cheap to clone; clones share states and mailboxes.
#[derive(Clone)]
pub struct CommandHandler(Arc<Shared>);

struct Shared {
    log: Arc<dyn EventLog>,
    keys: Arc<dyn KeyStore>,
    env: Arc<dyn Environment>,
    limits: Limits,
    states: States,
    mailboxes: Arc<Mailboxes>,
    inflight: Arc<InFlight>,
    refusals: OnceLock<Arc<dyn Refusals>>,
}

impl CommandHandler {
    /// A handler over `log`, sealing with `keys`.
    pub fn new(log: Arc<dyn EventLog>, keys: Arc<dyn KeyStore>, env: Arc<dyn Environment>, limits: Limits) -> Self {
        let states = States::new(log.clone(), keys.clone(), limits.states_max);
        let mailboxes = Arc::new(Mailboxes::new(limits.mailbox_max));
        let (inflight, refusals) = (Arc::default(), OnceLock::new());
        Self(Arc::new(Shared { log, keys, env, limits, states, mailboxes, inflight, refusals }))
    }

    /// Keeps what is refused from now on. Told twice, the first keeps it.
    pub fn keep_refusals(&self, refusals: Arc<dyn Refusals>) {
        let _ = self.0.refusals.set(refusals);
    }

    /// What has been refused.
    pub fn refusals(&self) -> &dyn Refusals {
        self.0.refusals.get().map_or(&Forgotten, |refusals| &**refusals)
    }

    /// The log commands are appended to.
    pub fn log(&self) -> &Arc<dyn EventLog> {
        &self.0.log
    }

    /// The keys personal data is sealed with.
    pub fn keys(&self) -> &Arc<dyn KeyStore> {
        &self.0.keys
    }

    /// Clock and randomness.
    pub fn environment(&self) -> &Arc<dyn Environment> {
        &self.0.env
    }

    /// Executes a command: durable when this returns `Ok`. Dropping the future gives up waiting;
    /// the append may happen all the same.
    pub async fn execute(&self, command: &dyn Command, ctx: Context) -> Result<Executed, CommandError> {
        let _running = self.0.inflight.begin(ctx.command_id).ok_or(CommandError::InProgress)?;
        if ctx.idempotency == Idempotency::Before
            && let Some(executed) = self.repeated(&ctx).await?
        {
            return Ok(executed);
        }
        let outcome = self.0.execute(command, &ctx).await;
        let refused = match &outcome {
            Ok(executed) => executed.facts.is_empty(),
            Err(error) => matches!(error, CommandError::Rejected(_)),
        };
        if refused
            && ctx.idempotency == Idempotency::Refusal
            && let Some(executed) = self.repeated(&ctx).await?
        {
            return Ok(executed);
        }
        outcome
    }

    /// What a command would come to now: decided, not appended.
    pub async fn preview(&self, command: &dyn Command, ctx: &Context) -> Result<Vec<Fact>, CommandError> {
        self.0.preview(command, ctx).await
    }

    /// What came of an earlier execution of the same command id, if it appended anything.
    ///
    /// Errors: [`CommandError::IdempotencyMismatch`] if it was another request's.
    pub async fn repeated(&self, ctx: &Context) -> Result<Option<Executed>, CommandError> {
        match self.0.log.outcome(ctx.command_id).await.map_err(|cause| self.0.unavailable(cause))? {
            Some(appended) => self.0.rebuild(ctx, appended).await.map(Some),
            None => Ok(None),
        }
    }

    /// The present states of these streams, asked of the log.
    pub async fn load(&self, streams: &[StreamId]) -> Result<crate::World, StoreError> {
        let mut world = crate::World::default();
        self.0.states.read(&mut world, streams, true).await.map_err(states::ReadError::into_store)?;
        Ok(world)
    }

    /// The states of these streams as this handler remembers them: not older than what it has itself
    /// appended or read last, but possibly older than what other nodes have appended since.
    pub async fn recall(&self, streams: &[StreamId]) -> Result<crate::World, StoreError> {
        let mut world = crate::World::default();
        self.0.states.read(&mut world, streams, false).await.map_err(states::ReadError::into_store)?;
        Ok(world)
    }

    /// The state of a stream as it was at `position`.
    pub async fn load_at(&self, stream: &StreamId, position: Position) -> Result<crate::State, StoreError> {
        self.0.states.fold_until(stream, position).await.map_err(states::ReadError::into_store)
    }

    pub(crate) fn busy(&self, cause: StoreError) -> CommandError {
        self.0.unavailable(cause)
    }

    /// Forgets everything about a person that is held in memory: the key has been destroyed.
    pub fn forget(&self, subject: &wac_events::SubjectId) {
        self.0.states.forget(subject);
        self.0.keys.forget(subject);
    }
}

impl Executed {
    /// The first event decided that `pick` recognises.
    pub fn find<'a, T>(&'a self, pick: impl FnMut(&'a AnyEvent) -> Option<T>) -> Option<T> {
        self.facts.iter().map(|fact| &fact.event).find_map(pick)
    }
}
