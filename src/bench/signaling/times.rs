//! Percentiles: of what was timed here, of what the server's histogram says, of the disk.

use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde::Serialize;

/// Bytes of one synchronous write.
const BLOCK_BYTES: usize = 8_192;
/// Blocks of the file they go around in.
const BLOCKS: u64 = 256;

/// How long something took, in milliseconds.
#[derive(Clone, Copy, Default, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Times {
    /// How often it was timed.
    pub(super) count: u64,
    /// Median.
    pub(super) p50_ms: f64,
    /// 99 of 100 took no longer.
    pub(super) p99_ms: f64,
    /// 999 of 1,000 took no longer.
    pub(super) p999_ms: f64,
}

impl Times {
    /// Of single times.
    pub(super) fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        let at = |permille: usize| {
            let place = (times.len() * permille / 1_000).min(times.len().saturating_sub(1));
            times.get(place).map_or(0.0, |time| time.as_secs_f64() * 1_000.0)
        };
        Self { count: times.len() as u64, p50_ms: at(500), p99_ms: at(990), p999_ms: at(999) }
    }

    /// Of what came into a histogram between two scrapes, linear inside a bucket.
    pub(super) fn between(before: &Histogram, after: &Histogram) -> Self {
        let grown: Vec<(f64, u64)> = after
            .0
            .iter()
            .enumerate()
            .map(|(place, (edge, count))| (*edge, count - before.0.get(place).map_or(0, |(_, count)| *count)))
            .collect();
        let count = grown.last().map_or(0, |(_, count)| *count);
        let at = |share: f64| {
            #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
            let wanted = share * count as f64;
            let (mut floor, mut below) = (0.0, 0);
            for (edge, count) in &grown {
                #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
                if *count as f64 >= wanted && *count > below {
                    let part = (wanted - below as f64) / (count - below) as f64;
                    let edge = if edge.is_finite() { *edge } else { floor };
                    return (floor + (edge - floor) * part) * 1_000.0;
                }
                (floor, below) = (*edge, *count);
            }
            0.0
        };
        Self { count, p50_ms: at(0.5), p99_ms: at(0.99), p999_ms: at(0.999) }
    }
}

/// A cumulative histogram: upper edges in seconds, and how many were at or below.
pub(super) struct Histogram(Vec<(f64, u64)>);

impl Histogram {
    /// The histogram of this name in a scrape.
    pub(super) fn read(metrics: &str, name: &str) -> Self {
        let prefix = format!("{name}_bucket{{le=\"");
        let buckets = metrics.lines().filter_map(|line| {
            let (edge, rest) = line.strip_prefix(&prefix)?.split_once('"')?;
            let edge = if edge == "+Inf" { f64::INFINITY } else { edge.parse().ok()? };
            Some((edge, rest.split_whitespace().nth(1)?.parse().ok()?))
        });
        Self(buckets.collect())
    }
}

/// Synchronous writes of 8 KiB, one after the other, for a while.
pub(super) fn fdatasync(directory: &Path, during: Duration) -> Result<Times> {
    let mut file = tempfile::tempfile_in(directory)?;
    let block = [0x5a; BLOCK_BYTES];
    for _ in 0..BLOCKS {
        file.write_all(&block)?;
    }
    file.sync_all()?;
    let began = Instant::now();
    let mut times = Vec::new();
    while began.elapsed() < during {
        let started = Instant::now();
        file.seek(SeekFrom::Start(times.len() as u64 % BLOCKS * BLOCK_BYTES as u64))?;
        file.write_all(&block)?;
        file.sync_data()?;
        times.push(started.elapsed());
    }
    Ok(Times::of(times))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_the_sorted_times() {
        let times = Times::of((1..=1_000).rev().map(Duration::from_millis).collect());
        assert_eq!((times.count, times.p50_ms, times.p99_ms, times.p999_ms), (1_000, 501.0, 991.0, 1_000.0));
        assert_eq!(Times::of(Vec::new()).count, 0);
    }

    #[test]
    fn only_what_came_between_two_scrapes_counts() {
        let scrape = |counts: [u64; 3]| {
            let [a, b, all] = counts;
            Histogram::read(
                &format!(
                    "wac_x_bucket{{le=\"0.1\"}} {a}\nwac_x_bucket{{le=\"0.2\"}} {b}\nwac_x_bucket{{le=\"+Inf\"}} {all}\n"
                ),
                "wac_x",
            )
        };
        let times = Times::between(&scrape([50, 50, 50]), &scrape([50, 150, 150]));
        assert_eq!(times.count, 100);
        assert!((times.p50_ms - 150.0).abs() < 1e-6 && (times.p99_ms - 199.0).abs() < 1e-6, "{times:?}");
    }
}
