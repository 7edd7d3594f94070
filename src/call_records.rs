//! Flat call records for Kafka, made from the conference log.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use wac_api::reads::{ReadError, Reads, call_records};
use wac_events::call_record::CallRecord;
use wac_events::{
    AnyEvent, InviteEvent, InviteId, KeyStore, MediaEvent, MediaSessionId, OpeningId, Recorded, RoomEvent, StoreError,
};
use wac_projections::{INVITES, InviteRow, MEDIA_SESSIONS, MediaSessionRow, Rows as _, Select};
use wac_relay::{CallLine, CallRecords};
use wac_runner::SqlRows;

/// How long a record waits for the read models it is made from.
const PATIENCE: Duration = Duration::from_secs(10);
/// Those read models.
const TABLES: [&str; 8] =
    ["rooms", "participants", "invites", "candidates", "transfers", "domains", "users", "media_sessions"];

/// Makes records from read models.
pub(crate) struct RowsRecords {
    rows: SqlRows,
    reads: Reads,
}

/// Which record of a call.
enum Leg {
    /// A stay.
    Seat(OpeningId, u64),
    /// An invitation.
    Invite(InviteId),
    /// The stay that had this media session.
    Media(MediaSessionId),
}

impl RowsRecords {
    pub(crate) fn new(rows: SqlRows, keys: Arc<dyn KeyStore>) -> Self {
        Self { reads: Reads::new(Arc::new(rows.clone()), keys, Arc::default()), rows }
    }

    async fn make(&self, event: &Recorded) -> Result<Option<CallLine>, StoreError> {
        let Some(leg) = leg_of(event)? else { return Ok(None) };
        let caught_up = self.rows.wait_for(&TABLES, event.position, PATIENCE).await;
        caught_up.map_err(|error| StoreError::new("wait for the conference log", error))?;
        let Some(opening) = self.opening_of(&leg).await? else { return Ok(None) };
        let failed = |error: ReadError| StoreError::new("read the conference log", error);
        let Some(conference) = self.reads.conference(&opening).await.map_err(failed)? else { return Ok(None) };
        let name = match &leg {
            Leg::Seat(opening, seat) => Some(format!("{opening}/{seat}")),
            Leg::Invite(invite) => Some(invite.to_string()),
            Leg::Media(media) => {
                let mut seats = conference.participants.iter().filter(|seat| seat.left_at.is_some());
                let seat = seats.find(|seat| conference.media_of(seat).any(|session| session.id == *media));
                seat.map(|seat| format!("{}/{}", seat.opening, seat.seat))
            }
        };
        let record = call_records(&conference).into_iter().find(|record| Some(&record.leg) == name.as_ref());
        record.map(|record| line_of(&record)).transpose()
    }

    async fn opening_of(&self, leg: &Leg) -> Result<Option<OpeningId>, StoreError> {
        Ok(match leg {
            Leg::Seat(opening, _) => Some(opening.clone()),
            Leg::Invite(invite) => {
                let rows = self.rows.select(Select::key(&INVITES, invite.as_str())).await?;
                rows.first().and_then(InviteRow::from_row).and_then(|row| row.opening)
            }
            Leg::Media(media) => {
                let rows = self.rows.select(Select::key(&MEDIA_SESSIONS, media.as_str())).await?;
                rows.first().and_then(MediaSessionRow::from_row).map(|row| row.opening)
            }
        })
    }
}

/// The leg that is over, or whose last summary has come, with this event.
fn leg_of(event: &Recorded) -> Result<Option<Leg>, StoreError> {
    let decoded = AnyEvent::decode_recorded(event).map_err(|error| StoreError::new("decode an event", error))?;
    let invite = || Some(Leg::Invite(InviteId::from(event.stream.id())));
    Ok(match decoded {
        AnyEvent::Room(RoomEvent::ParticipantLeft(left)) => Some(Leg::Seat(left.opening, left.seat)),
        AnyEvent::Invite(InviteEvent::Declined(declined)) if !declined.over => None,
        AnyEvent::Invite(
            InviteEvent::Declined(_) | InviteEvent::Cancelled(_) | InviteEvent::Expired(_) | InviteEvent::Ended(_),
        ) => invite(),
        AnyEvent::MediaSession(MediaEvent::Ended(_)) => Some(Leg::Media(MediaSessionId::from(event.stream.id()))),
        _ => None,
    })
}

fn line_of(record: &CallRecord) -> Result<CallLine, StoreError> {
    let value = serde_json::to_string(record).map_err(|error| StoreError::new("write a call record", error))?;
    Ok(CallLine { call: record.call.clone(), domain: record.domain_id.as_str().into(), value })
}

impl CallRecords for RowsRecords {
    fn wants(&self) -> &'static [&'static str] {
        &[
            "room.participant_left",
            "invite.declined",
            "invite.cancelled",
            "invite.expired",
            "invite.ended",
            "media.ended",
        ]
    }

    fn record<'a>(&'a self, event: &'a Recorded) -> BoxFuture<'a, Result<Option<CallLine>, StoreError>> {
        self.make(event).boxed()
    }
}

#[cfg(test)]
mod tests;
