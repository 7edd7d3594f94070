//! Draining the peer connections, and what they say.

use std::time::{Duration, Instant};

use str0m::net::{Protocol, Transmit};
use str0m::{Event, Input};

use super::facts::{Meter, PeerFact};
use super::route::is_stun;
use super::{Output, Sfu};
use crate::egress::yielded;
use crate::wire::ByeReason;
use crate::{PeerId, TrackId, Transport, Way};

/// A connection that wants to be woken at once is, this often; then it waits a millisecond.
const AT_ONCE_MAX: usize = 16;

impl Sfu {
    /// Drains every connection that has been touched, and those that this touches.
    pub(super) fn settle(&mut self, now: Instant) {
        while let Some(id) = self.dirty.pop() {
            self.settle_one(id, now);
        }
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
        // Whatever another connection has yielded that was polled in passing.
        drop(yielded());
        let mut at_once = 0;
        let deadline = loop {
            match peer.rtc.poll_output() {
                Ok(str0m::Output::Transmit(transmit)) => {
                    let (to, bytes) = packet(transmit);
                    if !is_stun(&bytes) {
                        peer.egress.way = Some(to);
                    }
                    self.outputs.push_back(Output::Transmit { to, bytes });
                }
                Ok(str0m::Output::Event(event)) => events.push(event),
                Ok(str0m::Output::Timeout(at)) if at > now => break at,
                Ok(str0m::Output::Timeout(_)) if at_once == AT_ONCE_MAX => break now + Duration::from_millis(1),
                Ok(str0m::Output::Timeout(_)) => {
                    at_once += 1;
                    if peer.rtc.handle_input(Input::Timeout(now)).is_err() {
                        peer.rtc.disconnect();
                    }
                }
                Err(_) => {
                    peer.rtc.disconnect();
                    break now;
                }
            }
        };
        if let Some(keying) = yielded() {
            peer.egress.unlock(&keying);
        }
        peer.connection_deadline = Some(deadline);
        self.schedule(id);
        events
    }

    /// Notes when a peer is to be woken: by its connection, or for its padding.
    pub(super) fn schedule(&mut self, id: PeerId) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let deadline = peer.connection_deadline.into_iter().chain(peer.egress.estimator.deadline()).min();
        if peer.deadline == deadline {
            return;
        }
        if let Some(former) = std::mem::replace(&mut peer.deadline, deadline) {
            self.deadlines.remove(&(former, id));
        }
        if let Some(deadline) = deadline {
            self.deadlines.insert((deadline, id));
        }
    }

    pub(super) fn transmit(&mut self, transmit: Transmit) {
        let (to, bytes) = packet(transmit);
        self.outputs.push_back(Output::Transmit { to, bytes });
    }

    fn on_event(&mut self, id: PeerId, event: Event, now: Instant) {
        match event {
            Event::RtpPacket(packet) => self.forward(id, &packet, now),
            Event::Connected => self.connected(id, now),
            Event::PeerStats(stats) => self.measured(id, &stats, now),
            Event::MediaIngressStats(stats) => self.counted_of_sent(id, &stats),
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

fn packet(transmit: Transmit) -> (Way, Vec<u8>) {
    let transport = if transmit.proto == Protocol::Udp { Transport::Udp } else { Transport::Tcp };
    (Way { transport, address: transmit.destination }, transmit.contents.into())
}
