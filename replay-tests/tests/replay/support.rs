//! Databases, runners and what they hold.

use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use wac_events::Position;
use wac_projections::{Projection, Rows, Select};
use wac_replay_tests::fold::Tables;
use wac_replay_tests::{databases, fold};
use wac_runner::{Runner, SqlRows};
use wac_store::Stores;

/// How long read models may take to catch up with a handful of events.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where a test's database is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
}

/// A database of the test's own.
pub(crate) struct Place {
    pub(crate) url: String,
    _directory: Option<TempDir>,
}

impl Place {
    pub(crate) async fn new(kind: Kind) -> Self {
        match kind {
            Kind::Sqlite => {
                let directory = tempfile::tempdir().unwrap();
                Self { url: databases::sqlite_url(directory.path()), _directory: Some(directory) }
            }
            Kind::Postgres => {
                let server = tokio::task::spawn_blocking(xtask::services::shared_postgres).await.unwrap();
                Self { url: databases::new_postgres_database(&server).await.unwrap(), _directory: None }
            }
        }
    }
}

/// A running runner and the way to end it.
pub(crate) struct Running {
    runner: Runner,
    shutdown: CancellationToken,
}

impl Running {
    pub(crate) async fn start(stores: &Stores) -> Self {
        let shutdown = CancellationToken::new();
        let projections = wac_projections::all();
        let runner = Runner::start(stores.db.clone(), stores.log.clone(), projections, shutdown.clone()).await.unwrap();
        Self { runner, shutdown }
    }

    /// Waits until every read model has come to `position`.
    pub(crate) async fn reach(&self, position: Position) {
        let all = wac_projections::all();
        let names: Vec<&str> = all.iter().map(|projection| projection.name()).collect();
        self.runner.wait_for(&names, position, PATIENCE).await.unwrap();
    }

    pub(crate) async fn stop(self) {
        self.shutdown.cancel();
        self.runner.stopped().await;
    }
}

/// Every row of every read model in a database.
pub(crate) async fn rows_in(stores: &Stores) -> Tables {
    let rows = SqlRows::open(stores.db.clone(), wac_projections::all()).await.unwrap();
    let mut tables = Tables::new();
    for table in wac_projections::all().iter().flat_map(|projection: &Arc<dyn Projection>| projection.tables()) {
        let mut all = Vec::new();
        loop {
            let last = all.last().map(|row: &wac_projections::Row| row[table.key()].as_text().unwrap().to_owned());
            let page = rows.select(Select::from(table).after(last)).await.unwrap();
            if page.is_empty() {
                break;
            }
            all.extend(page);
        }
        tables.insert(table.name.to_owned(), all);
    }
    tables
}

/// Compares rows and says where they differ.
pub(crate) fn assert_same_rows(left: &Tables, right: &Tables, what: &str) {
    for (table, rows) in left {
        assert_eq!(rows, &right[table], "{what}: rows of {table}");
    }
    assert_eq!(fold::rows_json(left), fold::rows_json(right), "{what}");
}
