//! Who comes, who goes, and what that means for the others.

use std::collections::hash_map::Entry;
use std::time::Instant;

use foldhash::{HashMap, HashMapExt as _};
use str0m::net::TcpType;
use wac_events::room::{LeaveReason, ParticipantLeft};
use wac_events::{OpeningId, UserId};

use super::Sfu;
use super::facts::PeerFact;
use crate::egress::Egress;
use crate::figures::Allowance;
use crate::peer::{Peer, Ticket};
use crate::room::Standing;
use crate::wire::{ByeReason, FRAME_BYTES_MAX, Kind, Limits, NodeFrame, OfferedToClient, Participant};
use crate::{PeerId, TrackId};

/// Whether a person's sound or picture is withheld from everybody.
pub(crate) fn is_muted(standing: Standing, kind: Kind) -> bool {
    match kind {
        Kind::Audio => standing.audio_muted,
        Kind::Video => standing.video_muted,
    }
}

/// Whoever has several peers is one participant.
fn joined_by_person(shown: impl Iterator<Item = Participant>) -> Vec<Participant> {
    let mut people: Vec<Participant> = Vec::new();
    let mut places: HashMap<UserId, usize> = HashMap::new();
    for participant in shown {
        match places.entry(participant.user_id.clone()) {
            Entry::Occupied(place) => people[*place.get()].tracks.extend(participant.tracks),
            Entry::Vacant(place) => {
                place.insert(people.len());
                people.push(participant);
            }
        }
    }
    people
}

impl Sfu {
    /// The peer this device has in this opening by the same door.
    pub(super) fn peer_of(&self, ticket: &Ticket) -> Option<PeerId> {
        let venue = self.venues.get(&ticket.opening)?;
        let is_same = |other: &Ticket| other.session == ticket.session && other.entrance.is_like(&ticket.entrance);
        venue.peers.iter().copied().find(|id| is_same(&self.peers[id].ticket))
    }

    /// Makes the peer of a device that may join, and greets it.
    pub(super) fn seat(&mut self, ticket: Ticket, now: Instant) -> PeerId {
        let id = PeerId(self.next_id());
        let mut rtc = self.config.rtc(self.certificate.as_ref(), now);
        for address in &self.config.addresses {
            if let Ok(candidate) = str0m::Candidate::host(*address, "udp") {
                rtc.add_local_candidate(candidate);
            }
        }
        for address in &self.config.tcp_addresses {
            let passive = str0m::Candidate::builder().tcp().host(*address).tcptype(TcpType::Passive).build();
            if let Ok(candidate) = passive {
                rtc.add_local_candidate(candidate);
            }
        }
        let opening = ticket.opening.clone();
        let allowance = Allowance::new(self.config.publisher_max, now);
        let egress = Egress::new(self.config.start_rate, self.clock);
        self.peers.insert(id, Box::new(Peer::new(ticket, rtc, egress, allowance, now)));
        if let (Some(venue), Some(peer)) = (self.venues.get_mut(&opening), self.peers.get_mut(&id)) {
            peer.standing = venue.room.standing(&peer.ticket.user);
            venue.peers.push(id);
        }
        self.count_present();
        self.dirty.push(id);
        self.greet(id);
        id
    }

    /// The first frame on a media socket.
    pub(super) fn greet(&mut self, id: PeerId) {
        let Some(ticket) = self.peers.get(&id).map(|peer| &peer.ticket) else { return };
        let hello = NodeFrame::Hello {
            session_id: ticket.id.to_string(),
            codecs: self.config.codecs(),
            participants: self.participants_for(id),
            limits: self.limits(&ticket.opening),
        };
        self.say(id, hello);
    }

    fn limits(&self, opening: &OpeningId) -> Limits {
        Limits {
            bitrate_kbps: self.venues.get(opening).map_or(0, |venue| venue.room.bitrate_kbps),
            auto_video: self.config.auto_video,
            frame_bytes: FRAME_BYTES_MAX,
        }
    }

