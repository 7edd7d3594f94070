//! A track that a peer publishes, and its layers.

use std::time::{Duration, Instant};

use str0m::media::{Mid, Rid};
use str0m::rtp::Ssrc;

use crate::keyframe::KeyframeLimiter;
use crate::wire::{Kind, Source};
use crate::{PeerId, TrackId};

/// A layer that has not sent for so long is not chosen.
const LAYER_SILENCE: Duration = Duration::from_millis(1_500);
/// Nor is one that has not sent for so long while another layer of its track has: all of them show the same
/// pictures, so its sender has turned it off, and whoever watches it waits for another one.
const LAYER_BEHIND: Duration = Duration::from_millis(300);
/// Over how long the bit rate of a layer is measured.
const RATE_WINDOW: Duration = Duration::from_millis(1_000);
/// The RTP clocks of Opus (RFC 7587) and of pictures; that of G.711 is learnt from its packets.
const OPUS_CLOCK_HZ: u32 = 48_000;
const VIDEO_CLOCK_HZ: u32 = 90_000;
/// Most layers of one track; what comes beyond is not forwarded.
pub(crate) const LAYERS_MAX: usize = 4;

/// One sound or picture of a peer.
pub(crate) struct Track {
    pub id: TrackId,
    pub peer: PeerId,
    pub kind: Kind,
    pub source: Source,
    /// Its RTP clock.
    pub clock_hz: u32,
    /// As they have appeared; a layer keeps its index.
    pub layers: Vec<Layer>,
    /// Who is sent it: a peer and its slot.
    pub subscribers: Vec<(PeerId, Mid)>,
}

/// One encoding of a track.
pub(crate) struct Layer {
    pub rid: Option<Rid>,
    pub ssrc: Ssrc,
    /// From the last key frame, pixels.
    pub width: Option<u16>,
    /// Measured, bit/s; 0: not yet.
    pub rate: u64,
    pub last_at: Instant,
    /// Whether it was behind when that was last looked at.
    is_behind: bool,
    pub keyframe: KeyframeLimiter,
    window: (Instant, u64),
}

impl Layer {
    fn new(rid: Option<Rid>, ssrc: Ssrc, now: Instant) -> Self {
        Self {
            rid,
            ssrc,
            width: None,
            rate: 0,
            last_at: now,
            is_behind: false,
            keyframe: KeyframeLimiter::default(),
            window: (now, 0),
        }
    }

    /// Counts a packet into the measured rate, which begins anew after a silence.
    fn count(&mut self, bytes: usize, now: Instant) {
        if std::mem::take(&mut self.is_behind) {
            (self.rate, self.window) = (0, (now, 0));
        }
        self.last_at = now;
        self.window.1 += bytes as u64 * 8;
        let passed = now.saturating_duration_since(self.window.0);
        if passed >= RATE_WINDOW {
            self.rate = (self.window.1 as f64 / passed.as_secs_f64()) as u64;
            self.window = (now, 0);
        }
    }

    /// Whether packets of it arrive. `newest`: when the last one of any layer of its track has.
    fn is_alive(&self, newest: Instant, now: Instant) -> bool {
        now.saturating_duration_since(self.last_at) < LAYER_SILENCE && !self.lags(newest)
    }

    fn lags(&self, newest: Instant) -> bool {
        newest.saturating_duration_since(self.last_at) >= LAYER_BEHIND
    }
}

impl Track {
    pub(crate) fn new(id: TrackId, peer: PeerId, kind: Kind, source: Source) -> Self {
        let clock_hz = if kind == Kind::Audio { OPUS_CLOCK_HZ } else { VIDEO_CLOCK_HZ };
        Self { id, peer, kind, source, clock_hz, layers: Vec::new(), subscribers: Vec::new() }
    }

    /// The index of a layer, which is noted if it is new; `None`: there are too many.
    /// The flag says whether it is new.
    pub(crate) fn layer(&mut self, rid: Option<Rid>, ssrc: Ssrc, now: Instant) -> Option<(usize, bool)> {
        if let Some(index) = self.layers.iter().position(|layer| layer.rid == rid) {
            self.layers[index].ssrc = ssrc;
            return Some((index, false));
        }
        if self.layers.len() == LAYERS_MAX {
            return None;
        }
        self.layers.push(Layer::new(rid, ssrc, now));
        Some((self.layers.len() - 1, true))
    }

    /// Counts a packet of a layer. True: a layer has fallen silent, or is heard again.
    pub(crate) fn count(&mut self, index: usize, bytes: usize, now: Instant) -> bool {
        let returns = self.layers[index].is_behind;
        self.layers[index].count(bytes, now);
        let silenced = self.layers.iter_mut().filter(|layer| !layer.is_behind && layer.lags(now));
        returns | (silenced.map(|layer| layer.is_behind = true).count() > 0)
    }

    /// The layers that arrive, least first: by width where all tell it, else by measured rate.
    pub(crate) fn alive(&self, now: Instant) -> Vec<usize> {
        let Some(newest) = self.layers.iter().map(|layer| layer.last_at).max() else { return Vec::new() };
        let arrives = |index: &usize| self.layers[*index].is_alive(newest, now);
        let mut alive: Vec<usize> = (0..self.layers.len()).filter(arrives).collect();
        let by_width = alive.iter().all(|index| self.layers[*index].width.is_some());
        alive.sort_by_key(|index| {
            let layer = &self.layers[*index];
            if by_width { u64::from(layer.width.unwrap_or_default()) } else { layer.rate }
        });
        alive
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "a test begins its simulated time somewhere")]

    use super::*;

    /// Two layers, of which a packet comes every 50 ms; at what times which.
    fn track(start: Instant, comes: impl Fn(u32) -> [bool; 2]) -> (Track, Vec<u32>) {
        let mut track = Track::new(TrackId(1), PeerId(1), Kind::Video, Source::Camera);
        let mut changes = Vec::new();
        for turn in 0..100_u32 {
            let now = start + Duration::from_millis(50) * turn;
            for (index, name) in ["q", "h"].into_iter().enumerate().filter(|(index, _)| comes(turn)[*index]) {
                let (layer, is_new) = track.layer(Some(name.into()), (index as u32 + 1).into(), now).unwrap();
                if track.count(layer, 1_000, now) && !is_new {
                    changes.push(turn);
                }
            }
        }
        (track, changes)
    }

    #[test]
    fn a_layer_that_is_turned_off_is_known_to_be_soon_after_and_is_measured_anew_when_it_returns() {
        let start = Instant::now();
        let at = |turn: u32| start + Duration::from_millis(50) * turn;
        let (gone, changes) = track(start, |turn| [true, turn < 60]);
        assert_eq!(changes, [65], "300 ms after the last packet");
        assert_eq!(gone.alive(at(100)), [0]);
        let (back, changes) = track(start, |turn| [true, !(60..95).contains(&turn)]);
        assert_eq!(changes, [65, 95]);
        assert_eq!((back.alive(at(100)).len(), back.layers[1].rate), (2, 0), "there, and not measured yet");
        assert!(back.layers[0].rate > 0);
    }

    #[test]
    fn layers_that_all_pause_are_there_for_a_while() {
        let start = Instant::now();
        let (track, changes) = track(start, |turn| [turn < 60; 2]);
        assert!(changes.is_empty());
        let at = |ms: u64| start + Duration::from_millis(59 * 50 + ms);
        assert_eq!((track.alive(at(1_400)).len(), track.alive(at(1_500)).len()), (2, 0));
    }
}
