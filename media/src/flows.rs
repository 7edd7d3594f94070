//! What is counted of a peer's tracks, each way.

use std::collections::HashMap;
use std::time::Duration;

use str0m::media::{Mid, Rid};
use str0m::stats::MediaIngressStats;

use crate::TrackId;
use crate::egress::Counted;
use crate::wire::Source;

/// Which way a track goes, seen from the participant.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Direction {
    /// From him to the node.
    Sent,
    /// From the node to him.
    Received,
}

/// What was counted of one track over some time.
#[derive(Clone, PartialEq, Debug)]
pub struct TrackSummary {
    /// Which way.
    pub direction: Direction,
    /// The track; of several that were received one after the other in one media section, the last.
    pub track: TrackId,
    /// What it shows.
    pub source: Source,
    /// Bytes of it, those that were sent again among them.
    pub bytes: u64,
    /// Packets of it.
    pub packets: u64,
    /// Packets that were lost on their way, as reports of receivers say.
    pub packets_lost: Option<u64>,
    /// Interarrival jitter (RFC 3550 §6.4.1), as the last of these reports says.
    pub jitter: Option<Duration>,
}

/// The track that a media section carries.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Carried {
    pub track: TrackId,
    pub source: Source,
    /// Its RTP clock.
    pub clock_hz: u32,
}

#[derive(Clone, Copy, Default, Debug)]
struct Counts {
    bytes: u64,
    packets: u64,
    /// Known of a way only once a report has come.
    lost: Option<f64>,
}

impl Counts {
    fn and(self, other: Self) -> Self {
        let lost = self.lost.into_iter().chain(other.lost).reduce(|one, other| one + other);
        Self { bytes: self.bytes + other.bytes, packets: self.packets + other.packets, lost }
    }
}

/// One media section one way.
#[derive(Debug)]
struct Flow {
    carried: Carried,
    /// Counted from its beginning, of each layer.
    layers: HashMap<Option<Rid>, Counts>,
    /// All of them as of the last summary.
    before: Counts,
    jitter: Option<Duration>,
}

impl Flow {
    fn now(&self) -> Counts {
        self.layers.values().fold(Counts::default(), |sum, layer| sum.and(*layer))
    }
}

/// All media sections of a peer.
#[derive(Default, Debug)]
pub(crate) struct Flows(HashMap<(Direction, Mid), Flow>);

impl Flows {
    fn of(&mut self, key: (Direction, Mid), carried: Carried) -> &mut Flow {
        let new = || Flow { carried, layers: HashMap::new(), before: Counts::default(), jitter: None };
        let flow = self.0.entry(key).or_insert_with(new);
        flow.carried = carried;
        flow
    }

    /// What has come of a layer of a track.
    pub(crate) fn sent(&mut self, stats: &MediaIngressStats, carried: Carried) {
        let flow = self.of((Direction::Sent, stats.mid), carried);
        let counts = flow.layers.entry(stats.rid).or_default();
        let came = stats.packets.saturating_sub(counts.packets) as f64;
        if let Some(fraction) = stats.loss.filter(|fraction| *fraction < 1.0) {
            // Of what was sent this fraction did not come.
            let lost = came * f64::from(fraction / (1.0 - fraction));
            counts.lost = Some(counts.lost.unwrap_or_default() + lost);
            flow.jitter = Some(in_time(stats.jitter, carried.clock_hz));
        }
        (counts.bytes, counts.packets) = (stats.bytes, stats.packets);
    }

    /// What has gone out of a track, and what its receiver says of it.
    pub(crate) fn received(&mut self, mid: Mid, counted: &Counted, carried: Carried) {
        let flow = self.of((Direction::Received, mid), carried);
        let counts = flow.layers.entry(None).or_default();
        (counts.bytes, counts.packets) = (counted.bytes, counted.packets);
        if let Some(lost) = counted.lost {
            counts.lost = Some(f64::from(lost));
            flow.jitter = Some(in_time(counted.jitter, carried.clock_hz));
        }
    }

    /// What has been counted since the last time, of tracks of which anything was.
    pub(crate) fn summary(&mut self) -> Vec<TrackSummary> {
        let moved = self.0.iter_mut().filter_map(|((direction, _), flow)| {
            let now = flow.now();
            let before = std::mem::replace(&mut flow.before, now);
            let packets = now.packets.saturating_sub(before.packets);
            (packets > 0).then(|| TrackSummary {
                direction: *direction,
                track: flow.carried.track,
                source: flow.carried.source,
                bytes: now.bytes.saturating_sub(before.bytes),
                packets,
                packets_lost: now.lost.map(|lost| (lost - before.lost.unwrap_or_default()).round().max(0.0) as u64),
                jitter: flow.jitter,
            })
        });
        let mut tracks: Vec<TrackSummary> = moved.collect();
        tracks.sort_by_key(|it| (it.direction, it.track));
        tracks
    }
}

/// All that is known to be lost one way.
pub(crate) fn lost(tracks: &[TrackSummary], direction: Direction) -> Option<u64> {
    tracks
        .iter()
        .filter(|it| it.direction == direction)
        .filter_map(|it| it.packets_lost)
        .reduce(|one, other| one + other)
}

/// The worst jitter one way.
pub(crate) fn jitter(tracks: &[TrackSummary], direction: Direction) -> Option<Duration> {
    tracks.iter().filter(|it| it.direction == direction).filter_map(|it| it.jitter).max()
}

fn in_time(ticks: u32, clock_hz: u32) -> Duration {
    Duration::from_secs_f64(f64::from(ticks) / f64::from(clock_hz.max(1)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "a test needs a time that nothing depends on")]

    use std::time::Instant;

    use super::*;

    fn came(rid: Option<&str>, packets: u64, loss: Option<f32>) -> MediaIngressStats {
        MediaIngressStats {
            mid: "0".into(),
            rid: rid.map(Rid::from),
            bytes: packets * 100,
            packets,
            firs: 0,
            plis: 0,
            nacks: 0,
            jitter: 900,
            rtt: None,
            loss,
            timestamp: Instant::now(),
            remote: None,
        }
    }

    const CAMERA: Carried = Carried { track: TrackId(3), source: Source::Camera, clock_hz: 90_000 };

    #[test]
    fn a_track_is_what_its_layers_are_together_since_the_last_summary() {
        let mut flows = Flows::default();
        flows.sent(&came(Some("q"), 90, Some(0.1)), CAMERA);
        flows.sent(&came(Some("h"), 100, None), CAMERA);
        let first = flows.summary();
        let sums: Vec<_> = first.iter().map(|it| (it.bytes, it.packets, it.packets_lost, it.jitter)).collect();
        assert_eq!(sums, [(19_000, 190, Some(10), Some(Duration::from_millis(10)))]);
        assert_eq!((lost(&first, Direction::Sent), lost(&first, Direction::Received)), (Some(10), None));
        assert_eq!(flows.summary(), [], "nothing since");
        flows.sent(&came(Some("q"), 180, Some(0.5)), CAMERA);
        assert_eq!(flows.summary()[0].packets_lost, Some(90), "no more than since then");
    }
}
