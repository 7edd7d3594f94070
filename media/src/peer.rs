//! One peer connection.

use std::time::Instant;

use foldhash::{HashMap, HashMapExt as _};
use str0m::Rtc;
use str0m::format::PayloadParams;
use str0m::media::{Mid, Pt};
use str0m::rtp::Ssrc;
use wac_events::{MediaSessionId, OpeningId, SessionId, UserId};

use crate::egress::{Egress, Stream};
use crate::figures::Allowance;
use crate::limit::RateLimit;
use crate::replay::ReplayGuard;
use crate::rewrite::Rewriter;
use crate::room::Standing;
use crate::sfu::data::Channels;
use crate::sfu::facts::Meter;
use crate::wire::{Kind, Source};
use crate::{TrackId, Way};

/// What a media token lets its holder do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rights {
    /// Send sound and pictures.
    pub publish: bool,
    /// Receive those of others.
    pub subscribe: bool,
    /// Exchange messages over data channels.
    pub data: bool,
}

/// By which door somebody comes in. A device may have one peer by each.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Entrance {
    /// The media socket: he sends and is sent whatever he may.
    #[default]
    Socket,
    /// WHIP (RFC 9725): he only sends.
    Whip,
    /// WHEP (draft-ietf-wish-whep): he is sent one sound and one picture, of this person or of who speaks.
    Whep(Option<UserId>),
}

impl Entrance {
    /// Whether both are the same door.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

/// Who joins, as a checked media token says.
#[derive(Clone, PartialEq, Debug)]
pub struct Ticket {
    /// What the session that it begins is called.
    pub id: MediaSessionId,
    /// Which opening.
    pub opening: OpeningId,
    /// Who.
    pub user: UserId,
    /// On which device.
    pub session: SessionId,
    /// What he may do.
    pub rights: Rights,
    /// By which door.
    pub entrance: Entrance,
}

/// One device in one opening of a room.
pub(crate) struct Peer {
    pub ticket: Ticket,
    /// How its person is in the room, at hand for every packet.
    pub standing: Standing,
    pub rtc: Rtc,
    /// The media sections of its last offer, in order.
    pub mids: Vec<Mid>,
    pub sources: HashMap<Mid, Source>,
    /// What is sent over its media sections: the source, and that of what is sent again (RFC 4588).
    pub sources_out: HashMap<Mid, (u32, Option<u32>)>,
    /// What this peer publishes.
    pub uplinks: HashMap<Mid, TrackId>,
    /// Where incoming packets belong.
    pub incoming: HashMap<Ssrc, (TrackId, usize)>,
    /// What this peer can be sent, a slot a media section.
    pub slots: Vec<Slot>,
    pub wishes: HashMap<TrackId, Wish>,
    /// What it could have, as it was last told.
    pub shown: Vec<TrackId>,
    /// What `need` has last said: sound, pictures.
    pub needed: (usize, usize),
    /// What the way to this peer bears, bit/s; `None`: not known.
    pub estimate: Option<u64>,
    pub connected: bool,
    /// What the estimation was last told could be used, in steps of 50 kbit/s.
    pub announced: u64,
    pub ways: Vec<Way>,
    pub ufrag: Option<String>,
    /// So many candidates it has named since ICE was last begun.
    pub candidates: usize,
    pub replays: ReplayGuard,
    pub channels: Channels,
    pub limit: RateLimit,
    /// What it may still send.
    pub allowance: Allowance,
    /// Packets of media that have been taken from it.
    pub taken: u64,
    pub meter: Meter,
    /// When it wants to be woken.
    pub deadline: Option<Instant>,
    /// When its connection wants to be told the time.
    pub connection_deadline: Option<Instant>,
    pub egress: Egress,
    /// When something last came from it.
    pub heard: Instant,
}

/// What a peer wants of a track.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Wish {
    pub on: bool,
    pub max_width: Option<u32>,
    pub priority: u8,
}

impl Default for Wish {
    fn default() -> Self {
        Self { on: true, max_width: None, priority: 0 }
    }
}

/// A payload type, and that of what of it is sent again (RFC 4588).
pub(crate) type Spoken = (Pt, Option<Pt>);

/// A media section over which a peer is sent one track after another.
pub(crate) struct Slot {
    pub mid: Mid,
    pub kind: Kind,
    pub track: Option<TrackId>,
    /// The layer that is being sent; `None`: none yet, a key frame is waited for.
    pub layer: Option<usize>,
    /// The layer that is to be sent from its next key frame on.
    pub wanted: Option<usize>,
    pub rewriter: Rewriter,
    /// What goes out over it; `None`: nothing may.
    pub stream: Option<Stream>,
    /// What the publisher's payload types are here, each with that of what is sent again.
    pub payload_types: Vec<(Pt, Option<Spoken>)>,
}

impl Slot {
    pub(crate) fn new(mid: Mid, kind: Kind) -> Self {
        Self {
            mid,
            kind,
            track: None,
            layer: None,
            wanted: None,
            rewriter: Rewriter::default(),
            stream: None,
            payload_types: Vec::new(),
        }
    }

    /// Carries another track, or none, from now on.
    pub(crate) fn carry(&mut self, track: Option<TrackId>) {
        self.track = track;
        self.layer = None;
        self.wanted = None;
        self.payload_types.clear();
        self.rewriter.interrupt();
    }
}

impl Peer {
    pub(crate) fn wish(&self, track: TrackId) -> Wish {
        self.wishes.get(&track).copied().unwrap_or_default()
    }

    /// What a codec of a publisher is called in one of this peer's media sections, and what of it is sent again.
    pub(crate) fn payload_type(&self, mid: Mid, params: PayloadParams) -> Option<Spoken> {
        let known = self.rtc.codec_config().match_params(params)?;
        let is_spoken = self.rtc.media(mid)?.remote_pts().contains(&known.pt());
        is_spoken.then_some((known.pt(), known.resend()))
    }
}

impl Peer {
    pub(crate) fn new(ticket: Ticket, rtc: Rtc, egress: Egress, allowance: Allowance, now: Instant) -> Self {
        Self {
            ticket,
            standing: Standing::default(),
            rtc,
            mids: Vec::new(),
            sources: HashMap::new(),
            sources_out: HashMap::new(),
            uplinks: HashMap::new(),
            incoming: HashMap::new(),
            slots: Vec::new(),
            wishes: HashMap::new(),
            shown: Vec::new(),
            needed: (0, 0),
            estimate: None,
            connected: false,
            announced: 0,
            ways: Vec::new(),
            ufrag: None,
            candidates: 0,
            replays: ReplayGuard::default(),
            channels: Channels::default(),
            limit: RateLimit::default(),
            allowance,
            taken: 0,
            meter: Meter::new(now),
            deadline: None,
            connection_deadline: None,
            egress,
            heard: now,
        }
    }
}
