use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};
use wac_events::room::LeaveReason;
use wac_events::{InviteId, Media, MediaTypes, NodeId, Position, SessionId, TransferId, UserId};

use super::Push;

/// What a notice says: an event of the signaling socket, or a push of WAPI.
#[derive(Clone, PartialEq, Debug)]
pub enum NoticeBody {
    /// Over the signaling socket.
    Event(Event),
    /// Over WAPI.
    Push(Push),
}

macro_rules! room_ids {
    ($self:ident, $($variant:ident),+) => {
        match $self {
            $( Event::$variant(event) => Some(&mut event.room_id), )+
            Event::Invite(invite) | Event::InviteRequest(invite) => invite.room_id.as_mut(),
            Event::Hello(_)
            | Event::InviteStopped(_)
            | Event::InviteDeclined(_)
            | Event::InviteCancelled(_)
            | Event::InviteExpired(_)
            | Event::InviteEnded(_)
            | Event::CallTransferFailed(_)
            | Event::SessionClosed(_) => None,
        }
    };
}

/// What happened, by its name.
#[derive(Clone, PartialEq, Serialize, JsonSchema, Debug)]
#[serde(tag = "eventName", content = "payload", rename_all = "camelCase")]
pub enum Event {
    /// First on every socket.
    Hello(Hello),
    /// Somebody asks one to come into his room.
    Invite(IncomingInvite),
    /// Somebody asks to be let into one's room.
    InviteRequest(IncomingInvite),
    /// One's invitation was taken.
    InviteAccepted(InviteAccepted),
    /// It rings no longer.
    InviteStopped(InviteStopped),
    /// One's invitation was refused.
    InviteDeclined(InviteOver),
    /// The caller has given it up.
    InviteCancelled(InviteOver),
    /// Nobody has answered in time.
    InviteExpired(InviteOver),
    /// Nobody is there, or left, to ring.
    InviteEnded(InviteOver),
    /// Somebody is in the room.
    ParticipantJoined(InRoom),
    /// Somebody is not in the room any more.
    ParticipantLeft(ParticipantLeft),
    /// Somebody attends to something else.
    ParticipantHeld(InRoom),
    /// He is back.
    ParticipantUnheld(InRoom),
    /// Somebody's sound or picture was muted or unmuted.
    ParticipantMuted(ParticipantMuted),
    /// Somebody else has muted or unmuted one.
    #[serde(rename = "mute-request")]
    MuteRequest(MuteRequest),
    /// The room has changed.
    RoomUpdated(RoomUpdated),
    /// The room was closed.
    RoomClosed(RoomClosed),
    /// One is to be transferred.
    CallTransferStart(CallTransferStart),
    /// The transfer is done.
    CallTransferCompleted(CallTransferCompleted),
    /// The transfer has come to nothing.
    CallTransferFailed(CallTransferFailed),
    /// The session has ended; the socket is closed next.
    SessionClosed(SessionClosed),
}

impl Event {
    /// The room it is about, as it stands on the wire.
    pub fn room_id_mut(&mut self) -> Option<&mut String> {
        room_ids!(
            self,
            InviteAccepted,
            ParticipantJoined,
            ParticipantLeft,
            ParticipantHeld,
            ParticipantUnheld,
            ParticipantMuted,
            MuteRequest,
            RoomUpdated,
            RoomClosed,
            CallTransferStart,
            CallTransferCompleted
        )
    }
}

/// Of `hello`.
#[derive(Clone, PartialEq, Serialize, JsonSchema, Debug)]
#[serde(rename_all = "camelCase")]
pub struct Hello {
    /// The device.
    pub session_id: SessionId,
    /// Whose.
    pub user_id: UserId,
    /// The node that holds the socket.
    pub node: NodeId,
    /// Version of this protocol.
    pub protocol: u32,
    /// Where the socket starts in the log.
    pub position: Position,
    /// Whether it goes on from the position that was asked for.
    pub resumed: bool,
    /// What the client has to keep to.
    pub limits: Limits,
}

/// What a client has to keep to.
#[derive(Clone, PartialEq, Serialize, JsonSchema, Debug)]
#[serde(rename_all = "camelCase")]
pub struct Limits {
    /// Longest frame, in bytes.
    pub max_frame: usize,
    /// Requests a second, in the long run.
    pub requests_per_second: u32,
    /// Requests at once.
    pub requests_burst: u32,
    /// How often the server pings, milliseconds.
    pub ping_interval: u64,
    /// How long a socket may be silent, milliseconds.
    pub idle_timeout: u64,
    /// How long a cut device keeps its seats, milliseconds.
    pub remove_after: u64,
    /// How far back a device may resume, milliseconds.
    pub resume_window: u64,
}

/// An invitation, as who rings sees it.
#[derive(Clone, PartialEq, Serialize, JsonSchema, Debug)]
#[serde(rename_all = "camelCase")]
pub struct IncomingInvite {
    /// The invitation.
    pub invite_id: InviteId,
    /// The caller's user id.
    pub from: UserId,
    /// The caller.
    pub from_details: CallerDetails,
    /// The room; not of an `inviteRequest`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room_id: Option<String>,
    /// The media offered.
    pub mediatypes: MediaTypes,
    /// Whatever the caller's application says about the call.
    pub context: Map<String, Value>,
    /// When it expires, milliseconds since the epoch.
    pub ring_until: i64,
}

/// Who calls. Names are missing once they have been erased.
#[derive(Clone, PartialEq, Serialize, JsonSchema, Debug)]
#[serde(rename_all = "camelCase")]
pub struct CallerDetails {
    /// His id.
    pub user_id: UserId,
    /// His name.
    pub username: Option<String>,
    /// The name others see.
    pub display_name: Option<String>,
    /// His domain's name.
    pub domain: Option<String>,
}

