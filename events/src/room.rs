//! Events of a room, stream `room-<domain>-<id>`: its openings, its participants and what others
//! may see of them. A room reopened under the same id goes on in the same stream as a new opening.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::codec::aggregate_events;
use crate::{DomainId, InviteId, NodeId, OpeningId, Patch, PersonalFields, RoomId, SessionId, StreamId, Time, UserId};

/// One room: ids of rooms belong to their domain.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, JsonSchema)]
pub struct RoomRef {
    /// The domain it belongs to: its creator's.
    pub domain: DomainId,
    /// Its id there.
    pub id: RoomId,
}

impl RoomRef {
    /// `room-<domain>-<id>`.
    pub fn stream(&self) -> StreamId {
        StreamId::of("room", &format!("{}-{}", self.domain, self.id))
    }
}

/// What a room was opened for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RoomKind {
    /// A call or conference of its creator's, under an id of its own.
    Call,
    /// The room of one user (`rooms.userIdAsRoomId`); its id is the user's.
    Personal,
    /// A quick conference; its id is the URI.
    Quick,
}

impl RoomKind {
    /// The name on every wire.
    pub fn as_str(self) -> &'static str {
        match self {
            RoomKind::Call => "call",
            RoomKind::Personal => "personal",
            RoomKind::Quick => "quick",
        }
    }
}

/// A kind of media.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Media {
    /// Sound.
    Audio,
    /// Moving pictures.
    Video,
}

/// How somebody came into a room.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum JoinReason {
    /// He opened it.
    Created,
    /// He accepted an invitation, or who invited himself was let in.
    Accepted,
    /// He is on its access list.
    Joined,
    /// He was transferred into it.
    Transferred,
    /// He is the agent to whom the call was assigned.
    Assigned,
}

/// Why somebody is no longer in a room.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LeaveReason {
    /// He went.
    Left,
    /// He was put out.
    Expelled,
    /// His last socket was cut and did not come back in time.
    Lost,
    /// The room was closed.
    Closed,
}

impl LeaveReason {
    /// The name on every wire.
    pub fn as_str(self) -> &'static str {
        match self {
            LeaveReason::Left => "left",
            LeaveReason::Expelled => "expelled",
            LeaveReason::Lost => "lost",
            LeaveReason::Closed => "closed",
        }
    }
}

/// Why an opening ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RoomEnd {
    /// Nobody was left in it.
    Empty,
    /// Somebody who may closed it.
    Closed,
}

impl RoomEnd {
    /// The name on every wire.
    pub fn as_str(self) -> &'static str {
        match self {
            RoomEnd::Empty => "empty",
            RoomEnd::Closed => "closed",
        }
    }
}

/// The room has been opened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RoomCreated {
    /// Its id in its domain.
    pub room: RoomId,
    /// This opening.
    pub opening: OpeningId,
    /// Its domain.
    pub domain: DomainId,
    /// What for.
    pub kind: RoomKind,
    /// Who opened it.
    pub creator: UserId,
    /// Who may close it, change its access list, expel and mute; `None`: it has no owner.
    pub owner: Option<UserId>,
    /// Who may join without an invitation, besides the creator.
    #[serde(default)]
    pub acl: Vec<UserId>,
    /// Whether it is to be recorded.
    #[serde(default)]
    pub record: bool,
    /// Most seats (devices) at a time.
    pub participants_limit: u32,
    /// Greatest bit rate of one video, kbit/s.
    pub bitrate_kbps: u32,
    /// Whether the participant of longest standing follows an owner who leaves.
    #[serde(default)]
    pub owner_succeeds: bool,
    /// Whether who was muted by the owner cannot unmute himself.
    #[serde(default)]
    pub hard_mute: bool,
    /// Whether who sits here is in a call for what asks (`rooms.notInACall`,
    /// `conferenceState.allowInvitesWhileInCall`): seats are then told in their users' own streams, too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub counted: bool,
    /// When.
    pub at: Time,
}

/// Its settings have changed; those that have not are absent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RoomUpdated {
    /// The room.
    pub room: RoomId,
    /// The opening.
    pub opening: OpeningId,
    /// The new access list.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub acl: Patch<Vec<UserId>>,
    /// Whether it is to be recorded.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub record: Patch<bool>,
}

