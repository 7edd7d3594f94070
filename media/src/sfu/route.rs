//! Which peer a datagram belongs to: by where it comes from, once a connectivity check with the
//! right credentials has come from there; checks themselves by their user name.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Instant;

use str0m::Input;
use str0m::ice::StunMessage;
use str0m::net::Receive;
use str0m::rtp::Ssrc;

use super::Sfu;
use crate::figures::Dropped;
use crate::{PeerId, Way};

/// So many ways to a peer are known at a time; the oldest gives way.
const WAYS_MAX: usize = 8;
/// No address of anybody's.
const NOWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

impl Sfu {
    /// Takes in a packet that has come to `to`, one of the configured addresses.
    /// What belongs to nobody, is forged or replayed, changes nothing.
    pub fn handle_packet(&mut self, from: Way, to: SocketAddr, bytes: &[u8], now: Instant) {
        self.figures.packets_received += 1;
        self.figures.bytes_received += bytes.len() as u64;
        let source = media_source(bytes);
        let taken_in = match is_stun(bytes) {
            true => self.checked(from, to, bytes, now).ok_or(Dropped::ForgedCheck),
            false => self.by_way.get(&from).copied().ok_or(Dropped::UnknownSender),
        };
        let taken_in = taken_in.and_then(|peer| self.allows(peer, bytes, now));
        if let (true, Ok(peer)) = (is_control(bytes), taken_in) {
            if let Err(why) = self.reported(peer, from, to, bytes, now) {
                self.figures.drop_one(why);
            }
            return;
        }
        let taken_in = taken_in.and_then(|peer| self.feed(peer, from, to, bytes, now));
        let outcome = taken_in.and_then(|fed| match source {
            Some(source) => self.settle_media(fed, source, now),
            None => {
                self.settle(now);
                Ok(())
            }
        });
        if let Err(why) = outcome {
            self.figures.drop_one(why);
        }
    }

    /// Whether a peer may still send a datagram: of media and reports, so much a second is taken.
    fn allows(&mut self, id: PeerId, bytes: &[u8], now: Instant) -> Result<PeerId, Dropped> {
        let limit = self.config.publisher_max;
        let peer = self.peers.get_mut(&id).ok_or(Dropped::UnknownSender)?;
        let is_within = !is_media(bytes) || peer.allowance.takes(bytes.len(), limit, now);
        if is_within { Ok(id) } else { Err(Dropped::Flood) }
    }

    /// Gives a datagram to the connection it belongs to.
    pub(super) fn feed(
        &mut self,
        id: PeerId,
        from: Way,
        to: SocketAddr,
        bytes: &[u8],
        now: Instant,
    ) -> Result<PeerId, Dropped> {
        let receive = Receive::new(from.transport.protocol(), from.address, to, bytes);
        let receive = receive.map_err(|_| Dropped::Unreadable)?;
        let peer = self.peers.get_mut(&id).ok_or(Dropped::UnknownSender)?;
        let input = Input::Receive(now, receive);
        if !peer.rtc.accepts(&input) {
            return Err(Dropped::UnknownSender);
        }
        // A peer error inside the connection ends it; `pump` sees that it is no longer alive.
        let _ = peer.rtc.handle_input(input);
        peer.heard = now;
        self.dirty.push(id);
        Ok(id)
    }

    /// Lets what a packet of media has caused happen; fails if it has not been taken as one.
    fn settle_media(&mut self, from: PeerId, source: Ssrc, now: Instant) -> Result<(), Dropped> {
        let taken = |sfu: &Self| sfu.peers.get(&from).map(|peer| peer.taken);
        let before = taken(self);
        self.settle(now);
        // A retransmission is taken under the source that it mends, or was not needed any more.
        let Some(peer) = self.peers.get_mut(&from).filter(|peer| Some(peer.taken) == before) else { return Ok(()) };
        if peer.incoming.contains_key(&source) {
            return Err(Dropped::NotTaken);
        }
        let mut api = peer.rtc.direct_api();
        let mends = peer.incoming.keys().any(|main| api.stream_rx(main).is_some_and(|it| it.rtx() == Some(source)));
        // Source 0 probes the way and has no content.
        match (mends || *source == 0, api.stream_rx(&source).is_some()) {
            (true, _) => Ok(()),
            (false, true) => Err(Dropped::NotTaken),
            (false, false) => Err(Dropped::UnknownSource),
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
        // `accepts` verifies the message integrity, which only who has seen the answer can make: but not of what comes from
        // where it sends to, and addresses can be forged. So it is asked as if the check came from nowhere.
        let receive = Receive::new(from.transport.protocol(), NOWHERE, to, bytes).ok()?;
        if !peer.rtc.accepts(&Input::Receive(now, receive)) {
            return None;
        }
        let transaction = bytes.get(8..20)?.try_into().ok()?;
        if !peer.replays.admits(transaction, from.address) {
            return None;
        }
        if self.by_way.get(&from) != Some(&id) {
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

/// Whether a datagram is SRTP or SRTCP (RFC 7983 §7).
fn is_media(bytes: &[u8]) -> bool {
    bytes.first().is_some_and(|first| (128..192).contains(first))
}

/// Whether a datagram carries sound or pictures (RFC 7983 §7, RFC 5761 §4), as far as its first bytes tell.
pub fn carries_media(bytes: &[u8]) -> bool {
    media_source(bytes).is_some()
}

/// The source of a packet of media; `None`: it is none, or SRTCP.
fn media_source(bytes: &[u8]) -> Option<Ssrc> {
    let source = bytes.get(8..12)?.try_into().ok()?;
    (is_media(bytes) && !is_control(bytes)).then(|| u32::from_be_bytes(source).into())
}

/// Whether a datagram is SRTCP (RFC 5761 §4).
fn is_control(bytes: &[u8]) -> bool {
    is_media(bytes) && bytes.get(1).is_some_and(|kind| (192..224).contains(kind))
}

/// Whether a datagram is STUN (RFC 7983 §7).
pub(super) fn is_stun(bytes: &[u8]) -> bool {
    bytes.first().is_some_and(|first| *first < 4)
}
