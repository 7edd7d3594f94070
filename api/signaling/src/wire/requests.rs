use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value, json};
use wac_events::{Media, MediaTypes};

use super::{Accepted, CurrentInvitations, Participants, RoomObject, Sent, SentToMany, Transfer};

/// Every request: its payload, its name, and what answers it.
macro_rules! requests {
    ($($(#[$doc:meta])* $name:ident($payload:ty) = $wire:literal => $($answer:ty)|+;)+) => {
        /// A request by its name.
        #[derive(Clone, PartialEq, Serialize, JsonSchema, Debug)]
        #[serde(tag = "request", content = "payload")]
        pub enum Request {
            $( $(#[$doc])* #[serde(rename = $wire)] $name($payload), )+
        }

        impl Request {
            /// The names of all requests.
            pub const NAMES: &'static [&'static str] = &[$($wire),+];

            /// Its name.
            pub fn name(&self) -> &'static str {
                match self { $( Self::$name(_) => $wire, )+ }
            }

            /// Reads the payload of the request of this name; `None` if there is no such request.
            pub fn parse(name: &str, payload: &str) -> Option<Result<Self, serde_json::Error>> {
                match name {
                    $( $wire => Some(serde_json::from_str::<$payload>(payload).map(Self::$name)), )+
                    _ => None,
                }
            }

            /// What each request is answered with, beside the fields of [`AnswerFrame`](super::AnswerFrame):
            /// an object with a property for every request.
            pub(super) fn answers(generator: &mut SchemaGenerator) -> Value {
                let mut answers = Map::new();
                $( answers.insert($wire.to_owned(), any_of(vec![$( generator.subschema_for::<$answer>() ),+])); )+
                json!({
                    "description": "What each request is answered with, beside the fields of `AnswerFrame`.",
                    "type": "object",
                    "properties": answers,
                    "required": Self::NAMES,
                })
            }
        }
    };
}

fn any_of(mut schemas: Vec<Schema>) -> Value {
    if schemas.len() > 1 {
        return json!({ "anyOf": schemas });
    }
    schemas.pop().map_or(Value::Null, Value::from)
}

requests! {
    /// Opens a room; the caller sits in it.
    CreateRoom(CreateRoom) = "createRoom" => RoomObject;
    /// Changes a room.
    UpdateRoom(UpdateRoom) = "updateRoom" => RoomObject;
    /// Closes a room.
    CloseRoom(OfRoom) = "closeRoom" => Nothing;
    /// Takes a seat in a room on whose access list one is.
    JoinRoom(OfRoom) = "joinRoom" => RoomObject;
    /// Gives the device's seat back.
    LeaveRoom(OfRoom) = "leaveRoom" => Nothing;
    /// Who is in a room.
    ListParticipants(OfRoom) = "listParticipants" => Participants;
    /// Asks others to come into a room in which one is.
    Invite(Invite) = "invite" => Sent | SentToMany;
    /// Asks to be let into somebody's room.
    InviteRequest(InviteRequest) = "inviteRequest" => Sent;
    /// Takes an invitation.
    Accept(Accept) = "accept" => Accepted;
    /// Refuses an invitation.
    Decline(EndInvite) = "decline" => Nothing;
    /// Gives an invitation up that one has sent.
    Cancel(EndInvite) = "cancel" => Nothing;
    /// What rings for the caller now.
    CurrentInvitations(NoPayload) = "currentInvitations" => CurrentInvitations;
    /// Attends to something else.
    Hold(OfRoom) = "hold" => Nothing;
    /// Is back.
    Unhold(OfRoom) = "unhold" => Nothing;
    /// Mutes or unmutes oneself.
    Mute(Mute) = "mute" => Nothing;
    /// Mutes or unmutes somebody else.
    MuteParticipant(MuteParticipant) = "muteParticipant" => Nothing;
    /// Puts somebody out.
    ExpelParticipant(ExpelParticipant) = "expelParticipant" => Nothing;
    /// Asks the other one in a room to call somebody else.
    CallTransfer(CallTransfer) = "callTransfer" => Transfer;
    /// Agrees to be transferred.
    AcceptTransfer(OfTransfer) = "acceptTransfer" => Transfer;
    /// Does not agree to be transferred.
    DeclineTransfer(DeclineTransfer) = "declineTransfer" => Transfer;
    /// Asks the other one in a room to come into another room.
    AttendedTransfer(AttendedTransfer) = "attendedTransfer" => Transfer;
    /// Takes a seat in a quick conference, and opens it if nobody is there.
    JoinQuickConference(JoinQuickConference) = "joinQuickConference" => RoomObject;
}

/// An answer without fields of its own.
#[derive(Clone, Default, PartialEq, Serialize, JsonSchema, Debug)]
pub struct Nothing {}

/// Of the requests that say nothing further.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema, Debug)]
#[serde(deny_unknown_fields)]
pub struct NoPayload {}

/// Reads an object, and nothing else: a derived `Deserialize` takes the fields from a list, too.
fn object<'de, D: Deserializer<'de>, T: DeserializeOwned>(from: D) -> Result<T, D::Error> {
    let fields = Map::deserialize(from)?;
    T::deserialize(Value::Object(fields)).map_err(D::Error::custom)
}

/// Of `createRoom`.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema, Debug)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateRoom {
    /// Whether it is to be recorded.
    #[serde(default)]
    pub record: bool,
    /// Who may join without an invitation: user ids or addresses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub acl: Vec<String>,
}

/// Of `updateRoom`; what is left out stays.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema, Debug)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UpdateRoom {
    /// The room.
    pub room_id: String,
    /// The access list from now on: user ids or addresses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acl: Option<Vec<String>>,
    /// Whether it is to be recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<bool>,
    /// Only say what would come of it.
    #[serde(default)]
    pub dry_run: bool,
}

