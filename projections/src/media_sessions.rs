//! The read model `media_sessions`: one row for each media session, with the sums of its quality summaries.

use wac_events::media::{MediaConnected, MediaEnd, MediaEnded, MediaMeasured};
use wac_events::{
    AnyEvent, CodecError, DomainId, Event, MediaEvent, MediaSessionId, NodeId, OpeningId, Recorded, RoomId, SessionId,
    Time, UserId,
};

use crate::fields::{Changes, Fields, time, word};
use crate::{Column, Projection, Quality, Row, RowChange, Table, Value};

/// One row for each media session that has connected. Sums are NULL as long as nothing has been measured: that is
/// "not known", not zero. `…_weight_ms` is how long of the measured time the value beside it was known; loss is
/// in thousandths times milliseconds. `live_node` is the id of the node as long as the session is not over.
pub static MEDIA_SESSIONS: Table = Table {
    name: "media_sessions",
    columns: &[
        Column::text("id"),
        Column::text("opening"),
        Column::text("room"),
        Column::text("domain"),
        Column::text("user"),
        Column::text("session"),
        Column::text("node"),
        Column::text("live_node"),
        Column::int("connected_at"),
        Column::int("ended_at"),
        Column::text("end_reason"),
        Column::int("measured_ms"),
        Column::int("bytes_sent"),
        Column::int("bytes_received"),
        Column::int("speaking_ms"),
        Column::int("lost_sent_sum"),
        Column::int("lost_sent_weight_ms"),
        Column::int("lost_received_sum"),
        Column::int("lost_received_weight_ms"),
        Column::int("round_trip_sum"),
        Column::int("round_trip_weight_ms"),
        Column::int("packets_lost_sent"),
        Column::int("packets_lost_received"),
        Column::int("jitter_sent_sum"),
        Column::int("jitter_sent_weight_ms"),
        Column::int("jitter_received_sum"),
        Column::int("jitter_received_weight_ms"),
    ],
    indexed: &["opening", "session", "live_node"],
};

/// Builds [`MEDIA_SESSIONS`].
pub struct MediaSessionsProjection;

impl Projection for MediaSessionsProjection {
    fn name(&self) -> &'static str {
        "media_sessions"
    }

    fn version(&self) -> u32 {
        3
    }

    fn tables(&self) -> &'static [&'static Table] {
        const { &[&MEDIA_SESSIONS] }
    }

    fn wants(&self) -> &'static [&'static str] {
        &["media.connected", "media.measured", "media.ended"]
    }

    fn apply(&self, event: &Recorded) -> Result<Vec<RowChange>, CodecError> {
        Ok(changes(event.stream.id(), &MediaEvent::decode_recorded(event)?))
    }

    fn apply_decoded(&self, event: &Recorded, decoded: &AnyEvent) -> Result<Vec<RowChange>, CodecError> {
        match decoded {
            AnyEvent::MediaSession(decoded) => Ok(changes(event.stream.id(), decoded)),
            _ => Ok(Vec::new()),
        }
    }
}

/// What a media session's event does to its row.
fn changes(id: &str, decoded: &MediaEvent) -> Vec<RowChange> {
    match decoded {
        MediaEvent::Connected(connected) => vec![row(connected)],
        MediaEvent::Measured(measured) => sums(id, measured),
        MediaEvent::Ended(ended) => vec![over(id, ended)],
        _ => Vec::new(),
    }
}

fn row(connected: &MediaConnected) -> RowChange {
    Changes::none()
        .column("opening", connected.opening.as_str())
        .column("room", connected.room.as_str())
        .column("domain", connected.domain.as_str())
        .column("user", connected.user.as_str())
        .column("session", connected.session.as_str())
        .column("node", connected.node.as_str())
        .column("live_node", connected.node_id.as_ref().map(NodeId::as_str))
        .column("connected_at", time(connected.at))
        .upsert(&MEDIA_SESSIONS, connected.id.as_str())
}

fn over(id: &str, ended: &MediaEnded) -> RowChange {
    Changes::none()
        .column("ended_at", time(ended.at))
        .column("end_reason", word(&ended.reason))
        .column("live_node", Value::Null)
        .patch(&MEDIA_SESSIONS, id)
}

