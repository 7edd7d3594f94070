//! The real clock and the operating system's randomness.

use jiff::Timestamp;
use rand::TryRngCore;
use rand::rngs::OsRng;
use wac_events::{Environment, Time};

/// What production runs on; simulations bring their own [`Environment`].
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemEnvironment;

impl Environment for SystemEnvironment {
    fn now(&self) -> Time {
        Time::new(Timestamp::now())
    }

    fn fill(&self, out: &mut [u8]) {
        OsRng.try_fill_bytes(out).expect("the operating system always has randomness once it has booted");
    }
}
