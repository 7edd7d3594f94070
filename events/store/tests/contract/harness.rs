//! Stores to test on, and commands to test with.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use tempfile::TempDir;
use uuid::Uuid;
use wac_events::{
    AppendBatch, AppendError, Appended, CommandId, DomainId, Environment, EventFilter, EventId, EventLog,
    ExpectedVersion, MasterKey, NewEvent, Position, ReadRequest, Recorded, StreamAppend, StreamId, Time,
};
use wac_store::{StoreOptions, Stores, SystemEnvironment};

/// Makes three tests of one async function that takes a [`Fixture`].
macro_rules! on_every_store {
    ($($name:ident),+ $(,)?) => { $(
        mod $name {
            use crate::harness::Fixture;

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn memory() {
                super::$name(Fixture::memory().await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                super::$name(Fixture::sqlite().await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                super::$name(Fixture::postgres().await).await;
            }
        }
    )+ };
}
/// The same for what only a database has.
macro_rules! on_both_databases {
    ($($name:ident),+ $(,)?) => { $(
        mod $name {
            use crate::harness::Fixture;

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                super::$name(Fixture::sqlite().await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                super::$name(Fixture::postgres().await).await;
            }
        }
    )+ };
}
pub(crate) use {on_both_databases, on_every_store};

/// The key every test's store is opened with.
pub(crate) fn master_key() -> MasterKey {
    MasterKey::new([7; 32])
}

/// An open store on a database of its own.
pub(crate) struct Fixture {
    pub(crate) stores: Stores,
    pub(crate) url: String,
    /// Kept for its end: the database goes with it.
    _home: Home,
}

/// Where a test's database lives, until it is dropped.
#[expect(dead_code, reason = "what it holds is only there to be dropped")]
pub(crate) enum Home {
    Memory,
    Directory(TempDir),
    Database(TestDatabase),
}

impl Fixture {
    pub(crate) async fn memory() -> Self {
        Self::new("memory:".to_owned(), Home::Memory, Arc::new(SystemEnvironment)).await
    }

    pub(crate) async fn sqlite() -> Self {
        let (url, home) = sqlite_home();
        Self::new(url, home, Arc::new(SystemEnvironment)).await
    }

    pub(crate) async fn postgres() -> Self {
        let database = TestDatabase::create().await;
        Self::new(database.url.clone(), Home::Database(database), Arc::new(SystemEnvironment)).await
    }

    pub(crate) async fn new(url: String, home: Home, environment: Arc<dyn Environment>) -> Self {
        let stores = open_with(&url, environment).await;
        Self { stores, url, _home: home }
    }

    pub(crate) fn log(&self) -> &Arc<dyn EventLog> {
        &self.stores.log
    }

    /// Another node on the same database; in memory there is only the one.
    pub(crate) async fn other_node(&self) -> Stores {
        match self.url.as_str() {
            "memory:" => self.stores.clone(),
            url => open(url).await,
        }
    }

    /// Runs SQL beside the store.
    pub(crate) async fn execute(&self, sql: &str) -> Result<(), sqlx::Error> {
        match &self.stores.db {
            wac_store::Db::Postgres(pool) => pool.execute(AssertSqlSafe(sql.to_owned())).await.map(drop),
            wac_store::Db::Sqlite(db) => {
                let mut tx = db.write().await?;
                tx.execute(AssertSqlSafe(sql.to_owned())).await?;
                tx.commit().await
            }
        }
    }
}

pub(crate) fn sqlite_home() -> (String, Home) {
    let directory = TempDir::with_prefix("wac-contract-").expect("a temporary directory");
    let url = format!("sqlite://{}", directory.path().join("wac.db").display());
    (url, Home::Directory(directory))
}

pub(crate) fn sqlite_directory(url: &str) -> PathBuf {
    PathBuf::from(url.trim_start_matches("sqlite://")).parent().expect("the file is in a directory").to_owned()
}

pub(crate) async fn open(url: &str) -> Stores {
    open_with(url, Arc::new(SystemEnvironment)).await
}

pub(crate) async fn open_with(url: &str, environment: Arc<dyn Environment>) -> Stores {
    let options = StoreOptions { environment, read_connections: 4, ..StoreOptions::new(master_key()) };
    wac_store::open(url, options).await.expect("the store opens")
}

/// The superuser's URL, without the database name, and that name.
pub(crate) fn admin_url() -> (String, String) {
    let url = std::env::var("WAC_TEST_DATABASE_URL").expect(
        "this test needs PostgreSQL: run `make test`, or set WAC_TEST_DATABASE_URL to a superuser's URL such as \
         postgres://postgres@127.0.0.1:5432/postgres",
    );
    let (server, name) = url.rsplit_once('/').expect("WAC_TEST_DATABASE_URL ends in a database name");
    (server.to_owned(), name.to_owned())
}

/// A database that is dropped with this value.
pub(crate) struct TestDatabase {
    pub(crate) url: String,
    name: String,
}

impl TestDatabase {
    pub(crate) async fn create() -> Self {
        let name = format!("wac_test_{}", Uuid::now_v7().simple());
        admin(&format!("create database {name}")).await;
        Self { url: format!("{}/{name}", admin_url().0), name }
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let sql = format!("drop database if exists {} with (force)", self.name);
        // On a thread of its own: this one may be inside a runtime that is ending.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(admin(&sql));
        });
        if dropping.join().is_err() {
            eprintln!("the test database {} could not be dropped", self.name);
        }
    }
}

