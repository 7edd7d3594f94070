//! How well media gets to and from a peer.

use std::time::Instant;

use str0m::bwe::Bitrate;
use str0m::stats::{MediaIngressStats, PeerStats};
use str0m::{Event, Input, Output};

use super::Sfu;
use crate::PeerId;
use crate::config::STATS_EVERY;
use crate::flows::Carried;
use crate::track::Track;
use crate::wire::{Kind, NodeFrame};

/// What everything but pictures may take of a publisher's way, bit/s.
const OTHER_RATE: u64 = 150_000;
/// The lower layers of a picture take so much of what its best takes, in percent.
const LOWER_LAYERS_PERCENT: u64 = 65;

fn carried(track: &Track) -> Carried {
    Carried { track: track.id, source: track.source, clock_hz: track.clock_hz }
}

impl Sfu {
    /// Takes in what the connection has counted of late.
    pub(super) fn measured(&mut self, id: PeerId, stats: &PeerStats, now: Instant) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        if let Some(lost) = stats.ingress_loss_fraction {
            peer.limit.lost(lost, now);
        }
        let (lost_down, round_trip) = (peer.egress.estimator.lost(now), peer.egress.round_trip().or(stats.rtt));
        peer.meter.measured(stats, peer.egress.bytes, lost_down, round_trip);
        let permille = |fraction: Option<f32>| fraction.map(|fraction| (fraction * 1_000.0).clamp(0.0, 1_000.0) as u32);
        let frame = NodeFrame::Quality {
            lost_up_permille: permille(stats.ingress_loss_fraction),
            lost_down_permille: permille(lost_down),
            round_trip_ms: round_trip.and_then(|time| u32::try_from(time.as_millis()).ok()),
        };
        self.count_received(id);
        self.say(id, frame);
    }

    /// Takes in what has been counted of a track that a peer sends.
    pub(super) fn counted_of_sent(&mut self, id: PeerId, stats: &MediaIngressStats) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let track = peer.uplinks.get(&stats.mid).and_then(|track| self.tracks.get(track));
        if let Some(track) = track {
            peer.meter.flows.sent(stats, carried(track));
        }
    }

    /// Takes in what has been counted of the tracks that a peer is sent.
    fn count_received(&mut self, id: PeerId) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        for slot in &peer.slots {
            let track = slot.track.and_then(|track| self.tracks.get(&track));
            if let (Some(track), Some(stream)) = (track, &slot.stream) {
                peer.meter.flows.received(slot.mid, &stream.counted, carried(track));
            }
        }
    }

    /// Has a connection that ends count once more, out of turn: what has flowed since it last did is part of the last
    /// summary. Its time has gone on to what is returned.
    pub(super) fn count_at_last(&mut self, id: PeerId, now: Instant) -> Instant {
        let then = now + STATS_EVERY;
        let Some(peer) = self.peers.get_mut(&id).filter(|peer| peer.connected && peer.rtc.is_alive()) else {
            return now;
        };
        if peer.rtc.handle_input(Input::Timeout(then)).is_err() {
            return then;
        }
        let mut counted = Vec::new();
        while let Ok(output) = peer.rtc.poll_output() {
            match output {
                Output::Event(event) => counted.push(event),
                Output::Transmit(_) => {}
                Output::Timeout(_) => break,
            }
        }
        for event in counted {
            match event {
                Event::PeerStats(stats) => {
                    if let Some(peer) = self.peers.get_mut(&id) {
                        let (lost, round_trip) = (peer.egress.estimator.lost(now), peer.egress.round_trip());
                        peer.meter.measured(&stats, peer.egress.bytes, lost, round_trip.or(stats.rtt));
                    }
                }
                Event::MediaIngressStats(stats) => self.counted_of_sent(id, &stats),
                _ => {}
            }
        }
        self.count_received(id);
        then
    }

    /// Tells a publisher how much all he sends may take (REMB): the limit of each of his pictures.
    pub(super) fn limit_rates(&mut self, id: PeerId) {
        let Some(room_kbps) = self.venue_of(id).map(|venue| venue.room.bitrate_kbps).filter(|limit| *limit > 0) else {
            return;
        };
        let Some(peer) = self.peers.get_mut(&id).filter(|peer| peer.connected) else { return };
        let each = u64::from(peer.limit.of(room_kbps)) * 1_000;
        let pictures =
            || peer.uplinks.values().filter_map(|track| self.tracks.get(track)).filter(|it| it.kind == Kind::Video);
        let all: u64 = pictures()
            .map(|track| each * if track.layers.len() > 1 { 100 + LOWER_LAYERS_PERCENT } else { 100 } / 100)
            .sum();
        let Some(ssrc) = pictures().find_map(|track| track.layers.first()).map(|layer| layer.ssrc) else { return };
        if let Some(stream) = peer.rtc.direct_api().stream_rx(&ssrc) {
            stream.request_remb(Bitrate::bps(all + OTHER_RATE));
            self.dirty.push(id);
        }
    }
}
