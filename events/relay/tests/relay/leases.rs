//! One relay at a time.

use std::sync::{Arc, Mutex};

use futures::future::BoxFuture;
use wac_events::{Position, StoreError};
use wac_relay::{LeaseEpoch, RelayLease};
use xtask::services::shared_kafka;

use super::support::{Running, TestKeys, TestLog, assert_complete, config, eventually};

/// A lease without expiry: whoever asks first has it until it is given back or taken away.
#[derive(Default)]
struct Shared {
    epoch: u64,
    held: bool,
}

#[derive(Clone, Default)]
struct TestLease(Arc<Mutex<Shared>>);

impl TestLease {
    /// What happens to a node that another one takes for dead: its grant is void from now on.
    fn take_away(&self) {
        let mut shared = self.0.lock().unwrap();
        shared.epoch += 1;
        shared.held = false;
    }
}

impl RelayLease for TestLease {
    fn acquire(&self) -> BoxFuture<'_, Result<Option<LeaseEpoch>, StoreError>> {
        let mut shared = self.0.lock().unwrap();
        let free = !std::mem::replace(&mut shared.held, true);
        shared.epoch += u64::from(free);
        let granted = free.then_some(LeaseEpoch(shared.epoch));
        Box::pin(async move { Ok(granted) })
    }

    fn renew(&self, epoch: LeaseEpoch) -> BoxFuture<'_, Result<bool, StoreError>> {
        let shared = self.0.lock().unwrap();
        let holds = shared.held && shared.epoch == epoch.0;
        Box::pin(async move { Ok(holds) })
    }

    fn release(&self, epoch: LeaseEpoch) -> BoxFuture<'_, Result<(), StoreError>> {
        let mut shared = self.0.lock().unwrap();
        if shared.epoch == epoch.0 {
            shared.held = false;
        }
        Box::pin(async { Ok(()) })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_relays_one_works_and_the_other_takes_over() {
    let (log, config, lease) = (TestLog::generate(1_000), config(&shared_kafka()), TestLease::default());
    let start = || Running::with(&log, TestKeys::default(), Arc::new(lease.clone()), &config);
    let first = start();
    first.relayed(Position(1_000)).await;
    let second = start();
    log.extend(500);
    first.relayed(Position(1_500)).await;
    assert!(first.progress.is_active() && !second.progress.is_active());
    assert_eq!(second.progress.events(), 0);
    first.stop().await;
    let head = log.extend(500);
    second.relayed(head).await;
    second.stop().await;
    assert_eq!(assert_complete(&config, head), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_whose_lease_is_taken_away_stops_and_nothing_is_lost_or_doubled() {
    let (log, config, lease) = (TestLog::generate(200), config(&shared_kafka()), TestLease::default());
    let start = || Running::with(&log, TestKeys::default(), Arc::new(lease.clone()), &config);
    let (one, other) = (start(), start());
    let active = || u32::from(one.progress.is_active()) + u32::from(other.progress.is_active());
    eventually("one relay at work", || active() == 1).await;
    let before = one.progress.failures() + other.progress.failures();
    lease.take_away();
    eventually("the loss being noticed", || one.progress.failures() + other.progress.failures() > before).await;
    let head = log.extend(5_000);
    eventually("the rest", || one.progress.relayed().max(other.progress.relayed()) >= head).await;
    one.stop().await;
    other.stop().await;
    assert_complete(&config, head);
}
