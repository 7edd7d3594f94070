//! Chance that follows from a seed.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{Rng, RngCore, SeedableRng};

/// A source of chance; clones share it.
#[derive(Clone)]
pub(crate) struct Dice(Arc<Mutex<SmallRng>>);

impl Dice {
    /// Thrown for one purpose of one seed: purposes do not disturb one another.
    pub(crate) fn new(seed: u64, purpose: u64) -> Self {
        let mixed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ purpose.wrapping_mul(0xbf58_476d_1ce4_e5b9);
        Self(Arc::new(Mutex::new(SmallRng::seed_from_u64(mixed))))
    }

    fn with<T>(&self, act: impl FnOnce(&mut SmallRng) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A number below `end`.
    pub(crate) fn below(&self, end: usize) -> usize {
        self.with(|random| random.random_range(0..end))
    }

    /// Whether something happens that does so in `permille` of 1,000 cases.
    pub(crate) fn chance(&self, permille: usize) -> bool {
        self.below(1_000) < permille
    }

    /// One of several.
    pub(crate) fn pick<'a, T>(&self, some: &'a [T]) -> Option<&'a T> {
        if some.is_empty() { None } else { some.get(self.below(some.len())) }
    }

    /// A time between two, in milliseconds.
    pub(crate) fn millis(&self, from: u64, to: u64) -> Duration {
        Duration::from_micros(self.with(|random| random.random_range(from * 1_000..=to * 1_000)))
    }

    /// Unpredictable bytes, to whoever does not know the seed.
    pub(crate) fn fill(&self, out: &mut [u8]) {
        self.with(|random| random.fill_bytes(out));
    }
}
