//! What the log is measured against: the disk, and plain inserts into a table of the same shape.

use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Executor, PgConnection, SqliteConnection};
use tokio::task::JoinSet;
use uuid::Uuid;
use wac_events::Environment;

use super::load::{data, meta};
use super::scratch::Scratch;
use super::{BenchError, FLOOR_BATCH_CLIENTS, FLOOR_BATCH_ROWS, FLOOR_SINGLE_CLIENTS, Floor};
use crate::SystemEnvironment;
use crate::db::sqlite_options;

const BLOCK_BYTES: usize = 8_192;
/// The file synchronous writes go around in.
const BLOCKS: u64 = 256;

pub(super) async fn measure(scratch: &Scratch, directory: &Path, duration: Duration) -> Result<Floor, BenchError> {
    let directory = directory.to_owned();
    let fdatasync = tokio::task::spawn_blocking(move || fdatasync(&directory, duration));
    let fdatasync_per_second = fdatasync.await.expect("writing to a file does not panic")?;
    let (single_rows_per_second, batch_rows_per_second) = match scratch.postgres() {
        Some(options) => postgres(&options, duration).await?,
        None => sqlite(&scratch.sqlite_file().expect("it is in a file"), duration).await?,
    };
    Ok(Floor { fdatasync_per_second, single_rows_per_second, batch_rows_per_second })
}

fn fdatasync(directory: &Path, duration: Duration) -> std::io::Result<f64> {
    let mut file = tempfile::tempfile_in(directory)?;
    let block = [0x5a; BLOCK_BYTES];
    for _ in 0..BLOCKS {
        file.write_all(&block)?;
    }
    file.sync_all()?;
    let began = Instant::now();
    let mut writes = 0u64;
    while began.elapsed() < duration {
        file.seek(SeekFrom::Start(writes % BLOCKS * BLOCK_BYTES as u64))?;
        file.write_all(&block)?;
        file.sync_data()?;
        writes += 1;
    }
    Ok(writes as f64 / began.elapsed().as_secs_f64())
}

const COLUMNS: &str = "stream_id, version, event_id, type, schema_version, domain, data, meta, command_id, \
    command_last, occurred_at, recorded_at";

async fn postgres(options: &PgConnectOptions, duration: Duration) -> Result<(f64, f64), BenchError> {
    let mut rates = Vec::new();
    for (clients, rows) in [(FLOOR_SINGLE_CLIENTS, 1), (FLOOR_BATCH_CLIENTS, FLOOR_BATCH_ROWS)] {
        let mut connection = connect(options).await?;
        let create = "create table floor (like events including all); create sequence floor_position; \
            alter table floor alter position set default nextval('floor_position'); checkpoint";
        connection.execute(create).await?;
        let mut connections = Vec::with_capacity(clients);
        for _ in 0..clients {
            connections.push(connect(options).await?);
        }
        rates.push(postgres_rows(connections, rows, duration).await?);
        connection.execute("drop table floor; drop sequence floor_position").await?;
    }
    Ok((rates[0], rates[1]))
}

async fn connect(options: &PgConnectOptions) -> Result<PgConnection, sqlx::Error> {
    options.clone().options([("jit", "off"), ("synchronous_commit", "on")]).disable_statement_logging().connect().await
}

async fn postgres_rows(connections: Vec<PgConnection>, rows: usize, duration: Duration) -> Result<f64, BenchError> {
    let began = Instant::now();
    let end = began + duration;
    let mut tasks = JoinSet::new();
    for mut connection in connections {
        tasks.spawn(async move {
            let mut written = 0u64;
            while Instant::now() < end {
                match rows {
                    1 => insert_one(&mut connection).await?,
                    _ => insert_many(&mut connection, rows).await?,
                }
                written += rows as u64;
            }
            Ok::<_, sqlx::Error>(written)
        });
    }
    let mut written = 0;
    while let Some(task) = tasks.join_next().await {
        written += task.expect("a client does not panic")?;
    }
    Ok(written as f64 / began.elapsed().as_secs_f64())
}

async fn insert_one(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let id = SystemEnvironment.new_uuid();
    let sql = format!(
        "insert into floor ({COLUMNS}) values ($1, 1, $2, 'message.sent', 1, 'd0d0', $3::text::json, $4::text::json, $5, 1, now(), now())"
    );
    sqlx::query(AssertSqlSafe(sql))
        .bind(format!("bench-{id}"))
        .bind(id)
        .bind(data(1))
        .bind(meta(id))
        .bind(id)
        .execute(connection)
        .await?;
    Ok(())
}

async fn insert_many(connection: &mut PgConnection, rows: usize) -> Result<(), sqlx::Error> {
    let ids: Vec<Uuid> = (0..rows).map(|_| SystemEnvironment.new_uuid()).collect();
    let sql = format!(
        "insert into floor ({COLUMNS}) select s, 1, i, 'message.sent', 1, 'd0d0', d::json, m::json, i, 1, now(), now() \
         from unnest($1::text[], $2::uuid[], $3::text[], $4::text[]) as r(s, i, d, m)"
    );
    sqlx::query(AssertSqlSafe(sql))
        .bind(ids.iter().map(|id| format!("bench-{id}")).collect::<Vec<_>>())
        .bind(&ids)
        .bind((0..rows as u64).map(data).collect::<Vec<_>>())
        .bind(ids.iter().map(|id| meta(*id)).collect::<Vec<_>>())
        .execute(connection)
        .await?;
    Ok(())
}

/// SQLite has one writer, so that more clients than one only wait for each other.
async fn sqlite(file: &Path, duration: Duration) -> Result<(f64, f64), BenchError> {
    let mut connection = sqlite_options(file).connect().await?;
    connection
        .execute(
            "create table floor as select * from events where false; \
             create unique index floor_position on floor (position); \
             create unique index floor_stream on floor (stream_id, version); \
             create unique index floor_event on floor (event_id); \
             create unique index floor_command on floor (command_id) where command_id is not null; \
             create index floor_type on floor (type); \
             create index floor_domain on floor (domain) where domain is not null",
        )
        .await?;
    let position = Arc::new(AtomicI64::new(0));
    let written = AtomicU64::new(0);
    let mut rates = Vec::new();
    for rows in [1, FLOOR_BATCH_ROWS] {
        written.store(0, Ordering::Relaxed);
        let began = Instant::now();
        while began.elapsed() < duration {
            connection.execute("begin immediate").await?;
            for _ in 0..rows {
                sqlite_row(&mut connection, position.fetch_add(1, Ordering::Relaxed)).await?;
            }
            connection.execute("commit").await?;
            written.fetch_add(rows as u64, Ordering::Relaxed);
        }
        rates.push(written.load(Ordering::Relaxed) as f64 / began.elapsed().as_secs_f64());
    }
    connection.execute("drop table floor").await?;
    Ok((rates[0], rates[1]))
}

async fn sqlite_row(connection: &mut SqliteConnection, position: i64) -> Result<(), sqlx::Error> {
    let id = SystemEnvironment.new_uuid();
    let sql = format!(
        "insert into floor (position, {COLUMNS}) values ($1, $2, 1, $3, 'message.sent', 1, 'd0d0', $4, $5, $3, 1, $6, $6)"
    );
    sqlx::query(AssertSqlSafe(sql))
        .bind(position)
        .bind(format!("bench-{id}"))
        .bind(id)
        .bind(data(1))
        .bind(meta(id))
        .bind(SystemEnvironment.now().micros())
        .execute(connection)
        .await?;
    Ok(())
}
