//! Databases, logs, and the comparison every test ends with.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use sqlx::{AssertSqlSafe, Connection, Executor};
use tokio_util::sync::CancellationToken;
use wac_events::*;
use wac_projections::*;
use wac_runner::bench::Workload;
use wac_runner::*;
use wac_store::{Db, StoreOptions, Stores};

/// How long anything may take before a test gives up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Where a projection waits until it is let on. Open by default.
#[derive(Clone, Default)]
pub(crate) struct Gate(Arc<AtomicBool>);

/// Keeps a [`Gate`] shut; dropped with the test at the latest, however that ends.
pub(crate) struct Shut(Gate);

impl Gate {
    pub(crate) fn shut() -> (Self, Shut) {
        let gate = Self(Arc::new(AtomicBool::new(true)));
        (gate.clone(), Shut(gate))
    }

    /// Waits. The runtime gives the work of this thread to another one meanwhile, so that all else goes on.
    pub(crate) fn pass(&self) {
        if self.0.load(Ordering::Relaxed) {
            tokio::task::block_in_place(|| {
                while self.0.load(Ordering::Relaxed) {
                    std::thread::sleep(Duration::from_millis(1));
                }
            });
        }
    }
}

impl Drop for Shut {
    fn drop(&mut self) {
        self.0.0.store(false, Ordering::Relaxed);
    }
}

/// A store of one test, gone with it.
pub(crate) struct Store {
    pub(crate) url: String,
    pub(crate) stores: Stores,
    _directory: Option<tempfile::TempDir>,
}

impl Store {
    pub(crate) fn log(&self) -> Arc<dyn EventLog> {
        self.stores.log.clone()
    }

    pub(crate) fn db(&self) -> &Db {
        &self.stores.db
    }

    /// The same database as another process sees it.
    pub(crate) async fn again(&self) -> Stores {
        open(&self.url).await
    }

    pub(crate) async fn head(&self) -> Position {
        self.stores.log.head().await.unwrap().position
    }

    pub(crate) async fn append(&self, workload: &mut Workload, events: usize) {
        self.stores.log.append(workload.batch(events)).await.unwrap();
    }

    /// Runs SQL behind the runner's back.
    pub(crate) async fn sql(&self, sql: &str) -> u64 {
        match self.db() {
            Db::Postgres(pool) => pool.execute(AssertSqlSafe(sql)).await.unwrap().rows_affected(),
            Db::Sqlite(db) => {
                let mut tx = db.write().await.unwrap();
                let touched = (&mut *tx).execute(AssertSqlSafe(sql)).await.unwrap().rows_affected();
                tx.commit().await.unwrap();
                touched
            }
        }
    }

    pub(crate) async fn text(&self, sql: &str) -> String {
        match self.db() {
            Db::Postgres(pool) => sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(pool).await.unwrap(),
            Db::Sqlite(db) => sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(db.readers()).await.unwrap(),
        }
    }

    pub(crate) async fn start(&self) -> (Runner, CancellationToken) {
        self.start_with(all()).await
    }

    pub(crate) async fn start_with(&self, projections: Vec<Arc<dyn Projection>>) -> (Runner, CancellationToken) {
        let shutdown = CancellationToken::new();
        let runner = Runner::start(self.db().clone(), self.log(), projections, shutdown.clone()).await.unwrap();
        (runner, shutdown)
    }

    /// Starts a runner, waits until it has applied everything, and stops it.
    pub(crate) async fn bring_up(&self) {
        let (runner, shutdown) = self.start().await;
        runner.wait_for(&names(&all()), self.head().await, PATIENCE).await.unwrap();
        shutdown.cancel();
        runner.stopped().await;
    }

