//! Keys in SQLite.

use std::path::{Path, PathBuf};
use std::sync::MutexGuard;
use std::time::Duration;

use sqlx::{ConnectOptions, Connection, SqliteConnection, SqlitePool};
use tokio::sync::{Mutex, oneshot};
use tokio::time::Instant;
use wac_events::{StoreError, SubjectId, Time};

use super::{KeyTable, Stored};
use crate::db::{SqliteDb, WriterPlace, sqlite_options};
use crate::error::failed;

/// How long the destruction of a key waits for readers and other checkpoints.
const TRUNCATE_TIMEOUT: Duration = Duration::from_secs(10);
/// Pause between attempts.
const TRUNCATE_PAUSE: Duration = Duration::from_millis(10);

/// A key on its way into the table.
struct NewKey {
    subject: SubjectId,
    wrapped: Vec<u8>,
    now: Time,
    answer: oneshot::Sender<Result<Stored, StoreError>>,
}

pub(crate) struct SqliteKeys {
    path: PathBuf,
    readers: SqlitePool,
    place: WriterPlace,
    /// Opened when the first key is made. Commits are on the disk before they return, unlike
    /// those of the read models.
    writer: Mutex<Option<SqliteConnection>>,
    /// Keys to be made. Whoever gets the writer first stores all of them, so that any number of
    /// people who arrive together cost one commit.
    waiting: std::sync::Mutex<Vec<NewKey>>,
}

impl SqliteKeys {
    pub(crate) fn new(path: &Path, db: &SqliteDb) -> Self {
        Self {
            path: path.to_owned(),
            readers: db.readers().clone(),
            place: db.place(),
            writer: Mutex::new(None),
            waiting: std::sync::Mutex::default(),
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<NewKey>> {
        self.waiting.lock().expect("nobody panics while holding the queue")
    }

    /// Stores a batch in one transaction and answers everybody in it.
    async fn store(&self, writer: &mut Option<SqliteConnection>, batch: Vec<NewKey>) {
        let _place = self.place.take().await;
        match self.commit(writer, &batch).await {
            Ok(rows) => batch.into_iter().zip(rows).for_each(|(new, row)| drop(new.answer.send(Ok(row)))),
            Err(error) => {
                // A transaction that failed may still be open on it, and would be for ever.
                *writer = None;
                let error = StoreError::new("store subject keys", error);
                batch.into_iter().for_each(|new| drop(new.answer.send(Err(error.clone()))));
            }
        }
    }

    async fn commit(
        &self,
        writer: &mut Option<SqliteConnection>,
        batch: &[NewKey],
    ) -> Result<Vec<Stored>, sqlx::Error> {
        let mut tx = self.open(writer).await?.begin_with("BEGIN IMMEDIATE").await?;
        let mut rows = Vec::with_capacity(batch.len());
        for new in batch {
            sqlx::query(
                "insert into subject_keys (subject, wrapped, created_at) values ($1, $2, $3) on conflict do nothing",
            )
            .bind(new.subject.as_str())
            .bind(new.wrapped.as_slice())
            .bind(new.now.micros())
            .execute(&mut *tx)
            .await?;
            let wrapped: Option<Vec<u8>> = sqlx::query_scalar("select wrapped from subject_keys where subject = $1")
                .bind(new.subject.as_str())
                .fetch_one(&mut *tx)
                .await?;
            rows.push(stored(wrapped));
        }
        tx.commit().await?;
        Ok(rows)
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
        loop {
            let (answer, answered) = oneshot::channel();
            let new = NewKey { subject: subject.clone(), wrapped: wrapped.clone(), now, answer };
            self.waiting().push(new);
            {
                let mut writer = self.writer.lock().await;
                let batch = std::mem::take(&mut *self.waiting());
                if !batch.is_empty() {
                    self.store(&mut writer, batch).await;
                }
            }
            // Without an answer: whoever had taken this key into his batch has gone away with it.
            if let Ok(stored) = answered.await {
                return stored;
            }
        }
    }

    async fn destroy(&self, subject: &SubjectId, now: Time) -> Result<(), StoreError> {
        let named = || failed("destroy a subject key");
        let mut writer = self.writer.lock().await;
        let _place = self.place.take().await;
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
