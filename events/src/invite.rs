//! Events of an invitation, stream `invite-<id>`: one caller, one target, exactly one outcome.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::codec::aggregate_events;
use crate::room::RoomRef;
use crate::{
    Cell, DomainId, GroupId, InviteId, OpeningId, Personal, PersonalFields, SessionId, StreamId, SubjectId, Time,
    TransferId, UserId,
};

/// Who asks whom to come where.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum InviteKind {
    /// Come into my room.
    Invite,
    /// Let me into yours.
    InviteRequest,
}

impl InviteKind {
    /// The name on every wire.
    pub fn as_str(self) -> &'static str {
        match self {
            InviteKind::Invite => "invite",
            InviteKind::InviteRequest => "invite_request",
        }
    }
}

/// Whom an invitation is for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", content = "id", rename_all = "snake_case")]
pub enum Callee {
    /// A user.
    User(UserId),
    /// Every member of a group at once.
    Group(GroupId),
    /// The agent of the pool to whom it was assigned.
    Agent(UserId),
}

/// Kinds of media somebody wants to exchange.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize, JsonSchema)]
pub struct MediaTypes {
    /// Sound.
    #[serde(default)]
    pub audio: bool,
    /// Moving pictures.
    #[serde(default)]
    pub video: bool,
    /// A screen.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub screen: bool,
}

/// An invitation has been sent: the candidates' devices ring until `ring_until`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InviteCreated {
    /// Its id.
    pub id: InviteId,
    /// The caller's domain.
    pub domain: DomainId,
    /// Who asks whom to come where.
    pub kind: InviteKind,
    /// The room; `None` for a request, until it is accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<RoomRef>,
    /// The room's opening.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opening: Option<OpeningId>,
    /// The caller.
    pub from: UserId,
    /// The caller's device.
    pub from_session: SessionId,
    /// Whom it is for.
    pub to: Callee,
    /// Who rings.
    pub candidates: Vec<UserId>,
    /// Members of the group without a device: they ring as soon as they have one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub absent: Vec<UserId>,
    /// The media offered.
    pub mediatypes: MediaTypes,
    /// What the caller's application says about the call: a JSON object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<Personal>,
    /// When it expires.
    pub ring_until: Time,
    /// The transfer it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transfer: Option<TransferId>,
    /// When.
    pub at: Time,
}

/// Somebody has registered a device while it rings: it rings too.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InviteCandidateAdded {
    /// Who.
    pub user: UserId,
    /// Which device.
    pub session: SessionId,
}

/// The last device of a candidate has vanished.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InviteCandidateRemoved {
    /// Who.
    pub user: UserId,
}

/// Somebody has taken it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InviteAccepted {
    /// Who.
    pub by: UserId,
    /// On which device.
    pub session: SessionId,
    /// The room both are in.
    pub room: RoomRef,
    /// Its opening.
    pub opening: OpeningId,
    /// When.
    pub at: Time,
}

/// A candidate has refused it. Of a group's members this is hidden while others ring.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InviteDeclined {
    /// Who.
    pub by: UserId,
    /// Call code; 603 unless he said otherwise.
    pub code: u16,
    /// Whether the invitation is over with it: it was for him alone.
    pub over: bool,
    /// When.
    pub at: Time,
}

/// Why the caller's side gave it up.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CancelReason {
    /// The caller said so.
    Requested,
    /// The caller's last device has gone, or he has left the room.
    CallerGone,
    /// The room was closed.
    RoomClosed,
}

/// The caller's side has given it up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InviteCancelled {
    /// Call code; 487 unless he said otherwise.
    pub code: u16,
    /// Why.
    pub reason: CancelReason,
    /// When.
    pub at: Time,
}

/// Nobody has answered in time (408).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InviteExpired {
    /// When.
    pub at: Time,
}

/// Nobody is there, or left, to ring: 404 (no device), 480 (nobody left), 486 (busy).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InviteEnded {
    /// Call code.
    pub code: u16,
    /// When.
    pub at: Time,
}

impl PersonalFields for InviteCreated {
    fn subject(&self) -> Option<SubjectId> {
        self.context.as_ref().map(|_| SubjectId::of_user(&self.from))
    }

    fn protected(&mut self, visit: &mut dyn FnMut(&'static str, &mut Cell)) {
        if let Some(context) = &mut self.context {
            visit("context", &mut context.0);
        }
    }
}

impl PersonalFields for InviteCandidateAdded {}
impl PersonalFields for InviteCandidateRemoved {}
impl PersonalFields for InviteAccepted {}
impl PersonalFields for InviteDeclined {}
impl PersonalFields for InviteCancelled {}
impl PersonalFields for InviteExpired {}
impl PersonalFields for InviteEnded {}

aggregate_events! {
    /// What happens to an invitation.
    pub enum InviteEvent in "invite" {
        /// See [`InviteCreated`].
        Created(InviteCreated) = "invite.created", 1;
        /// See [`InviteCandidateAdded`].
        CandidateAdded(InviteCandidateAdded) = "invite.candidate_added", 1;
        /// See [`InviteCandidateRemoved`].
        CandidateRemoved(InviteCandidateRemoved) = "invite.candidate_removed", 1;
        /// See [`InviteAccepted`].
        Accepted(InviteAccepted) = "invite.accepted", 1;
        /// See [`InviteDeclined`].
        Declined(InviteDeclined) = "invite.declined", 1;
        /// See [`InviteCancelled`].
        Cancelled(InviteCancelled) = "invite.cancelled", 1;
        /// See [`InviteExpired`].
        Expired(InviteExpired) = "invite.expired", 1;
        /// See [`InviteEnded`].
        Ended(InviteEnded) = "invite.ended", 1;
    }
}

impl InviteId {
    /// `invite-<id>`.
    pub fn stream(&self) -> StreamId {
        StreamId::of("invite", self.as_str())
    }
}
