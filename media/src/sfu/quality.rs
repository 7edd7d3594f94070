//! How well media gets to and from a peer.

use std::time::Instant;

use str0m::bwe::Bitrate;
use str0m::stats::PeerStats;

use super::Sfu;
use crate::PeerId;
use crate::wire::{Kind, NodeFrame};

/// What everything but pictures may take of a publisher's way, bit/s.
const OTHER_RATE: u64 = 150_000;
/// The lower layers of a picture take so much of what its best takes, in percent.
const LOWER_LAYERS_PERCENT: u64 = 65;

impl Sfu {
    /// Takes in what the connection has counted of late.
    pub(super) fn measured(&mut self, id: PeerId, stats: &PeerStats, now: Instant) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        if let Some(lost) = stats.ingress_loss_fraction {
            peer.limit.lost(lost, now);
        }
        peer.meter.measured(stats);
        let permille = |fraction: Option<f32>| fraction.map(|fraction| (fraction * 1_000.0).clamp(0.0, 1_000.0) as u32);
        let frame = NodeFrame::Quality {
            lost_up_permille: permille(stats.ingress_loss_fraction),
            lost_down_permille: permille(stats.egress_loss_fraction),
            round_trip_ms: stats.rtt.and_then(|rtt| u32::try_from(rtt.as_millis()).ok()),
        };
        self.say(id, frame);
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