/// Of the requests that name a room and nothing else.
#[derive(Clone, PartialEq, Serialize, Deserialize, JsonSchema, Debug)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OfRoom {
    /// The room.
    pub room_id: String,
}

/// One or several of something.
#[derive(Clone, PartialEq, Serialize, Deserialize, JsonSchema, Debug)]
#[serde(untagged)]
pub enum OneOrMany {
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
}

impl OneOrMany {
    /// All of them.
    pub fn as_slice(&self) -> &[String] {
        match self {
            OneOrMany::One(one) => std::slice::from_ref(one),
            OneOrMany::Many(many) => many,
        }
    }
}

/// What is offered if a request says nothing of it.
fn audio_and_video() -> MediaTypes {
    MediaTypes { audio: true, video: true, screen: false }
}

/// Of `invite`.
#[derive(Clone, PartialEq, Serialize, Deserialize, JsonSchema, Debug)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Invite {
    /// Addresses.
    pub to: OneOrMany,
    /// The room, in which the caller is.
    pub room_id: String,
    /// The media offered; sound and picture unless it is said.
    #[serde(default = "audio_and_video", deserialize_with = "object")]
    pub mediatypes: MediaTypes,
    /// Whatever the caller's application says about the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<Map<String, Value>>,
}

/// Of `inviteRequest`.
#[derive(Clone, PartialEq, Serialize, Deserialize, JsonSchema, Debug)]
#[serde(deny_unknown_fields)]
pub struct InviteRequest {
    /// An address.
    pub to: String,
    /// The media offered; sound and picture unless it is said.
    #[serde(default = "audio_and_video", deserialize_with = "object")]
    pub mediatypes: MediaTypes,
    /// Whatever the caller's application says about the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<Map<String, Value>>,
}

/// Of `accept`.
#[derive(Clone, PartialEq, Serialize, Deserialize, JsonSchema, Debug)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Accept {
    /// The invitation.
    pub invite_id: String,
    /// The room the caller of an `inviteRequest` is let into.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room_id: Option<String>,
}

/// Of `decline` and `cancel`.
#[derive(Clone, PartialEq, Serialize, Deserialize, JsonSchema, Debug)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EndInvite {
    /// The invitation.
    pub invite_id: String,
    /// Call code, 400 to 699; 603 of `decline` and 487 of `cancel` unless it is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_code: Option<u16>,
}

/// Of `mute`.
#[derive(Clone, PartialEq, Serialize, Deserialize, JsonSchema, Debug)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Mute {
    /// The room.
    pub room_id: String,
    /// Sound or picture.
    pub media: Media,
    /// Muted or not.
    pub muted: bool,
}

/// Of `muteParticipant`.
#[derive(Clone, PartialEq, Serialize, Deserialize, JsonSchema, Debug)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MuteParticipant {
    /// The room.
    pub room_id: String,
    /// Who: user id or address.
    pub to: String,
    /// Sound or picture.
    pub media: Media,
    /// Muted or not.
    pub muted: bool,
}

/// Of `expelParticipant`.
#[derive(Clone, PartialEq, Serialize, Deserialize, JsonSchema, Debug)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExpelParticipant {
    /// The room.
    pub room_id: String,
    /// Who: user id or address.
    pub user_id: String,
}

/// Of `callTransfer`.
#[derive(Clone, PartialEq, Serialize, Deserialize, JsonSchema, Debug)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CallTransfer {
    /// Whom the other one is to call: an address.
    pub to: String,
    /// The room, in which exactly one other person is.
    pub room_id: String,
    /// The media of the new call; sound and picture unless it is said.
    #[serde(default = "audio_and_video", deserialize_with = "object", alias = "mediatypes")]
    pub media_types: MediaTypes,
}

/// Of `acceptTransfer`.
#[derive(Clone, PartialEq, Serialize, Deserialize, JsonSchema, Debug)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OfTransfer {
    /// The transfer.
    pub call_transfer_id: String,
}

/// Of `declineTransfer`.
#[derive(Clone, PartialEq, Serialize, Deserialize, JsonSchema, Debug)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeclineTransfer {
    /// The transfer.
    pub call_transfer_id: String,
    /// Call code, 400 to 699; 603 unless it is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_code: Option<u16>,
}

/// Of `attendedTransfer`.
#[derive(Clone, PartialEq, Serialize, Deserialize, JsonSchema, Debug)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AttendedTransfer {
    /// The room, in which exactly one other person is.
    pub room_id: String,
    /// Where he is to go; the caller is there too.
    pub target_room_id: String,
}

/// Of `joinQuickConference`.
#[derive(Clone, PartialEq, Serialize, Deserialize, JsonSchema, Debug)]
#[serde(deny_unknown_fields)]
pub struct JoinQuickConference {
    /// `wac-conf` and 20 digits, unless the deployment says otherwise.
    pub uri: String,
}
