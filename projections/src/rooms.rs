//! The read model `rooms`: one row for each opening of a room, and one for each seat ever taken in it.

use wac_events::room::{JoinReason, LeaveReason, ParticipantJoined, ParticipantLeft, RoomCreated, RoomEnd, RoomKind};
use wac_events::{
    AnyEvent, CodecError, DomainId, Event, InviteId, OpeningId, Recorded, RoomEvent, RoomId, RoomRef, SessionId, Time,
    UserId,
};

use crate::fields::{Changes, Fields, json, time, word};
use crate::{Column, Projection, Row, RowChange, Table, Value};

/// One row for each opening; `acl` is JSON text. `open_stream` (the room's stream) and `open_domain`
/// stand as long as it is open.
pub static ROOMS: Table = Table {
    name: "rooms",
    columns: &[
        Column::text("opening"),
        Column::text("room"),
        Column::text("domain"),
        Column::text("kind"),
        Column::text("creator"),
        Column::text("owner"),
        Column::text("acl"),
        Column::bool("record"),
        Column::int("participants_limit"),
        Column::int("created_at"),
        Column::int("closed_at"),
        Column::text("close_reason"),
        Column::text("open_stream"),
        Column::text("open_domain"),
    ],
    indexed: &["domain", "open_stream", "open_domain"],
};

/// One row for each seat, under `<opening>/<seat>`. `live`, `live_session` and `live_user` stand as
/// long as it is taken.
pub static PARTICIPANTS: Table = Table {
    name: "participants",
    columns: &[
        Column::text("id"),
        Column::text("opening"),
        Column::int("seat"),
        Column::text("room"),
        Column::text("domain"),
        Column::text("user"),
        Column::text("session"),
        Column::text("via"),
        Column::text("invite"),
        Column::int("joined_at"),
        Column::int("left_at"),
        Column::text("leave_reason"),
        Column::bool("live"),
        Column::text("live_session"),
        Column::text("live_user"),
    ],
    indexed: &["opening", "user", "live", "live_session", "live_user"],
};

/// Builds [`ROOMS`] and [`PARTICIPANTS`].
pub struct RoomsProjection;

impl Projection for RoomsProjection {
    fn name(&self) -> &'static str {
        "rooms"
    }

    fn version(&self) -> u32 {
        1
    }

    fn tables(&self) -> &'static [&'static Table] {
        const { &[&ROOMS, &PARTICIPANTS] }
    }

    fn wants(&self) -> &'static [&'static str] {
        &[
            "room.created",
            "room.updated",
            "room.owner_changed",
            "room.participant_joined",
            "room.participant_left",
            "room.closed",
        ]
    }

    fn apply(&self, event: &Recorded) -> Result<Vec<RowChange>, CodecError> {
        Ok(changes(event, &RoomEvent::decode_recorded(event)?).into_iter().collect())
    }

    fn apply_decoded(&self, event: &Recorded, decoded: &AnyEvent) -> Result<Vec<RowChange>, CodecError> {
        match decoded {
            AnyEvent::Room(decoded) => Ok(changes(event, decoded).into_iter().collect()),
            _ => Ok(Vec::new()),
        }
    }
}

/// What a room's event does to the rows.
fn changes(event: &Recorded, decoded: &RoomEvent) -> Option<RowChange> {
    let changes = Changes::none();
    Some(match decoded {
        RoomEvent::Created(created) => opened(event, created),
        RoomEvent::Updated(updated) => changes
            .field("acl", &updated.acl, json)
            .field("record", &updated.record, |record| (*record).into())
            .patch(&ROOMS, updated.opening.as_str()),
        RoomEvent::OwnerChanged(changed) => {
            changes.column("owner", changed.owner.as_ref().map(UserId::as_str)).patch(&ROOMS, changed.opening.as_str())
        }
        RoomEvent::ParticipantJoined(joined) => seated(event, joined),
        RoomEvent::ParticipantLeft(left) => unseated(left),
        RoomEvent::ParticipantHeld(_)
        | RoomEvent::ParticipantUnheld(_)
        | RoomEvent::ParticipantMuted(_)
        | RoomEvent::MediaAssigned(_) => return None,
        RoomEvent::Closed(closed) => changes
            .column("closed_at", time(closed.at))
            .column("close_reason", word(&closed.reason))
            .column("open_stream", Value::Null)
            .column("open_domain", Value::Null)
            .patch(&ROOMS, closed.opening.as_str()),
    })
}

fn opened(event: &Recorded, created: &RoomCreated) -> RowChange {
    Changes::none()
        .column("room", created.room.as_str())
        .column("domain", created.domain.as_str())
        .column("kind", word(&created.kind))
        .column("creator", created.creator.as_str())
        .column("owner", created.owner.as_ref().map(UserId::as_str))
        .column("acl", json(&created.acl))
        .column("record", created.record)
        .column("participants_limit", i64::from(created.participants_limit))
        .column("created_at", time(created.at))
        .column("open_stream", event.stream.as_str())
        .column("open_domain", created.domain.as_str())
        .upsert(&ROOMS, created.opening.as_str())
}

