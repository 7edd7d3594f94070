//! The log in a SQLite file: write-ahead log, `synchronous=FULL`, one writer.

mod append;
pub(crate) mod checkpoint;
mod error;
mod lines;
mod read;
mod watch;

use std::path::Path;
use std::sync::Arc;

use wac_events::{Environment, Head, Position, StoreError, Time};

use crate::db::SqliteDb;
use crate::error::failed;
use crate::log::StoreLog;
use crate::names::Names;
use crate::tail::Tail;
use crate::wake::Wake;
use crate::writer::WriterHandle;
use append::SqliteBackend;
use read::SqliteReader;
pub use watch::SQLITE_WATCH_INTERVAL;

pub(crate) type SqliteLog = StoreLog<SqliteReader>;

/// Starts the log of an already migrated file.
pub(crate) async fn start(
    path: &Path,
    db: &SqliteDb,
    environment: Arc<dyn Environment>,
) -> Result<SqliteLog, StoreError> {
    let backend = SqliteBackend::connect(path, db.place()).await.map_err(failed("open the write connection"))?;
    let reader = SqliteReader { pool: db.readers().clone(), names: Names::default() };
    let head = head(db.readers()).await.map_err(failed("read the head"))?;
    let wake = Arc::new(Wake::new(head.position.0));
    let writer = WriterHandle::start(vec![backend], environment, wake.clone());
    let watcher = watch::start(path, wake.clone()).await.map_err(failed("open the watching connection"))?;
    Ok(StoreLog { reader, writer, wake, tail: Some(Tail::default()), _watcher: Some(watcher) })
}

pub(crate) async fn head<'e>(executor: impl sqlx::Executor<'e, Database = sqlx::Sqlite>) -> Result<Head, sqlx::Error> {
    let (position, recorded_at): (i64, i64) =
        sqlx::query_as("select position, recorded_at from log_head where log = 'main'").fetch_one(executor).await?;
    Ok(Head { position: Position(position.unsigned_abs()), recorded_at: Time::from_micros(recorded_at) })
}
