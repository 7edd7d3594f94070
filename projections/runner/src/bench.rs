//! Measuring replay: `wac bench replay`. Every figure has its floor beside it, from the same run.

mod workload;

use std::sync::Arc;
use std::time::Instant;

use futures::StreamExt;
use serde::Serialize;
use wac_events::{AnyEvent, EventLog, Position, Recorded};
use wac_projections::{Projection, Table, Value, is_wanted};
use wac_store::Db;

pub use workload::Workload;

use crate::ahead::ReadAhead;
use crate::batch::{RowEdit, TableBatch};
use crate::conn::{DbTx, Dialect};
use crate::error::failed;
use crate::fold::changes;
use crate::memory::FoldedTables;
use crate::pages::Pages;
use crate::progress::rate;
use crate::statements::{Puts, prepare};
use crate::{RebuildOptions, RunnerError, VerifyOptions, ddl, rebuild, verify};

/// Commands under way at once while a log is filled.
const FILL_COMMANDS: usize = 16;
/// Events one of them appends.
const FILL_COMMAND_EVENTS: usize = 500;
/// Events read into memory for the floor of folding.
const FLOOR_EVENTS_MAX: u64 = 200_000;
/// Rows a transaction of the floor of writing.
const FLOOR_TRANSACTION_ROWS: usize = 5_000;

/// What replay reached, and what it is measured against. Rates are per second.
#[derive(Clone, Debug, Serialize)]
pub struct ReplayFigures {
    /// Events in the log.
    pub events: u64,
    /// Floor: events decoded and folded from memory, on one thread.
    pub fold_floor_per_s: f64,
    /// Floor: events read from the store and dropped.
    pub read_floor_per_s: f64,
    /// Events folded by a verification, everything included but the comparison.
    pub verify_fold_per_s: f64,
    /// Events verified, the comparison of rows included.
    pub verify_total_per_s: f64,
    /// Whether the verification found nothing.
    pub verify_sound: bool,
    /// Each read model's rebuild.
    pub rebuilds: Vec<RebuildFigures>,
}

/// What rebuilding one read model reached.
#[derive(Clone, Debug, Serialize)]
pub struct RebuildFigures {
    /// Its name.
    pub projection: String,
    /// Events folded.
    pub events: u64,
    /// Rows written.
    pub rows: u64,
    /// Rows written a second, from the first event read to the switch.
    pub rows_per_s: f64,
    /// Events folded a second.
    pub events_per_s: f64,
    /// Floor: the same final rows inserted by plain multi-row statements into a table without
    /// secondary indexes, rows a second.
    pub insert_floor_per_s: f64,
}

/// Appends at least `events` made-up events; returns how many.
pub async fn fill(log: &Arc<dyn EventLog>, events: u64, seed: u64) -> Result<u64, RunnerError> {
    let mut workload = Workload::new(seed);
    let batches = (0..events.div_ceil(FILL_COMMAND_EVENTS as u64)).map(|_| workload.batch(FILL_COMMAND_EVENTS));
    let appends = futures::stream::iter(batches).map(|batch| {
        let log = log.clone();
        async move {
            let count = batch.appends.iter().map(|append| append.events.len() as u64).sum::<u64>();
            let appended = log.append(batch).await;
            appended.map(|_| count).map_err(|error| wac_events::StoreError::new("filling the log", error))
        }
    });
    let mut appends = appends.buffered(FILL_COMMANDS);
    let mut appended = 0;
    while let Some(count) = appends.next().await {
        appended += count?;
    }
    Ok(appended)
}

/// Measures verification and the rebuild of every projection over the log as it is.
pub async fn replay(
    db: &Db,
    log: Arc<dyn EventLog>,
    projections: Vec<Arc<dyn Projection>>,
) -> Result<ReplayFigures, RunnerError> {
    let events = log.head().await?.position.0;
    let fold_floor_per_s = fold_floor(&log, &projections).await?;
    let read_floor_per_s = read_floor(&log).await?;
    let mut rebuilds = Vec::new();
    for projection in &projections {
        rebuilds.push(measure_rebuild(db, &log, projection).await?);
    }
    let options = VerifyOptions::default();
    let report = verify(log.clone(), db, projections, options, &mut |_| {}).await?;
    Ok(ReplayFigures {
        events,
        fold_floor_per_s,
        read_floor_per_s,
        verify_fold_per_s: report.log.events_per_s,
        verify_total_per_s: rate(report.log.events, std::time::Duration::from_secs_f64(report.total_s)),
        verify_sound: report.is_sound(),
        rebuilds,
    })
}

