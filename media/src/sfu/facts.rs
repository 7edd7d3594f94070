//! What is worth telling of a peer's media: that it flows, what is published, how well it goes.

use std::time::{Duration, Instant};

use str0m::stats::PeerStats;

use super::{Output, Sfu, TICK};
use crate::PeerId;
use crate::TrackId;
use crate::flows::{Direction, Flows, TrackSummary, jitter, lost};
use crate::wire::{ByeReason, Source};

/// How often a session's quality is summed up.
const SUMMARY_EVERY: Duration = Duration::from_secs(60);

/// Something worth telling.
#[derive(Clone, PartialEq, Debug)]
pub enum PeerFact {
    /// ICE and DTLS are done.
    Connected,
    /// The first media of the peer has arrived.
    Sent,
    /// The first media of others has gone to it.
    Received,
    /// It sends a track.
    Published(TrackId, Source),
    /// It no longer does.
    Unpublished(TrackId),
    /// How well it went since the last summary.
    Measured(Summary),
    /// It is over.
    Ended(ByeReason),
}

/// What was measured of a peer over some time.
#[derive(Clone, PartialEq, Debug)]
pub struct Summary {
    /// Counts the summaries, from 1.
    pub period: u32,
    /// How long was measured.
    pub duration: Duration,
    /// Bytes of media it sent.
    pub bytes_sent: u64,
    /// Bytes of media it was sent.
    pub bytes_received: u64,
    /// Of what it sent, lost, in thousandths.
    pub lost_sent_permille: Option<u32>,
    /// Of what it was sent, lost, in thousandths.
    pub lost_received_permille: Option<u32>,
    /// There and back.
    pub round_trip: Option<Duration>,
    /// How long it spoke.
    pub speaking: Duration,
    /// Packets it sent that were lost.
    pub packets_lost_sent: Option<u64>,
    /// Packets it was sent that were lost.
    pub packets_lost_received: Option<u64>,
    /// Jitter of what it sent: that of its worst track.
    pub jitter_sent: Option<Duration>,
    /// Jitter of what it was sent.
    pub jitter_received: Option<Duration>,
    /// Track by track.
    pub tracks: Vec<TrackSummary>,
}

/// What is being measured of a peer.
#[derive(Debug)]
pub(crate) struct Meter {
    pub sent: bool,
    pub received: bool,
    periods: u32,
    since: Instant,
    /// Counted by the connection from its beginning: sent, received; and as of the last summary.
    bytes: (u64, u64),
    bytes_before: (u64, u64),
    lost_sent: Mean,
    lost_received: Mean,
    round_trip: Option<Duration>,
    pub flows: Flows,
    pub speaking: Duration,
}

/// The mean of some fractions.
#[derive(Default, Debug)]
struct Mean {
    sum: f64,
    count: u32,
}

impl Mean {
    fn add(&mut self, fraction: Option<f32>) {
        if let Some(fraction) = fraction {
            self.sum += f64::from(fraction);
            self.count += 1;
        }
    }

    fn take_permille(&mut self) -> Option<u32> {
        let Mean { sum, count } = std::mem::take(self);
        (count > 0).then(|| (sum / f64::from(count) * 1_000.0).clamp(0.0, 1_000.0) as u32)
    }
}

impl Meter {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            sent: false,
            received: false,
            periods: 0,
            since: now,
            bytes: (0, 0),
            bytes_before: (0, 0),
            lost_sent: Mean::default(),
            lost_received: Mean::default(),
            round_trip: None,
            flows: Flows::default(),
            speaking: Duration::ZERO,
        }
    }

    /// Takes in what the connection counts, and what is counted of media that goes out: bytes, the part that was lost.
    pub(crate) fn measured(
        &mut self,
        stats: &PeerStats,
        bytes_out: u64,
        lost_out: Option<f32>,
        round_trip: Option<Duration>,
    ) {
        self.bytes = (stats.bytes_rx, stats.bytes_tx + bytes_out);
        self.lost_sent.add(stats.ingress_loss_fraction);
        self.lost_received.add(lost_out);
        self.round_trip = round_trip.or(self.round_trip);
    }

    fn summary(&mut self, now: Instant) -> Summary {
        self.periods += 1;
        let before = std::mem::replace(&mut self.bytes_before, self.bytes);
        let since = std::mem::replace(&mut self.since, now);
        let tracks = self.flows.summary();
        Summary {
            period: self.periods,
            duration: now.saturating_duration_since(since),
            bytes_sent: self.bytes.0.saturating_sub(before.0),
            bytes_received: self.bytes.1.saturating_sub(before.1),
            lost_sent_permille: self.lost_sent.take_permille(),
            lost_received_permille: self.lost_received.take_permille(),
            round_trip: self.round_trip,
            speaking: std::mem::take(&mut self.speaking),
            packets_lost_sent: lost(&tracks, Direction::Sent),
            packets_lost_received: lost(&tracks, Direction::Received),
            jitter_sent: jitter(&tracks, Direction::Sent),
            jitter_received: jitter(&tracks, Direction::Received),
            tracks,
        }
    }
}

impl Sfu {
    pub(super) fn tell(&mut self, peer: PeerId, fact: PeerFact) {
        self.outputs.push_back(Output::Fact(peer, fact));
    }

    /// A peer sends a track; told once it is connected, for what does not connect publishes nothing.
    pub(super) fn tell_published(&mut self, id: PeerId, track: TrackId) {
        let connected = self.peers.get(&id).is_some_and(|peer| peer.connected);
        if let Some(track) = self.tracks.get(&track).filter(|_| connected) {
            let fact = PeerFact::Published(track.id, track.source);
            self.tell(id, fact);
        }
    }

    /// Media has come from a peer.
    pub(super) fn note_sent(&mut self, id: PeerId) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        if !std::mem::replace(&mut peer.meter.sent, true) {
            self.tell(id, PeerFact::Sent);
        }
    }

    /// Who speaks has spoken for one more tick.
    pub(super) fn count_speech(&mut self) {
        for venue in self.venues.values() {
            for id in &venue.peers {
                if let Some(peer) = self.peers.get_mut(id)
                    && venue.speakers.speaks(&peer.ticket.user)
                {
                    peer.meter.speaking += TICK;
                }
            }
        }
    }

    /// Sums up a peer's quality, if it is time.
    pub(super) fn sum_up_if_due(&mut self, id: PeerId, now: Instant) {
        let Some(peer) = self.peers.get(&id).filter(|peer| peer.connected) else { return };
        if now.saturating_duration_since(peer.meter.since) >= SUMMARY_EVERY {
            self.sum_up(id, now);
        }
    }

    /// Sums up a peer's quality.
    pub(super) fn sum_up(&mut self, id: PeerId, now: Instant) {
        let Some(peer) = self.peers.get_mut(&id).filter(|peer| peer.connected) else { return };
        let summary = peer.meter.summary(now);
        self.tell(id, PeerFact::Measured(summary));
    }
}
