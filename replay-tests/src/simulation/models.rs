//! The read models of the cluster: in memory, each built at its own pace behind the log.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, ready};
use wac_commands::process::{Listing, Lookup};
use wac_events::{EventFilter, Position, ReadRequest, Recorded, StoreError};
use wac_projections::{MemTables, Projection, Row, Rows, Select, Value};
use wac_signaling::CaughtUp;

use super::cluster::Cluster;
use super::executor::Executor;
use super::sabotage::Sabotage;
use super::signal::Signal;
use crate::platform::select_of;

/// How long one waits for a read model.
const PATIENCE: Duration = Duration::from_secs(10);
/// How far a read model is behind at most.
const BEHIND_MS: u64 = 250;
/// Events a read model takes at once.
const PAGE_EVENTS: usize = 20;
/// With [`Sabotage::SkipRows`]: of 1,000 events, how many a read model misses.
const SKIPPED: usize = 20;

/// All read models.
pub(crate) struct Models {
    executor: Executor,
    projections: Vec<Arc<dyn Projection>>,
    built: Mutex<Built>,
    moved: Signal<u64>,
}

#[derive(Default)]
struct Built {
    tables: MemTables,
    positions: BTreeMap<&'static str, Position>,
}

impl Models {
    /// Nothing is built yet.
    pub(crate) fn new(executor: Executor) -> Self {
        let projections = wac_projections::all();
        Self { executor, projections, built: Mutex::default(), moved: Signal::new(0) }
    }

    fn built(&self) -> MutexGuard<'_, Built> {
        self.built.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All tables as they are now.
    pub(crate) fn tables(&self) -> MemTables {
        self.built().tables.clone()
    }

    /// Starts to build every one of them.
    pub(crate) fn start(self: &Arc<Self>, cluster: &Arc<Cluster>) {
        for projection in &self.projections {
            let building = self.clone().build(projection.clone(), cluster.clone());
            self.executor.spawn(building);
        }
    }

    async fn build(self: Arc<Self>, projection: Arc<dyn Projection>, cluster: Arc<Cluster>) {
        let types = projection.wants().iter().map(|want| (*want).to_owned()).collect();
        let filter = EventFilter { types, ..EventFilter::default() };
        let mut after = Position::START;
        loop {
            let request = ReadRequest { after, before: None, filter: filter.clone(), limit: PAGE_EVENTS };
            let page = cluster.log.read(request).await.expect("a log in memory can be read");
            let skips = |_: &&Recorded| cluster.sabotage == Sabotage::SkipRows && cluster.dice.chance(SKIPPED);
            self.take(&*projection, page.events.iter().filter(|event| !skips(event)), page.scanned_to);
            if page.scanned_to == after {
                cluster.moved_beyond(after).await;
            }
            after = page.scanned_to;
            self.executor.sleep(cluster.dice.millis(0, BEHIND_MS)).await;
        }
    }

    fn take<'a>(&self, projection: &dyn Projection, events: impl Iterator<Item = &'a Recorded>, to: Position) {
        let mut built = self.built();
        for event in events {
            let changes = projection.apply(event).expect("every event can be read");
            changes.into_iter().for_each(|change| built.tables.apply(change));
        }
        built.positions.insert(projection.name(), to);
        drop(built);
        self.moved.set(|moved| moved + 1);
    }

    fn position_of(&self, table: &str) -> Position {
        let of = self.projections.iter().find(|one| one.tables().iter().any(|known| known.name == table));
        let built = self.built();
        of.and_then(|projection| built.positions.get(projection.name()).copied()).unwrap_or_default()
    }

    /// Waits until these tables hold everything up to a position.
    pub(crate) async fn reach(&self, tables: &[&str], seen: Position) -> Result<(), StoreError> {
        let there = self.moved.wait(|_| tables.iter().all(|table| self.position_of(table) >= seen));
        let late = || StoreError::new("wait for a read model", "it does not get there");
        self.executor.within(PATIENCE, there).await.ok_or_else(late)
    }

    /// Waits until all of them are built up to a position.
    pub(crate) async fn reach_all(&self, seen: Position) -> Result<(), StoreError> {
        let tables: Vec<&str> = self.projections.iter().flat_map(|one| one.tables()).map(|table| table.name).collect();
        self.reach(&tables, seen).await
    }
}

impl Rows for Models {
    fn select(&self, select: Select) -> BoxFuture<'_, Result<Vec<Row>, StoreError>> {
        ready(Ok(self.built().tables.select(&select))).boxed()
    }

    fn position<'a>(&'a self, table: &'a str) -> BoxFuture<'a, Result<Position, StoreError>> {
        ready(Ok(self.position_of(table))).boxed()
    }
}

impl Lookup for Models {
    fn list<'a>(
        &'a self,
        listing: &'a Listing,
        after: Option<&'a str>,
        limit: usize,
        seen: Position,
    ) -> BoxFuture<'a, Result<Vec<String>, StoreError>> {
        async move {
            let select = select_of(listing).after(after.map(str::to_owned)).limit(limit);
            self.reach(&[select.table.name], seen).await?;
            let rows = self.built().tables.select(&select);
            let key = |row: &Row| row.get(select.table.key()).and_then(Value::as_text).map(str::to_owned);
            Ok(rows.iter().filter_map(key).collect())
        }
        .boxed()
    }
}

impl CaughtUp for Models {
    fn caught_up<'a>(&'a self, tables: &'a [&'static str], seen: Position) -> BoxFuture<'a, Result<(), StoreError>> {
        self.reach(tables, seen).boxed()
    }
}