async fn measure_rebuild(
    db: &Db,
    log: &Arc<dyn EventLog>,
    projection: &Arc<dyn Projection>,
) -> Result<RebuildFigures, RunnerError> {
    let options = RebuildOptions::default();
    let rebuilt = rebuild(db, log.clone(), projection.clone(), options, &mut |_| {}).await?;
    Ok(RebuildFigures {
        projection: projection.name().to_owned(),
        events: rebuilt.events,
        rows: rebuilt.rows_written,
        rows_per_s: rate(rebuilt.rows_written, rebuilt.elapsed),
        events_per_s: rate(rebuilt.events, rebuilt.elapsed),
        insert_floor_per_s: insert_floor(db, log, projection).await?,
    })
}

/// Decodes and folds events that are in memory already.
async fn fold_floor(log: &Arc<dyn EventLog>, projections: &[Arc<dyn Projection>]) -> Result<f64, RunnerError> {
    let mut pages =
        Pages::new(log.clone(), Position::START, Vec::new(), FLOOR_TRANSACTION_ROWS).up_to(Position(FLOOR_EVENTS_MAX));
    let mut events: Vec<Recorded> = Vec::new();
    while let Some(page) = pages.next().await? {
        events.extend(page.events);
    }
    let projections = projections.to_vec();
    let folding = tokio::task::spawn_blocking(move || {
        let started = Instant::now();
        let mut tables = FoldedTables::default();
        for event in &events {
            fold_one(&projections, event, &mut tables)?;
        }
        Ok(rate(events.len() as u64, started.elapsed()))
    });
    folding.await.map_err(|_| RunnerError::Broken("folding events"))?
}

fn fold_one(
    projections: &[Arc<dyn Projection>],
    event: &Recorded,
    tables: &mut FoldedTables,
) -> Result<(), RunnerError> {
    let decoded = AnyEvent::decode_recorded(event);
    for projection in projections.iter().filter(|projection| is_wanted(projection.wants(), &event.event_type)) {
        let changes = changes(&**projection, event, &decoded).unwrap_or_default();
        changes.into_iter().try_for_each(|change| tables.add(change))?;
    }
    Ok(())
}

async fn read_floor(log: &Arc<dyn EventLog>) -> Result<f64, RunnerError> {
    let started = Instant::now();
    let mut ahead = ReadAhead::new(log.clone(), Position::START, Vec::new(), drop);
    let mut events = 0;
    while let Some(done) = ahead.next().await? {
        events += done.events;
    }
    Ok(rate(events, started.elapsed()))
}

/// Inserts the rows a projection ends with into tables made for it, and drops them again.
async fn insert_floor(db: &Db, log: &Arc<dyn EventLog>, projection: &Arc<dyn Projection>) -> Result<f64, RunnerError> {
    let types = crate::pages::wanted(std::iter::once(&**projection));
    let mut pages = Pages::new(log.clone(), Position::START, types, FLOOR_TRANSACTION_ROWS);
    let mut tables = FoldedTables::default();
    while let Some(page) = pages.next().await? {
        for event in &page.events {
            fold_one(std::slice::from_ref(projection), event, &mut tables)?;
        }
    }
    let rows = tables.len();
    let mut elapsed = std::time::Duration::ZERO;
    for table in projection.tables() {
        let physical = format!("bench_{}", table.name);
        scratch(db, table, &physical).await?;
        let rows = tables.take(table);
        let started = Instant::now();
        insert(db, table, &physical, rows).await?;
        elapsed += started.elapsed();
        drop_scratch(db, &physical).await?;
    }
    Ok(rate(rows, elapsed))
}

async fn insert(
    db: &Db,
    table: &'static Table,
    physical: &str,
    rows: Vec<(String, Vec<Value>)>,
) -> Result<(), RunnerError> {
    let writing = || failed("inserting rows");
    let mut rows = rows.into_iter().peekable();
    while rows.peek().is_some() {
        let edits = rows.by_ref().take(FLOOR_TRANSACTION_ROWS).map(|(key, row)| (key, RowEdit::Put(row))).collect();
        let mut tx = DbTx::begin(db).await?;
        for ready in prepare(Dialect::of(db), TableBatch { table, edits }, physical, Puts::Load).map_err(writing())? {
            ready.run(&mut tx.conn()).await.map_err(writing())?;
        }
        tx.commit().await?;
    }
    Ok(())
}

async fn scratch(db: &Db, table: &Table, physical: &str) -> Result<(), RunnerError> {
    drop_scratch(db, physical).await?;
    let mut tx = DbTx::begin(db).await?;
    let mut conn = tx.conn();
    let sql = ddl::create_table(conn.dialect(), table, physical, physical);
    conn.execute_raw(&sql).await.map_err(failed("making a scratch table"))?;
    tx.commit().await
}

async fn drop_scratch(db: &Db, physical: &str) -> Result<(), RunnerError> {
    let mut tx = DbTx::begin(db).await?;
    let sql = format!("drop table if exists {}", ddl::quoted(physical));
    tx.conn().execute_raw(&sql).await.map_err(failed("dropping a scratch table"))?;
    tx.commit().await
}
