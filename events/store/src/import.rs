//! Bringing an exported log into an empty one: the only way into the log beside appending.
//!
//! Positions, versions, ids and times are kept, so that the copy folds into the same state. All of
//! it happens in one transaction: an import that breaks off leaves the log empty.

use std::collections::HashMap;

use sqlx::{ConnectOptions, Connection, PgConnection, Postgres, SqliteConnection, Transaction};
use uuid::Uuid;
use wac_events::{CommandId, Position, Recorded, StoreError, StreamId, SubjectId, Time};

use crate::db::sqlite_options;
use crate::error::failed;
use crate::postgres::PgTime;
use crate::{Db, SqliteWrite, Stores};

/// Events that wait for the last one of their command; a whole command fits.
const ROWS_MAX: usize = 2 * wac_events::COMMAND_EVENTS_MAX;

/// Why an import did not happen. The log is as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// Only an empty log can take one.
    #[error("the log is not empty: its last position is {0}; an import needs an empty one")]
    NotEmpty(Position),
    /// The events are not a whole log.
    #[error("the event at position {position} does not fit: {reason}")]
    Event {
        /// Where it says it stands.
        position: Position,
        /// What is wrong with it.
        reason: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What an export says of a subject's key.
#[derive(Clone, Debug)]
pub enum ImportedKey {
    /// The key, wrapped by the deployment's master key.
    Wrapped(Vec<u8>),
    /// It is destroyed, or not carried: what it sealed can never be read here.
    Erased,
}

/// An import under way; dropped without [`LogImport::commit`] nothing has happened.
pub struct LogImport {
    target: Target,
    next: u64,
    recorded_at: Time,
    versions: HashMap<StreamId, u64>,
    rows: Vec<Recorded>,
    commands: Vec<CommandId>,
}

enum Target {
    Postgres(Transaction<'static, Postgres>),
    Sqlite(Box<SqliteWrite>, std::path::PathBuf),
}

impl LogImport {
    /// Takes the log's head, so that nobody appends meanwhile, and looks that there is nothing yet.
    pub async fn begin(stores: &Stores) -> Result<Self, ImportError> {
        const HEAD: &str = "select position from log_head where log = 'main'";
        let named = || failed("begin an import");
        let (target, head) = match &stores.db {
            Db::Postgres(pool) => {
                let mut tx = pool.begin().await.map_err(named())?;
                let head: i64 = sqlx::query_scalar("select position from log_head where log = 'main' for update")
                    .fetch_one(&mut *tx)
                    .await
                    .map_err(named())?;
                (Target::Postgres(tx), head)
            }
            Db::Sqlite(db) => {
                let path = db.readers().connect_options().get_filename().to_owned();
                let mut tx = db.write().await.map_err(named())?;
                let head: i64 = sqlx::query_scalar(HEAD).fetch_one(&mut *tx).await.map_err(named())?;
                (Target::Sqlite(Box::new(tx), path), head)
            }
        };
        if head != 0 {
            return Err(ImportError::NotEmpty(Position(head.unsigned_abs())));
        }
        Ok(Self {
            target,
            next: 1,
            recorded_at: Time::EPOCH,
            versions: HashMap::new(),
            rows: Vec::new(),
            commands: Vec::new(),
        })
    }

    /// The next event of the log, from position 1 on.
    pub async fn event(&mut self, event: Recorded) -> Result<(), ImportError> {
        let command = self.check(&event)?;
        self.next += 1;
        self.recorded_at = event.recorded_at;
        self.versions.insert(event.stream.clone(), event.version);
        // A command's events are contiguous; only whole commands are written.
        if self.rows.len() >= wac_events::COMMAND_EVENTS_MAX && self.commands.last() != Some(&command) {
            self.flush().await?;
        }
        if self.rows.len() >= ROWS_MAX {
            let position = event.position;
            return Err(ImportError::Event { position, reason: "its command has too many events".to_owned() });
        }
        self.rows.push(event);
        self.commands.push(command);
        Ok(())
    }

    /// A subject's key. One whose erasure this database knows stays erased.
    pub async fn key(&mut self, subject: &SubjectId, key: ImportedKey, now: Time) -> Result<(), ImportError> {
        const SQL: &str = "insert into subject_keys (subject, wrapped, created_at, erased_at)
            values ($1, $2, $3, $4) on conflict do nothing";
        let (wrapped, erased_at) = match key {
            ImportedKey::Wrapped(wrapped) => (Some(wrapped), None),
            ImportedKey::Erased => (None, Some(now)),
        };
        let named = || failed("import a subject key");
        match &mut self.target {
            Target::Postgres(tx) => {
                let query = sqlx::query(SQL).bind(subject.as_str()).bind(wrapped);
                query.bind(PgTime(now)).bind(erased_at.map(PgTime)).execute(&mut **tx).await.map_err(named())?;
            }
            Target::Sqlite(tx, _) => {
                let query = sqlx::query(SQL).bind(subject.as_str()).bind(wrapped);
                let query = query.bind(now.micros()).bind(erased_at.map(Time::micros));
                query.execute(&mut ***tx).await.map_err(named())?;
            }
        }
        Ok(())
    }

    /// Makes all of it durable and visible. Returns the last position.
    pub async fn commit(mut self) -> Result<Position, ImportError> {
        self.flush().await?;
        let named = || failed("finish an import");
        let last = self.next - 1;
        let head = i64::try_from(last).expect("positions fit a bigint");
        match self.target {
            Target::Postgres(mut tx) => {
                sqlx::query("update log_head set position = $1, recorded_at = $2 where log = 'main'")
                    .bind(head)
                    .bind(PgTime(self.recorded_at))
                    .execute(&mut *tx)
                    .await
                    .map_err(named())?;
                tx.commit().await.map_err(named())?;
            }
            Target::Sqlite(mut tx, path) => {
                sqlx::query("update log_head set position = $1, recorded_at = $2 where log = 'main'")
                    .bind(head)
                    .bind(self.recorded_at.micros())
                    .execute(&mut **tx)
                    .await
                    .map_err(named())?;
                tx.commit().await.map_err(named())?;
                // The transaction was that of a read model, which does not wait for the disk.
                let mut connection = sqlite_options(&path).connect().await.map_err(named())?;
                sqlx::query("pragma wal_checkpoint(truncate)").execute(&mut connection).await.map_err(named())?;
                connection.close().await.map_err(named())?;
            }
        }
        Ok(Position(last))
    }

    fn check(&self, event: &Recorded) -> Result<CommandId, ImportError> {
        let wrong = |reason: String| ImportError::Event { position: event.position, reason };
        if event.position.0 != self.next {
            return Err(wrong(format!("position {} was expected", self.next)));
        }
        let version = self.versions.get(&event.stream).copied().unwrap_or(0) + 1;
        if event.version != version {
            return Err(wrong(format!("version {version} of {} was expected, not {}", event.stream, event.version)));
        }
        if event.recorded_at < self.recorded_at {
            return Err(wrong("it was recorded before the one in front of it".to_owned()));
        }
        if !event.data.starts_with('{') || serde_json::from_str::<serde::de::IgnoredAny>(&event.data).is_err() {
            return Err(wrong("its payload is no JSON object".to_owned()));
        }
        let meta = event.meta().map_err(|error| wrong(format!("its metadata: {error}")))?;
        Ok(meta.command_id)
    }

    async fn flush(&mut self) -> Result<(), ImportError> {
        let rows = std::mem::take(&mut self.rows);
        let commands = std::mem::take(&mut self.commands);
        let ends = command_ends(&rows, &commands);
        let named = || failed("import events");
        match &mut self.target {
            Target::Postgres(tx) => insert_postgres(tx, &rows, &ends).await.map_err(named())?,
            Target::Sqlite(tx, _) => {
                for (row, end) in rows.iter().zip(&ends) {
                    insert_sqlite(tx, row, *end).await.map_err(named())?;
                }
            }
        }
        Ok(())
    }
}

/// For the first event of each command its id and last position; nothing for the others.
fn command_ends(rows: &[Recorded], commands: &[CommandId]) -> Vec<Option<(Uuid, i64)>> {
    let mut ends = vec![None; rows.len()];
    let mut first = 0;
    for index in 0..rows.len() {
        if commands[index] != commands[first] {
            first = index;
        }
        ends[first] = Some((commands[first].0, int(rows[index].position.0)));
    }
    ends
}

async fn insert_sqlite(
    connection: &mut SqliteConnection,
    row: &Recorded,
    end: Option<(Uuid, i64)>,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into events (position, stream_id, version, event_id, type, schema_version, domain, data, meta,
            command_id, command_last, occurred_at, recorded_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
    )
    .bind(int(row.position.0))
    .bind(row.stream.as_str())
    .bind(int(row.version))
    .bind(row.event_id.0)
    .bind(&*row.event_type)
    .bind(i64::from(row.schema_version))
    .bind(row.domain.as_ref().map(|domain| domain.as_str()))
    .bind(&row.data)
    .bind(&row.meta)
    .bind(end.map(|(command, _)| command))
    .bind(end.map(|(_, last)| last))
    .bind(row.occurred_at.micros())
    .bind(row.recorded_at.micros())
    .execute(connection)
    .await?;
    Ok(())
}

async fn insert_postgres(
    connection: &mut PgConnection,
    rows: &[Recorded],
    ends: &[Option<(Uuid, i64)>],
) -> Result<(), sqlx::Error> {
    fn column<T>(rows: &[Recorded], value: impl Fn(&Recorded) -> T) -> Vec<T> {
        rows.iter().map(value).collect()
    }
    sqlx::query(
        "insert into events (position, stream_id, version, event_id, type, schema_version, domain, data, meta,
            command_id, command_last, occurred_at, recorded_at)
         select p, s, v, i, t, sv, d, data::json, meta::json, c, l, o, r
         from unnest($1::bigint[], $2::text[], $3::bigint[], $4::uuid[], $5::text[], $6::int[], $7::text[], $8::text[],
            $9::text[], $10::uuid[], $11::bigint[], $12::timestamptz[], $13::timestamptz[])
            as e(p, s, v, i, t, sv, d, data, meta, c, l, o, r)",
    )
    .bind(column(rows, |row| int(row.position.0)))
    .bind(column(rows, |row| row.stream.as_str().to_owned()))
    .bind(column(rows, |row| int(row.version)))
    .bind(column(rows, |row| row.event_id.0))
    .bind(column(rows, |row| row.event_type.to_string()))
    .bind(column(rows, |row| i32::try_from(row.schema_version).unwrap_or(i32::MAX)))
    .bind(column(rows, |row| row.domain.as_ref().map(|domain| domain.as_str().to_owned())))
    .bind(column(rows, |row| row.data.clone()))
    .bind(column(rows, |row| row.meta.clone()))
    .bind(ends.iter().map(|end| end.map(|(command, _)| command)).collect::<Vec<_>>())
    .bind(ends.iter().map(|end| end.map(|(_, last)| last)).collect::<Vec<_>>())
    .bind(column(rows, |row| PgTime(row.occurred_at)))
    .bind(column(rows, |row| PgTime(row.recorded_at)))
    .execute(connection)
    .await?;
    Ok(())
}

fn int(number: u64) -> i64 {
    i64::try_from(number).expect("positions and versions fit a bigint")
}
