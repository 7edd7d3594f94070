//! Events that a projection could not take: put aside and counted, never dropped in silence.

use wac_events::{Position, Recorded};
use wac_projections::{ColumnKind, Value};
use wac_store::Db;

use crate::RunnerError;
use crate::checkpoint::{Checkpoint, int};
use crate::conn::{self, Conn};
use crate::error::failed;

/// An event that a projection could not take.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ParkedEvent {
    /// The projection.
    pub projection: String,
    /// Its version.
    pub version: u32,
    /// Where the event stands in the log.
    pub position: Position,
    /// Its wire name.
    pub event_type: String,
    /// What is wrong with it, for the operator.
    pub reason: String,
}

impl ParkedEvent {
    pub(crate) fn new(checkpoint: &Checkpoint, event: &Recorded, reason: String) -> Self {
        Self {
            projection: checkpoint.name.clone(),
            version: checkpoint.version,
            position: event.position,
            event_type: event.event_type.to_string(),
            reason,
        }
    }
}

pub(crate) async fn insert(conn: &mut Conn<'_>, generation: u64, event: &ParkedEvent) -> Result<(), RunnerError> {
    let sql = "insert into parked_events (projection, version, generation, position, event_type, reason) \
               values ($1, $2, $3, $4, $5, $6) on conflict do nothing";
    let binds = vec![
        Value::Text(event.projection.clone()),
        int(event.version.into()),
        int(generation),
        int(event.position.0),
        Value::Text(event.event_type.clone()),
        Value::Text(event.reason.replace('\0', "\u{fffd}")),
    ];
    conn.execute(sql, binds).await.map(drop).map_err(failed("parking an event"))
}

/// Parked events of every projection, oldest first, at most `limit`.
pub async fn parked_events(db: &Db, limit: usize) -> Result<Vec<ParkedEvent>, RunnerError> {
    use ColumnKind::{Int, Text};
    let sql = "select projection, version, position, event_type, reason from parked_events \
               order by position, projection limit $1";
    let rows = conn::fetch(db, sql, vec![int(limit as u64)], &[Text, Int, Int, Text, Text]).await;
    let read = |row: &Vec<Value>| {
        Some(ParkedEvent {
            projection: row[0].as_text()?.to_owned(),
            version: u32::try_from(row[1].as_int()?).ok()?,
            position: Position(u64::try_from(row[2].as_int()?).ok()?),
            event_type: row[3].as_text()?.to_owned(),
            reason: row[4].as_text()?.to_owned(),
        })
    };
    Ok(rows.map_err(failed("reading parked events"))?.iter().filter_map(read).collect())
}

/// How many events are parked, by projection, version and generation.
pub(crate) async fn count(db: &Db) -> Result<Vec<(String, u32, u64, u64)>, RunnerError> {
    use ColumnKind::{Int, Text};
    let sql = "select projection, version, generation, count(*) from parked_events \
               group by projection, version, generation";
    let rows =
        conn::fetch(db, sql, Vec::new(), &[Text, Int, Int, Int]).await.map_err(failed("counting parked events"))?;
    let number = |value: &Value| value.as_int().and_then(|int| u64::try_from(int).ok());
    let read = |row: &Vec<Value>| {
        let version = u32::try_from(number(&row[1])?).ok()?;
        Some((row[0].as_text()?.to_owned(), version, number(&row[2])?, number(&row[3])?))
    };
    Ok(rows.iter().filter_map(read).collect())
}
