//! Keys in SQLite.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::{ConnectOptions, Connection, SqliteConnection, SqlitePool};
use tokio::sync::Mutex;
use tokio::time::Instant;
use wac_events::{StoreError, SubjectId, Time};

use super::{KeyTable, Stored};
use crate::db::{SqliteDb, WriterPlace, sqlite_options};
use crate::error::failed;

/// How long the destruction of a key waits for readers and other checkpoints.
const TRUNCATE_TIMEOUT: Duration = Duration::from_secs(10);
/// Pause between attempts.
const TRUNCATE_PAUSE: Duration = Duration::from_millis(10);

pub(crate) struct SqliteKeys {
    path: PathBuf,
    readers: SqlitePool,
    place: WriterPlace,
    /// Opened when the first key is made. Commits are on the disk before they return, unlike
    /// those of the read models.
    writer: Mutex<Option<SqliteConnection>>,
}

impl SqliteKeys {
    pub(crate) fn new(path: &Path, db: &SqliteDb) -> Self {
        Self { path: path.to_owned(), readers: db.readers().clone(), place: db.place(), writer: Mutex::new(None) }
    }

    async fn open<'a>(
        &self,
        writer: &'a mut Option<SqliteConnection>,
    ) -> Result<&'a mut SqliteConnection, sqlx::Error> {
        if writer.is_none() {
            *writer = Some(sqlite_options(&self.path).create_if_missing(false).connect().await?);
        }
        Ok(writer.as_mut().expect("it has just been opened"))
    }
}

/// Empties the write-ahead log: what was deleted or overwritten is overwritten in the file itself
/// (`secure_delete`), but the log still holds pages from before.
async fn truncate_wal(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    let deadline = Instant::now() + TRUNCATE_TIMEOUT;
    loop {
        let (busy, ..): (i64, i64, i64) =
            sqlx::query_as("pragma wal_checkpoint(truncate)").fetch_one(&mut *connection).await?;
        if busy == 0 {
            return Ok(());
        }
        if Instant::now() > deadline {
            let text = "a long read keeps the write-ahead log from being emptied; try again";
            return Err(sqlx::Error::Protocol(text.into()));
        }
        // Another connection moves pages right now, for which SQLite does not wait by itself.
        tokio::time::sleep(TRUNCATE_PAUSE).await;
    }
}

impl KeyTable for SqliteKeys {
    async fn find(&self, subjects: &[SubjectId]) -> Result<Vec<(SubjectId, Stored)>, StoreError> {
        let names: Vec<_> = subjects.iter().map(SubjectId::as_str).collect();
        let names = serde_json::to_string(&names).expect("strings are JSON");
        let rows: Vec<(String, Option<Vec<u8>>)> = sqlx::query_as(
            "select subject, wrapped from subject_keys where subject in (select value from json_each($1))",
        )
        .bind(names)
        .fetch_all(&self.readers)
        .await
        .map_err(failed("read subject keys"))?;
        Ok(rows.into_iter().map(|(subject, wrapped)| (SubjectId::from(subject), stored(wrapped))).collect())
    }

    async fn insert(&self, subject: &SubjectId, wrapped: Vec<u8>, now: Time) -> Result<Stored, StoreError> {
        let named = || failed("store a subject key");
        let mut writer = self.writer.lock().await;
        let _place = self.place.lock().await;
        let connection = self.open(&mut writer).await.map_err(named())?;
        let mut tx = connection.begin_with("BEGIN IMMEDIATE").await.map_err(named())?;
        sqlx::query(
            "insert into subject_keys (subject, wrapped, created_at) values ($1, $2, $3) on conflict do nothing",
        )
        .bind(subject.as_str())
        .bind(wrapped)
        .bind(now.micros())
        .execute(&mut *tx)
        .await
        .map_err(named())?;
        let wrapped: Option<Vec<u8>> = sqlx::query_scalar("select wrapped from subject_keys where subject = $1")
            .bind(subject.as_str())
            .fetch_one(&mut *tx)
            .await
            .map_err(named())?;
        tx.commit().await.map_err(named())?;
        Ok(stored(wrapped))
    }

    async fn destroy(&self, subject: &SubjectId, now: Time) -> Result<(), StoreError> {
        let named = || failed("destroy a subject key");
        let mut writer = self.writer.lock().await;
        let _place = self.place.lock().await;
        let connection = self.open(&mut writer).await.map_err(named())?;
        sqlx::query(
            "insert into subject_keys (subject, created_at, erased_at) values ($1, $2, $2) \
             on conflict (subject) do update set wrapped = null, erased_at = coalesce(erased_at, excluded.erased_at)",
        )
        .bind(subject.as_str())
        .bind(now.micros())
        .execute(&mut *connection)
        .await
        .map_err(named())?;
        truncate_wal(connection).await.map_err(named())
    }
}

fn stored(wrapped: Option<Vec<u8>>) -> Stored {
    wrapped.map_or(Stored::Erased, Stored::Wrapped)
}
