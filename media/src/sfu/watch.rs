//! What a viewer by WHEP is sent: one sound and one picture at a time.

use wac_events::UserId;

use super::{Sfu, Venue};
use crate::peer::{Entrance, Peer};
use crate::track::Track;
use crate::wire::{Kind, Source};
use crate::{PeerId, TrackId};

/// How near a track is to being shown, least first.
type Distance = (usize, bool, TrackId);

impl Sfu {
    /// The sound and the picture for a viewer: of the person he has asked for, else of whoever speaks. What
    /// is shown stays while its owner speaks or nobody does.
    pub(super) fn watched(&self, peer: &Peer, venue: &Venue, of: Option<&UserId>) -> Vec<(TrackId, Kind)> {
        [Kind::Audio, Kind::Video].into_iter().filter_map(|kind| self.nearest(peer, venue, of, kind)).collect()
    }

    fn nearest(&self, peer: &Peer, venue: &Venue, of: Option<&UserId>, kind: Kind) -> Option<(TrackId, Kind)> {
        let current = peer.slots.iter().find(|slot| slot.kind == kind && slot.track.is_some());
        let current = current.and_then(|slot| slot.track);
        let others = venue.peers.iter().filter_map(|id| self.peers.get(id));
        let others = others.filter(|other| other.ticket.session != peer.ticket.session);
        let wanted = others.filter(|other| of.is_none_or(|user| *user == other.ticket.user));
        let tracks = wanted.flat_map(|owner| owner.uplinks.values().map(move |track| (owner, track)));
        let distances = tracks.filter_map(|(owner, id)| {
            let track = self.tracks.get(id).filter(|track| track.kind == kind)?;
            let place = venue.speakers.place(&owner.ticket.user);
            Some(distance(track, place, current == Some(track.id)))
        });
        distances.min().map(|(_, _, track)| (track, kind))
    }

    /// Who speaks has changed: viewers are shown somebody else.
    pub(super) fn turn_viewers(&mut self, peers: &[PeerId], now: std::time::Instant) {
        let views =
            |id: &&PeerId| self.peers.get(id).is_some_and(|peer| matches!(peer.ticket.entrance, Entrance::Whep(_)));
        let viewers: Vec<PeerId> = peers.iter().filter(views).copied().collect();
        for viewer in viewers {
            self.assign(viewer, now);
        }
    }
}

fn distance(track: &Track, place: Option<usize>, is_current: bool) -> Distance {
    let of_screen = matches!(track.source, Source::Screen | Source::ScreenAudio);
    let rank = match (place, is_current) {
        (Some(_), true) => 0,
        (Some(place), false) => 1 + place,
        (None, true) => usize::MAX - 1,
        (None, false) => usize::MAX,
    };
    (rank, of_screen, track.id)
}
