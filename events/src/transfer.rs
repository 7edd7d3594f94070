//! Events of a transfer, stream `transfer-<id>`: one participant moves another.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::codec::aggregate_events;
use crate::invite::{Callee, MediaTypes};
use crate::room::RoomRef;
use crate::{DomainId, InviteId, OpeningId, PersonalFields, SessionId, StreamId, Time, TransferId, UserId};

/// Whether the transferor has spoken to the target first.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TransferKind {
    /// The party calls the target itself (RFC 5589 §6).
    Blind,
    /// The party moves into a room in which the transferor already is with the target (RFC 5589 §7).
    Attended,
}

/// Somebody has asked for a transfer; the party is asked whether it agrees.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TransferCreated {
    /// Its id.
    pub id: TransferId,
    /// The domain of the room.
    pub domain: DomainId,
    /// Blind or attended.
    pub kind: TransferKind,
    /// The transferor.
    pub by: UserId,
    /// The transferor's device.
    pub by_session: SessionId,
    /// Who is to be transferred.
    pub party: UserId,
    /// The room transferor and party are in.
    pub room: RoomRef,
    /// Its opening.
    pub opening: OpeningId,
    /// Whom the party is to call (blind).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Callee>,
    /// Where the party is to go (attended).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_room: Option<RoomRef>,
    /// The media of the call to be made.
    pub mediatypes: MediaTypes,
    /// When it fails unless it has been completed (408).
    pub until: Time,
    /// When.
    pub at: Time,
}

/// The party agrees.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TransferAccepted {
    /// The party's device.
    pub session: SessionId,
    /// The invitation sent to the target in the party's name (blind).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invite: Option<InviteId>,
    /// When.
    pub at: Time,
}

/// The party does not agree; all stay as they were.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TransferDeclined {
    /// Call code; 603 unless it said otherwise.
    pub code: u16,
    /// When.
    pub at: Time,
}

/// The party and the target are in one room; the transferor has left.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TransferCompleted {
    /// When.
    pub at: Time,
}

/// It has come to nothing; all stay as they were.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TransferFailed {
    /// Call code: the target's answer, 408 when time was up, 487 when a room or a side went away.
    pub code: u16,
    /// When.
    pub at: Time,
}

impl PersonalFields for TransferCreated {}
impl PersonalFields for TransferAccepted {}
impl PersonalFields for TransferDeclined {}
impl PersonalFields for TransferCompleted {}
impl PersonalFields for TransferFailed {}

aggregate_events! {
    /// What happens to a transfer.
    pub enum TransferEvent in "transfer" {
        /// See [`TransferCreated`].
        Created(TransferCreated) = "transfer.created", 1;
        /// See [`TransferAccepted`].
        Accepted(TransferAccepted) = "transfer.accepted", 1;
        /// See [`TransferDeclined`].
        Declined(TransferDeclined) = "transfer.declined", 1;
        /// See [`TransferCompleted`].
        Completed(TransferCompleted) = "transfer.completed", 1;
        /// See [`TransferFailed`].
        Failed(TransferFailed) = "transfer.failed", 1;
    }
}

impl TransferId {
    /// `transfer-<id>`.
    pub fn stream(&self) -> StreamId {
        StreamId::of("transfer", self.as_str())
    }
}
