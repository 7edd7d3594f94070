//! Events of a media session, stream `media-<id>`: one device's media in one opening of a room, as the
//! media node that carries it reports. Packets are no events; what is here are their summaries.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::alarm::{MediaAlarmAcknowledged, MediaAlarmRaised};
use crate::codec::aggregate_events;
use crate::{DomainId, MediaSessionId, OpeningId, PersonalFields, RoomId, SessionId, StreamId, Time, UserId};

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
    /// Nothing came from the device any more.
    Lost,
    /// The same device has begun another one.
    Replaced,
    /// The connection as such failed.
    Failed,
    /// The node stopped.
    Stopping,
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
    /// When.
    pub at: Time,
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
