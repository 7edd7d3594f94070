//! How far long work has come.

use std::time::{Duration, Instant};

use wac_events::Position;

/// How far long work over the log has come.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Progress {
    /// Up to here everything has been looked at.
    pub done: Position,
    /// The end of the log as far as is known; it may move.
    pub total: Position,
    /// Events folded.
    pub events: u64,
    /// Positions a second so far.
    pub events_per_s: f64,
    /// How long the rest takes at that rate; `None`: not known yet.
    pub remaining: Option<Duration>,
}

pub(crate) struct Meter {
    started: Instant,
}

impl Meter {
    pub(crate) fn start() -> Self {
        Self { started: Instant::now() }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    #[allow(clippy::cast_precision_loss)] // Rates are for people.
    pub(crate) fn progress(&self, done: Position, total: Position, events: u64) -> Progress {
        let events_per_s = rate(done.0, self.elapsed());
        let left = total.0.saturating_sub(done.0) as f64;
        let remaining = (events_per_s > 0.0).then(|| Duration::try_from_secs_f64(left / events_per_s).ok()).flatten();
        Progress { done, total, events, events_per_s, remaining }
    }
}

/// How many a second.
#[allow(clippy::cast_precision_loss)] // Rates are for people.
pub(crate) fn rate(count: u64, elapsed: Duration) -> f64 {
    let seconds = elapsed.as_secs_f64();
    if seconds > 0.0 { count as f64 / seconds } else { 0.0 }
}