fn sums(id: &str, measured: &MediaMeasured) -> Vec<RowChange> {
    let add = |column: &'static str, by: u64| RowChange::Increment {
        table: &MEDIA_SESSIONS,
        key: id.to_owned(),
        column,
        by: i64::try_from(by).unwrap_or(i64::MAX),
    };
    let mut changes = vec![
        add("measured_ms", measured.duration_ms),
        add("bytes_sent", measured.bytes_sent),
        add("bytes_received", measured.bytes_received),
        add("speaking_ms", measured.speaking_ms),
    ];
    let mut weighted = |sum, weight, value: Option<u32>| {
        if let Some(value) = value {
            changes.push(add(sum, u64::from(value).saturating_mul(measured.duration_ms)));
            changes.push(add(weight, measured.duration_ms));
        }
    };
    weighted("lost_sent_sum", "lost_sent_weight_ms", measured.lost_sent_permille);
    weighted("lost_received_sum", "lost_received_weight_ms", measured.lost_received_permille);
    weighted("round_trip_sum", "round_trip_weight_ms", measured.round_trip_ms);
    weighted("jitter_sent_sum", "jitter_sent_weight_ms", measured.jitter_sent_ms);
    weighted("jitter_received_sum", "jitter_received_weight_ms", measured.jitter_received_ms);
    let lost =
        [("packets_lost_sent", measured.packets_lost_sent), ("packets_lost_received", measured.packets_lost_received)];
    changes.extend(lost.into_iter().filter_map(|(column, lost)| Some(add(column, lost?))));
    changes
}

/// A media session as the read model holds it.
#[derive(Clone, Debug, PartialEq)]
pub struct MediaSessionRow {
    /// Its id.
    pub id: MediaSessionId,
    /// The opening of the room.
    pub opening: OpeningId,
    /// The room.
    pub room: RoomId,
    /// The room's domain.
    pub domain: DomainId,
    /// Whose.
    pub user: UserId,
    /// On which device.
    pub session: SessionId,
    /// The media node, by its name.
    pub node: String,
    /// When media could flow.
    pub connected_at: Time,
    /// When it ended; `None`: it goes on.
    pub ended_at: Option<Time>,
    /// Why it ended.
    pub end_reason: Option<MediaEnd>,
    /// How well it went.
    pub quality: Quality,
}

impl MediaSessionRow {
    /// Reads a row of [`MEDIA_SESSIONS`]; `None` if it is not one.
    pub fn from_row(row: &Row) -> Option<Self> {
        let fields = Fields(row);
        let sum = |column| fields.optional(column, Fields::number).map(Option::unwrap_or_default);
        let quality = Quality {
            measured_ms: sum("measured_ms")?,
            bytes_sent: sum("bytes_sent")?,
            bytes_received: sum("bytes_received")?,
            speaking_ms: sum("speaking_ms")?,
            lost_sent: (sum("lost_sent_sum")?, sum("lost_sent_weight_ms")?).into(),
            lost_received: (sum("lost_received_sum")?, sum("lost_received_weight_ms")?).into(),
            round_trip: (sum("round_trip_sum")?, sum("round_trip_weight_ms")?).into(),
            packets_lost_sent: fields.optional("packets_lost_sent", Fields::number)?,
            packets_lost_received: fields.optional("packets_lost_received", Fields::number)?,
            jitter_sent: (sum("jitter_sent_sum")?, sum("jitter_sent_weight_ms")?).into(),
            jitter_received: (sum("jitter_received_sum")?, sum("jitter_received_weight_ms")?).into(),
        };
        Some(Self {
            id: fields.id("id")?,
            opening: fields.id("opening")?,
            room: fields.id("room")?,
            domain: fields.id("domain")?,
            user: fields.id("user")?,
            session: fields.id("session")?,
            node: fields.text("node")?,
            connected_at: fields.time("connected_at")?,
            ended_at: fields.optional("ended_at", Fields::time)?,
            end_reason: fields.optional("end_reason", Fields::word)?,
            quality,
        })
    }
}
