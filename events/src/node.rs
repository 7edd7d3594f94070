//! Events of a node's life, stream `node-<id>`: one id for each start of a process.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::codec::aggregate_events;
use crate::{NodeId, PersonalFields, StreamId, Time};

/// A process has begun to serve sockets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeStarted {
    /// Its id, new at every start.
    pub id: NodeId,
    /// The name it was given, for people.
    pub name: String,
    /// When.
    pub at: Time,
}

/// How a node ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NodeEnd {
    /// It was told to.
    Stopped,
    /// It was not heard of any more.
    Lost,
}

/// A process serves no sockets any more: those it held count as cut from now on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeStopped {
    /// The node.
    pub id: NodeId,
    /// How.
    pub reason: NodeEnd,
    /// When its devices are removed unless they are back, here or elsewhere.
    pub devices_by: Time,
    /// When.
    pub at: Time,
}

/// A node takes rooms: their media goes through it. Said again when what it offers has changed, and
/// when it takes new rooms after a drain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MediaOffered {
    /// The node.
    pub id: NodeId,
    /// Its addresses by protocol, as clients are told: `wss` (or `ws`) of the media socket, `https` (or
    /// `http`) of its base.
    pub server: BTreeMap<String, String>,
    /// Most media sessions it takes.
    pub sessions_max: u32,
    /// When.
    pub at: Time,
}

/// A node takes no new rooms; those it has go on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MediaDraining {
    /// The node.
    pub id: NodeId,
    /// When.
    pub at: Time,
}

/// A node serves no media any more: the rooms it has go elsewhere.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MediaWithdrawn {
    /// The node.
    pub id: NodeId,
    /// When.
    pub at: Time,
}

impl PersonalFields for NodeStarted {}
impl PersonalFields for NodeStopped {}
impl PersonalFields for MediaOffered {}
impl PersonalFields for MediaDraining {}
impl PersonalFields for MediaWithdrawn {}

aggregate_events! {
    /// What happens to a node.
    pub enum NodeEvent in "node" {
        /// See [`NodeStarted`].
        Started(NodeStarted) = "node.started", 1;
        /// See [`NodeStopped`].
        Stopped(NodeStopped) = "node.stopped", 1;
        /// See [`MediaOffered`].
        MediaOffered(MediaOffered) = "node.media_offered", 1;
        /// See [`MediaDraining`].
        MediaDraining(MediaDraining) = "node.media_draining", 1;
        /// See [`MediaWithdrawn`].
        MediaWithdrawn(MediaWithdrawn) = "node.media_withdrawn", 1;
    }
}

impl NodeId {
    /// `node-<id>`.
    pub fn stream(&self) -> StreamId {
        StreamId::of("node", self.as_str())
    }
}
