//! Which peer a datagram belongs to: by where it comes from, once a connectivity check with the
//! right credentials has come from there; checks themselves by their user name.

use std::net::SocketAddr;
use std::time::Instant;

use str0m::Input;
use str0m::ice::StunMessage;
use str0m::net::Receive;

use super::Sfu;
use crate::{PeerId, Way};

/// So many ways to a peer are known at a time; the oldest gives way.
const WAYS_MAX: usize = 8;

impl Sfu {
    /// Takes in a packet that has come to `to`, one of the configured addresses.
    /// What belongs to nobody, is forged or replayed, changes nothing.
    pub fn handle_packet(&mut self, from: Way, to: SocketAddr, bytes: &[u8], now: Instant) {
        let is_check = is_stun(bytes);
        let peer = if is_check { self.checked(from, to, bytes, now) } else { self.by_way.get(&from).copied() };
        let Some(peer) = peer else { return };
        self.feed(peer, from, to, bytes, now);
        self.settle(now);
    }

    fn feed(&mut self, id: PeerId, from: Way, to: SocketAddr, bytes: &[u8], now: Instant) {
        let Ok(receive) = Receive::new(from.transport.protocol(), from.address, to, bytes) else { return };
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let input = Input::Receive(now, receive);
        if peer.rtc.accepts(&input) {
            // A peer error inside the connection ends it; `pump` sees that it is no longer alive.
            let _ = peer.rtc.handle_input(input);
            peer.heard = now;
            self.dirty.push(id);
        }
    }

    /// The peer a connectivity check is meant for, if it proves that it knows its password.
    fn checked(&mut self, from: Way, to: SocketAddr, bytes: &[u8], now: Instant) -> Option<PeerId> {
        let message = StunMessage::parse(bytes).ok()?;
        if !message.is_binding_request() {
            return None;
        }
        let (ufrag, _) = message.split_username()?;
        let id = *self.by_ufrag.get(ufrag)?;
        let peer = self.peers.get_mut(&id)?;
        let receive = Receive::new(from.transport.protocol(), from.address, to, bytes).ok()?;
        // `accepts` verifies the message integrity, which only who has seen the answer can make.
        let known = self.by_way.get(&from) == Some(&id);
        if !known && !peer.rtc.accepts(&Input::Receive(now, receive)) {
            return None;
        }
        let transaction = bytes.get(8..20)?.try_into().ok()?;
        if !peer.replays.admits(transaction, from.address) {
            return None;
        }
        if !known {
            self.learn(id, from);
        }
        Some(id)
    }

    fn learn(&mut self, id: PeerId, from: Way) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        if peer.ways.len() == WAYS_MAX {
            self.by_way.remove(&peer.ways.remove(0));
        }
        peer.ways.push(from);
        if let Some(former) = self.by_way.insert(from, id)
            && former != id
            && let Some(former) = self.peers.get_mut(&former)
        {
            former.ways.retain(|way| *way != from);
        }
    }
}

/// Whether a datagram is STUN (RFC 7983 §7).
fn is_stun(bytes: &[u8]) -> bool {
    bytes.first().is_some_and(|first| *first < 4)
}