    /// All rows of every table, through the port readers use.
    pub(crate) async fn rows(&self, projections: &[Arc<dyn Projection>]) -> BTreeMap<&'static str, Vec<Row>> {
        let rows = SqlRows::open(self.db().clone(), projections.to_vec()).await.unwrap();
        let mut tables = BTreeMap::new();
        for table in projections.iter().flat_map(|projection| projection.tables()) {
            let mut found: Vec<Row> = Vec::new();
            loop {
                let after = found.last().map(|row| row[table.key()].as_text().unwrap().to_owned());
                let page = rows.select(Select::from(table).after(after)).await.unwrap();
                if page.is_empty() {
                    break;
                }
                found.extend(page);
            }
            tables.insert(table.name, found);
        }
        tables
    }

    /// What the rows must be by the log alone.
    pub(crate) async fn expected(&self, projections: &[Arc<dyn Projection>]) -> BTreeMap<&'static str, Vec<Row>> {
        let mut memory = MemTables::default();
        let all: Vec<&dyn Projection> = projections.iter().map(|projection| &**projection).collect();
        for event in self.events().await {
            memory.apply_event(&all, &event).unwrap();
        }
        let tables = projections.iter().flat_map(|projection| projection.tables());
        let rows = |table: &Table| memory.rows(table).map(|rows| rows.values().cloned().collect()).unwrap_or_default();
        tables.map(|table| (table.name, rows(table))).collect()
    }

    pub(crate) async fn events(&self) -> Vec<Recorded> {
        let mut request = ReadRequest {
            after: Position::START,
            before: None,
            filter: EventFilter::default(),
            limit: READ_EVENTS_MAX,
        };
        let mut events = Vec::new();
        loop {
            let page = self.stores.log.read(request.clone()).await.unwrap();
            if page.scanned_to <= request.after {
                return events;
            }
            request.after = page.scanned_to;
            events.extend(page.events);
        }
    }

    /// The rows are exactly what the log says.
    pub(crate) async fn is_exact(&self) {
        let (rows, expected) = (self.rows(&all()).await, self.expected(&all()).await);
        for (table, expected) in &expected {
            assert_eq!(rows[table].len(), expected.len(), "number of rows in {table}");
            for (row, expected) in rows[table].iter().zip(expected) {
                assert_eq!(row, expected, "a row of {table}");
            }
        }
    }

    pub(crate) async fn verify(&self) -> VerifyReport {
        let options = VerifyOptions::default();
        wac_runner::verify(self.log(), self.db(), all(), options, &mut |_| {}).await.unwrap()
    }
}

pub(crate) fn names(projections: &[Arc<dyn Projection>]) -> Vec<&'static str> {
    projections.iter().map(|projection| projection.name()).collect()
}

pub(crate) fn projection(name: &str) -> Arc<dyn Projection> {
    all().into_iter().find(|projection| projection.name() == name).unwrap()
}

pub(crate) async fn open(url: &str) -> Stores {
    let options = StoreOptions { read_connections: 6, ..StoreOptions::new(MasterKey::new([7; 32])) };
    wac_store::open(url, options).await.unwrap()
}

pub(crate) async fn sqlite() -> Store {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", directory.path().join("wac.db").display());
    Store { stores: open(&url).await, url, _directory: Some(directory) }
}

pub(crate) async fn postgres() -> Store {
    let admin = std::env::var("WAC_TEST_DATABASE_URL").unwrap_or_else(|_| {
        panic!("set WAC_TEST_DATABASE_URL to the URL of a PostgreSQL superuser, such as postgres://postgres@127.0.0.1:5432/postgres")
    });
    let name = format!("wac_runner_{}", uuid::Uuid::now_v7().simple());
    let mut connection =
        sqlx::PgConnection::connect(&admin).await.expect("PostgreSQL of WAC_TEST_DATABASE_URL answers");
    connection.execute(AssertSqlSafe(format!("create database {name}"))).await.unwrap();
    let (base, _) = admin.rsplit_once('/').expect("WAC_TEST_DATABASE_URL ends in a database name");
    let url = format!("{base}/{name}");
    Store { stores: open(&url).await, url, _directory: None }
}

/// Waits for a condition with a bound.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, mut condition: impl FnMut() -> F) {
    let deadline = Instant::now() + PATIENCE;
    while !condition().await {
        assert!(Instant::now() < deadline, "{what} did not come within {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// One test on both databases.
macro_rules! on_both {
    ($(#[$attr:meta])* $name:ident, $body:expr) => {
        mod $name {
            use super::*;

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_sqlite() {
                ($body)(crate::support::sqlite().await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_postgres() {
                ($body)(crate::support::postgres().await).await;
            }
        }
    };
}
pub(crate) use on_both;
