//! The log in PostgreSQL: one function call appends a batch under the head row's lock.

mod append;
mod error;
mod listen;
mod read;
mod types;

use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions, Connection, PgPool};
use wac_events::{Environment, Head, Position, StoreError};

use crate::error::failed;
use crate::log::StoreLog;
use crate::names::Names;
use crate::tail::Tail;
use crate::wake::Wake;
use crate::writer::WriterHandle;
use append::PostgresBackend;
pub use listen::POSTGRES_WATCH_INTERVAL;
use read::PostgresReader;
pub(crate) use types::PgTime;

/// How long a caller waits for a connection of the pool.
pub const POSTGRES_ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// Connections that append. While one batch holds the head's lock the server takes the next one in, so
/// that it goes on with that at once.
const BATCHES_UNDER_WAY_MAX: usize = 2;
/// A pooled connection unused for longer is tried out before it is handed out.
const TRUSTED_IDLE: Duration = Duration::from_secs(1);

pub(crate) type PostgresLog = StoreLog<PostgresReader>;

/// The pool that reads of the log share with the read models.
pub(crate) async fn pool(options: &PgConnectOptions, connections: u32) -> Result<PgPool, sqlx::Error> {
    PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(POSTGRES_ACQUIRE_TIMEOUT)
        .test_before_acquire(false)
        .before_acquire(|connection, usage| {
            Box::pin(async move {
                if usage.idle_for > TRUSTED_IDLE {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
        .connect_with(session(options))
        .await
}

/// What every session of ours has in common, whatever the server's defaults are.
fn session(options: &PgConnectOptions) -> PgConnectOptions {
    options
        .clone()
        .application_name("wac")
        // Our statements are short: compiling them costs more than running them.
        .options([("jit", "off"), ("synchronous_commit", "on"), ("timezone", "UTC")])
        .disable_statement_logging()
}

/// The writer's statements look up few rows by index, whatever the planner knows of the table: a
/// generic plan made while it was small must not read all of it once it is large.
fn writer_session(options: &PgConnectOptions) -> PgConnectOptions {
    session(options).options([("enable_seqscan", "off"), ("enable_bitmapscan", "off")])
}

/// Starts the log of an already migrated database.
pub(crate) async fn start(
    options: &PgConnectOptions,
    pool: &PgPool,
    environment: Arc<dyn Environment>,
) -> Result<PostgresLog, StoreError> {
    let head = head(pool).await.map_err(failed("read the head"))?;
    let wake = Arc::new(Wake::new(head.position.0));
    let backends = (0..BATCHES_UNDER_WAY_MAX).map(|_| PostgresBackend::new(writer_session(options)));
    let writer = WriterHandle::start(backends.collect(), environment, wake.clone());
    let watcher = listen::start(session(options), pool.clone(), wake.clone());
    let reader = PostgresReader { pool: pool.clone(), names: Names::default() };
    Ok(StoreLog { reader, writer, wake, tail: Some(Tail::default()), _watcher: Some(watcher) })
}

pub(crate) async fn head<'e>(
    executor: impl sqlx::Executor<'e, Database = sqlx::Postgres>,
) -> Result<Head, sqlx::Error> {
    let (position, PgTime(recorded_at)): (i64, PgTime) =
        sqlx::query_as("select position, recorded_at from log_head where log = 'main'").fetch_one(executor).await?;
    Ok(Head { position: Position(position.unsigned_abs()), recorded_at })
}
