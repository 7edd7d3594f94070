//! Time and randomness of the nodes.

use std::time::Duration;

use wac_events::{Environment, Time};

use super::dice::Dice;
use super::executor::Executor;

/// When every simulation begins: 2026-03-01T08:00:00Z.
const BEGINNING: i64 = 1_772_352_000_000;

/// The environment of one node: the common time and its own error.
pub(crate) struct SimClock {
    executor: Executor,
    dice: Dice,
    ahead: Duration,
}

impl SimClock {
    /// A clock that is ahead of the common time.
    pub(crate) fn new(executor: Executor, dice: Dice, ahead: Duration) -> Self {
        Self { executor, dice, ahead }
    }
}

impl Environment for SimClock {
    fn now(&self) -> Time {
        Time::from_millis(BEGINNING).plus(self.executor.now()).plus(self.ahead)
    }

    fn fill(&self, out: &mut [u8]) {
        self.dice.fill(out);
    }
}
