//! What a command is, what it is given, and what it decides.

use wac_events::{Actor, AnyEvent, CommandId, DomainId, EventId, SessionId, StreamId, Time};

use crate::{Rejection, World};

/// Something somebody wants to happen.
pub trait Command: Send + Sync {
    /// Its name, snake_case, for logs and metrics.
    fn name(&self) -> &'static str;

    /// The streams the decision looks at, those it writes to included. Asked again with what has
    /// been read so far until it names nothing new, so it may follow references.
    fn reads(&self, world: &World) -> Vec<StreamId>;

    /// What happens, or why not. No facts: everything is already as the command wants it.
    fn decide(&self, world: &World, ctx: &Context) -> Result<Vec<Fact>, Rejection>;

    /// What the facts belong to, if it is more than this request: all facts of one call share one
    /// correlation id. Asked with the world the decision was made on; `None` keeps the context's.
    fn correlation(&self, world: &World) -> Option<String> {
        let _ = world;
        None
    }
}

/// When a command id is looked up in the log, so that a repeated command gets its first result.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Idempotency {
    /// By the append alone: the same id never appends twice.
    #[default]
    Append,
    /// Also after a refusal, or where nothing was to be done: the first execution may have
    /// changed what it was decided on. Costs nothing where the command is accepted.
    Refusal,
    /// Before deciding: for commands whose decision alone leaves traces (keys of new persons).
    Before,
}

/// One event on its way to its stream. Protected fields are clear.
#[derive(Clone, Debug, PartialEq)]
pub struct Fact {
    /// The stream; one of those the command reads.
    pub stream: StreamId,
    /// Tenant, for filters; `None` for what belongs to no domain.
    pub domain: Option<DomainId>,
    /// The event.
    pub event: AnyEvent,
}

impl Fact {
    /// A fact of a tenant.
    pub fn of(domain: &DomainId, stream: StreamId, event: impl Into<AnyEvent>) -> Self {
        Self { stream, domain: Some(domain.clone()), event: event.into() }
    }
}

/// Who asks, when, and on account of what.
#[derive(Clone, Debug)]
pub struct Context {
    /// The present; the only clock of a decision.
    pub now: Time,
    /// Who asks.
    pub actor: Actor,
    /// Id of this command; the same id never appends twice.
    pub command_id: CommandId,
    /// Equal in everything that follows from one request.
    pub correlation_id: String,
    /// The event whose handling caused the command.
    pub causation_id: Option<EventId>,
    /// W3C trace context of the request.
    pub traceparent: Option<String>,
    /// Fingerprint of the request behind an idempotency key; the key's reuse for another request is
    /// [`crate::CommandError::IdempotencyMismatch`].
    pub request: Option<String>,
    /// When `command_id` is looked up in the log.
    pub idempotency: Idempotency,
    /// The device it was asked on.
    pub session: Option<SessionId>,
}

impl Context {
    /// A context with an id of its own and nothing that caused it.
    pub fn new(now: Time, actor: Actor, command_id: CommandId) -> Self {
        Self {
            now,
            actor,
            command_id,
            correlation_id: command_id.to_string(),
            causation_id: None,
            traceparent: None,
            request: None,
            idempotency: Idempotency::Append,
            session: None,
        }
    }
}
