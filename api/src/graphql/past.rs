//! `asOf`: the read models as they were at a position, folded from the log into memory.
//!
//! A few snapshots are kept, so that going on from one of them folds only what lies between.
//! Personal fields in them are sealed as in the log and opened with the keys of the present: what
//! has been erased is erased in the past, too.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::Mutex;
use tokio::time::Instant;
use wac_events::{CodecError, EventFilter, Position, ReadRequest, StoreError};
use wac_projections::{MemTables, Projection, Row, Rows, Select};

use crate::{Platform, Problem};

/// Most snapshots kept; the one not used for longest goes first.
pub const SNAPSHOTS_MAX: usize = 4;
/// The latest position that is folded. The tables of a snapshot take about 1 kB of memory for each
/// domain, user, credential and client there was.
pub const AS_OF_POSITION_MAX: u64 = 5_000_000;
/// How long one query folds at most. What was folded is kept, so asking again goes on from there.
pub const AS_OF_PATIENCE: Duration = Duration::from_secs(5);
/// Events folded between two looks at the clock.
const FOLD_PAGE_EVENTS: usize = 1_000;
/// The read model nobody asks the past about.
const TOKENS: &str = "tokens";

/// The tables at one position.
#[derive(Clone)]
struct Snapshot {
    position: Position,
    tables: Arc<MemTables>,
}

/// Snapshots of the past, the one used last at the end.
pub(super) struct Past {
    snapshots: Mutex<Vec<Snapshot>>,
    projections: Vec<Arc<dyn Projection>>,
    wanted: Vec<String>,
}

impl Default for Past {
    fn default() -> Self {
        let projections: Vec<_> = wac_projections::all().into_iter().filter(|model| model.name() != TOKENS).collect();
        let mut wanted: Vec<String> =
            projections.iter().flat_map(|model| model.wants()).map(|name| (*name).to_owned()).collect();
        wanted.sort();
        wanted.dedup();
        Self { snapshots: Mutex::default(), projections, wanted }
    }
}

impl Past {
    /// Rows as they were at `position`, which is not beyond the log's head. One query folds at a
    /// time; the others wait for it, and for no longer than it may take.
    pub(super) async fn at(&self, platform: &Platform, position: Position) -> Result<Arc<dyn Rows>, Problem> {
        let latest = platform.config.as_of_position_max;
        if position.0 > latest {
            let detail = format!("`asOf` reaches to position {latest}; use `wac replay --as-of` beyond it.");
            return Err(Problem::invalid("as_of_too_far", detail));
        }
        let deadline = Instant::now() + platform.config.as_of_patience;
        let snapshots = tokio::time::timeout_at(deadline, self.snapshots.lock()).await;
        let mut snapshots = snapshots.map_err(|_| not_ready(position))?;
        let near =
            snapshots.iter().enumerate().filter(|(_, at)| at.position <= position).max_by_key(|(_, at)| at.position);
        let from = near.map(|(index, _)| index);
        let mut snapshot = match from {
            Some(index) if snapshots[index].position == position => snapshots.remove(index),
            Some(index) => snapshots[index].clone(),
            None => Snapshot { position: Position::START, tables: Arc::default() },
        };
        let folded = self.fold(platform, &mut snapshot, position, deadline).await;
        // What was folded is kept, unless a page broke off in the middle.
        if folded.as_ref().err().is_none_or(|problem| problem.status != StatusCode::INTERNAL_SERVER_ERROR) {
            if snapshots.len() >= SNAPSHOTS_MAX {
                snapshots.remove(0);
            }
            snapshots.push(snapshot.clone());
        }
        folded?;
        Ok(Arc::new(PastRows(snapshot)))
    }

    async fn fold(
        &self,
        platform: &Platform,
        snapshot: &mut Snapshot,
        to: Position,
        deadline: Instant,
    ) -> Result<(), Problem> {
        let projections: Vec<&dyn Projection> = self.projections.iter().map(|model| &**model).collect();
        while snapshot.position < to {
            let filter = EventFilter { types: self.wanted.clone(), ..EventFilter::default() };
            let before = Some(Position(to.0 + 1));
            let request = ReadRequest { after: snapshot.position, before, filter, limit: FOLD_PAGE_EVENTS };
            let page = platform.log.read(request).await?;
            let tables = Arc::make_mut(&mut snapshot.tables);
            for event in &page.events {
                match tables.apply_event(&projections, event) {
                    // Written by a newer program: the live read models park it, too.
                    Ok(()) | Err(CodecError::Unknown { .. }) => {}
                    Err(error) => return Err(Problem::internal(&error)),
                }
            }
            if page.scanned_to <= snapshot.position {
                return Err(Problem::internal(&"the log ends before a position it has had"));
            }
            snapshot.position = page.scanned_to;
            // Looked at behind a page, so that every query gets further.
            if snapshot.position < to && Instant::now() >= deadline {
                return Err(not_ready(to));
            }
            tokio::task::yield_now().await;
        }
        Ok(())
    }
}

fn not_ready(position: Position) -> Problem {
    let detail = format!("The state at position {position} is still being folded; what is done is kept.");
    Problem::unavailable("as_of_not_ready", detail, Duration::from_secs(1))
}

/// The rows of a snapshot.
struct PastRows(Snapshot);

impl Rows for PastRows {
    fn select(&self, select: Select) -> BoxFuture<'_, Result<Vec<Row>, StoreError>> {
        std::future::ready(Ok(self.0.tables.select(&select))).boxed()
    }

    fn position<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Position, StoreError>> {
        std::future::ready(Ok(self.0.position)).boxed()
    }
}