/// Runs SQL as the superuser, in the superuser's database.
pub(crate) async fn admin(sql: &str) {
    let (server, name) = admin_url();
    let connecting = PgConnection::connect(&format!("{server}/{name}"));
    let mut connection = connecting.await.expect("the PostgreSQL of WAC_TEST_DATABASE_URL answers");
    connection.execute(AssertSqlSafe(sql.to_owned())).await.expect(sql);
}

/// A clock that is set by hand, and real randomness.
#[derive(Default)]
pub(crate) struct SetClock(pub(crate) AtomicI64);

impl SetClock {
    pub(crate) fn set(&self, millis: i64) {
        self.0.store(millis, Ordering::SeqCst);
    }
}

impl Environment for SetClock {
    fn now(&self) -> Time {
        Time::from_millis(self.0.load(Ordering::SeqCst))
    }

    fn fill(&self, out: &mut [u8]) {
        SystemEnvironment.fill(out);
    }
}

pub(crate) fn new_command() -> CommandId {
    CommandId(Uuid::now_v7())
}

pub(crate) fn stream(name: &str) -> StreamId {
    StreamId::of("room", name)
}

/// An event of `event_type` with `n` in its payload.
pub(crate) fn event(event_type: &'static str, n: u64) -> NewEvent {
    NewEvent {
        event_id: EventId(Uuid::now_v7()),
        event_type,
        schema_version: 1,
        domain: Some(DomainId::from("quobis")),
        data: format!(r#"{{"n":{n},"text":"grüße"}}"#),
        meta: r#"{"actor":{"kind":"system","id":"test"}}"#.to_owned(),
        occurred_at: SystemEnvironment.now(),
    }
}

pub(crate) fn exactly(stream: &StreamId, expected: u64, events: Vec<NewEvent>) -> StreamAppend {
    StreamAppend { stream: stream.clone(), expected: ExpectedVersion::Exact(expected), events }
}

pub(crate) fn any(stream: &StreamId, events: Vec<NewEvent>) -> StreamAppend {
    StreamAppend { stream: stream.clone(), expected: ExpectedVersion::Any, events }
}

pub(crate) fn batch(appends: Vec<StreamAppend>) -> AppendBatch {
    AppendBatch { command_id: new_command(), appends }
}

/// One event on one stream.
pub(crate) fn one(stream: &StreamId, expected: u64) -> AppendBatch {
    batch(vec![exactly(stream, expected, vec![event("room.touched", expected)])])
}

pub(crate) fn new(first: u64, last: u64) -> Appended {
    Appended { first: Position(first), last: Position(last), duplicate: false }
}

pub(crate) fn is_conflict(result: &Result<Appended, AppendError>, expected: u64, actual: u64) -> bool {
    matches!(result, Err(AppendError::Conflict { expected: e, actual: a, .. }) if (*e, *a) == (expected, actual))
}

/// The whole log.
pub(crate) async fn everything(log: &Arc<dyn EventLog>) -> Vec<Recorded> {
    let mut all = Vec::new();
    let mut after = Position::START;
    loop {
        let request = ReadRequest { after, before: None, filter: EventFilter::default(), limit: 1_000 };
        let page = log.read(request).await.expect("the log can be read");
        if page.events.is_empty() {
            return all;
        }
        after = page.scanned_to;
        all.extend(page.events);
    }
}

/// Positions without gaps, versions without gaps in each stream, times that never go back.
pub(crate) fn assert_in_order(events: &[Recorded]) {
    let mut versions = std::collections::HashMap::new();
    let mut recorded_at = Time::EPOCH;
    for (event, position) in events.iter().zip(1..) {
        assert_eq!(event.position, Position(position), "positions have no gaps");
        let version = versions.entry(event.stream.clone()).or_insert(0u64);
        *version += 1;
        assert_eq!(event.version, *version, "versions of {} have no gaps", event.stream);
        assert!(event.recorded_at >= recorded_at, "recorded times never go back");
        recorded_at = event.recorded_at;
    }
}

/// Waits until `condition` holds, at most ten seconds.
pub(crate) async fn eventually<F: Future<Output = bool>>(what: &str, condition: impl Fn() -> F) {
    let deadline = std::time::Instant::now() + Duration::from_secs(10);
    while !condition().await {
        assert!(std::time::Instant::now() < deadline, "{what} did not happen within ten seconds");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
