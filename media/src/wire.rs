//! The frames of the media socket: JSON text, `{id?, type, …}`; an answer repeats `id`.

use serde::{Deserialize, Serialize};
use wac_events::UserId;

use crate::TrackId;

/// Longest frame taken from a client, in bytes: an offer for a hundred participants fits.
pub const FRAME_BYTES_MAX: usize = 256 * 1024;

/// What a track shows or sounds.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// A microphone.
    Microphone,
    /// A camera.
    Camera,
    /// A shared screen.
    Screen,
    /// The sound of a shared screen.
    ScreenAudio,
}

/// Sound or picture.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Sound.
    Audio,
    /// Picture.
    Video,
}

/// One frame of a client.
#[derive(Clone, PartialEq, Debug, Deserialize)]
pub struct ClientMessage {
    /// Repeated by the answer.
    #[serde(default)]
    pub id: Option<String>,
    /// What it says.
    #[serde(flatten)]
    pub frame: ClientFrame,
}

/// What a client says.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase", rename_all_fields = "camelCase")]
pub enum ClientFrame {
    /// An offer (RFC 8829); the answer is an [`NodeFrame::Answer`].
    Offer {
        /// The session description.
        sdp: String,
        /// What the sending `mid`s carry; a `mid` that is not listed is a microphone or a camera.
        #[serde(default)]
        tracks: Vec<OfferedTrack>,
    },
    /// The same, with new ICE credentials after a change of network.
    Restart {
        /// The session description.
        sdp: String,
        /// As in an offer.
        #[serde(default)]
        tracks: Vec<OfferedTrack>,
    },
    /// A candidate of the client's, as in `a=candidate`.
    Candidate {
        /// The candidate; empty: there are no more.
        candidate: String,
    },
    /// What the client wants of a track.
    Subscribe {
        /// Which.
        track_id: TrackId,
        /// Whether it wants it at all.
        on: bool,
        /// Widest picture it can use, in pixels.
        #[serde(default)]
        max_width: Option<u32>,
        /// Those of higher priority get bandwidth first.
        #[serde(default)]
        priority: u8,
    },
    /// The client leaves.
    Bye {
        /// Why.
        #[serde(default)]
        reason: String,
    },
}

/// What one `mid` of an offer carries.
#[derive(Clone, PartialEq, Debug, Deserialize)]
pub struct OfferedTrack {
    /// The media section.
    pub mid: String,
    /// What it shows.
    pub source: Source,
}

/// One frame of the node.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct NodeMessage {
    /// Of the frame that it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// What it says.
    #[serde(flatten)]
    pub frame: NodeFrame,
}

/// What the node says.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(tag = "type", rename_all = "lowercase", rename_all_fields = "camelCase")]
pub enum NodeFrame {
    /// The first frame.
    Hello {
        /// The media session, that is the peer.
        session_id: String,
        /// Codecs that can be exchanged here, as in `a=rtpmap`.
        codecs: Vec<&'static str>,
        /// Who else is here, and what can be had of them.
        participants: Vec<Participant>,
        /// What holds here.
        limits: Limits,
    },
    /// The answer to an offer, with the node's candidates.
    Answer {
        /// The session description.
        sdp: String,
        /// What the receiving `mid`s carry.
        tracks: Vec<CarriedTrack>,
    },
    /// How many receiving transceivers are wanted beside those there are.
    Need {
        /// For sound.
        audio: usize,
        /// For pictures.
        video: usize,
    },
    /// What the receiving `mid`s carry from now on, and what there is.
    Tracks {
        /// Each `mid` that carries something.
        tracks: Vec<CarriedTrack>,
        /// Who else is here, and what can be had of them.
        participants: Vec<Participant>,
    },
    /// A track is muted or not.
    Muted {
        /// Whose.
        user_id: UserId,
        /// Which.
        track_id: TrackId,
        /// Whether it is.
        muted: bool,
    },
    /// Who speaks, the loudest first.
    Speakers {
        /// They.
        user_ids: Vec<UserId>,
    },
    /// How well media gets to and from the client, as measured of late.
    Quality {
        /// Of what it has sent, in thousandths.
        #[serde(skip_serializing_if = "Option::is_none")]
        lost_up_permille: Option<u32>,
        /// Of what it was sent, in thousandths.
        #[serde(skip_serializing_if = "Option::is_none")]
        lost_down_permille: Option<u32>,
        /// There and back.
        #[serde(skip_serializing_if = "Option::is_none")]
        round_trip_ms: Option<u32>,
    },
    /// Which layer of a track the client is sent.
    Layer {
        /// Of which track.
        track_id: TrackId,
        /// Its `rid`; absent: the track has no layers.
        #[serde(skip_serializing_if = "Option::is_none")]
        rid: Option<String>,
    },
    /// What a client said could not be done.
    Error {
        /// The code.
        code: &'static str,
        /// What was wrong.
        title: String,
    },
    /// The node ends the session.
    Bye {
        /// Why.
        reason: ByeReason,
    },
}

/// Why a media session ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ByeReason {
    /// The client left.
    Left,
    /// The participant was put out.
    Expelled,
    /// The room ended.
    Closed,
    /// There was no media and no ICE any more.
    Lost,
    /// The same device has joined again.
    Replaced,
    /// DTLS or the session as such failed.
    Failed,
    /// The node stops.
    Stopping,
}

/// What one `mid` carries to the client.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CarriedTrack {
    /// The media section of the client's offer.
    pub mid: String,
    /// Whose track.
    pub user_id: UserId,
    /// Which.
    pub track_id: TrackId,
    /// What it shows.
    pub source: Source,
}

/// Somebody else in the room.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Participant {
    /// Who.
    pub user_id: UserId,
    /// What can be had of him.
    pub tracks: Vec<OfferedToClient>,
}

/// One track that can be had.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OfferedToClient {
    /// Which.
    pub track_id: TrackId,
    /// What it shows.
    pub source: Source,
    /// Sound or picture.
    pub kind: Kind,
    /// Whether it is muted.
    pub muted: bool,
    /// The `rid`s that have arrived, least first; empty: it has no layers.
    pub layers: Vec<String>,
}

/// What holds for one peer.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Limits {
    /// Greatest bit rate of one video, kbit/s; 0: none.
    pub bitrate_kbps: u32,
    /// So many pictures are sent without being asked for.
    pub auto_video: usize,
    /// Longest frame, in bytes.
    pub frame_bytes: usize,
}
