//! A track that a peer publishes, and its layers.

use std::time::{Duration, Instant};

use str0m::media::{Mid, Rid};
use str0m::rtp::Ssrc;

use crate::keyframe::KeyframeLimiter;
use crate::wire::{Kind, Source};
use crate::{PeerId, TrackId};

/// A layer that has not sent for so long is not chosen.
const LAYER_SILENCE: Duration = Duration::from_millis(1_500);
/// Over how long the bit rate of a layer is measured.
const RATE_WINDOW: Duration = Duration::from_millis(1_000);
/// Most layers of one track; what comes beyond is not forwarded.
pub(crate) const LAYERS_MAX: usize = 4;

/// One sound or picture of a peer.
pub(crate) struct Track {
    pub id: TrackId,
    pub peer: PeerId,
    pub kind: Kind,
    pub source: Source,
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
    pub keyframe: KeyframeLimiter,
    window: (Instant, u64),
}

impl Layer {
    fn new(rid: Option<Rid>, ssrc: Ssrc, now: Instant) -> Self {
        Self { rid, ssrc, width: None, rate: 0, last_at: now, keyframe: KeyframeLimiter::default(), window: (now, 0) }
    }

    /// Counts a packet into the measured rate.
    pub(crate) fn count(&mut self, bytes: usize, now: Instant) {
        self.last_at = now;
        self.window.1 += bytes as u64 * 8;
        let passed = now.saturating_duration_since(self.window.0);
        if passed >= RATE_WINDOW {
            self.rate = (self.window.1 as f64 / passed.as_secs_f64()) as u64;
            self.window = (now, 0);
        }
    }

    /// Whether packets of it arrive.
    pub(crate) fn is_alive(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.last_at) < LAYER_SILENCE
    }
}

impl Track {
    pub(crate) fn new(id: TrackId, peer: PeerId, kind: Kind, source: Source) -> Self {
        Self { id, peer, kind, source, layers: Vec::new(), subscribers: Vec::new() }
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

    /// The layers that arrive, least first: by width where all tell it, else by measured rate.
    pub(crate) fn alive(&self, now: Instant) -> Vec<usize> {
        let mut alive: Vec<usize> = (0..self.layers.len()).filter(|index| self.layers[*index].is_alive(now)).collect();
        let by_width = alive.iter().all(|index| self.layers[*index].width.is_some());
        alive.sort_by_key(|index| {
            let layer = &self.layers[*index];
            if by_width { u64::from(layer.width.unwrap_or_default()) } else { layer.rate }
        });
        alive
    }
}
