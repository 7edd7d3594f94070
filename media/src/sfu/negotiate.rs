//! The client offers, the node answers: which media sections bring tracks, and which carry them.

use std::time::Instant;

use str0m::Candidate;
use str0m::media::{MediaKind, Mid};

use super::Sfu;
use super::facts::PeerFact;
use super::sources::{ids_of, lend_sources, take_sources};
use crate::egress::Stream;
use crate::offer::{read, told, with_candidates};
use crate::peer::{Entrance, Slot, Wish};
use crate::track::Track;
use crate::wire::{CarriedTrack, Kind, NodeFrame, OfferedTrack, Source};
use crate::{PeerId, TrackId};

/// Most media sections of one peer.
const SECTIONS_MAX: usize = 256;
/// Most candidates of a peer for one beginning of ICE; more are not looked at.
const CANDIDATES_MAX: usize = 64;

/// What one media section is after an offer.
struct Section {
    mid: Mid,
    kind: Kind,
    brings: bool,
    carries: bool,
}

/// The names of the media sections of a session description (RFC 5888).
fn mids(sdp: &str) -> Vec<Mid> {
    sdp.lines().filter_map(|line| line.strip_prefix("a=mid:")).map(|mid| Mid::from(mid.trim())).collect()
}

impl Sfu {
    /// Answers an offer.
    pub(super) fn offered(
        &mut self,
        id: PeerId,
        answers: Option<String>,
        sdp: &str,
        tracks: &[OfferedTrack],
        now: Instant,
    ) {
        match self.accept(id, sdp, tracks, now) {
            Ok(answer) => {
                self.assign_quietly(id);
                let tracks = self.carried(id);
                self.answer(id, answers, NodeFrame::Answer { sdp: answer, tracks });
                self.show(id, false);
                self.tell_need(id);
            }
            Err(title) => self.answer(id, answers, NodeFrame::Error { code: "bad_offer", title }),
        }
        self.assign_others(id, now);
    }

    fn accept(&mut self, id: PeerId, sdp: &str, tracks: &[OfferedTrack], now: Instant) -> Result<String, String> {
        if sdp.matches("\nm=").count() > SECTIONS_MAX {
            return Err(format!("an offer has at most {SECTIONS_MAX} media sections"));
        }
        let peer = self.peers.get_mut(&id).ok_or("the session has ended")?;
        let (sdp, candidates) = with_candidates(sdp, CANDIDATES_MAX.saturating_sub(peer.candidates));
        let offer = read(&sdp)?;
        peer.candidates += candidates;
        lend_sources(peer);
        let answer = peer.rtc.sdp_api().accept_offer(offer);
        if answer.is_ok() {
            peer.mids = mids(&sdp);
        }
        take_sources(peer);
        let answer = answer.map_err(|error| told(&error))?.to_sdp_string();
        for track in tracks {
            let mid = Mid::from(track.mid.as_str());
            // What an offer names without having it is not kept.
            if peer.mids.contains(&mid) {
                peer.sources.insert(mid, track.source);
            }
        }
        self.remember_ufrag(id);
        self.dirty.push(id);
        self.settle(now);
        self.read_sections(id, now);
        self.estimate_anew(id, now);
        if self.is_idle_by_http(id) {
            return Err("no media section has a codec that is spoken here".to_owned());
        }
        Ok(answer)
    }

    /// Whether a peer that came for one way only has nothing that goes this way.
    fn is_idle_by_http(&self, id: PeerId) -> bool {
        self.peers.get(&id).is_some_and(|peer| match peer.ticket.entrance {
            Entrance::Socket => false,
            Entrance::Whip => peer.uplinks.is_empty(),
            Entrance::Whep(_) => peer.slots.is_empty(),
        })
    }

