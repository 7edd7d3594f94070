//! The real clock, and randomness seeded by the operating system.

use jiff::Timestamp;
use rand::RngCore;
use wac_events::{Environment, Time};

/// What production runs on; simulations bring their own [`Environment`].
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemEnvironment;

impl Environment for SystemEnvironment {
    fn now(&self) -> Time {
        Time::new(Timestamp::now())
    }

    fn fill(&self, out: &mut [u8]) {
        // A cryptographic generator for each thread, seeded and now and then seeded anew by the
        // operating system: every event needs some bytes, and a system call for each is dear.
        rand::rng().fill_bytes(out);
    }
}
