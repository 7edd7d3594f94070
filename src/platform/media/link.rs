//! What a media node and the deployment say to one another, whether in one process or over HTTP.

use std::collections::BTreeMap;

use anyhow::Result;
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use wac_commands::ReportMedia;
use wac_events::{AnyEvent, CommandId, NodeId, OpeningId, Position, Recorded, RoomEvent, StreamId, Time};

/// What a node offers.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Offer {
    /// Its name, for people.
    pub(crate) name: String,
    /// Its addresses by protocol, as clients are told.
    pub(crate) server: BTreeMap<String, String>,
    /// Most media sessions it takes.
    pub(crate) sessions_max: u32,
}

/// What a node has to know.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Welcome {
    /// Public keys of the media tokens.
    pub(crate) keys: Vec<String>,
    /// No open room was opened before: whoever hears of rooms from then on knows all of them. Milliseconds since
    /// the epoch.
    pub(crate) rooms_since: i64,
    /// How often a sign of life is expected, in milliseconds.
    pub(crate) beat_every: u64,
}

/// How a node stands with the deployment.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Standing {
    /// Whether it still counts as alive; else it has to offer itself under a new id.
    pub(crate) serving: bool,
    /// Public keys of the media tokens.
    pub(crate) keys: Vec<String>,
}

/// A sign of life.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Debug)]
pub(crate) struct Beat {
    /// How many media sessions the node has.
    pub(crate) sessions: u64,
}

/// A report as it travels.
#[derive(Clone, PartialEq, Serialize, Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report {
    /// Repeats under the same id are noted once.
    pub(crate) command_id: CommandId,
    /// When it was so.
    pub(crate) at: Time,
    /// What.
    #[serde(flatten)]
    pub(crate) report: ReportMedia,
}

/// Which opening of which room.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Debug)]
pub(crate) struct OfRoom {
    /// The room's stream.
    pub(crate) stream: StreamId,
    /// The opening.
    pub(crate) opening: OpeningId,
}

/// An event of a room as it travels.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RoomFact {
    /// Its place in the log.
    pub(crate) position: Position,
    /// Its wire name.
    pub(crate) event_type: String,
    /// Version of its payload.
    pub(crate) schema_version: u32,
    /// Its payload.
    pub(crate) data: String,
}

impl RoomFact {
    /// Of an event in the log.
    pub(crate) fn of(recorded: &Recorded) -> Self {
        Self {
            position: recorded.position,
            event_type: recorded.event_type.to_string(),
            schema_version: recorded.schema_version,
            data: recorded.data.clone(),
        }
    }

    /// What it says; nothing if this binary does not know it.
    pub(crate) fn decoded(&self) -> Option<(RoomEvent, Position)> {
        match AnyEvent::decode(&self.event_type, self.schema_version, &self.data) {
            Ok(AnyEvent::Room(event)) => Some((event, self.position)),
            _ => None,
        }
    }
}

/// The deployment as a media node sees it.
pub(crate) trait MediaLink: Send + Sync + 'static {
    /// The node takes rooms.
    fn offer<'a>(&'a self, node: &'a NodeId, offer: &'a Offer) -> BoxFuture<'a, Result<Welcome>>;

    /// The node is alive.
    fn beat<'a>(&'a self, node: &'a NodeId, beat: Beat) -> BoxFuture<'a, Result<Standing>>;

    /// The node ends.
    fn withdraw<'a>(&'a self, node: &'a NodeId) -> BoxFuture<'a, Result<()>>;
}