    /// Checks name the peer by the user name fragment of its answer, which an ICE restart changes.
    fn remember_ufrag(&mut self, id: PeerId) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let ufrag = peer.rtc.direct_api().local_ice_credentials().ufrag;
        if peer.ufrag.as_ref() == Some(&ufrag) {
            return;
        }
        peer.candidates = 0;
        if let Some(former) = peer.ufrag.replace(ufrag.clone()) {
            self.by_ufrag.remove(&former);
        }
        self.by_ufrag.insert(ufrag, id);
    }

    /// Makes tracks and slots of the media sections as they are now.
    fn read_sections(&mut self, id: PeerId, now: Instant) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        peer.incoming.clear();
        let rights = peer.ticket.rights;
        let sections: Vec<Section> = peer
            .mids
            .iter()
            .filter_map(|mid| {
                let media = peer.rtc.media(*mid)?;
                let kind = match media.kind() {
                    MediaKind::Audio => Kind::Audio,
                    MediaKind::Video => Kind::Video,
                };
                let open = !media.disabled() && !media.stopped();
                Some(Section {
                    mid: *mid,
                    kind,
                    brings: open && rights.publish && media.direction().is_receiving(),
                    carries: open && rights.subscribe && media.direction().is_sending(),
                })
            })
            .collect();
        for section in sections {
            self.read_section(id, &section, now);
        }
    }

    fn read_section(&mut self, id: PeerId, section: &Section, now: Instant) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let published = peer.uplinks.get(&section.mid).copied();
        let slot = peer.slots.iter().position(|slot| slot.mid == section.mid);
        match (section.carries, slot) {
            (true, None) => {
                let mut slot = Slot::new(section.mid, section.kind);
                let ids = ids_of(peer, section.mid);
                let sources = peer.sources_out.get(&section.mid);
                slot.stream = sources.map(|(source, again)| Stream::new(section.mid, *source, *again, ids));
                peer.slots.push(slot);
            }
            (false, Some(index)) => {
                let slot = peer.slots.remove(index);
                // A source that begins anew would repeat its numbers, so it gets another name.
                peer.sources_out.remove(&section.mid);
                self.unsubscribe(id, &slot);
            }
            (true, Some(index)) => {
                let ids = ids_of(peer, section.mid);
                let slot = &mut peer.slots[index];
                slot.payload_types.clear();
                slot.stream.iter_mut().for_each(|stream| stream.ids = ids);
            }
            (false, None) => {}
        }
        match (section.brings, published) {
            (true, None) => self.publish(id, section),
            (false, Some(track)) => self.unpublish(id, section.mid, track, now),
            _ => {}
        }
    }

    fn publish(&mut self, id: PeerId, section: &Section) {
        let track = TrackId(self.next_id());
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let source = peer.sources.get(&section.mid).copied().unwrap_or(match section.kind {
            Kind::Audio => Source::Microphone,
            Kind::Video => Source::Camera,
        });
        peer.uplinks.insert(section.mid, track);
        self.tracks.insert(track, Track::new(track, id, section.kind, source));
        self.tell_published(id, track);
    }

    fn unpublish(&mut self, id: PeerId, mid: Mid, track: TrackId, now: Instant) {
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.uplinks.remove(&mid);
        }
        self.tracks.remove(&track);
        if self.peers.get(&id).is_some_and(|peer| peer.connected) {
            self.tell(id, PeerFact::Unpublished(track));
        }
        self.assign_others(id, now);
    }

    fn unsubscribe(&mut self, id: PeerId, slot: &Slot) {
        if let Some(track) = slot.track.and_then(|track| self.tracks.get_mut(&track)) {
            track.subscribers.retain(|subscriber| *subscriber != (id, slot.mid));
        }
    }

    /// A candidate of the client's. The node could do without: it learns where checks come from.
    pub(super) fn candidate(&mut self, id: PeerId, answers: Option<String>, text: &str) {
        // Names of `.local` (mDNS) cannot be resolved here and are not needed.
        let useless = text.trim().is_empty() || text.contains(".local");
        let Some(peer) = self.peers.get_mut(&id).filter(|_| !useless) else { return };
        if peer.candidates == CANDIDATES_MAX {
            return;
        }
        peer.candidates += 1;
        match Candidate::from_sdp_string(text) {
            Ok(candidate) => {
                peer.rtc.add_remote_candidate(candidate);
                self.dirty.push(id);
            }
            Err(error) => self.answer(id, answers, NodeFrame::Error { code: "bad_candidate", title: told(&error) }),
        }
    }

    /// What a peer wants of a track from now on.
    pub(super) fn wished(&mut self, id: PeerId, track: TrackId, wish: Wish, now: Instant) {
        if !self.tracks.contains_key(&track) {
            return;
        }
        let Some(peer) = self.peers.get_mut(&id) else { return };
        peer.wishes.insert(track, wish);
        self.assign(id, now);
        self.choose_layers(id, now);
    }

    pub(super) fn assign_others(&mut self, id: PeerId, now: Instant) {
        let others: Vec<PeerId> = match self.venue_of(id) {
            Some(venue) => venue.peers.iter().copied().filter(|other| *other != id).collect(),
            None => return,
        };
        for other in others {
            self.assign(other, now);
        }
    }

    /// Gives the tracks a peer wants to its slots, and tells it if that changed anything.
    pub(super) fn assign(&mut self, id: PeerId, now: Instant) {
        let changed = self.assign_quietly(id);
        self.show(id, changed);
        self.tell_need(id);
        self.ask_for_waiting(id, now);
    }

    /// Tells a peer what it is sent and what it could have, if either has changed.
    fn show(&mut self, id: PeerId, changed: bool) {
        let participants = self.participants_for(id);
        let offered: Vec<TrackId> =
            participants.iter().flat_map(|participant| &participant.tracks).map(|track| track.track_id).collect();
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let known = std::mem::replace(&mut peer.shown, offered);
        if changed || known != peer.shown {
            let tracks = self.carried(id);
            self.say(id, NodeFrame::Tracks { tracks, participants });
        }
    }

    /// Whether anything changed.
    fn assign_quietly(&mut self, id: PeerId) -> bool {
        let wanted = self.wanted(id);
        let Some(peer) = self.peers.get_mut(&id) else { return false };
        let mut changed = false;
        for slot in &mut peer.slots {
            let Some(track) = slot.track.filter(|track| !wanted.contains(&(*track, slot.kind))) else { continue };
            slot.carry(None);
            changed = true;
            if let Some(track) = self.tracks.get_mut(&track) {
                track.subscribers.retain(|subscriber| *subscriber != (id, slot.mid));
            }
        }
        for (track_id, kind) in wanted {
            if peer.slots.iter().any(|slot| slot.track == Some(track_id)) {
                continue;
            }
            let Some(slot) = peer.slots.iter_mut().find(|slot| slot.kind == kind && slot.track.is_none()) else {
                continue;
            };
            slot.carry(Some(track_id));
            changed = true;
            if let Some(track) = self.tracks.get_mut(&track_id) {
                track.subscribers.push((id, slot.mid));
            }
        }
        changed
    }

    /// The tracks a peer wants: everybody's sound, pictures up to the limit or as it said.
    fn wanted(&self, id: PeerId) -> Vec<(TrackId, Kind)> {
        let (Some(peer), Some(venue)) = (self.peers.get(&id), self.venue_of(id)) else { return Vec::new() };
        if !peer.ticket.rights.subscribe {
            return Vec::new();
        }
        if let Entrance::Whep(of) = &peer.ticket.entrance {
            return self.watched(peer, venue, of.as_ref());
        }
        // What a device sends by another door would come back to it.
        let others = venue.peers.iter().filter_map(|other| self.peers.get(other));
        let others = others.filter(|other| other.ticket.session != peer.ticket.session);
        let mut offered: Vec<&Track> =
            others.flat_map(|other| other.uplinks.values()).filter_map(|track| self.tracks.get(track)).collect();
        offered.sort_unstable_by_key(|track| track.id);
        offered.retain(|track| peer.wish(track.id).on);
        let asked = |track: &Track| peer.wishes.contains_key(&track.id);
        let mut unasked = self.config.auto_video;
        offered.retain(|track| {
            if track.kind == Kind::Audio || asked(track) {
                return true;
            }
            let fits = unasked > 0;
            unasked = unasked.saturating_sub(1);
            fits
        });
        offered.into_iter().map(|track| (track.id, track.kind)).collect()
    }

    pub(super) fn carried(&self, id: PeerId) -> Vec<CarriedTrack> {
        let Some(peer) = self.peers.get(&id) else { return Vec::new() };
        let carried = peer.slots.iter().filter_map(|slot| {
            let track = self.tracks.get(&slot.track?)?;
            let owner = self.peers.get(&track.peer)?;
            Some(CarriedTrack {
                mid: slot.mid.to_string(),
                user_id: owner.ticket.user.clone(),
                track_id: track.id,
                source: track.source,
            })
        });
        carried.collect()
    }

    /// Says how many transceivers are missing, if that has changed.
    fn tell_need(&mut self, id: PeerId) {
        let wanted = self.wanted(id);
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let missing = |kind: Kind| {
            let without = |track: &TrackId| !peer.slots.iter().any(|slot| slot.track == Some(*track));
            wanted.iter().filter(|(track, of)| *of == kind && without(track)).count()
        };
        let needed = (missing(Kind::Audio), missing(Kind::Video));
        if std::mem::replace(&mut peer.needed, needed) != needed && needed != (0, 0) {
            self.say(id, NodeFrame::Need { audio: needed.0, video: needed.1 });
        }
    }
}
