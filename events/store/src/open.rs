//! Opening a store.

use std::path::Path;
use std::sync::Arc;

use sqlx::ConnectOptions;
use wac_events::{EventLog, KeyStore, MasterKey, StoreError};

use crate::db::{SqliteDb, sqlite_connect};
use crate::error::failed;
use crate::keys::{Keys, MemoryKeys, PostgresKeys, SqliteKeys};
use crate::location::Location;
use crate::log::{Reader, StoreLog};
use crate::memory::MemoryLog;
use crate::wake::Wake;
use crate::writer::WriterHandle;
use crate::{Closing, Db, OpenError, StoreOptions, Stores, migrations, postgres, sqlite};

/// What the stored check value of the master key is a hash of.
const KEY_CHECK: (&str, &str) = ("master-key-check", "wac");

/// Opens the store behind `url`: `postgres://…`, `sqlite://PATH` or `memory:`.
pub async fn open(url: &str, options: StoreOptions) -> Result<Stores, OpenError> {
    let location = Location::parse(url)?;
    let place = location.place();
    match location {
        Location::Postgres(connect) => {
            migrations::postgres(&connect, &place, options.migrate).await?;
            let unreachable = |source| OpenError::Unreachable { place: place.clone(), source };
            let pool = postgres::pool(&connect, options.read_connections).await.map_err(unreachable)?;
            let stored = postgres_key_check(&pool, &options.master_key).await;
            check_key(stored, &options.master_key, &place)?;
            let log = postgres::start(&connect, &pool, options.environment.clone()).await.map_err(store(&place))?;
            let keys =
                Keys::new(PostgresKeys(pool.clone()), &log.writer.trouble, options.master_key, options.environment);
            Ok(stores(log, Arc::new(keys), Db::Postgres(pool)))
        }
        Location::Sqlite(path) => {
            migrations::sqlite(&path, &place, options.migrate).await?;
            let unreachable = |source| OpenError::Unreachable { place: place.clone(), source };
            let db = SqliteDb::connect(&path, options.read_connections).await.map_err(unreachable)?;
            open_sqlite(&path, &place, db, options).await
        }
        Location::Memory => {
            let unreachable = |source| OpenError::Unreachable { place: place.clone(), source };
            let db = SqliteDb::temporary(options.read_connections).await.map_err(unreachable)?;
            let (log, keys) = memory(options);
            Ok(stores(log, keys, Db::Sqlite(db)))
        }
    }
}

/// A log and its keys in memory and nothing beside them: no database, no thread, no clock but
/// `options.environment`. For simulations, where everything follows from a seed. Within a tokio
/// runtime, whose task the log's writer is.
pub fn in_memory(options: StoreOptions) -> (Arc<dyn EventLog>, Arc<dyn KeyStore>) {
    let (log, keys) = memory(options);
    (Arc::new(log), keys)
}

fn memory(options: StoreOptions) -> (StoreLog<MemoryLog>, Arc<dyn KeyStore>) {
    let memory = MemoryLog::default();
    let wake = Arc::new(Wake::new(0));
    let writer = WriterHandle::start(vec![memory.clone()], options.environment.clone(), wake.clone());
    let keys = Keys::new(MemoryKeys::default(), &writer.trouble, options.master_key, options.environment);
    let log = StoreLog { reader: memory, writer, wake, tail: None, _watcher: None };
    (log, Arc::new(keys))
}

async fn open_sqlite(path: &Path, place: &str, db: SqliteDb, options: StoreOptions) -> Result<Stores, OpenError> {
    let stored = sqlite_key_check(&db, &options.master_key).await;
    check_key(stored, &options.master_key, place)?;
    let log = sqlite::start(path, &db, options.environment.clone()).await.map_err(store(place))?;
    let keys = Keys::new(SqliteKeys::new(path, &db), &log.writer.trouble, options.master_key, options.environment);
    Ok(stores(log, Arc::new(keys), Db::Sqlite(db)))
}

fn stores<R: Reader>(log: StoreLog<R>, keys: Arc<dyn KeyStore>, db: Db) -> Stores {
    let log = Arc::new(log);
    let closing: Closing = log.clone();
    let log: Arc<dyn EventLog> = log;
    Stores { log, keys, db, closing }
}

fn store(place: &str) -> impl FnOnce(StoreError) -> OpenError {
    let place = place.to_owned();
    move |source| OpenError::Store { place, source }
}

fn check_key(stored: Result<String, sqlx::Error>, master: &MasterKey, place: &str) -> Result<(), OpenError> {
    let stored = stored.map_err(failed("check the master key")).map_err(store(place))?;
    match stored == key_check(master) {
        true => Ok(()),
        false => Err(OpenError::WrongMasterKey { place: place.to_owned() }),
    }
}

fn key_check(master: &MasterKey) -> String {
    master.keyed_hash(KEY_CHECK.0, KEY_CHECK.1)
}

/// Whether nobody has opened the database behind `url` yet, so that no master key belongs to it.
pub async fn is_new(url: &str) -> Result<bool, OpenError> {
    let location = Location::parse(url)?;
    let unreachable = |source| OpenError::Unreachable { place: Location::place(&location), source };
    let known: Result<Option<String>, sqlx::Error> = match &location {
        Location::Postgres(connect) => {
            let mut connection = connect.connect().await.map_err(unreachable)?;
            sqlx::query_scalar(READ_KEY_CHECK).bind(KEY_CHECK.0).fetch_optional(&mut connection).await
        }
        Location::Sqlite(path) if path.exists() => {
            let mut connection = sqlite_connect(path).await.map_err(unreachable)?;
            sqlx::query_scalar(READ_KEY_CHECK).bind(KEY_CHECK.0).fetch_optional(&mut connection).await
        }
        Location::Sqlite(_) | Location::Memory => return Ok(true),
    };
    match known {
        Ok(known) => Ok(known.is_none()),
        // Before the first migration there is no table to read.
        Err(sqlx::Error::Database(_)) => Ok(true),
        Err(source) => Err(unreachable(source)),
    }
}

const REMEMBER_KEY_CHECK: &str = "insert into store_settings (name, value) values ($1, $2) on conflict do nothing";
const READ_KEY_CHECK: &str = "select value from store_settings where name = $1";

/// The check value of the master key this database was created with; the first one given is it.
async fn postgres_key_check(pool: &sqlx::PgPool, master: &MasterKey) -> Result<String, sqlx::Error> {
    sqlx::query(REMEMBER_KEY_CHECK).bind(KEY_CHECK.0).bind(key_check(master)).execute(pool).await?;
    sqlx::query_scalar(READ_KEY_CHECK).bind(KEY_CHECK.0).fetch_one(pool).await
}

async fn sqlite_key_check(db: &SqliteDb, master: &MasterKey) -> Result<String, sqlx::Error> {
    let known = sqlx::query_scalar(READ_KEY_CHECK).bind(KEY_CHECK.0).fetch_optional(db.readers()).await?;
    if let Some(known) = known {
        return Ok(known);
    }
    let mut tx = db.write().await?;
    sqlx::query(REMEMBER_KEY_CHECK).bind(KEY_CHECK.0).bind(key_check(master)).execute(&mut *tx).await?;
    let known = sqlx::query_scalar(READ_KEY_CHECK).bind(KEY_CHECK.0).fetch_one(&mut *tx).await?;
    tx.commit().await?;
    Ok(known)
}
