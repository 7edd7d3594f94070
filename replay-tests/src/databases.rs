//! Databases for tests: every test its own.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context as _, Result};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use wac_events::{Environment, MasterKey};
use wac_store::{StoreOptions, Stores, SystemEnvironment};

/// The master key of every test database.
pub const MASTER_KEY: [u8; 32] = *b"replay tests wrap keys with this";
/// Connections of a test's read pool.
const READ_CONNECTIONS: u32 = 4;

/// Opens (and makes) a store on the system's clock.
pub async fn open(url: &str) -> Result<Stores> {
    open_with(url, Arc::new(SystemEnvironment)).await
}

/// Opens (and makes) a store in an environment of the test's own.
pub async fn open_with(url: &str, environment: Arc<dyn Environment>) -> Result<Stores> {
    let options = StoreOptions {
        environment,
        read_connections: READ_CONNECTIONS,
        ..StoreOptions::new(MasterKey::new(MASTER_KEY))
    };
    Ok(wac_store::open(url, options).await?)
}

/// URL of the SQLite file `wac.db` in `directory`.
pub fn sqlite_url(directory: &Path) -> String {
    format!("sqlite://{}", directory.join("wac.db").display())
}

/// Makes an empty database on the server of `server_url` and returns its URL.
pub async fn new_postgres_database(server_url: &str) -> Result<String> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("replay_{}_{count}", std::process::id());
    let mut connection = PgConnection::connect(server_url).await.context("the test server")?;
    for statement in [format!("drop database if exists {name}"), format!("create database {name}")] {
        connection.execute(AssertSqlSafe(statement)).await?;
    }
    connection.close().await?;
    let (server, _) = server_url.rsplit_once('/').context("a database URL ends with /NAME")?;
    Ok(format!("{server}/{name}"))
}
