//! Appending to PostgreSQL: one call of `log_append` for each batch.

use std::time::Duration;

use sqlx::postgres::{PgArguments, PgConnectOptions};
use sqlx::{Arguments, ConnectOptions, Connection, Executor, PgConnection, Row as _};
use tokio::time::{Instant, timeout};
use uuid::Uuid;
use wac_events::{CommandId, StoreError, StreamId};

use super::error::{commit_error, write_error};
use super::types::{JsonText, PgTime};
use crate::error::failed;
use crate::filter::int;
use crate::writer::backend::{Backend, Batch, Commit, CommitError, Found, Moved};
use crate::writer::plan::Row;
use crate::writer::trouble::PROBE_SQL;

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a look-up may take.
const LOOK_UP_TIMEOUT: Duration = Duration::from_secs(5);
/// How long one batch may take before its connection is given up and its outcome looked up.
const COMMIT_TIMEOUT: Duration = Duration::from_secs(10);
/// A connection unused for longer is tried out before a batch is sent, so that one which died
/// meanwhile does not make the batch's outcome a question.
const TRUSTED_IDLE: Duration = Duration::from_millis(500);
/// After a failed attempt to connect, callers get its error for this long without another one.
const CONNECT_PAUSE: Duration = Duration::from_millis(100);

const APPEND: &str = "select head, written, streams, versions from log_append(\
    $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)";

pub(super) struct PostgresBackend {
    options: PgConnectOptions,
    connection: Option<PgConnection>,
    used: Instant,
    /// A transaction that holds the head's lock is open over several calls.
    locked: bool,
    /// The last failed attempt to connect.
    refused: Option<(Instant, StoreError)>,
}

impl PostgresBackend {
    pub(super) fn new(options: PgConnectOptions) -> Self {
        Self { options, connection: None, used: Instant::now(), locked: false, refused: None }
    }

    async fn connect(&mut self) -> Result<(), StoreError> {
        if self.connection.is_some() && !self.locked && self.used.elapsed() > TRUSTED_IDLE {
            // A failure drops the connection, and the next one is made right here.
            let _ = self.run(LOOK_UP_TIMEOUT, async |connection| connection.ping().await).await;
        }
        if self.connection.is_some() {
            return Ok(());
        }
        if let Some((at, error)) = &self.refused
            && at.elapsed() < CONNECT_PAUSE
        {
            return Err(error.clone());
        }
        let error = match timeout(CONNECT_TIMEOUT, self.options.connect()).await {
            Ok(Ok(connection)) => {
                self.connection = Some(connection);
                self.refused = None;
                return Ok(());
            }
            Ok(Err(error)) => StoreError::new("connect", error),
            Err(late) => StoreError::new("connect", late),
        };
        self.refused = Some((Instant::now(), error.clone()));
        Err(error)
    }

    /// Runs `query` on the connection, which is given up unless it ends well or with an error of
    /// the server's own.
    async fn run<T>(
        &mut self,
        patience: Duration,
        query: impl AsyncFnOnce(&mut PgConnection) -> Result<T, sqlx::Error>,
    ) -> Result<T, sqlx::Error> {
        // Taken out: should this future be dropped halfway, so is the connection.
        let Some(mut connection) = self.connection.take() else {
            return Err(sqlx::Error::Protocol("not connected".into()));
        };
        let result = match timeout(patience, query(&mut connection)).await {
            Ok(result) => result,
            Err(_) => Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())),
        };
        let ended = |error: &sqlx::Error| {
            let state = error.as_database_error().and_then(|error| error.code());
            state.is_none_or(|state| state.starts_with("57P") || state.starts_with("08"))
        };
        if !result.as_ref().is_err_and(ended) {
            self.used = Instant::now();
            self.connection = Some(connection);
        }
        result
    }
}

impl Backend for PostgresBackend {
    const LOCK_AFTER: u32 = 2;

