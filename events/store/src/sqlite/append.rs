//! Appending to SQLite: one statement text begins, inserts the whole batch, moves the head and
//! commits, so that a batch costs one hop to the connection's thread.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments, AssertSqlSafe, ConnectOptions, Connection, Executor, SqliteConnection};
use tokio::sync::OwnedMutexGuard;
use uuid::Uuid;
use wac_events::{CommandId, StoreError, StreamId, Time};

use super::error::{code, commit_error, write_error};
use crate::db::{WriterPlace, sqlite_options};
use crate::error::failed;
use crate::filter::int;
use crate::writer::backend::{Backend, Batch, Commit, CommitError, Found, Moved};
use crate::writer::plan::Row;
use crate::writer::trouble::PROBE_SQL;

/// Rows one INSERT takes. Smaller batches use the next power of two and leave the rest unbound.
const INSERT_ROWS_MAX: usize = 128;
const COLUMNS: usize = 13;
/// If others have appended more than this since this writer last looked, it forgets what it knew.
const MOVED_POSITIONS_MAX: u64 = 10_000;
/// Prepared statements kept: one for each power of two, alone and in a transaction of its own, and the look-ups.
const STATEMENTS_MAX: usize = 40;

pub(super) struct SqliteBackend {
    path: PathBuf,
    place: WriterPlace,
    connection: Option<SqliteConnection>,
    /// Time of the last event as of the last look or append; checked with the head.
    recorded_at: Time,
    /// The writer's place, while a transaction is open over several calls.
    locked: Option<OwnedMutexGuard<()>>,
    /// Statement texts by power of two.
    whole: Vec<Arc<str>>,
    inserts: Vec<Arc<str>>,
}

impl SqliteBackend {
    pub(super) async fn connect(path: &Path, place: WriterPlace) -> Result<Self, sqlx::Error> {
        let powers = || (0..=INSERT_ROWS_MAX.trailing_zeros()).map(|power| insert_sql(1 << power));
        let whole = powers().map(|insert| {
            format!(
                "begin immediate; {insert}; update log_head set position = ?, recorded_at = ? where log = 'main'; commit"
            )
        });
        let mut backend = Self {
            path: path.to_owned(),
            place,
            connection: None,
            recorded_at: Time::EPOCH,
            locked: None,
            whole: whole.map(Arc::from).collect(),
            inserts: powers().map(Arc::from).collect(),
        };
        backend.connection().await?;
        Ok(backend)
    }

    async fn connection(&mut self) -> Result<&mut SqliteConnection, sqlx::Error> {
        if self.connection.is_none() {
            let options = sqlite_options(&self.path).create_if_missing(false).statement_cache_capacity(STATEMENTS_MAX);
            self.connection = Some(options.connect().await?);
        }
        Ok(self.connection.as_mut().expect("it has just been opened"))
    }

    async fn place(&self) -> OwnedMutexGuard<()> {
        self.place.take().await
    }

    async fn versions(&mut self, streams: &[StreamId]) -> Result<Vec<(StreamId, u64)>, sqlx::Error> {
        let names: Vec<_> = streams.iter().map(StreamId::as_str).collect();
        let json = serde_json::to_string(&names).expect("strings are JSON");
        let rows: Vec<(String, i64)> = sqlx::query_as(
            "select value, coalesce((select max(version) from events where stream_id = value), 0) from json_each($1)",
        )
        .bind(json)
        .fetch_all(self.connection().await?)
        .await?;
        Ok(rows.into_iter().map(|(stream, version)| (StreamId::from(stream), version.unsigned_abs())).collect())
    }

    async fn commands(&mut self, commands: &[CommandId]) -> Result<Vec<(CommandId, u64, u64)>, sqlx::Error> {
        let mut found = Vec::new();
        for command in commands {
            let row: Option<(i64, i64)> =
                sqlx::query_as("select position, command_last from events where command_id = $1")
                    .bind(command.0)
                    .fetch_optional(self.connection().await?)
                    .await?;
            found.extend(row.map(|(first, last)| (*command, first.unsigned_abs(), last.unsigned_abs())));
        }
        Ok(found)
    }

