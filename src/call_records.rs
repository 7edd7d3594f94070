//! Flat call records for Kafka, made from the conference log.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use wac_api::reads::{ConferenceView, ReadError, Reads, call_records};
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

/// The records of one conference, by their legs.
struct Records {
    by_leg: HashMap<String, CallRecord>,
    /// The legs that are over, by the media sessions they had.
    by_media: HashMap<MediaSessionId, String>,
}

impl Records {
    fn of(conference: &ConferenceView) -> Self {
        let mut by_media = HashMap::new();
        for seat in conference.participants.iter().filter(|seat| seat.left_at.is_some()) {
            for media in conference.media_of(seat) {
                by_media.entry(media.id.clone()).or_insert_with(|| name_of_seat(&seat.opening, seat.seat));
            }
        }
        let by_leg = call_records(conference).into_iter().map(|record| (record.leg.clone(), record)).collect();
        Self { by_leg, by_media }
    }

    fn of_leg(&self, leg: &Leg) -> Option<&CallRecord> {
        match leg {
            Leg::Seat(opening, seat) => self.by_leg.get(&name_of_seat(opening, *seat)),
            Leg::Invite(invite) => self.by_leg.get(invite.as_str()),
            Leg::Media(media) => self.by_leg.get(self.by_media.get(media)?),
        }
    }
}

fn name_of_seat(opening: &OpeningId, seat: u64) -> String {
    format!("{opening}/{seat}")
}

impl RowsRecords {
    pub(crate) fn new(rows: SqlRows, keys: Arc<dyn KeyStore>) -> Self {
        Self { reads: Reads::new(Arc::new(rows.clone()), keys, Arc::default()), rows }
    }

    /// The record after each event. However many legs of a conference are among them, it is read once.
    async fn make(&self, events: &[Recorded]) -> Result<Vec<Option<CallLine>>, StoreError> {
        let legs = events.iter().map(leg_of).collect::<Result<Vec<_>, _>>()?;
        if let Some(last) = events.last().filter(|_| legs.iter().any(Option::is_some)) {
            let caught_up = self.rows.wait_for(&TABLES, last.position, PATIENCE).await;
            caught_up.map_err(|error| StoreError::new("wait for the conference log", error))?;
        }
        let (mut known, mut lines) = (HashMap::new(), Vec::with_capacity(legs.len()));
        for leg in legs {
            lines.push(match leg {
                Some(leg) => self.line(&leg, &mut known).await?,
                None => None,
            });
        }
        Ok(lines)
    }

    async fn line(
        &self,
        leg: &Leg,
        known: &mut HashMap<OpeningId, Option<Records>>,
    ) -> Result<Option<CallLine>, StoreError> {
        let Some(opening) = self.opening_of(leg).await? else { return Ok(None) };
        let records = match known.entry(opening) {
            Entry::Occupied(read) => read.into_mut(),
            Entry::Vacant(unread) => {
                let conference = self.reads.conference(unread.key()).await;
                let conference =
                    conference.map_err(|error: ReadError| StoreError::new("read the conference log", error))?;
                unread.insert(conference.as_ref().map(Records::of))
            }
        };
        records.as_ref().and_then(|records| records.of_leg(leg)).map(line_of).transpose()
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

    fn records<'a>(&'a self, events: &'a [Recorded]) -> BoxFuture<'a, Result<Vec<Option<CallLine>>, StoreError>> {
        self.make(events).boxed()
    }
}

#[cfg(test)]
mod tests;