    /// The others in the room, and what can be had of them.
    pub(super) fn participants_for(&self, peer: PeerId) -> Vec<Participant> {
        let (Some(venue), Some(own)) = (self.venue_of(peer), self.peers.get(&peer)) else { return Vec::new() };
        let others = venue.peers.iter().filter_map(|other| self.peers.get(other));
        let others = others.filter(|other| other.ticket.session != own.ticket.session);
        let shown = others.map(|other| {
            let standing = venue.room.standing(&other.ticket.user);
            let mut ids: Vec<TrackId> = other.uplinks.values().copied().collect();
            ids.sort_unstable();
            let offered = |id: &TrackId| {
                let track = self.tracks.get(id)?;
                Some(OfferedToClient {
                    track_id: track.id,
                    source: track.source,
                    kind: track.kind,
                    muted: is_muted(standing, track.kind),
                    layers: track.layers.iter().filter_map(|layer| layer.rid.map(|rid| rid.to_string())).collect(),
                })
            };
            Participant { user_id: other.ticket.user.clone(), tracks: ids.iter().filter_map(offered).collect() }
        });
        joined_by_person(shown)
    }

    /// A device has left its seat.
    pub(super) fn unseat(&mut self, left: &ParticipantLeft, now: Instant) {
        let reason = match left.reason {
            LeaveReason::Left => ByeReason::Left,
            LeaveReason::Expelled => ByeReason::Expelled,
            LeaveReason::Lost => ByeReason::Lost,
            LeaveReason::Closed => ByeReason::Closed,
        };
        let Some(venue) = self.venues.get(&left.opening) else { return };
        let of_device = |id: &PeerId| self.peers[id].ticket.session == left.session;
        let gone: Vec<PeerId> = venue.peers.iter().copied().filter(of_device).collect();
        for peer in gone {
            self.end(peer, reason, now);
        }
    }

    /// An opening has ended.
    pub(super) fn end_venue(&mut self, opening: &OpeningId, now: Instant) {
        let Some(venue) = self.venues.get_mut(opening) else { return };
        for peer in std::mem::take(&mut venue.peers) {
            self.end(peer, ByeReason::Closed, now);
        }
        self.venues.remove(opening);
    }

    /// Ends a peer: the others no longer get its tracks.
    pub(super) fn end(&mut self, id: PeerId, reason: ByeReason, now: Instant) {
        let counted_at = self.count_at_last(id, now);
        self.sum_up(id, now);
        let Some(mut peer) = self.peers.remove(&id) else { return };
        for way in &peer.ways {
            self.by_way.remove(way);
        }
        if let Some(ufrag) = &peer.ufrag {
            self.by_ufrag.remove(ufrag);
        }
        if let Some(deadline) = peer.deadline {
            self.deadlines.remove(&(deadline, id));
        }
        for track in peer.uplinks.values() {
            self.tracks.remove(track);
        }
        for slot in &peer.slots {
            if let Some(track) = slot.track.and_then(|track| self.tracks.get_mut(&track)) {
                track.subscribers.retain(|(subscriber, _)| *subscriber != id);
            }
        }
        self.farewell(&mut peer, counted_at);
        self.say(id, NodeFrame::Bye { reason });
        self.tell(id, PeerFact::Ended(reason));
        if let Some(venue) = self.venues.get_mut(&peer.ticket.opening) {
            venue.peers.retain(|other| *other != id);
            venue.speakers.forget(&peer.ticket.user);
            let others = venue.peers.clone();
            for other in others {
                self.assign(other, now);
            }
        }
        self.count_present();
    }

    /// Tells the other side over its own connection that it is closed, so that it need not time out.
    fn farewell(&mut self, peer: &mut Peer, now: Instant) {
        if peer.rtc.close().is_err() {
            return;
        }
        let _ = peer.rtc.handle_input(str0m::Input::Timeout(now));
        while let Ok(output) = peer.rtc.poll_output() {
            match output {
                str0m::Output::Transmit(transmit) => self.transmit(transmit),
                str0m::Output::Event(_) => {}
                str0m::Output::Timeout(_) => break,
            }
        }
    }
}
