//! Events of a users group, stream `group-<id>`: people who ring together.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::codec::aggregate_events;
use crate::{DomainId, GroupId, PersonalFields, StreamId, Time, UserId};

/// A group has come into being; its owner is its first participant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GroupCreated {
    /// Its id.
    pub id: GroupId,
    /// Its domain: the owner's.
    pub domain: DomainId,
    /// Its name.
    pub name: String,
    /// Who manages it.
    pub owner: UserId,
    /// When.
    pub at: Time,
}

/// It has another name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GroupRenamed {
    /// The name from now on.
    pub name: String,
}

/// It has another owner: the participant of longest standing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GroupOwnerChanged {
    /// The owner from now on.
    pub owner: UserId,
}

/// A user has become a participant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GroupUserJoined {
    /// Who.
    pub user: UserId,
    /// When.
    pub at: Time,
}

/// Why a participant is none any more.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GroupLeaveReason {
    /// He left.
    Left,
    /// The owner or an administrator removed him.
    Removed,
    /// He was deleted, or moved to another domain.
    Gone,
}

/// A participant is none any more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GroupUserLeft {
    /// Who.
    pub user: UserId,
    /// Why.
    pub reason: GroupLeaveReason,
    /// When.
    pub at: Time,
}

/// The group is gone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GroupRemoved {
    /// The domain it was in.
    pub domain: DomainId,
    /// When.
    pub at: Time,
}

impl PersonalFields for GroupCreated {}
impl PersonalFields for GroupRenamed {}
impl PersonalFields for GroupOwnerChanged {}
impl PersonalFields for GroupUserJoined {}
impl PersonalFields for GroupUserLeft {}
impl PersonalFields for GroupRemoved {}

aggregate_events! {
    /// What happens to a users group.
    pub enum GroupEvent in "group" {
        /// See [`GroupCreated`].
        Created(GroupCreated) = "group.created", 1;
        /// See [`GroupRenamed`].
        Renamed(GroupRenamed) = "group.renamed", 1;
        /// See [`GroupOwnerChanged`].
        OwnerChanged(GroupOwnerChanged) = "group.owner_changed", 1;
        /// See [`GroupUserJoined`].
        UserJoined(GroupUserJoined) = "group.user_joined", 1;
        /// See [`GroupUserLeft`].
        UserLeft(GroupUserLeft) = "group.user_left", 1;
        /// See [`GroupRemoved`].
        Removed(GroupRemoved) = "group.removed", 1;
    }
}

impl GroupId {
    /// `group-<id>`.
    pub fn stream(&self) -> StreamId {
        StreamId::of("group", self.as_str())
    }

    /// `wac-group:<id>`.
    pub fn uri(&self) -> String {
        format!("wac-group:{self}")
    }
}