    /// The head, and what others have done to streams since `known_head`, at least up to it.
    async fn moved_since(&mut self, known_head: u64) -> Result<Moved, sqlx::Error> {
        let head = super::head(self.connection().await?).await?;
        self.recorded_at = head.recorded_at;
        let head = head.position.0;
        if head < known_head || head - known_head > MOVED_POSITIONS_MAX {
            return Ok(Moved { head, versions: Vec::new(), complete: false });
        }
        let rows: Vec<(String, i64)> =
            sqlx::query_as("select stream_id, max(version) from events where position > $1 group by stream_id")
                .bind(int(known_head))
                .fetch_all(self.connection().await?)
                .await?;
        let versions = rows.into_iter().map(|(stream, version)| (StreamId::from(stream), version.unsigned_abs()));
        Ok(Moved { head, versions: versions.collect(), complete: true })
    }

    /// Looks at the streams this writer only believes to know.
    async fn verify(&mut self, batch: &Batch<'_>) -> Result<Option<Moved>, sqlx::Error> {
        let believed: Vec<_> = batch.bases.iter().filter(|base| base.verify).collect();
        if believed.is_empty() {
            return Ok(None);
        }
        let streams: Vec<_> = believed.iter().map(|base| base.stream.clone()).collect();
        let actual = self.versions(&streams).await?;
        let holds = |base: &&&crate::writer::plan::Base<'_>| {
            actual.iter().any(|(stream, version)| stream == base.stream && *version == base.version)
        };
        if believed.iter().filter(holds).count() == believed.len() {
            return Ok(None);
        }
        let mut moved = self.moved_since(batch.known_head).await?;
        moved.versions.extend(actual);
        Ok(Some(moved))
    }

    async fn write(&mut self, batch: &Batch<'_>, recorded_at: Time) -> Result<(), (sqlx::Error, bool)> {
        let head = batch.known_head;
        let (whole, inserts, begun) = (self.whole.clone(), self.inserts.clone(), self.locked.is_some());
        let connection = self.connection().await.map_err(|error| (error, false))?;
        if !begun && batch.rows.len() <= INSERT_ROWS_MAX {
            let rows = batch.rows.len().next_power_of_two();
            let mut args = arguments(batch.rows, rows, head, head, recorded_at);
            bind(&mut args, int(head + batch.rows.len() as u64));
            bind(&mut args, recorded_at.micros());
            return run(connection, &whole[rows.trailing_zeros() as usize], args).await.map_err(|error| (error, true));
        }
        let before = |error| (error, false);
        if !begun {
            connection.execute("begin immediate").await.map_err(before)?;
        }
        let mut first = head;
        for chunk in batch.rows.chunks(INSERT_ROWS_MAX) {
            let rows = chunk.len().next_power_of_two();
            let args = arguments(chunk, rows, head, first, recorded_at);
            run(connection, &inserts[rows.trailing_zeros() as usize], args).await.map_err(before)?;
            first += chunk.len() as u64;
        }
        sqlx::query("update log_head set position = $1, recorded_at = $2 where log = 'main'")
            .bind(int(first))
            .bind(recorded_at.micros())
            .execute(&mut *connection)
            .await
            .map_err(before)?;
        connection.execute("commit").await.map_err(|error| (error, true))?;
        Ok(())
    }

    /// Takes back what a failed batch has begun. A connection that cannot even do that is dropped,
    /// which does it too.
    async fn roll_back(&mut self) {
        let _place = self.locked.take();
        if let Some(mut connection) = self.connection.take() {
            let rolled_back = connection.execute("rollback").await;
            // Without an open transaction SQLite answers with the general error.
            if rolled_back.is_ok() || rolled_back.is_err_and(|error| code(&error) == Some(1)) {
                self.connection = Some(connection);
            }
        }
    }
}

impl Backend for SqliteBackend {
    // Whoever waits for a file's lock asks again and again instead of queueing, and may starve.
    const LOCK_AFTER: u32 = 1;

    async fn look_up(&mut self, streams: &[StreamId], commands: &[CommandId]) -> Result<Found, StoreError> {
        let named = || failed("look up streams and commands");
        let head = super::head(self.connection().await.map_err(named())?).await.map_err(named())?;
        self.recorded_at = head.recorded_at;
        let versions = if streams.is_empty() { Vec::new() } else { self.versions(streams).await.map_err(named())? };
        let commands = self.commands(commands).await.map_err(named())?;
        Ok(Found { head: head.position.0, versions, commands })
    }

