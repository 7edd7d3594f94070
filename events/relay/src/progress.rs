//! How far the relay is, for metrics and readiness.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use wac_events::{Position, Time};

/// Shared counters of one relay; reading them costs nothing.
#[derive(Debug, Default)]
pub struct RelayProgress {
    relayed: AtomicU64,
    head: AtomicU64,
    head_recorded_micros: AtomicI64,
    caught_up_micros: AtomicI64,
    events: AtomicU64,
    skipped: AtomicU64,
    failures: AtomicU64,
    active: AtomicBool,
}

impl RelayProgress {
    /// Everything up to here is acknowledged by Kafka.
    pub fn relayed(&self) -> Position {
        Position(self.relayed.load(Ordering::Relaxed))
    }

    /// The log's end as the relay last saw it.
    pub fn head(&self) -> Position {
        Position(self.head.load(Ordering::Relaxed))
    }

    /// Events in the log that Kafka has not acknowledged yet, as far as this process has heard: all of them before
    /// it has reached Kafka for the first time, none while another node relays.
    pub fn lag_events(&self) -> u64 {
        self.head().0.saturating_sub(self.relayed().0)
    }

    /// How far the newest event of the log is ahead in time of the last moment at which everything
    /// was relayed, in milliseconds; 0 when caught up.
    pub fn lag_ms(&self) -> u64 {
        if self.lag_events() == 0 {
            return 0;
        }
        let caught_up = Time::from_micros(self.caught_up_micros.load(Ordering::Relaxed));
        let newest = Time::from_micros(self.head_recorded_micros.load(Ordering::Relaxed));
        u64::try_from(newest.since(caught_up).as_millis()).unwrap_or(u64::MAX)
    }

    /// Events acknowledged by Kafka since this process started.
    pub fn events(&self) -> u64 {
        self.events.load(Ordering::Relaxed)
    }

    /// Events left out after a restart because Kafka already had them.
    pub fn skipped(&self) -> u64 {
        self.skipped.load(Ordering::Relaxed)
    }

    /// Attempts that failed and were made again.
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    /// Whether this node is the one that relays, and connected.
    pub fn is_active(&self) -> bool {
        self.active.load(Ordering::Relaxed)
    }

    pub(crate) fn set_relayed(&self, position: Position) {
        self.relayed.store(position.0, Ordering::Relaxed);
    }

    pub(crate) fn set_head(&self, position: Position, recorded_at: Time) {
        if position == self.relayed() {
            self.caught_up_micros.store(recorded_at.micros(), Ordering::Relaxed);
        }
        self.head_recorded_micros.store(recorded_at.micros(), Ordering::Relaxed);
        self.head.store(position.0, Ordering::Relaxed);
    }

    /// Another node relays: how far it is, that one knows.
    pub(crate) fn stand_by(&self) {
        self.head.store(self.relayed().0, Ordering::Relaxed);
    }

    pub(crate) fn count_event(&self) {
        self.events.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_skipped(&self) {
        self.skipped.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_failure(&self) {
        self.failures.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn set_active(&self, active: bool) {
        self.active.store(active, Ordering::Relaxed);
    }
}