    async fn look_up(&mut self, streams: &[StreamId], commands: &[CommandId]) -> Result<Found, StoreError> {
        self.connect().await?;
        let looked = self.run(LOOK_UP_TIMEOUT, async |connection| look_up(connection, streams, commands).await).await;
        looked.map_err(failed("look up streams and commands"))
    }

    async fn commit(&mut self, batch: Batch<'_>) -> Result<Commit, CommitError> {
        self.connect().await.map_err(CommitError::NotWritten)?;
        let args = arguments(&batch);
        let locked = self.locked;
        let commit = self
            .run(COMMIT_TIMEOUT, async |connection| {
                // The answer counts only once the server has said that the transaction is over,
                // which `fetch_one` waits for.
                let row = sqlx::query_with(APPEND, args).fetch_one(&mut *connection).await?;
                let answer = answer(&row)?;
                if locked && matches!(answer, Commit::Written { .. }) {
                    connection.execute("commit").await?;
                }
                Ok(answer)
            })
            .await;
        if matches!(commit, Ok(Commit::Written { .. })) {
            self.locked = false;
        } else {
            self.unlock().await;
        }
        commit.map_err(commit_error)
    }

    async fn lock(&mut self, known_head: u64) -> Result<Moved, StoreError> {
        self.connect().await?;
        let locked = std::mem::replace(&mut self.locked, true);
        let moved = self
            .run(LOOK_UP_TIMEOUT, async |connection| {
                if !locked {
                    connection.execute("begin").await?;
                }
                lock(connection, known_head).await
            })
            .await;
        if moved.is_err() {
            self.unlock().await;
        }
        moved.map_err(failed("lock the head"))
    }

    async fn unlock(&mut self) {
        if std::mem::take(&mut self.locked) {
            let rolled_back =
                self.run(LOOK_UP_TIMEOUT, async |connection| connection.execute("rollback").await.map(drop)).await;
            if rolled_back.is_err() {
                self.connection = None;
            }
        }
    }

    async fn probe(&mut self, text: &str) -> Result<(), StoreError> {
        self.connect().await?;
        let write =
            async |connection: &mut PgConnection| sqlx::query(PROBE_SQL).bind(text).execute(connection).await.map(drop);
        self.run(LOOK_UP_TIMEOUT, write).await.map_err(write_error)
    }

    async fn close(&mut self) {
        if let Some(connection) = self.connection.take()
            && let Err(error) = connection.close().await
        {
            tracing::debug!(%error, "closing the write connection");
        }
    }
}

async fn look_up(
    connection: &mut PgConnection,
    streams: &[StreamId],
    commands: &[CommandId],
) -> Result<Found, sqlx::Error> {
    // The head comes first: what is read afterwards is complete up to it.
    let head = super::head(&mut *connection).await?.position.0;
    let mut found = Found { head, versions: Vec::new(), commands: Vec::new() };
    if !streams.is_empty() {
        let names: Vec<_> = streams.iter().map(StreamId::as_str).collect();
        let rows: Vec<(String, i64)> = sqlx::query_as(
            "select s, coalesce((select e.version from events e where e.stream_id = s \
             order by e.version desc limit 1), 0) from unnest($1::text[]) s",
        )
        .bind(names)
        .fetch_all(&mut *connection)
        .await?;
        let versions = rows.into_iter().map(|(stream, version)| (StreamId::from(stream), version.unsigned_abs()));
        found.versions = versions.collect();
    }
    if !commands.is_empty() {
        let ids: Vec<_> = commands.iter().map(|command| command.0).collect();
        let rows: Vec<(Uuid, i64, i64)> =
            sqlx::query_as("select command_id, position, command_last from events where command_id = any($1)")
                .bind(ids)
                .fetch_all(&mut *connection)
                .await?;
        let commands =
            rows.into_iter().map(|(id, first, last)| (CommandId(id), first.unsigned_abs(), last.unsigned_abs()));
        found.commands = commands.collect();
    }
    Ok(found)
}

/// If others have appended more than this since this writer last looked, it forgets what it knew;
/// `log_append` goes by the same figure.
const MOVED_POSITIONS_MAX: u64 = 10_000;

