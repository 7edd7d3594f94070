//! Waiting for read models to catch up.

use std::time::Duration;

use futures::future::BoxFuture;
use wac_events::Position;

use crate::Problem;

/// How long `Retry-After` of a read model that is behind asks to wait.
pub(crate) const NOT_CAUGHT_UP_RETRY: Duration = Duration::from_secs(1);

/// A read model did not get there in time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the read models are behind position {wanted}")]
pub struct Behind {
    /// The position waited for.
    pub wanted: Position,
}

/// Waits for the read models of this node.
pub trait Waiter: Send + Sync + 'static {
    /// Resolves once the rows of `tables` are built up to `position`, or fails after `patience`.
    fn wait_for<'a>(
        &'a self,
        tables: &'a [&'static str],
        position: Position,
        patience: Duration,
    ) -> BoxFuture<'a, Result<(), Behind>>;
}

impl From<Behind> for Problem {
    fn from(behind: Behind) -> Self {
        let detail = format!("The read model did not reach position {} in time.", behind.wanted);
        Problem::unavailable("not_caught_up", detail, NOT_CAUGHT_UP_RETRY)
    }
}