fn seat_key(opening: &OpeningId, seat: u64) -> String {
    format!("{opening}/{seat}")
}

fn seated(event: &Recorded, joined: &ParticipantJoined) -> RowChange {
    Changes::none()
        .column("opening", joined.opening.as_str())
        .column("seat", crate::fields::int(joined.seat))
        .column("room", joined.room.as_str())
        .column("domain", event.domain.as_ref().map(DomainId::as_str))
        .column("user", joined.user.as_str())
        .column("session", joined.session.as_str())
        .column("via", word(&joined.via))
        .column("invite", joined.invite.as_ref().map(InviteId::as_str))
        .column("joined_at", time(joined.at))
        .column("live", true)
        .column("live_session", joined.session.as_str())
        .column("live_user", joined.user.as_str())
        .upsert(&PARTICIPANTS, seat_key(&joined.opening, joined.seat))
}

fn unseated(left: &ParticipantLeft) -> RowChange {
    Changes::none()
        .column("left_at", time(left.at))
        .column("leave_reason", word(&left.reason))
        .column("live", false)
        .column("live_session", Value::Null)
        .column("live_user", Value::Null)
        .patch(&PARTICIPANTS, seat_key(&left.opening, left.seat))
}

/// An opening of a room as the read model holds it.
#[derive(Clone, Debug, PartialEq)]
pub struct RoomRow {
    /// The opening.
    pub opening: OpeningId,
    /// The room.
    pub room: RoomRef,
    /// What it was opened for.
    pub kind: RoomKind,
    /// Who opened it.
    pub creator: UserId,
    /// Who may close it, change its access list, expel and mute.
    pub owner: Option<UserId>,
    /// Who may join without an invitation, besides the creator.
    pub acl: Vec<UserId>,
    /// Whether it is to be recorded.
    pub record: bool,
    /// Most seats at a time.
    pub participants_limit: u64,
    /// When it was opened.
    pub created_at: Time,
    /// When it ended; `None`: it is open.
    pub closed_at: Option<Time>,
    /// Why it ended.
    pub close_reason: Option<RoomEnd>,
}

impl RoomRow {
    /// Reads a row of [`ROOMS`]; `None` if it is not one.
    pub fn from_row(row: &Row) -> Option<Self> {
        let fields = Fields(row);
        Some(Self {
            opening: fields.id("opening")?,
            room: RoomRef { domain: fields.id("domain")?, id: fields.id::<RoomId>("room")? },
            kind: fields.word("kind")?,
            creator: fields.id("creator")?,
            owner: fields.optional("owner", Fields::id)?,
            acl: fields.json("acl")?,
            record: fields.bool("record")?,
            participants_limit: fields.number("participants_limit")?,
            created_at: fields.time("created_at")?,
            closed_at: fields.optional("closed_at", Fields::time)?,
            close_reason: fields.optional("close_reason", Fields::word)?,
        })
    }
}

/// A seat, taken or given back, as the read model holds it.
#[derive(Clone, Debug, PartialEq)]
pub struct ParticipantRow {
    /// The opening it is in.
    pub opening: OpeningId,
    /// Its number there.
    pub seat: u64,
    /// The room.
    pub room: RoomRef,
    /// Who.
    pub user: UserId,
    /// On which device.
    pub session: SessionId,
    /// How he came in.
    pub via: JoinReason,
    /// The invitation that was accepted.
    pub invite: Option<InviteId>,
    /// When he came.
    pub joined_at: Time,
    /// When he left; `None`: he sits there.
    pub left_at: Option<Time>,
    /// Why he left.
    pub leave_reason: Option<LeaveReason>,
}

impl ParticipantRow {
    /// Reads a row of [`PARTICIPANTS`]; `None` if it is not one.
    pub fn from_row(row: &Row) -> Option<Self> {
        let fields = Fields(row);
        Some(Self {
            opening: fields.id("opening")?,
            seat: fields.number("seat")?,
            room: RoomRef { domain: fields.id("domain")?, id: fields.id::<RoomId>("room")? },
            user: fields.id("user")?,
            session: fields.id("session")?,
            via: fields.word("via")?,
            invite: fields.optional("invite", Fields::id)?,
            joined_at: fields.time("joined_at")?,
            left_at: fields.optional("left_at", Fields::time)?,
            leave_reason: fields.optional("leave_reason", Fields::word)?,
        })
    }

    /// Whether the seat is taken.
    pub fn is_live(&self) -> bool {
        self.left_at.is_none()
    }
}
