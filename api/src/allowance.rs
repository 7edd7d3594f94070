//! How often something may happen.

use std::time::Duration;

use tokio::time::Instant;

/// A bucket that fills at a steady rate up to a burst; each time takes one out.
pub(crate) struct Allowance {
    per_second: f64,
    burst: f64,
    left: f64,
    at: Instant,
}

impl Allowance {
    /// A full one.
    pub(crate) fn new(per_second: u32, burst: u32, now: Instant) -> Self {
        let burst = f64::from(burst.max(1));
        Self { per_second: f64::from(per_second), burst, left: burst, at: now }
    }

    /// Whether it may happen once more now.
    pub(crate) fn take(&mut self, now: Instant) -> bool {
        let since: Duration = now.saturating_duration_since(self.at);
        self.at = now;
        self.left = (self.left + since.as_secs_f64() * self.per_second).min(self.burst);
        let allowed = self.left >= 1.0;
        if allowed {
            self.left -= 1.0;
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_allowed_and_then_the_steady_rate() {
        let start = Instant::now();
        let mut allowance = Allowance::new(50, 200, start);
        assert_eq!((0..1_000).filter(|_| allowance.take(start)).count(), 200);
        let later = start + Duration::from_secs(1);
        assert_eq!((0..1_000).filter(|_| allowance.take(later)).count(), 50);
    }
}
