use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use wac_events::{InviteId, TransferId, UserId};

use super::IncomingInvite;

/// A room, as `createRoom`, `updateRoom`, `joinRoom`, `accept` and `joinQuickConference` answer.
/// What needs a media node is empty as long as none runs, and [`RoomMedia`] says so.
#[derive(Clone, PartialEq, Serialize, JsonSchema, Debug)]
#[serde(rename_all = "camelCase")]
pub struct RoomObject {
    /// The `roomId` of all other requests.
    pub id: String,
    /// This opening of the room: 64 hex digits.
    pub uuid: String,
    /// The same.
    pub room: String,
    /// User id of the owner.
    pub owner: Option<UserId>,
    /// Whether it is to be recorded.
    pub record: bool,
    /// Who may join without an invitation: user ids.
    pub acl: Vec<UserId>,
    /// What to dial to reach it by telephone.
    pub number: String,
    /// Where it is reached by SIP.
    pub sip_uri: String,
    /// Greatest bit rate of one video, kbit/s.
    pub bitrate: u32,
    /// The media node.
    pub server_uuid: String,
    /// The media node's addresses by protocol.
    pub server: BTreeMap<String, String>,
    /// Most devices in it.
    pub participants_limit: u32,
    /// STUN and TURN servers.
    pub ice: Vec<IceServer>,
    /// Lets its holder join the media.
    pub token: String,
    /// User ids, those of longest standing first.
    pub participants: Vec<UserId>,
    /// When it was opened, milliseconds since the epoch.
    pub timestamp: i64,
    /// Whether media can be exchanged.
    pub media: RoomMedia,
}

/// One STUN or TURN server.
#[derive(Clone, PartialEq, Serialize, JsonSchema, Debug)]
pub struct IceServer {
    /// `stun:` and `turn:` URIs.
    pub urls: Vec<String>,
}

/// Whether media can be exchanged in a room.
#[derive(Clone, PartialEq, Eq, Serialize, JsonSchema, Debug)]
pub struct RoomMedia {
    /// Whether it can.
    pub available: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Of `accept`: the room, and what else became of it.
#[derive(Clone, PartialEq, Serialize, JsonSchema, Debug)]
#[serde(rename_all = "camelCase")]
pub struct Accepted {
    /// The room both are in.
    #[serde(flatten)]
    pub room: RoomObject,
    /// The other invitations that were declined with it (`invites.onlyOneDeviceWithInvitations`).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub declined: Vec<InviteId>,
}

/// Of `listParticipants`.
#[derive(Clone, PartialEq, Serialize, JsonSchema, Debug)]
pub struct Participants {
    /// Each person once, those of longest standing first.
    pub participants: Vec<Participant>,
}

/// A person in a room.
#[derive(Clone, PartialEq, Serialize, JsonSchema, Debug)]
#[serde(rename_all = "camelCase")]
pub struct Participant {
    /// Who.
    pub user_id: UserId,
    /// Whether the room is his.
    pub owner: bool,
    /// Whether he attends to something else.
    pub held: bool,
    /// What of him is muted.
    pub muted: MutedMedia,
    /// On how many devices.
    pub devices: usize,
}

/// What of somebody is muted.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, JsonSchema, Debug)]
pub struct MutedMedia {
    /// His sound.
    pub audio: bool,
    /// His picture.
    pub video: bool,
}

/// Of `invite` to one address, and of `inviteRequest`.
#[derive(Clone, PartialEq, Serialize, JsonSchema, Debug)]
#[serde(rename_all = "camelCase")]
pub struct Sent {
    /// The invitation.
    pub invite_id: InviteId,
}

/// Of `invite` to a list of addresses.
#[derive(Clone, PartialEq, Serialize, JsonSchema, Debug)]
pub struct SentToMany {
    /// In the order of the list.
    pub invites: Vec<SentTo>,
}

/// One invitation of several.
#[derive(Clone, PartialEq, Serialize, JsonSchema, Debug)]
#[serde(rename_all = "camelCase")]
pub struct SentTo {
    /// The invitation.
    pub invite_id: InviteId,
    /// The address as it was given.
    pub to: String,
}

/// Of `currentInvitations`.
#[derive(Clone, PartialEq, Serialize, JsonSchema, Debug)]
pub struct CurrentInvitations {
    /// What rings.
    pub payload: CurrentInvitationsPayload,
}

/// What rings for somebody.
#[derive(Clone, PartialEq, Serialize, JsonSchema, Debug)]
#[serde(rename_all = "camelCase")]
pub struct CurrentInvitationsPayload {
    /// Oldest first.
    pub current_invitations: Vec<CurrentInvitation>,
}

/// An invitation that rings, with its kind.
#[derive(Clone, PartialEq, Serialize, JsonSchema, Debug)]
pub struct CurrentInvitation {
    /// `invite` or `inviteRequest`.
    #[serde(rename = "type")]
    pub kind: CurrentInvitationKind,
    /// The invitation.
    #[serde(flatten)]
    pub invite: IncomingInvite,
}

/// The name of the notice that brought it.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, JsonSchema, Debug)]
#[serde(rename_all = "camelCase")]
pub enum CurrentInvitationKind {
    /// Come into my room.
    Invite,
    /// Let me into yours.
    InviteRequest,
}

/// Of the requests about transfers.
#[derive(Clone, PartialEq, Serialize, JsonSchema, Debug)]
#[serde(rename_all = "camelCase")]
pub struct Transfer {
    /// The transfer.
    pub call_transfer_id: TransferId,
}
