//! Who relays: one node at a time for each log.

use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use wac_events::StoreError;

/// How long a granted or renewed lease holds.
pub const LEASE_DURATION: Duration = Duration::from_secs(10);
/// How often it is renewed, and how often a node without it asks for it.
pub const LEASE_RENEW_EVERY: Duration = Duration::from_secs(2);
/// The holder stops this long before the lease ends by its own clock.
const LEASE_MARGIN: Duration = Duration::from_secs(2);

/// Number of a grant; every grant of one log's lease has a greater one than those before.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct LeaseEpoch(pub u64);

/// A lease that nodes share, kept where the log is.
pub trait RelayLease: Send + Sync + 'static {
    /// Takes the lease for [`LEASE_DURATION`] if nobody has it; `None`: another node has.
    fn acquire(&self) -> BoxFuture<'_, Result<Option<LeaseEpoch>, StoreError>>;

    /// Holds the grant for another [`LEASE_DURATION`] from now; `false`: it is lost.
    fn renew(&self, epoch: LeaseEpoch) -> BoxFuture<'_, Result<bool, StoreError>>;

    /// Gives the grant back, so that another node need not wait for its end.
    fn release(&self, epoch: LeaseEpoch) -> BoxFuture<'_, Result<(), StoreError>>;
}

/// For a log that only one process can write: the lease is always granted.
#[derive(Clone, Copy, Debug, Default)]
pub struct AlwaysGranted;

impl RelayLease for AlwaysGranted {
    fn acquire(&self) -> BoxFuture<'_, Result<Option<LeaseEpoch>, StoreError>> {
        Box::pin(async { Ok(Some(LeaseEpoch(1))) })
    }

    fn renew(&self, _: LeaseEpoch) -> BoxFuture<'_, Result<bool, StoreError>> {
        Box::pin(async { Ok(true) })
    }

    fn release(&self, _: LeaseEpoch) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async { Ok(()) })
    }
}

/// The instant until which a lease asked for at `asked` may be relied upon.
pub(crate) fn relied_until(asked: Instant) -> Instant {
    asked + LEASE_DURATION - LEASE_MARGIN
}