/// It has another owner, or none any more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RoomOwnerChanged {
    /// The room.
    pub room: RoomId,
    /// The opening.
    pub opening: OpeningId,
    /// The owner from now on.
    pub owner: Option<UserId>,
}

/// A device has taken a seat.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ParticipantJoined {
    /// The room.
    pub room: RoomId,
    /// The opening.
    pub opening: OpeningId,
    /// Number of the seat, from 1; never given twice in one opening.
    pub seat: u64,
    /// Who.
    pub user: UserId,
    /// On which device.
    pub session: SessionId,
    /// How.
    pub via: JoinReason,
    /// The invitation that was accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invite: Option<InviteId>,
    /// When.
    pub at: Time,
}

/// A device has left its seat.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ParticipantLeft {
    /// The room.
    pub room: RoomId,
    /// The opening.
    pub opening: OpeningId,
    /// Its number.
    pub seat: u64,
    /// Who.
    pub user: UserId,
    /// Which device.
    pub session: SessionId,
    /// Why.
    pub reason: LeaveReason,
    /// Who put him out, or closed the room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<UserId>,
    /// When.
    pub at: Time,
}

/// A participant attends to something else; his media pauses, his seat stays.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ParticipantHeld {
    /// The room.
    pub room: RoomId,
    /// The opening.
    pub opening: OpeningId,
    /// Who.
    pub user: UserId,
}

/// He is back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ParticipantUnheld {
    /// The room.
    pub room: RoomId,
    /// The opening.
    pub opening: OpeningId,
    /// Who.
    pub user: UserId,
}

/// A participant's sound or picture has been muted or unmuted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ParticipantMuted {
    /// The room.
    pub room: RoomId,
    /// The opening.
    pub opening: OpeningId,
    /// Whose.
    pub user: UserId,
    /// Which.
    pub media: Media,
    /// Muted or not.
    pub muted: bool,
    /// By whom.
    pub by: UserId,
}

/// The media of an opening goes through this node from now on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MediaAssigned {
    /// The room.
    pub room: RoomId,
    /// The opening.
    pub opening: OpeningId,
    /// The node.
    pub node: NodeId,
    /// The node it went through before, which is no longer there; `None`: there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead_of: Option<NodeId>,
    /// When.
    pub at: Time,
}

/// The opening has ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RoomClosed {
    /// The room.
    pub room: RoomId,
    /// The opening.
    pub opening: OpeningId,
    /// Why.
    pub reason: RoomEnd,
    /// Who closed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<UserId>,
    /// When.
    pub at: Time,
}

impl PersonalFields for RoomCreated {}
impl PersonalFields for RoomUpdated {}
impl PersonalFields for RoomOwnerChanged {}
impl PersonalFields for ParticipantJoined {}
impl PersonalFields for ParticipantLeft {}
impl PersonalFields for ParticipantHeld {}
impl PersonalFields for ParticipantUnheld {}
impl PersonalFields for ParticipantMuted {}
impl PersonalFields for MediaAssigned {}
impl PersonalFields for RoomClosed {}

aggregate_events! {
    /// What happens in a room.
    pub enum RoomEvent in "room" {
        /// See [`RoomCreated`].
        Created(RoomCreated) = "room.created", 1;
        /// See [`RoomUpdated`].
        Updated(RoomUpdated) = "room.updated", 1;
        /// See [`RoomOwnerChanged`].
        OwnerChanged(RoomOwnerChanged) = "room.owner_changed", 1;
        /// See [`ParticipantJoined`].
        ParticipantJoined(ParticipantJoined) = "room.participant_joined", 1;
        /// See [`ParticipantLeft`].
        ParticipantLeft(ParticipantLeft) = "room.participant_left", 1;
        /// See [`ParticipantHeld`].
        ParticipantHeld(ParticipantHeld) = "room.participant_held", 1;
        /// See [`ParticipantUnheld`].
        ParticipantUnheld(ParticipantUnheld) = "room.participant_unheld", 1;
        /// See [`ParticipantMuted`].
        ParticipantMuted(ParticipantMuted) = "room.participant_muted", 1;
        /// See [`MediaAssigned`].
        MediaAssigned(MediaAssigned) = "room.media_assigned", 1;
        /// See [`RoomClosed`].
        Closed(RoomClosed) = "room.closed", 1;
    }
}
