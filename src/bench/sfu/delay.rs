//! How long media took through the node, as the node's own metrics tell it.

use anyhow::{Result, anyhow};

const BUCKET: &str = "wac_media_forward_seconds_bucket{le=\"";

/// A cumulative histogram: upper ends in seconds, and how many were no longer.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Forwarded(Vec<(f64, u64)>);

impl Forwarded {
    /// Reads it out of the text of `/metrics`.
    pub(super) fn read(metrics: &str) -> Result<Self> {
        let buckets = metrics.lines().filter_map(|line| {
            let (end, count) = line.strip_prefix(BUCKET)?.split_once("\"} ")?;
            let end = if end == "+Inf" { f64::INFINITY } else { end.parse().ok()? };
            Some((end, count.trim().parse().ok()?))
        });
        let buckets: Vec<(f64, u64)> = buckets.collect();
        if buckets.is_empty() {
            Err(anyhow!("the server does not tell how long media takes"))
        } else {
            Ok(Self(buckets))
        }
    }

    /// What has been counted since.
    pub(super) fn since(&self, earlier: &Self) -> Self {
        let before = |end: f64| earlier.0.iter().find(|bucket| bucket.0 == end).map_or(0, |bucket| bucket.1);
        Self(self.0.iter().map(|(end, count)| (*end, count.saturating_sub(before(*end)))).collect())
    }

    /// The delay in milliseconds that so many of a thousand did not exceed, evenly spread between the ends; nothing
    /// was counted: `None`.
    pub(super) fn millis(&self, permille: u64) -> Option<f64> {
        let all = self.0.last().filter(|(_, all)| *all > 0)?.1;
        let wanted = (all * permille).div_ceil(1_000);
        let mut below = (0.0, 0);
        for (end, count) in &self.0 {
            if *count >= wanted {
                let part = (wanted - below.1) as f64 / (count - below.1).max(1) as f64;
                let end = if end.is_finite() { *end } else { below.0 };
                return Some((below.0 + (end - below.0) * part) * 1_000.0);
            }
            below = (*end, *count);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(counts: [u64; 3]) -> Forwarded {
        let [first, second, all] = counts;
        let text = format!(
            "# TYPE wac_media_forward_seconds histogram\nwac_media_forward_seconds_sum 1.5\n\
             wac_media_forward_seconds_bucket{{le=\"0.001\"}} {first}\n\
             wac_media_forward_seconds_bucket{{le=\"0.002\"}} {second}\n\
             wac_media_forward_seconds_bucket{{le=\"+Inf\"}} {all}\n"
        );
        Forwarded::read(&text).unwrap()
    }

    #[test]
    fn percentiles_are_of_what_has_been_counted_since() {
        let delays = read([150, 190, 200]).since(&read([50, 50, 50]));
        assert_eq!(delays, read([100, 140, 150]));
        assert_eq!(delays.millis(500), Some(0.75));
        assert_eq!(delays.millis(800), Some(1.5));
        assert_eq!(delays.millis(990), Some(2.0), "beyond the last end: at least that");
        assert_eq!(delays.since(&delays).millis(500), None);
        assert!(Forwarded::read("wac_media_rooms 1\n").is_err());
    }
}
