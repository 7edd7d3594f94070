//! Draining the peer connections, and what they say.

use std::time::{Duration, Instant};

use str0m::bwe::BweKind;
use str0m::net::{Protocol, Transmit};
use str0m::{Event, Input};

use super::facts::{Meter, PeerFact};
use super::route::media_source;
use super::{Output, Sfu};
use crate::peer::{Peer, Slot};
use crate::wire::ByeReason;
use crate::{PeerId, TrackId, Transport, Way};

/// When what a connection wants done after its last packet has gone out is done, if no further packet comes before.
const AFTERWARDS: Duration = Duration::from_millis(25);
/// A connection that wants to be woken at once is, this often; then it waits a millisecond.
const AT_ONCE_MAX: usize = 16;

impl Sfu {
    /// Drains every connection that has been touched, and those that this touches.
    pub(super) fn settle(&mut self, now: Instant) {
        while let Some(id) = self.dirty.pop() {
            self.settle_one(id, now);
        }
    }

    /// Drains the connections that packets have been written to: of several that have come together, once.
    pub(super) fn settle_owed(&mut self) {
        let now = self.now;
        for id in std::mem::take(&mut self.owed) {
            self.settle_one(id, now);
        }
        self.settle(now);
    }

    /// Drains one connection.
    pub(super) fn settle_one(&mut self, id: PeerId, now: Instant) {
        for event in self.drain(id, now) {
            self.on_event(id, event, now);
        }
        if self.peers.get(&id).is_some_and(|peer| !peer.rtc.is_alive()) {
            self.end(id, ByeReason::Failed, now);
        }
    }

    /// Takes everything out of one connection and notes when it wants to be woken.
    fn drain(&mut self, id: PeerId, now: Instant) -> Vec<Event> {
        let mut events = Vec::new();
        let Some(peer) = self.peers.get_mut(&id) else { return events };
        let mut at_once = 0;
        let mut is_last_out = false;
        if std::mem::take(&mut peer.outgoing.written) && peer.rtc.handle_input(Input::Timeout(now)).is_err() {
            peer.rtc.disconnect();
        }
        let (deadline, is_guess) = loop {
            match peer.rtc.poll_output() {
                Ok(str0m::Output::Transmit(transmit)) => {
                    let is_ours = peer.outgoing.waiting > 0 && is_of(&transmit.contents, &peer.slots);
                    peer.outgoing.waiting -= usize::from(is_ours);
                    is_last_out = is_ours && peer.outgoing.waiting == 0;
                    self.outputs.push_back(packet(transmit));
                }
                Ok(str0m::Output::Event(event)) => events.push(event),
                Ok(str0m::Output::Timeout(at)) if at > now => break (at, false),
                Ok(str0m::Output::Timeout(_)) if is_last_out => break (later(peer, now), true),
                Ok(str0m::Output::Timeout(_)) if at_once == AT_ONCE_MAX => {
                    break (now + Duration::from_millis(1), false);
                }
                Ok(str0m::Output::Timeout(_)) => {
                    at_once += 1;
                    if peer.rtc.handle_input(Input::Timeout(now)).is_err() {
                        peer.rtc.disconnect();
                    }
                }
                Err(_) => {
                    peer.rtc.disconnect();
                    break (now, false);
                }
            }
        };
        if deadline > now + AFTERWARDS {
            // What has not come out by now was dropped on the way.
            peer.outgoing.waiting = 0;
        }
        peer.deadline_is_guess = is_guess;
        if peer.deadline != Some(deadline) {
            if let Some(former) = peer.deadline.replace(deadline) {
                self.deadlines.remove(&(former, id));
            }
            self.deadlines.insert((deadline, id));
        }
        events
    }

    pub(super) fn transmit(&mut self, transmit: Transmit) {
        self.outputs.push_back(packet(transmit));
    }

    fn on_event(&mut self, id: PeerId, event: Event, now: Instant) {
        match event {
            Event::RtpPacket(packet) => self.forward(id, &packet, now),
            Event::KeyframeRequest(request) => self.keyframe_asked(id, request.mid, now),
            Event::Connected => self.connected(id, now),
            Event::EgressBitrateEstimate(BweKind::Twcc { estimate, can_probe }) => {
                self.estimated(id, can_probe.then_some(estimate.as_u64()), now);
            }
            Event::PeerStats(stats) => self.measured(id, &stats, now),
            Event::MediaIngressStats(stats) => self.counted_of_sent(id, &stats),
            Event::MediaEgressStats(stats) => self.counted_of_received(id, &stats),
            Event::ChannelOpen(channel, label) => {
                if let Some(peer) = self.peers.get_mut(&id) {
                    peer.channels.opened(channel, &label);
                }
            }
            Event::ChannelClose(channel) => {
                if let Some(peer) = self.peers.get_mut(&id) {
                    peer.channels.closed(channel);
                }
            }
            Event::ChannelData(message) => self.messaged(id, &message, now),
            Event::Closed => self.end(id, ByeReason::Left, now),
            _ => {}
        }
    }

    fn connected(&mut self, id: PeerId, now: Instant) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        if !peer.connected {
            peer.connected = true;
            peer.meter = Meter::new(now);
            let mut tracks: Vec<TrackId> = peer.uplinks.values().copied().collect();
            tracks.sort_unstable();
            self.tell(id, PeerFact::Connected);
            for track in tracks {
                self.tell_published(id, track);
            }
        }
        self.assign(id, now);
    }
}

/// When to see what a connection wants whose last packet has just gone out: what it was known to want before counts.
fn later(peer: &Peer, now: Instant) -> Instant {
    let known = peer.deadline.filter(|at| !peer.deadline_is_guess && *at > now);
    known.map_or(now + AFTERWARDS, |known| known.min(now + AFTERWARDS))
}

/// Whether a datagram is a packet of what these slots carry, and not of its retransmission.
fn is_of(datagram: &[u8], slots: &[Slot]) -> bool {
    media_source(datagram).is_some_and(|source| slots.iter().any(|slot| slot.ssrc == Some(source)))
}

fn packet(transmit: Transmit) -> Output {
    let transport = if transmit.proto == Protocol::Udp { Transport::Udp } else { Transport::Tcp };
    Output::Transmit { to: Way { transport, address: transmit.destination }, bytes: transmit.contents.into() }
}