    async fn commit(&mut self, batch: Batch<'_>) -> Result<Commit, CommitError> {
        let _place = match self.locked {
            Some(_) => None,
            None => Some(self.place().await),
        };
        if let Some(moved) = self.verify(&batch).await.map_err(|error| commit_error(error, false))? {
            return Ok(Commit::Moved(moved));
        }
        let recorded_at = batch.now.max(self.recorded_at);
        let Err((error, committing)) = self.write(&batch, recorded_at).await else {
            self.locked = None;
            self.recorded_at = recorded_at;
            return Ok(Commit::Written { head_before: batch.known_head, moved: Vec::new() });
        };
        self.roll_back().await;
        let error = commit_error(error, committing);
        if matches!(error, CommitError::Taken) {
            // Another process may have taken the positions this batch was meant for.
            match self.moved_since(batch.known_head).await {
                Ok(moved) if moved.head == batch.known_head => return Err(error),
                Ok(moved) => return Ok(Commit::Moved(moved)),
                Err(error) => return Err(commit_error(error, false)),
            }
        }
        Err(error)
    }

    async fn lock(&mut self, known_head: u64) -> Result<Moved, StoreError> {
        let named = || failed("lock the head");
        if self.locked.is_none() {
            let place = self.place().await;
            self.connection().await.map_err(named())?.execute("begin immediate").await.map_err(named())?;
            self.locked = Some(place);
        }
        self.moved_since(known_head).await.map_err(named())
    }

    async fn unlock(&mut self) {
        if self.locked.is_some() {
            self.roll_back().await;
        }
    }

    async fn probe(&mut self, text: &str) -> Result<(), StoreError> {
        let _place = self.place().await;
        let connection = self.connection().await.map_err(failed("connect"))?;
        let written = connection.execute(sqlx::query(PROBE_SQL).bind(text.to_owned())).await;
        written.map(drop).map_err(write_error)
    }

    async fn close(&mut self) {
        if let Some(connection) = self.connection.take()
            && let Err(error) = connection.close().await
        {
            tracing::warn!(%error, "closing the write connection");
        }
    }
}

/// An INSERT of up to `rows` rows; those whose position is unbound are skipped.
fn insert_sql(rows: usize) -> String {
    let row = format!("({})", vec!["?"; COLUMNS].join(","));
    let values = vec![row.as_str(); rows].join(",");
    format!(
        "insert into events (position, stream_id, version, event_id, type, schema_version, domain, data, meta, \
         command_id, command_last, occurred_at, recorded_at) \
         select * from (values {values}) where column1 is not null"
    )
}

/// Values for `slots` rows, of which `rows` are there; the first gets position `before + 1`. `head`
/// is the head before the whole batch.
fn arguments(rows: &[Row<'_>], slots: usize, head: u64, before: u64, recorded_at: Time) -> SqliteArguments {
    let mut args = SqliteArguments::default();
    args.reserve(slots * COLUMNS + 2, 0);
    for (index, row) in rows.iter().enumerate() {
        let event = row.event;
        bind(&mut args, int(before + 1 + index as u64));
        bind(&mut args, row.stream.as_str());
        bind(&mut args, int(row.version));
        bind(&mut args, event.event_id.0);
        bind(&mut args, event.event_type);
        bind(&mut args, i64::from(event.schema_version));
        bind(&mut args, event.domain.as_ref().map(|domain| domain.as_str()));
        bind(&mut args, event.data.as_str());
        bind(&mut args, event.meta.as_str());
        bind(&mut args, row.command.map(|(command, _)| command.0));
        bind(&mut args, row.command.map(|(_, last)| int(head + 1 + last as u64)));
        bind(&mut args, event.occurred_at.micros());
        bind(&mut args, recorded_at.micros());
    }
    for _ in 0..(slots - rows.len()) * COLUMNS {
        bind(&mut args, None::<Uuid>);
    }
    args
}

fn bind<'q, T>(args: &mut SqliteArguments, value: T)
where
    T: sqlx::Encode<'q, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite> + 'q,
{
    args.add(value).expect("numbers, texts and bytes can always be encoded");
}

async fn run(connection: &mut SqliteConnection, sql: &Arc<str>, args: SqliteArguments) -> Result<(), sqlx::Error> {
    connection.execute(sqlx::query_with(AssertSqlSafe(sql.clone()), args)).await?;
    Ok(())
}
