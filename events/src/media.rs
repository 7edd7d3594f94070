//! Events of a media session, stream `media-<id>`: one device's media in one opening of a room, as the
//! media node that carries it reports. Packets are no events; what is here are their summaries.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::alarm::{MediaAlarmAcknowledged, MediaAlarmRaised};
use crate::codec::aggregate_events;
use crate::{DomainId, MediaSessionId, NodeId, OpeningId, PersonalFields, RoomId, SessionId, StreamId, Time, UserId};

/// What a track shows or sounds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MediaSource {
    /// A microphone.
    Microphone,
    /// A camera.
    Camera,
    /// A shared screen.
    Screen,
    /// The sound of a shared screen.
    ScreenAudio,
}

/// Which way media goes, seen from the participant.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MediaDirection {
    /// From him to the node.
    Sent,
    /// From the node to him.
    Received,
}

/// Why a media session ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MediaEnd {
    /// The device left.
    Left,
    /// The participant was put out.
    Expelled,
    /// The room ended.
    Closed,
    /// Nothing came from the device any more, or nothing from its media node.
    Lost,
    /// The same device has begun another one.
    Replaced,
    /// The connection as such failed.
    Failed,
    /// The node stopped.
    Stopping,
}

/// What a media node has only so much of.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MediaLimit {
    /// Media sessions.
    Sessions,
    /// Rooms with somebody in them.
    Rooms,
    /// Media sessions in one room.
    Participants,
    /// What it sends.
    Bandwidth,
}

/// The node has not let somebody in who might have come: it has as much of something as it may. The session that he
/// asked for does not begin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MediaRefused {
    /// The media session that there will not be.
    pub id: MediaSessionId,
    /// The domain of the room.
    pub domain: DomainId,
    /// The room.
    pub room: RoomId,
    /// The opening.
    pub opening: OpeningId,
    /// Who.
    pub user: UserId,
    /// On which device.
    pub session: SessionId,
    /// The media node, by its name.
    pub node: String,
    /// Of what there was not enough.
    pub limit: MediaLimit,
    /// When.
    pub at: Time,
}

/// ICE and DTLS are done: media can flow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MediaConnected {
    /// The media session.
    pub id: MediaSessionId,
    /// The domain of the room.
    pub domain: DomainId,
    /// The room.
    pub room: RoomId,
    /// The opening.
    pub opening: OpeningId,
    /// Who.
    pub user: UserId,
    /// On which device.
    pub session: SessionId,
    /// The media node, by its name.
    pub node: String,
    /// Its id, new at every start; absent: not told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_id: Option<NodeId>,
    /// When.
    pub at: Time,
}

/// The first media has gone this way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MediaFlowed {
    /// Which way.
    pub direction: MediaDirection,
    /// When.
    pub at: Time,
}

/// The participant sends a track.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MediaTrackPublished {
    /// The track, on its node.
    pub track: String,
    /// What it shows.
    pub source: MediaSource,
    /// When.
    pub at: Time,
}

/// He no longer does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MediaTrackEnded {
    /// The track, on its node.
    pub track: String,
    /// When.
    pub at: Time,
}

/// How well media got to and from the participant: every minute, and at the end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MediaMeasured {
    /// Counts the summaries of a session, from 1.
    pub period: u32,
    /// How long was measured, milliseconds.
    pub duration_ms: u64,
    /// Bytes of media he sent.
    pub bytes_sent: u64,
    /// Bytes of media he was sent.
    pub bytes_received: u64,
    /// Of what he sent, lost on its way, in thousandths; absent: not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost_sent_permille: Option<u32>,
    /// Of what he was sent, lost on its way, in thousandths.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost_received_permille: Option<u32>,
    /// There and back, milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub round_trip_ms: Option<u32>,
    /// How long he spoke, milliseconds.
    pub speaking_ms: u64,
    /// Packets he sent that were lost on their way; absent: not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packets_lost_sent: Option<u64>,
    /// Packets he was sent that were lost on their way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packets_lost_received: Option<u64>,
    /// By how much the time between packets varied that he sent (RFC 3550 §6.4.1), milliseconds: the worst of his tracks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jitter_sent_ms: Option<u32>,
    /// By how much it varied of what he was sent, as he tells, milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jitter_received_ms: Option<u32>,
    /// The same of each track; empty: not known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tracks: Vec<MediaTrackMeasured>,
    /// When.
    pub at: Time,
}

/// How well one track got to or from the participant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MediaTrackMeasured {
    /// Which way.
    pub direction: MediaDirection,
    /// The track, on its node; of several that were received one after the other, the last.
    pub track: String,
    /// What it shows.
    pub source: MediaSource,
    /// Bytes of it, those that were sent again among them.
    pub bytes: u64,
    /// Packets of it.
    pub packets: u64,
    /// Packets that were lost on their way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packets_lost: Option<u64>,
    /// By how much the time between packets varied, milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jitter_ms: Option<u32>,
}

/// The media session is over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MediaEnded {
    /// Why.
    pub reason: MediaEnd,
    /// When.
    pub at: Time,
}

impl PersonalFields for MediaConnected {}
impl PersonalFields for MediaRefused {}
impl PersonalFields for MediaFlowed {}
impl PersonalFields for MediaTrackPublished {}
impl PersonalFields for MediaTrackEnded {}
impl PersonalFields for MediaMeasured {}
impl PersonalFields for MediaEnded {}

aggregate_events! {
    /// What happens to a media session.
    pub enum MediaEvent in "media" {
        /// See [`MediaConnected`].
        Connected(MediaConnected) = "media.connected", 1;
        /// See [`MediaRefused`].
        Refused(MediaRefused) = "media.refused", 1;
        /// See [`MediaFlowed`].
        Flowed(MediaFlowed) = "media.flowed", 1;
        /// See [`MediaTrackPublished`].
        TrackPublished(MediaTrackPublished) = "media.track_published", 1;
        /// See [`MediaTrackEnded`].
        TrackEnded(MediaTrackEnded) = "media.track_ended", 1;
        /// See [`MediaMeasured`].
        Measured(MediaMeasured) = "media.measured", 1;
        /// See [`MediaEnded`].
        Ended(MediaEnded) = "media.ended", 1;
        /// See [`MediaAlarmRaised`].
        AlarmRaised(MediaAlarmRaised) = "media.alarm_raised", 1;
        /// See [`MediaAlarmAcknowledged`].
        AlarmAcknowledged(MediaAlarmAcknowledged) = "media.alarm_acknowledged", 1;
    }
}

impl MediaSessionId {
    /// `media-<id>`.
    pub fn stream(&self) -> StreamId {
        StreamId::of("media", self.as_str())
    }
}
