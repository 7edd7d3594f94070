//! Process managers: what follows from an event, as further commands.
//!
//! A manager reads the log from its checkpoint, at least once. The ids of its commands derive from
//! the causing event, so a redelivered event appends nothing twice; what it finds done already is
//! refused or decided away, and that counts as done.

mod call_alarms;
mod call_cascade;
mod call_deadlines;
#[cfg(test)]
mod call_tests;
mod client_cascade;
mod deadlines;
mod domain_cascade;
mod empty_domain;
mod eraser;
mod exclusive_login;
mod group_cascade;
mod guest_expiry;
mod leases;
mod max_tokens;
mod media_dispatch;
mod media_losses;
#[cfg(test)]
mod media_tests;
mod media_watch;
mod node_watch;
mod passwords;
mod ports;
mod run;
#[cfg(test)]
mod tests;
mod user_cascade;
mod user_move;
mod work;

use std::sync::Arc;

use futures::future::BoxFuture;
use wac_events::alarm::AlarmRule;
use wac_events::{AnyEvent, CodecError, Meta, Recorded, StoreError};

use crate::CommandError;

pub use call_alarms::CallAlarms;
pub use call_cascade::CallCascade;
pub use call_deadlines::{CallRules, run_call_deadlines};
pub use client_cascade::ClientCascade;
pub use deadlines::{Deadlines, Due};
pub use domain_cascade::DomainCascade;
pub use empty_domain::delete_empty_domain;
pub use eraser::{Eraser, KeyEraser, SubjectEraser};
pub use exclusive_login::ExclusiveLogin;
pub use group_cascade::GroupCascade;
pub use guest_expiry::{Guests, run_guest_expiry};
pub use leases::Leases;
pub use max_tokens::MaxTokens;
pub use media_dispatch::MediaDispatch;
pub use media_losses::MediaLosses;
pub use media_watch::{MediaRules, run_media_watch};
pub use node_watch::{Heartbeats, LastSign, NodeRules, run_node_watch};
pub use passwords::Passwords;
pub use ports::{Checkpoints, Listing, Lookup, Ports, Silent, Timer, Watcher};
pub use run::{RETRY_MAX, RETRY_MIN, catch_up, run};
pub use user_cascade::UserCascade;
pub use user_move::UserMove;
pub use work::{Pages, Work};

/// Turns events into commands.
pub trait ProcessManager: Send + Sync + 'static {
    /// Its name, snake_case: its checkpoint's, and the actor of its commands.
    fn name(&self) -> &'static str;

    /// The wire names it wants; `aggregate.*` stands for all of an aggregate's.
    fn wants(&self) -> &'static [&'static str];

    /// Does what follows from one event. Called again for the same event after an error or a
    /// restart.
    fn react<'a>(&'a self, work: &'a Work<'a>) -> BoxFuture<'a, Result<(), ProcessError>>;
}

/// The event a manager reacts to.
#[derive(Clone, Debug)]
pub struct Cause {
    /// As it stands in the log.
    pub recorded: Recorded,
    /// Decoded; protected fields sealed.
    pub event: AnyEvent,
    /// Who did it, on account of what.
    pub meta: Meta,
}

/// Why a reaction could not be finished; it is tried again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProcessError {
    /// A command failed for another reason than a rule.
    #[error("command {command}: {source}")]
    Command {
        /// Its name.
        command: &'static str,
        /// Why.
        source: CommandError,
    },
    /// The log, a checkpoint or a read model cannot be reached, or is not there yet.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An event this binary cannot read; a newer one has to.
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// An event's metadata cannot be read.
    #[error("metadata: {0}")]
    Meta(#[from] serde_json::Error),
}

/// What the operator wants of the managers.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ProcessRules {
    /// Most token families of one user at a time; 0: any number.
    pub tokens_max: usize,
    /// Whether a new session ends the user's older ones (`login.exclusive`).
    pub exclusive_login: bool,
    /// When a call is to raise an alarm.
    pub call_alarms: Vec<AlarmRule>,
}

/// The platform's managers, but for those that follow the clock ([`run_guest_expiry`],
/// [`run_call_deadlines`], [`run_node_watch`], [`run_media_watch`]).
pub fn all(eraser: Arc<dyn Eraser>, rules: ProcessRules) -> Vec<Arc<dyn ProcessManager>> {
    vec![
        Arc::new(UserCascade),
        Arc::new(DomainCascade),
        Arc::new(ClientCascade),
        Arc::new(SubjectEraser::new(eraser)),
        Arc::new(MaxTokens::new(rules.tokens_max)),
        Arc::new(Leases),
        Arc::new(Passwords),
        Arc::new(CallCascade),
        Arc::new(ExclusiveLogin::new(rules.exclusive_login)),
        Arc::new(GroupCascade),
        Arc::new(UserMove),
        Arc::new(MediaDispatch),
        Arc::new(MediaLosses),
        Arc::new(CallAlarms::new(rules.call_alarms)),
    ]
}
