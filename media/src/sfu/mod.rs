//! The selective forwarding unit: one object, driven from outside with bytes, frames, facts and
//! the time, that says what to send and when it wants to be woken.

pub(crate) mod data;
pub(crate) mod facts;
mod forward;
mod layers;
mod negotiate;
mod pump;
mod quality;
mod reports;
pub(crate) mod route;
mod seating;
mod sources;
mod tick;
mod watch;

use std::collections::{BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use foldhash::{HashMap, HashMapExt as _};
use str0m::config::DtlsCert;
use wac_events::{OpeningId, Position, RoomEvent, UserId};

use self::facts::PeerFact;
use crate::egress::Clock;
use crate::figures::{Figures, Limit, Pace};
use crate::peer::{Peer, Ticket};
use crate::room::{Room, opening_of};
use crate::speakers::Speakers;
use crate::track::Track;
use crate::wire::{ByeReason, ClientFrame, ClientMessage, NodeFrame, NodeMessage};
use crate::{PeerId, SfuConfig, TrackId, Way};

/// Rooms are looked at this often: who speaks, which layers arrive, who is gone.
pub(crate) const TICK: Duration = Duration::from_millis(250);

/// What is to be done for an [`Sfu`]. Drain it after every call until it says when it wants to be
/// woken.
#[derive(Debug)]
pub enum Output {
    /// A packet to be sent.
    Transmit {
        /// Whereto.
        to: Way,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// A frame for a peer's media socket.
    Frame(PeerId, NodeMessage),
    /// Something worth telling of a peer. After [`PeerFact::Ended`] nothing more comes of it, and its
    /// socket is to be closed.
    Fact(PeerId, PeerFact),
    /// Nothing more now; call [`Sfu::handle_timeout`] at this time.
    Timeout(Instant),
}

/// Why somebody cannot join.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JoinRejection {
    /// The node knows no such room, or not yet.
    #[error("no such room here")]
    UnknownRoom,
    /// The room has ended.
    #[error("the room has ended")]
    Ended,
    /// The device has no seat in the room, or not yet.
    #[error("no seat in the room")]
    NoSeat,
    /// The node has as much as it may have of something.
    #[error("the node has as many {} as it may", .0.name())]
    Full(Limit),
}

/// One opening of a room, and who is here with a peer connection.
pub(crate) struct Venue {
    pub room: Room,
    pub peers: Vec<PeerId>,
    pub speakers: Speakers,
}

/// A shard of a media node: rooms, peers and what flows between them.
pub struct Sfu {
    config: SfuConfig,
    certificate: Option<DtlsCert>,
    venues: HashMap<OpeningId, Venue>,
    // Boxed: each takes some 18 kB, and a table has room for more than are in it.
    peers: HashMap<PeerId, Box<Peer>>,
    tracks: HashMap<TrackId, Track>,
    by_way: HashMap<Way, PeerId>,
    by_ufrag: HashMap<String, PeerId>,
    deadlines: BTreeSet<(Instant, PeerId)>,
    next_tick: Instant,
    outputs: VecDeque<Output>,
    /// Peers whose connection has to be drained.
    dirty: Vec<PeerId>,
    clock: Clock,
    last_id: u64,
    ticks: u64,
    figures: Figures,
    pace: Pace,
}

impl Sfu {
    /// One without rooms.
    pub fn new(config: SfuConfig, now: Instant) -> Self {
        Self {
            config,
            certificate: None,
            venues: HashMap::new(),
            peers: HashMap::new(),
            tracks: HashMap::new(),
            by_way: HashMap::new(),
            by_ufrag: HashMap::new(),
            deadlines: BTreeSet::new(),
            next_tick: now + TICK,
            outputs: VecDeque::new(),
            dirty: Vec::new(),
            clock: Clock::new(now),
            last_id: 0,
            ticks: 0,
            figures: Figures::default(),
            pace: Pace::default(),
        }
    }

    /// All peers show this certificate, which spares making one for each.
    pub fn set_certificate(&mut self, certificate: DtlsCert) {
        self.certificate = Some(certificate);
    }

    /// Obeys a fact about a room. One that has been taken in already changes nothing; rooms that were
    /// opened before this object looked are made known by applying their stream from its beginning.
    pub fn apply(&mut self, event: &RoomEvent, position: Position, now: Instant) {
        if let RoomEvent::Created(created) = event {
            self.venues.entry(created.opening.clone()).or_insert_with(|| Venue {
                room: Room::open(created, position),
                peers: Vec::new(),
                speakers: Speakers::default(),
            });
            return;
        }
        let opening = opening_of(event);
        let Some(venue) = self.venues.get_mut(opening) else { return };
        if position <= venue.room.position {
            return;
        }
        venue.room.evolve(event, position);
        for id in &venue.peers {
            if let Some(peer) = self.peers.get_mut(id) {
                peer.standing = venue.room.standing(&peer.ticket.user);
            }
        }
        match event {
            RoomEvent::Closed(_) => self.end_venue(&opening.clone(), now),
            RoomEvent::ParticipantLeft(left) => self.unseat(left, now),
            RoomEvent::ParticipantMuted(muted) => {
                self.tell_muted(opening, &muted.user);
                self.restart(opening, &muted.user, now);
            }
            RoomEvent::ParticipantHeld(held) => self.restart(opening, &held.user, now),
            RoomEvent::ParticipantUnheld(unheld) => self.restart(opening, &unheld.user, now),
            _ => {}
        }
        self.settle(now);
    }

    /// Lets a device in. Its first frame, `hello`, is among the outputs.
    pub fn join(&mut self, ticket: Ticket, now: Instant) -> Result<PeerId, JoinRejection> {
        let venue = self.venues.get(&ticket.opening).ok_or(JoinRejection::UnknownRoom)?;
        if venue.room.closed {
            return Err(JoinRejection::Ended);
        }
        if !venue.room.seats(&ticket.session, &ticket.user) {
            return Err(JoinRejection::NoSeat);
        }
        let former = self.peer_of(&ticket);
        if let Some(limit) = self.lacks(venue.peers.len(), former.is_some()) {
            self.figures.refuse(limit);
            return Err(JoinRejection::Full(limit));
        }
        if let Some(former) = former {
            self.end(former, ByeReason::Replaced, now);
        }
        let id = self.seat(ticket, now);
        self.assign(id, now);
        self.settle(now);
        Ok(id)
    }

    /// What there is not enough of for somebody who joins a room with so many in it; who replaces his own session
    /// takes nothing more.
    fn lacks(&self, in_room: usize, replaces: bool) -> Option<Limit> {
        let SfuConfig { peers_max, rooms_max, participants_max, bandwidth_max, .. } = self.config;
        let lacking = [
            (Limit::Sessions, self.peers.len() >= peers_max),
            (Limit::Rooms, in_room == 0 && self.figures.rooms >= rooms_max as u64),
            (Limit::Participants, in_room >= participants_max),
            (Limit::Bandwidth, bandwidth_max > 0 && self.pace.rate() >= bandwidth_max),
        ];
        lacking.into_iter().find(|(_, is_lacking)| *is_lacking && !replaces).map(|(limit, _)| limit)
    }

    /// Somebody has come or gone.
    fn count_present(&mut self) {
        let busy = self.venues.values().filter(|venue| !venue.peers.is_empty()).count();
        (self.figures.rooms, self.figures.sessions) = (busy as u64, self.peers.len() as u64);
    }

    /// What has passed so far.
    pub fn figures(&self) -> Figures {
        self.figures
    }

    /// Takes in a frame of a peer's.
    pub fn handle_frame(&mut self, peer: PeerId, message: ClientMessage, now: Instant) {
        if !self.peers.contains_key(&peer) {
            return;
        }
        match message.frame {
            ClientFrame::Offer { sdp, tracks } | ClientFrame::Restart { sdp, tracks } => {
                self.offered(peer, message.id, &sdp, &tracks, now);
            }
            ClientFrame::Candidate { candidate } => self.candidate(peer, message.id, &candidate),
            ClientFrame::Subscribe { track_id, on, max_width, priority } => {
                self.wished(peer, track_id, crate::peer::Wish { on, max_width, priority }, now);
            }
            ClientFrame::Bye { .. } => self.end(peer, ByeReason::Left, now),
        }
        self.settle(now);
    }

    /// A session goes on with another media socket: what it may have missed is said again.
    pub fn resume(&mut self, peer: PeerId, now: Instant) {
        self.greet(peer);
        let Some(known) = self.peers.get_mut(&peer) else { return };
        known.needed = (0, 0);
        self.assign(peer, now);
        let tracks = self.carried(peer);
        let participants = self.participants_for(peer);
        self.say(peer, NodeFrame::Tracks { tracks, participants });
        self.settle(now);
    }

    /// Ends a session: its socket is gone for good, or the node stops.
    pub fn leave(&mut self, peer: PeerId, reason: ByeReason, now: Instant) {
        self.end(peer, reason, now);
        self.settle(now);
    }

    /// What is to be done.
    pub fn poll_output(&mut self) -> Output {
        if let Some(output) = self.outputs.pop_front() {
            if let Output::Transmit { bytes, .. } = &output {
                self.figures.packets_sent += 1;
                self.figures.bytes_sent += bytes.len() as u64;
            }
            return output;
        }
        let deadline = self.deadlines.first().map_or(self.next_tick, |(at, _)| (*at).min(self.next_tick));
        Output::Timeout(deadline)
    }

    /// Whether a client has proved that he is to be reached there.
    pub fn knows_way(&self, way: Way) -> bool {
        self.by_way.contains_key(&way)
    }

    /// How many peers there are.
    pub fn peer_count(&self) -> usize {
        self.peers.len()
    }

    /// Whether an opening is known here.
    pub fn knows(&self, opening: &OpeningId) -> bool {
        self.venues.contains_key(opening)
    }

    /// How many rooms are open.
    pub fn room_count(&self) -> usize {
        self.venues.len()
    }

    /// Whose peer it is.
    pub fn ticket(&self, peer: PeerId) -> Option<&Ticket> {
        self.peers.get(&peer).map(|peer| &peer.ticket)
    }

    fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    fn say(&mut self, peer: PeerId, frame: NodeFrame) {
        self.answer(peer, None, frame);
    }

    fn answer(&mut self, peer: PeerId, id: Option<String>, frame: NodeFrame) {
        self.outputs.push_back(Output::Frame(peer, NodeMessage { id, frame }));
    }

    fn venue_of(&self, peer: PeerId) -> Option<&Venue> {
        self.venues.get(&self.peers.get(&peer)?.ticket.opening)
    }

    fn tell_muted(&mut self, opening: &OpeningId, user: &UserId) {
        let Some(venue) = self.venues.get(opening) else { return };
        let standing = venue.room.standing(user);
        let listeners = venue.peers.clone();
        let tracks: Vec<(TrackId, bool)> = self
            .tracks
            .values()
            .filter(|track| {
                let owner = self.peers.get(&track.peer).map(|peer| &peer.ticket);
                owner.is_some_and(|ticket| ticket.opening == *opening && ticket.user == *user)
            })
            .map(|track| (track.id, seating::is_muted(standing, track.kind)))
            .collect();
        for (track_id, muted) in tracks {
            for peer in &listeners {
                self.say(*peer, NodeFrame::Muted { user_id: user.clone(), track_id, muted });
            }
        }
    }
}
