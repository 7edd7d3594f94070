//! What deciders refused in a call: a trail beside the log, for whoever asks afterwards why somebody could not.
//!
//! A refusal changes nothing, so it is no fact and has no place in the log: whoever is refused could fill it for ever.
//! It is kept outside, so many for each call and for so long, and may be lost with the process that refused.

use futures::FutureExt;
use futures::future::BoxFuture;
use wac_events::{Actor, Position, SessionId, StoreError, Time};

use crate::{Command, Context, Rejection, World};

/// Most refusals kept for one call; the first ones stay.
pub const REFUSALS_OF_CALL_MAX: usize = 100;

/// One refusal.
#[derive(Clone, PartialEq, Debug)]
pub struct Refusal {
    /// The call: what the command's facts would have been correlated by.
    pub call: String,
    /// When.
    pub at: Time,
    /// The last position the decision saw: the refusal belongs behind it.
    pub seen: Position,
    /// The command, snake_case.
    pub command: String,
    /// Code of the rejection.
    pub code: String,
    /// The rejection in words, without anything personal.
    pub reason: String,
    /// Who was refused.
    pub by: Actor,
    /// On which device.
    pub session: Option<SessionId>,
    /// Name of the node that refused.
    pub node: String,
}

impl Refusal {
    /// The refusal of a command of a user's or a client's that belongs to a call; `None` for all others: the
    /// platform's own processes are refused whenever somebody was faster, and nobody asks why.
    pub(crate) fn of(command: &dyn Command, world: &World, ctx: &Context, rejection: &Rejection) -> Option<Self> {
        if matches!(ctx.actor, Actor::System(_)) {
            return None;
        }
        let call = command.correlation(world).filter(|call| !call.is_empty())?;
        Some(Self {
            call,
            at: ctx.now,
            seen: world.position(),
            command: command.name().to_owned(),
            code: rejection.code().to_owned(),
            reason: rejection.to_string(),
            by: ctx.actor.clone(),
            session: ctx.session.clone(),
            node: String::new(),
        })
    }
}

/// Keeps refusals, at most [`REFUSALS_OF_CALL_MAX`] of a call.
pub trait Refusals: Send + Sync + 'static {
    /// Keeps one, or drops it when too many come at once. Does not block.
    fn note(&self, refusal: Refusal);

    /// Those of these calls, oldest first. A call has several names: its opening, and the ids of requests to be let
    /// in that were refused before there was one.
    fn of_calls<'a>(&'a self, calls: &'a [String]) -> BoxFuture<'a, Result<Vec<Refusal>, StoreError>>;
}

/// Keeps none.
#[derive(Clone, Copy, Debug, Default)]
pub struct Forgotten;

impl Refusals for Forgotten {
    fn note(&self, _: Refusal) {}

    fn of_calls<'a>(&'a self, _: &'a [String]) -> BoxFuture<'a, Result<Vec<Refusal>, StoreError>> {
        futures::future::ready(Ok(Vec::new())).boxed()
    }
}
