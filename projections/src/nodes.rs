//! The read model `nodes`: one row for each start of a process.

use wac_events::{AnyEvent, CodecError, Event, NodeEvent, NodeId, Recorded, Time};

use crate::fields::{Changes, Fields, time};
use crate::{Column, Projection, Row, RowChange, Table};

/// One row for each start of a process; `devices_by` is NULL as long as it is `running`.
pub static NODES: Table = Table {
    name: "nodes",
    columns: &[
        Column::text("id"),
        Column::text("name"),
        Column::int("started_at"),
        Column::int("stopped_at"),
        Column::int("devices_by"),
        Column::bool("running"),
    ],
    indexed: &["running"],
};

/// Builds [`NODES`].
pub struct NodesProjection;

impl Projection for NodesProjection {
    fn name(&self) -> &'static str {
        "nodes"
    }

    fn version(&self) -> u32 {
        1
    }

    fn tables(&self) -> &'static [&'static Table] {
        const { &[&NODES] }
    }

    fn wants(&self) -> &'static [&'static str] {
        &["node.started", "node.stopped"]
    }

    fn apply(&self, event: &Recorded) -> Result<Vec<RowChange>, CodecError> {
        Ok(change(&NodeEvent::decode_recorded(event)?).into_iter().collect())
    }

    fn apply_decoded(&self, _: &Recorded, decoded: &AnyEvent) -> Result<Vec<RowChange>, CodecError> {
        match decoded {
            AnyEvent::Node(decoded) => Ok(change(decoded).into_iter().collect()),
            _ => Ok(Vec::new()),
        }
    }
}

/// What a node's event does to its row.
fn change(decoded: &NodeEvent) -> Option<RowChange> {
    Some(match decoded {
        NodeEvent::Started(started) => Changes::none()
            .column("name", started.name.as_str())
            .column("started_at", time(started.at))
            .column("running", true)
            .upsert(&NODES, started.id.as_str()),
        NodeEvent::Stopped(stopped) => Changes::none()
            .column("stopped_at", time(stopped.at))
            .column("devices_by", time(stopped.devices_by))
            .column("running", false)
            .patch(&NODES, stopped.id.as_str()),
        NodeEvent::MediaOffered(_) | NodeEvent::MediaDraining(_) | NodeEvent::MediaWithdrawn(_) => return None,
    })
}

/// A start of a process as the read model holds it.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeRow {
    /// Its id.
    pub id: NodeId,
    /// The name it was given, for people.
    pub name: String,
    /// When it began to serve sockets.
    pub started_at: Time,
    /// When it ceased to; `None`: it has not.
    pub stopped_at: Option<Time>,
    /// When its devices are removed unless they are back.
    pub devices_by: Option<Time>,
    /// Whether it has not stopped.
    pub running: bool,
}

impl NodeRow {
    /// Reads a row of [`NODES`]; `None` if it is not one.
    pub fn from_row(row: &Row) -> Option<Self> {
        let fields = Fields(row);
        Some(Self {
            id: fields.id("id")?,
            name: fields.text("name")?,
            started_at: fields.time("started_at")?,
            stopped_at: fields.optional("stopped_at", Fields::time)?,
            devices_by: fields.optional("devices_by", Fields::time)?,
            running: fields.bool("running")?,
        })
    }
}
