//! Which events Kafka has acknowledged, and how a session learns of trouble.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::error::KafkaError;
use rdkafka::message::DeliveryResult;
use rdkafka::producer::ProducerContext;
use tokio_util::sync::CancellationToken;
use wac_events::Position;

use crate::{RelayError, RelayProgress};

/// The opaque of records that are no events: the relay's own position.
pub(crate) const NO_EVENT: usize = 0;

/// Events under way, in log order, and the position up to which all are acknowledged.
struct Window {
    under_way: VecDeque<(u64, bool)>,
    acknowledged: u64,
}

impl Window {
    fn acknowledge(&mut self, position: u64) {
        if let Ok(index) = self.under_way.binary_search_by_key(&position, |(position, _)| *position) {
            self.under_way[index].1 = true;
        }
        while let Some((position, true)) = self.under_way.front().copied() {
            self.acknowledged = position;
            self.under_way.pop_front();
        }
    }
}

/// Shared by the sender, the client library's callbacks and the session.
pub(crate) struct Delivery {
    window: Mutex<Window>,
    room: Condvar,
    failure: Mutex<Option<RelayError>>,
    /// Cancelled when the session must end: failure, lost lease or shutdown.
    pub(crate) stop: CancellationToken,
    progress: Arc<RelayProgress>,
}

/// Nothing that panics happens under these locks, so a poisoned one is still sound.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Delivery {
    /// Starts behind `position`: everything up to it is in Kafka.
    pub(crate) fn new(position: Position, progress: Arc<RelayProgress>, stop: CancellationToken) -> Arc<Self> {
        progress.set_relayed(position);
        let window = Window { under_way: VecDeque::new(), acknowledged: position.0 };
        Arc::new(Self { window: Mutex::new(window), room: Condvar::new(), failure: Mutex::new(None), stop, progress })
    }

    /// An event is about to be sent.
    pub(crate) fn sending(&self, position: Position) {
        lock(&self.window).under_way.push_back((position.0, false));
    }

    /// An event is in Kafka already.
    pub(crate) fn already_there(&self, position: Position) {
        self.progress.count_skipped();
        let mut window = lock(&self.window);
        window.under_way.push_back((position.0, false));
        self.settle(&mut window, position.0);
    }

    fn settle(&self, window: &mut Window, position: u64) {
        window.acknowledge(position);
        self.progress.set_relayed(Position(window.acknowledged));
    }

    /// Everything up to here is acknowledged.
    pub(crate) fn acknowledged(&self) -> Position {
        Position(lock(&self.window).acknowledged)
    }

    /// Waits until an acknowledgement may have made room, at most `patience`.
    pub(crate) fn wait_for_room(&self, patience: Duration) {
        let window = lock(&self.window);
        drop(self.room.wait_timeout(window, patience));
    }

    /// Ends the session; the first reason is kept.
    pub(crate) fn fail(&self, error: RelayError) {
        lock(&self.failure).get_or_insert(error);
        self.stop.cancel();
        self.room.notify_all();
    }

    /// Why the session failed, if it did.
    pub(crate) fn take_failure(&self) -> Option<RelayError> {
        lock(&self.failure).take()
    }
}

/// What the client library calls.
pub(crate) struct Callbacks(pub(crate) Arc<Delivery>);

impl ClientContext for Callbacks {
    fn error(&self, error: KafkaError, reason: &str) {
        // Brokers that cannot be reached are tried again by the library; anything that ends an
        // event's delivery comes through `delivery` too.
        tracing::debug!(%error, reason, "kafka client");
    }
}

impl ProducerContext for Callbacks {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, opaque: usize) {
        let position = Position(opaque as u64);
        match result {
            Ok(_) if opaque == NO_EVENT => {}
            Ok(_) => {
                self.0.progress.count_event();
                let mut window = lock(&self.0.window);
                self.0.settle(&mut window, position.0);
                drop(window);
                self.0.room.notify_one();
            }
            Err((source, _)) => self.0.fail(RelayError::Delivery { position, source: source.clone() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivery() -> Arc<Delivery> {
        Delivery::new(Position(10), Arc::default(), CancellationToken::new())
    }

    #[test]
    fn the_position_moves_only_over_a_gapless_run_of_acknowledgements() {
        let delivery = delivery();
        (11..=14).for_each(|position| delivery.sending(Position(position)));
        for (position, expected) in [(12, 10), (13, 10), (11, 13), (14, 14)] {
            let mut window = lock(&delivery.window);
            delivery.settle(&mut window, position);
            assert_eq!(window.acknowledged, expected);
        }
        assert!(lock(&delivery.window).under_way.is_empty());
    }

    #[test]
    fn an_event_that_is_there_already_counts_only_once_those_before_it_are() {
        let delivery = delivery();
        delivery.sending(Position(11));
        delivery.already_there(Position(12));
        assert_eq!(delivery.acknowledged(), Position(10));
        delivery.settle(&mut lock(&delivery.window), 11);
        assert_eq!(delivery.acknowledged(), Position(12));
    }

    #[test]
    fn the_first_failure_is_the_one_reported() {
        let delivery = delivery();
        delivery.fail(RelayError::LeaseLost);
        delivery.fail(RelayError::Configuration("later".to_owned()));
        assert!(delivery.stop.is_cancelled());
        assert!(matches!(delivery.take_failure(), Some(RelayError::LeaseLost)));
    }
}
