//! How much the pictures of one publisher may take: the room's bit rate, less while his way loses.

use std::time::{Duration, Instant};

/// More loss than this lowers the limit.
const LOSS_LOWERS: f32 = 0.05;
/// Less than this, for a while, raises it.
const LOSS_RAISES: f32 = 0.01;
/// How long a way must lose little before the limit rises a step.
const RAISE_AFTER: Duration = Duration::from_secs(10);
/// The limit is lowered at most so often.
const LOWER_AFTER: Duration = Duration::from_secs(2);
/// Steps of a third, down to a third.
const STEPS_MAX: u32 = 2;

/// The limit of one publisher.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct RateLimit {
    steps: u32,
    changed: Option<Instant>,
    good_since: Option<Instant>,
}

impl RateLimit {
    /// Takes in what fraction of a publisher's packets was lost of late.
    pub(crate) fn lost(&mut self, fraction: f32, now: Instant) {
        let since = |at: Option<Instant>| at.map(|at| now.saturating_duration_since(at));
        if fraction > LOSS_LOWERS {
            self.good_since = None;
            if self.steps < STEPS_MAX && since(self.changed).is_none_or(|passed| passed >= LOWER_AFTER) {
                self.steps += 1;
                self.changed = Some(now);
            }
        } else if fraction >= LOSS_RAISES {
            self.good_since = None;
        } else if since(self.good_since).is_none() {
            self.good_since = Some(now);
        } else if self.steps > 0 && since(self.good_since).is_some_and(|passed| passed >= RAISE_AFTER) {
            self.steps -= 1;
            self.good_since = Some(now);
        }
    }

    /// The limit of one picture, of a room's; the same unit.
    pub(crate) fn of(&self, room: u32) -> u32 {
        room * (STEPS_MAX + 1 - self.steps) / (STEPS_MAX + 1)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "a test begins its simulated time somewhere")]

    use super::*;

    #[test]
    fn loss_lowers_the_limit_by_thirds_and_its_absence_raises_it() {
        let (mut limit, start) = (RateLimit::default(), Instant::now());
        assert_eq!(limit.of(300), 300);
        let at = |seconds| start + Duration::from_secs(seconds);
        limit.lost(0.2, at(0));
        assert_eq!(limit.of(300), 200);
        limit.lost(0.2, at(1));
        assert_eq!(limit.of(300), 200, "not twice at once");
        for second in 2..20 {
            limit.lost(0.2, at(second));
        }
        assert_eq!(limit.of(300), 100, "never below a third");
        for second in 20..29 {
            limit.lost(0.0, at(second));
        }
        assert_eq!(limit.of(300), 100);
        limit.lost(0.0, at(31));
        assert_eq!(limit.of(300), 200);
        limit.lost(0.0, at(42));
        assert_eq!(limit.of(300), 300);
    }
}
