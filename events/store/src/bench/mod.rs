//! How fast a log is here, beside what the machine and the bare database can do.
//!
//! Everything happens in a scratch database beside the one named (PostgreSQL: the role must be
//! allowed to create databases) or in a scratch file, removed afterwards.

mod floor;
mod load;
mod scratch;

use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;
use wac_events::StoreError;

use crate::{OpenError, StoreOptions, Stores, open};
pub use scratch::Scratch;

/// Rows in the batches of the upper floor.
pub const FLOOR_BATCH_ROWS: usize = 100;
/// Connections that write such batches.
pub const FLOOR_BATCH_CLIENTS: usize = 4;
/// Connections that insert single rows.
pub const FLOOR_SINGLE_CLIENTS: usize = 64;

/// What to measure, and where.
#[derive(Clone, Debug)]
pub struct LogBenchOptions {
    /// `postgres://…`, `sqlite://PATH` (the scratch file is made beside it) or `memory:`.
    pub url: String,
    /// Where synchronous writes are measured: a directory on the disk the database is on.
    pub directory: PathBuf,
    /// How long each figure is measured.
    pub duration: Duration,
    /// Numbers of concurrent writers.
    pub writers: Vec<usize>,
    /// Whether two nodes on one database are measured too (not in memory).
    pub two_nodes: bool,
}

/// Appends per second and how long one takes.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rate {
    /// Concurrent writers, over all nodes.
    pub writers: usize,
    /// Nodes they are spread over.
    pub nodes: usize,
    /// Appends of one event, per second.
    pub per_second: f64,
    /// Median, in milliseconds.
    pub p50_ms: f64,
    /// 99th percentile, in milliseconds.
    pub p99_ms: f64,
}

/// What the machine and the bare table can do.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Floor {
    /// Writes of 8 KiB each followed by `fdatasync`, one after the other, per second.
    pub fdatasync_per_second: f64,
    /// Rows per second, one in each transaction, from [`FLOOR_SINGLE_CLIENTS`] connections (SQLite: from one).
    pub single_rows_per_second: f64,
    /// Rows per second in transactions of [`FLOOR_BATCH_ROWS`], from [`FLOOR_BATCH_CLIENTS`]
    /// connections (SQLite: from one).
    pub batch_rows_per_second: f64,
}

/// All figures of one store.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LogReport {
    /// `postgres`, `sqlite` or `memory`.
    pub store: &'static str,
    /// What it is measured against; none in memory.
    pub floor: Option<Floor>,
    /// Appends through the log.
    pub appends: Vec<Rate>,
    /// Events per second read back in pages of [`READ_PAGE`], decoded.
    pub read_per_second: f64,
    /// How many events that were.
    pub read_events: u64,
}

/// Events in a page when reading back.
pub const READ_PAGE: usize = 5_000;

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BenchError {
    /// The store does not open.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It opened and then failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An append failed.
    #[error(transparent)]
    Append(#[from] wac_events::AppendError),
    /// The bare database failed.
    #[error("measuring the database: {0}")]
    Database(#[from] sqlx::Error),
    /// The directory cannot be written.
    #[error("measuring the disk: {0}")]
    Disk(#[from] std::io::Error),
}

/// Measures; `progress` is told what comes next.
pub async fn run(options: &LogBenchOptions, mut progress: impl FnMut(&str)) -> Result<LogReport, BenchError> {
    let scratch = Scratch::create(&options.url).await?;
    let result = measure(options, &scratch, &mut progress).await;
    scratch.remove().await?;
    result
}

async fn measure(
    options: &LogBenchOptions,
    scratch: &Scratch,
    progress: &mut impl FnMut(&str),
) -> Result<LogReport, BenchError> {
    let stores = || open(scratch.url(), StoreOptions::new(scratch::master_key()));
    let first = stores().await?;
    let floor = if scratch.is_memory() {
        None
    } else {
        progress("what the disk and the bare table can do");
        Some(floor::measure(scratch, &options.directory, options.duration).await?)
    };
    let mut appends = Vec::new();
    for writers in &options.writers {
        progress(&format!("{writers} writers"));
        appends.push(load::appends(&[&first], *writers, options.duration).await?);
    }
    if options.two_nodes && floor.is_some() {
        let second = stores().await?;
        for writers in options.writers.iter().filter(|writers| **writers > 1) {
            progress(&format!("{writers} writers on two nodes"));
            appends.push(load::appends(&[&first, &second], *writers, options.duration).await?);
        }
        second.close().await;
    }
    progress("reading back");
    let (read_events, read_per_second) = load::read(&first).await?;
    first.close().await;
    Ok(LogReport { store: scratch.name(), floor, appends, read_per_second, read_events })
}

/// Measures reading alone, on an existing log: events read, and events per second.
pub async fn read(stores: &Stores) -> Result<(u64, f64), BenchError> {
    load::read(stores).await
}
