//! How long media takes through a node.

use std::time::Duration;

/// Counts delays by how long they are.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Delays {
    counts: [u64; Self::BOUNDS_MS.len() + 1],
    sum: Duration,
}

impl Delays {
    /// Upper ends of what is counted together, in milliseconds; the rest is longer.
    const BOUNDS_MS: [f64; 13] = [0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.5, 10.0, 20.0, 50.0, 100.0];

    /// Counts one.
    pub fn add(&mut self, delay: Duration) {
        let millis = delay.as_secs_f64() * 1_000.0;
        self.counts[Self::BOUNDS_MS.partition_point(|bound| *bound < millis)] += 1;
        self.sum += delay;
    }

    /// How many there were up to each end, in seconds, beyond the end before; the last end is the greatest number.
    pub fn buckets(&self) -> Vec<(f64, u64)> {
        let bounds = Self::BOUNDS_MS.iter().map(|millis| millis / 1_000.0).chain([f64::MAX]);
        bounds.zip(self.counts).collect()
    }

    /// All of them.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// All of them one after the other, in seconds.
    pub fn sum_s(&self) -> f64 {
        self.sum.as_secs_f64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delay_is_counted_under_the_first_end_that_is_not_below_it() {
        let mut delays = Delays::default();
        for micros in [0, 250, 251, 5_000, 100_000, 100_001, 60_000_000] {
            delays.add(Duration::from_micros(micros));
        }
        let counted: Vec<(f64, u64)> = delays.buckets().into_iter().filter(|(_, count)| *count > 0).collect();
        assert_eq!(counted, [(0.000_25, 2), (0.000_5, 1), (0.005, 1), (0.1, 1), (f64::MAX, 2)]);
        assert_eq!(delays.count(), 7);
        assert!((delays.sum_s() - 60.205_502).abs() < 1e-6);
    }
}