async fn lock(connection: &mut PgConnection, known_head: u64) -> Result<Moved, sqlx::Error> {
    let head: i64 = sqlx::query_scalar("select position from log_head where log = 'main' for update")
        .fetch_one(&mut *connection)
        .await?;
    let head = head.unsigned_abs();
    if head < known_head || head - known_head > MOVED_POSITIONS_MAX {
        return Ok(Moved { head, versions: Vec::new(), complete: false });
    }
    let rows: Vec<(String, i64)> = sqlx::query_as(
        "select stream_id, max(version) from events where position > $1 and position <= $2 group by stream_id",
    )
    .bind(int(known_head))
    .bind(int(head))
    .fetch_all(connection)
    .await?;
    let versions = rows.into_iter().map(|(stream, version)| (StreamId::from(stream), version.unsigned_abs()));
    Ok(Moved { head, versions: versions.collect(), complete: true })
}

fn arguments(batch: &Batch<'_>) -> PgArguments {
    let mut args = PgArguments::default();
    let text: usize = batch.rows.iter().map(|row| row.event.data.len() + row.event.meta.len()).sum();
    args.reserve(17, text + batch.rows.len() * 256);
    add(&mut args, int(batch.known_head));
    add(&mut args, PgTime(batch.now));
    let bases = || batch.bases.iter();
    add(&mut args, bases().map(|base| base.stream.as_str()).collect::<Vec<_>>());
    add(&mut args, bases().map(|base| int(base.version)).collect::<Vec<_>>());
    let checks = || batch.bases.iter().filter(|base| base.verify);
    add(&mut args, checks().map(|base| base.stream.as_str()).collect::<Vec<_>>());
    add(&mut args, checks().map(|base| int(base.version)).collect::<Vec<_>>());
    let rows = batch.rows;
    column(&mut args, rows, |row| row.stream.as_str());
    column(&mut args, rows, |row| int(row.version));
    column(&mut args, rows, |row| row.event.event_id.0);
    column(&mut args, rows, |row| row.event.event_type);
    // Validated to fit.
    column(&mut args, rows, |row| i32::try_from(row.event.schema_version).unwrap_or(i32::MAX));
    column(&mut args, rows, |row| row.event.domain.as_ref().map(|domain| domain.as_str()));
    column(&mut args, rows, |row| JsonText(&row.event.data));
    column(&mut args, rows, |row| JsonText(&row.event.meta));
    column(&mut args, rows, |row| row.command.map(|(command, _)| command.0));
    column(&mut args, rows, |row| row.command.map(|(_, last)| int(last as u64)));
    column(&mut args, rows, |row| PgTime(row.event.occurred_at));
    args
}

fn column<'a, T>(args: &mut PgArguments, rows: &'a [Row<'a>], value: impl Fn(&'a Row<'a>) -> T)
where
    Vec<T>: sqlx::Encode<'a, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
    T: 'a,
{
    add(args, rows.iter().map(value).collect::<Vec<_>>());
}

fn add<'a, T: sqlx::Encode<'a, sqlx::Postgres> + sqlx::Type<sqlx::Postgres> + 'a>(args: &mut PgArguments, value: T) {
    args.add(value).expect("numbers, texts and times can always be encoded");
}

fn answer(row: &sqlx::postgres::PgRow) -> Result<Commit, sqlx::Error> {
    let head = row.try_get::<i64, _>(0)?.unsigned_abs();
    let written: bool = row.try_get(1)?;
    let streams: Option<Vec<String>> = row.try_get(2)?;
    let versions: Option<Vec<i64>> = row.try_get(3)?;
    let complete = streams.is_some();
    let versions = streams.unwrap_or_default().into_iter().zip(versions.unwrap_or_default());
    let versions = versions.map(|(stream, version)| (StreamId::from(stream), version.unsigned_abs())).collect();
    Ok(match written {
        true => Commit::Written { head_before: head, moved: versions },
        false => Commit::Moved(Moved { head, versions, complete }),
    })
}
