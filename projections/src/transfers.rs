//! The read model `transfers`: one row for each transfer and what became of it.

use serde::{Deserialize, Serialize};
use wac_events::transfer::{TransferCreated, TransferKind};
use wac_events::{
    AnyEvent, Callee, CodecError, DomainId, Event, InviteId, MediaTypes, OpeningId, Recorded, RoomRef, Time,
    TransferEvent, TransferId, UserId,
};

use crate::fields::{Changes, Fields, int, json_or_null, time, word};
use crate::{Column, Projection, Row, RowChange, Table, Value};

/// One row for each transfer; `target_room` is JSON text. `pending` and `pending_opening` (its
/// opening) stand as long as it can be completed.
pub static TRANSFERS: Table = Table {
    name: "transfers",
    columns: &[
        Column::text("id"),
        Column::text("domain"),
        Column::text("kind"),
        Column::text("opening"),
        Column::text("by"),
        Column::text("party"),
        Column::text("to_kind"),
        Column::text("to_id"),
        Column::text("target_room"),
        Column::bool("audio"),
        Column::bool("video"),
        Column::bool("screen"),
        Column::text("state"),
        Column::int("code"),
        Column::text("invite"),
        Column::int("until"),
        Column::int("created_at"),
        Column::text("pending_opening"),
        Column::bool("pending"),
    ],
    indexed: &["opening", "pending_opening", "pending"],
};

/// Builds [`TRANSFERS`].
pub struct TransfersProjection;

impl Projection for TransfersProjection {
    fn name(&self) -> &'static str {
        "transfers"
    }

    fn version(&self) -> u32 {
        1
    }

    fn tables(&self) -> &'static [&'static Table] {
        const { &[&TRANSFERS] }
    }

    fn wants(&self) -> &'static [&'static str] {
        &["transfer.*"]
    }

    fn apply(&self, event: &Recorded) -> Result<Vec<RowChange>, CodecError> {
        Ok(vec![change(event, &TransferEvent::decode_recorded(event)?)])
    }

    fn apply_decoded(&self, event: &Recorded, decoded: &AnyEvent) -> Result<Vec<RowChange>, CodecError> {
        match decoded {
            AnyEvent::Transfer(decoded) => Ok(vec![change(event, decoded)]),
            _ => Ok(Vec::new()),
        }
    }
}

/// What a transfer's event does to its row.
fn change(event: &Recorded, decoded: &TransferEvent) -> RowChange {
    let id = event.stream.id();
    match decoded {
        TransferEvent::Created(created) => asked(created),
        TransferEvent::Accepted(accepted) => Changes::none()
            .column("state", word(&TransferState::Calling))
            .column("invite", accepted.invite.as_ref().map(InviteId::as_str))
            .patch(&TRANSFERS, id),
        TransferEvent::Declined(declined) => over(TransferState::Declined, declined.code).patch(&TRANSFERS, id),
        TransferEvent::Completed(_) => over(TransferState::Completed, CODE_COMPLETED).patch(&TRANSFERS, id),
        TransferEvent::Failed(failed) => over(TransferState::Failed, failed.code).patch(&TRANSFERS, id),
    }
}

/// Call code of a transfer that was completed.
const CODE_COMPLETED: u16 = 200;

fn asked(created: &TransferCreated) -> RowChange {
    Changes::none()
        .column("domain", created.domain.as_str())
        .column("kind", word(&created.kind))
        .column("opening", created.opening.as_str())
        .column("by", created.by.as_str())
        .column("party", created.party.as_str())
        .column("to_kind", created.to.as_ref().map(|to| crate::invites::callee(to).0))
        .column("to_id", created.to.as_ref().map(|to| crate::invites::callee(to).1))
        .column("target_room", json_or_null(created.target_room.as_ref()))
        .column("audio", created.mediatypes.audio)
        .column("video", created.mediatypes.video)
        .column("screen", created.mediatypes.screen)
        .column("state", word(&TransferState::Asked))
        .column("until", time(created.until))
        .column("created_at", time(created.at))
        .column("pending_opening", created.opening.as_str())
        .column("pending", true)
        .upsert(&TRANSFERS, created.id.as_str())
}

fn over(state: TransferState, code: u16) -> Changes {
    Changes::none()
        .column("state", word(&state))
        .column("code", int(code.into()))
        .column("pending_opening", Value::Null)
        .column("pending", false)
}

/// Where a transfer is in its life.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransferState {
    /// The party is asked.
    Asked,
    /// The party agrees, and calls the target.
    Calling,
    /// The party is with the target.
    Completed,
    /// The party did not agree.
    Declined,
    /// It came to nothing.
    Failed,
}

/// A transfer as the read model holds it.
#[derive(Clone, Debug, PartialEq)]
pub struct TransferRow {
    /// Its id.
    pub id: TransferId,
    /// The domain of the room.
    pub domain: DomainId,
    /// Blind or attended.
    pub kind: TransferKind,
    /// The opening transferor and party are in.
    pub opening: OpeningId,
    /// The transferor.
    pub by: UserId,
    /// Who is to be transferred.
    pub party: UserId,
    /// Whom the party is to call (blind).
    pub to: Option<Callee>,
    /// Where the party is to go (attended).
    pub target_room: Option<RoomRef>,
    /// The media of the call to be made.
    pub mediatypes: MediaTypes,
    /// Where it is in its life.
    pub state: TransferState,
    /// The call code it came to; `None` while it is pending.
    pub code: Option<u64>,
    /// The invitation sent to the target in the party's name (blind).
    pub invite: Option<InviteId>,
    /// When it fails unless it has been completed.
    pub until: Time,
    /// When it was asked for.
    pub created_at: Time,
}

impl TransferRow {
    /// Reads a row of [`TRANSFERS`]; `None` if it is not one.
    pub fn from_row(row: &Row) -> Option<Self> {
        let fields = Fields(row);
        Some(Self {
            id: fields.id("id")?,
            domain: fields.id("domain")?,
            kind: fields.word("kind")?,
            opening: fields.id("opening")?,
            by: fields.id("by")?,
            party: fields.id("party")?,
            to: fields.optional("to_kind", |fields, _| crate::invites::read_callee(fields))?,
            target_room: fields.optional("target_room", Fields::json)?,
            mediatypes: MediaTypes {
                audio: fields.bool("audio")?,
                video: fields.bool("video")?,
                screen: fields.bool("screen")?,
            },
            state: fields.word("state")?,
            code: fields.optional("code", Fields::number)?,
            invite: fields.optional("invite", Fields::id)?,
            until: fields.time("until")?,
            created_at: fields.time("created_at")?,
        })
    }
}
