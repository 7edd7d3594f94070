//! A clock and a source of randomness that do what a test says.

use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngCore, SeedableRng};
use wac_events::{Environment, Time};

/// The clock stands still until it is told to move; randomness follows from one seed. Fit for
/// tests only: whoever knows the seed knows every key.
pub struct SimEnvironment {
    state: Mutex<State>,
}

struct State {
    now: Time,
    random: StdRng,
}

impl SimEnvironment {
    /// At `now`, with randomness from `seed`.
    pub fn new(seed: u64, now: Time) -> Self {
        Self { state: Mutex::new(State { now, random: StdRng::seed_from_u64(seed) }) }
    }

    /// Sets the clock, forward or back.
    pub fn set(&self, now: Time) {
        self.state().now = now;
    }

    /// Moves the clock forward; returns the new present.
    pub fn advance(&self, by: Duration) -> Time {
        let mut state = self.state();
        state.now = state.now.plus(by);
        state.now
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics while holding the environment")
    }
}

impl Environment for SimEnvironment {
    fn now(&self) -> Time {
        self.state().now
    }

    fn fill(&self, out: &mut [u8]) {
        self.state().random.fill_bytes(out);
    }
}