impl CallerDetails {
    /// Of somebody of whom nothing but the id is known.
    pub fn of(user_id: UserId) -> Self {
        Self { user_id, username: None, display_name: None, domain: None }
    }
}

/// Of `inviteAccepted`.
#[derive(Clone, PartialEq, Serialize, JsonSchema, Debug)]
#[serde(rename_all = "camelCase")]
pub struct InviteAccepted {
    /// The invitation.
    pub invite_id: InviteId,
    /// The room both are in.
    pub room_id: String,
    /// User id of who took it.
    pub who_accepted: UserId,
}

/// Of `inviteStopped`.
#[derive(Clone, PartialEq, Serialize, JsonSchema, Debug)]
#[serde(rename_all = "camelCase")]
pub struct InviteStopped {
    /// The invitation.
    pub invite_id: InviteId,
    /// Why.
    pub reason: StopReason,
}

/// Why something rings no longer.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, JsonSchema, Debug)]
#[serde(rename_all = "lowercase")]
pub enum StopReason {
    /// Taken, on another device or by somebody else.
    Accepted,
    /// Refused on another device.
    Declined,
    /// The device was away for too long.
    Gone,
}

/// Of the notices that an invitation came to nothing.
#[derive(Clone, PartialEq, Serialize, JsonSchema, Debug)]
#[serde(rename_all = "camelCase")]
pub struct InviteOver {
    /// The invitation.
    pub invite_id: InviteId,
    /// Call code.
    pub error_code: u16,
}

/// Of the notices about somebody in a room.
#[derive(Clone, PartialEq, Serialize, JsonSchema, Debug)]
#[serde(rename_all = "camelCase")]
pub struct InRoom {
    /// The room.
    pub room_id: String,
    /// Who.
    pub user_id: UserId,
}

/// Of `participantLeft`.
#[derive(Clone, PartialEq, Serialize, JsonSchema, Debug)]
#[serde(rename_all = "camelCase")]
pub struct ParticipantLeft {
    /// The room.
    pub room_id: String,
    /// Who.
    pub user_id: UserId,
    /// Why.
    pub reason: LeaveReason,
}

/// Of `participantMuted`.
#[derive(Clone, PartialEq, Serialize, JsonSchema, Debug)]
#[serde(rename_all = "camelCase")]
pub struct ParticipantMuted {
    /// The room.
    pub room_id: String,
    /// Whose.
    pub user_id: UserId,
    /// Sound or picture.
    pub media: Media,
    /// Muted or not.
    pub muted: bool,
    /// User id of who did it.
    pub by: UserId,
}

/// Of `mute-request`.
#[derive(Clone, PartialEq, Serialize, JsonSchema, Debug)]
#[serde(rename_all = "camelCase")]
pub struct MuteRequest {
    /// Sound or picture.
    pub media: Media,
    /// Muted or not.
    pub muted: bool,
    /// The room.
    pub room_id: String,
    /// User id of who is to be muted.
    pub to: UserId,
}

/// Of `roomUpdated`.
#[derive(Clone, PartialEq, Serialize, JsonSchema, Debug)]
#[serde(rename_all = "camelCase")]
pub struct RoomUpdated {
    /// The room.
    pub room_id: String,
    /// User id of the owner.
    pub owner: Option<UserId>,
    /// Who may join without an invitation: user ids.
    pub acl: Vec<UserId>,
    /// Whether it is to be recorded.
    pub record: bool,
    /// The addresses by protocol of the media node the room has moved to: join its media anew.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub server: BTreeMap<String, String>,
    /// Lets this device join the media there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

/// Of `roomClosed`.
#[derive(Clone, PartialEq, Serialize, JsonSchema, Debug)]
#[serde(rename_all = "camelCase")]
pub struct RoomClosed {
    /// The room.
    pub room_id: String,
    /// `closed`.
    pub reason: String,
}

/// Of `callTransferStart`.
#[derive(Clone, PartialEq, Serialize, JsonSchema, Debug)]
#[serde(rename_all = "camelCase")]
pub struct CallTransferStart {
    /// The transfer.
    pub call_transfer_id: TransferId,
    /// The media of the new call.
    pub media_types: MediaTypes,
    /// The room one is in.
    pub room_id: String,
    /// Whom one is to be connected with: `wac-user:` or `wac-group:` and an id; of an attended
    /// transfer the transferor, who is with him.
    pub to: String,
}

/// Of `callTransferCompleted`.
#[derive(Clone, PartialEq, Serialize, JsonSchema, Debug)]
#[serde(rename_all = "camelCase")]
pub struct CallTransferCompleted {
    /// The transfer.
    pub call_transfer_id: TransferId,
    /// The room in which party and target are.
    pub room_id: String,
}

/// Of `callTransferFailed`.
#[derive(Clone, PartialEq, Serialize, JsonSchema, Debug)]
#[serde(rename_all = "camelCase")]
pub struct CallTransferFailed {
    /// The transfer.
    pub call_transfer_id: TransferId,
    /// Call code.
    pub error_code: u16,
}

/// Of `sessionClosed`.
#[derive(Clone, PartialEq, Serialize, JsonSchema, Debug)]
#[serde(rename_all = "camelCase")]
pub struct SessionClosed {
    /// The device.
    pub session_id: SessionId,
    /// `logout`, `expired`, `revoked`, `superseded`, `password_changed`, `token_reuse`,
    /// `user_deleted`, `client_deleted` or `user_moved`.
    pub reason: String,
}
