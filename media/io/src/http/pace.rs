//! How many sessions may begin in a second.

use std::time::{Duration, Instant};

/// Counts beginnings second by second.
#[derive(Debug)]
pub(crate) struct Pace {
    a_second: u32,
    second: Option<(Instant, u32)>,
}

impl Pace {
    /// At most so many a second.
    pub(crate) fn new(a_second: u32) -> Self {
        Self { a_second, second: None }
    }

    /// Whether one more may begin now; it is counted.
    pub(crate) fn admits(&mut self, now: Instant) -> bool {
        let within = |since: Instant| now.saturating_duration_since(since) < Duration::from_secs(1);
        let (since, count) = self.second.filter(|(since, _)| within(*since)).unwrap_or((now, 0));
        if count >= self.a_second {
            return false;
        }
        self.second = Some((since, count + 1));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_begin_in_a_second_and_more_in_the_next() {
        let (mut pace, start) = (Pace::new(2), Instant::now());
        assert_eq!([pace.admits(start), pace.admits(start), pace.admits(start)], [true, true, false]);
        assert!(!pace.admits(start + Duration::from_millis(999)));
        assert!(pace.admits(start + Duration::from_secs(1)));
    }
}
