//! Reports of receivers, and what is sent because of them.

use std::net::SocketAddr;
use std::time::Instant;

use super::{Output, Sfu};
use crate::figures::Dropped;
use crate::{PeerId, Way};

/// The estimate of a way is looked at again when it has changed by one part in so many.
const ESTIMATE_PARTS: u64 = 32;

impl Sfu {
    /// Takes in SRTCP of a peer's. What it says of what the peer sends is left to its connection.
    pub(super) fn reported(
        &mut self,
        id: PeerId,
        from: Way,
        to: SocketAddr,
        bytes: &[u8],
        now: Instant,
    ) -> Result<(), Dropped> {
        let peer = self.peers.get_mut(&id).ok_or(Dropped::UnknownSender)?;
        let heard = peer.egress.handle_reports(&mut peer.slots, from, bytes, now).ok_or(Dropped::NotTaken)?;
        peer.heard = now;
        self.send_all(id, heard.datagrams);
        for mid in heard.keyframes {
            self.keyframe_asked(id, mid, now);
        }
        if heard.is_of_way {
            self.estimate_anew(id, now);
        }
        if heard.is_of_sender {
            self.feed(id, from, to, bytes, now)?;
        }
        self.settle(now);
        Ok(())
    }

    /// Looks at what the way to a peer bears.
    pub(super) fn estimate_anew(&mut self, id: PeerId, now: Instant) {
        let start_rate = self.config.start_rate;
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let is_measured =
            peer.slots.iter().filter_map(|slot| slot.stream.as_ref()).any(|it| it.ids.transport.is_some());
        let estimate = is_measured.then(|| peer.egress.estimator.rate().unwrap_or(start_rate));
        let is_news = match (estimate, peer.estimate) {
            (Some(now), Some(before)) => now.abs_diff(before) > before / ESTIMATE_PARTS,
            (now, before) => now != before,
        };
        self.schedule(id);
        if is_news {
            self.estimated(id, estimate, now);
        }
    }

    /// Sends the padding that a peer's estimation wants.
    pub(super) fn pad(&mut self, id: PeerId, now: Instant) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let padding = peer.egress.pad(&mut peer.slots, now);
        self.send_all(id, padding);
    }

    /// Reports to a peer on what it is sent, if it is time.
    pub(super) fn report_if_due(&mut self, id: PeerId, now: Instant) {
        let Some(peer) = self.peers.get_mut(&id).filter(|peer| peer.connected) else { return };
        let reports = peer.egress.report(&peer.slots, peer.ticket.id.as_str(), now);
        self.send_all(id, reports);
    }

    fn send_all(&mut self, id: PeerId, datagrams: Vec<Vec<u8>>) {
        let Some(to) = self.peers.get(&id).and_then(|peer| peer.egress.way) else { return };
        self.outputs.extend(datagrams.into_iter().map(|bytes| Output::Transmit { to, bytes }));
    }
}
