//! Sender reports (RFC 3550 §6.4.1): which timestamps are of the same time, and how much was sent.

use std::time::{Duration, Instant};

use super::stream::Stream;

const SENDER_REPORT: u8 = 200;
const DESCRIPTION: u8 = 202;
/// The canonical name, among the items of a description (RFC 3550 §6.5.1).
const CNAME: u8 = 1;
/// Most bytes of a compound.
const COMPOUND_BYTES_MAX: usize = 1_100;
/// Seconds from 1900 to 1970.
const NTP_EPOCH: u64 = 2_208_988_800;

/// Tells the time of reports: who has no wall clock may count from anywhere (RFC 3550 §4).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock(Instant);

impl Clock {
    pub(crate) fn new(start: Instant) -> Self {
        Self(start)
    }

    /// Seconds and their 2^32nd parts.
    fn ntp(self, now: Instant) -> u64 {
        let passed = now.saturating_duration_since(self.0);
        let parts = (u64::from(passed.subsec_nanos()) << 32) / 1_000_000_000;
        ((NTP_EPOCH + passed.as_secs()) << 32) | parts
    }

    /// How long a report was on its way and back, as who got it says: its middle 32 bits, and how long it was kept.
    pub(crate) fn round_trip(self, last_report: u32, delay: u32, now: Instant) -> Option<Duration> {
        let arrived = (self.ntp(now) >> 16) as u32;
        let units = arrived.wrapping_sub(last_report).wrapping_sub(delay);
        // Half a turn of 18 hours: a report of the future.
        (last_report != 0 && units < 1 << 31).then(|| Duration::from_secs_f64(f64::from(units) / 65_536.0))
    }
}

/// Compounds, not yet sealed, that report on all streams over which something was sent.
pub(crate) fn compounds<'a>(
    streams: impl Iterator<Item = &'a Stream>,
    name: &str,
    clock: Clock,
    now: Instant,
) -> Vec<Vec<u8>> {
    let ntp = clock.ntp(now);
    let mut compounds: Vec<Vec<u8>> = Vec::new();
    for stream in streams {
        let Some(timestamp) = stream.timestamp(now) else { continue };
        let mut report = vec![0x80, SENDER_REPORT, 0, 6];
        report.extend_from_slice(&stream.source.to_be_bytes());
        report.extend_from_slice(&ntp.to_be_bytes());
        report.extend_from_slice(&timestamp.to_be_bytes());
        report.extend_from_slice(&(stream.counted.packets as u32).to_be_bytes());
        report.extend_from_slice(&(stream.counted.bytes as u32).to_be_bytes());
        describe(stream.source, name, &mut report);
        match compounds.last_mut().filter(|last| last.len() + report.len() <= COMPOUND_BYTES_MAX) {
            Some(last) => last.extend_from_slice(&report),
            None => compounds.push(report),
        }
    }
    compounds
}

/// Appends who a source is.
fn describe(source: u32, name: &str, out: &mut Vec<u8>) {
    let name = &name.as_bytes()[..name.len().min(64)];
    let mut chunk = source.to_be_bytes().to_vec();
    chunk.extend_from_slice(&[CNAME, name.len() as u8]);
    chunk.extend_from_slice(name);
    // It ends with at least one zero.
    chunk.resize((chunk.len() / 4 + 1) * 4, 0);
    out.extend_from_slice(&[0x81, DESCRIPTION, 0, (chunk.len() / 4) as u8]);
    out.extend_from_slice(&chunk);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "a test begins its simulated time somewhere")]

    use super::*;

    #[test]
    fn the_way_there_and_back_is_what_was_not_spent_at_the_other_side() {
        let (start, second) = (Instant::now(), Duration::from_secs(1));
        let clock = Clock::new(start);
        let sent = (clock.ntp(start + second) >> 16) as u32;
        let kept = 65_536 / 4;
        let round_trip = clock.round_trip(sent, kept, start + second + Duration::from_millis(300)).unwrap();
        assert!((round_trip.as_secs_f64() - 0.05).abs() < 0.001, "{round_trip:?}");
        assert_eq!(clock.round_trip(0, kept, start + second), None, "no report has come");
        assert_eq!(clock.round_trip(sent, kept, start + second), None, "before it was sent");
    }
}
