//! The read model `media`: one row for each node that has ever offered media, and one for each open room.

use std::collections::BTreeMap;

use wac_events::room::RoomCreated;
use wac_events::{AnyEvent, CodecError, NodeEvent, NodeId, OpeningId, Recorded, RoomEvent, RoomId, RoomRef, Time};

use crate::fields::{Changes, Fields, int, json, time};
use crate::{Column, Projection, Row, RowChange, Table, Value};

/// One row for each node that has offered media; `serving` as long as it does, `server` is JSON text.
pub static MEDIA_NODES: Table = Table {
    name: "media_nodes",
    columns: &[
        Column::text("id"),
        Column::text("server"),
        Column::int("sessions_max"),
        Column::int("offered_at"),
        Column::bool("draining"),
        Column::bool("serving"),
    ],
    indexed: &["serving"],
};

/// One row for each open room: the node its media goes through (NULL: none yet), and how many seats are taken.
pub static MEDIA_ROOMS: Table = Table {
    name: "media_rooms",
    columns: &[
        Column::text("opening"),
        Column::text("room"),
        Column::text("domain"),
        Column::text("node"),
        Column::int("seats"),
    ],
    indexed: &["node"],
};

/// Builds [`MEDIA_NODES`] and [`MEDIA_ROOMS`].
pub struct MediaProjection;

impl Projection for MediaProjection {
    fn name(&self) -> &'static str {
        "media"
    }

    fn version(&self) -> u32 {
        1
    }

    fn tables(&self) -> &'static [&'static Table] {
        const { &[&MEDIA_NODES, &MEDIA_ROOMS] }
    }

    fn wants(&self) -> &'static [&'static str] {
        &[
            "node.media_offered",
            "node.media_draining",
            "node.media_withdrawn",
            "node.stopped",
            "room.created",
            "room.media_assigned",
            "room.participant_joined",
            "room.participant_left",
            "room.closed",
        ]
    }

    fn apply(&self, event: &Recorded) -> Result<Vec<RowChange>, CodecError> {
        self.apply_decoded(event, &AnyEvent::decode_recorded(event)?)
    }

    fn apply_decoded(&self, _: &Recorded, decoded: &AnyEvent) -> Result<Vec<RowChange>, CodecError> {
        Ok(match decoded {
            AnyEvent::Node(decoded) => of_node(decoded).into_iter().collect(),
            AnyEvent::Room(decoded) => of_room(decoded).into_iter().collect(),
            _ => Vec::new(),
        })
    }
}

fn of_node(decoded: &NodeEvent) -> Option<RowChange> {
    Some(match decoded {
        NodeEvent::Started(_) => return None,
        NodeEvent::MediaOffered(offered) => Changes::none()
            .column("server", json(&offered.server))
            .column("sessions_max", i64::from(offered.sessions_max))
            .column("offered_at", time(offered.at))
            .column("draining", false)
            .column("serving", true)
            .upsert(&MEDIA_NODES, offered.id.as_str()),
        NodeEvent::MediaDraining(draining) => {
            Changes::none().column("draining", true).patch(&MEDIA_NODES, draining.id.as_str())
        }
        NodeEvent::MediaWithdrawn(withdrawn) => gone(&withdrawn.id),
        NodeEvent::Stopped(stopped) => gone(&stopped.id),
    })
}

fn gone(id: &NodeId) -> RowChange {
    Changes::none().column("serving", false).patch(&MEDIA_NODES, id.as_str())
}

fn of_room(decoded: &RoomEvent) -> Option<RowChange> {
    let seats = |opening: &OpeningId, by| RowChange::Increment {
        table: &MEDIA_ROOMS,
        key: opening.to_string(),
        column: "seats",
        by,
    };
    Some(match decoded {
        RoomEvent::Created(created) => opened(created),
        RoomEvent::MediaAssigned(assigned) => {
            Changes::none().column("node", assigned.node.as_str()).patch(&MEDIA_ROOMS, assigned.opening.as_str())
        }
        RoomEvent::ParticipantJoined(joined) => seats(&joined.opening, 1),
        RoomEvent::ParticipantLeft(left) => seats(&left.opening, -1),
        RoomEvent::Closed(closed) => RowChange::Delete { table: &MEDIA_ROOMS, key: closed.opening.to_string() },
        RoomEvent::Updated(_)
        | RoomEvent::OwnerChanged(_)
        | RoomEvent::ParticipantHeld(_)
        | RoomEvent::ParticipantUnheld(_)
        | RoomEvent::ParticipantMuted(_) => return None,
    })
}

fn opened(created: &RoomCreated) -> RowChange {
    Changes::none()
        .column("room", created.room.as_str())
        .column("domain", created.domain.as_str())
        .column("node", Value::Null)
        .column("seats", int(0))
        .upsert(&MEDIA_ROOMS, created.opening.as_str())
}

/// A node that has offered media, as the read model holds it.
#[derive(Clone, Debug, PartialEq)]
pub struct MediaNodeRow {
    /// Its id.
    pub id: NodeId,
    /// Its addresses by protocol.
    pub server: BTreeMap<String, String>,
    /// Most media sessions it takes.
    pub sessions_max: u64,
    /// When it offered that.
    pub offered_at: Time,
    /// Whether it takes no new rooms.
    pub draining: bool,
    /// Whether it serves media.
    pub serving: bool,
}

impl MediaNodeRow {
    /// Reads a row of [`MEDIA_NODES`]; `None` if it is not one.
    pub fn from_row(row: &Row) -> Option<Self> {
        let fields = Fields(row);
        Some(Self {
            id: fields.id("id")?,
            server: fields.json("server")?,
            sessions_max: fields.number("sessions_max")?,
            offered_at: fields.time("offered_at")?,
            draining: fields.bool("draining")?,
            serving: fields.bool("serving")?,
        })
    }
}

/// An open room and where its media goes, as the read model holds it.
#[derive(Clone, Debug, PartialEq)]
pub struct MediaRoomRow {
    /// The opening.
    pub opening: OpeningId,
    /// The room.
    pub room: RoomRef,
    /// The node; `None`: none yet.
    pub node: Option<NodeId>,
    /// Seats taken.
    pub seats: u64,
}

impl MediaRoomRow {
    /// Reads a row of [`MEDIA_ROOMS`]; `None` if it is not one.
    pub fn from_row(row: &Row) -> Option<Self> {
        let fields = Fields(row);
        Some(Self {
            opening: fields.id("opening")?,
            room: RoomRef { domain: fields.id("domain")?, id: fields.id::<RoomId>("room")? },
            node: fields.optional("node", Fields::id)?,
            seats: fields.number("seats")?,
        })
    }
}
