//! The event log and the key store on SQLite, on PostgreSQL and in memory.
//!
//! [`open()`] gives all three behind the ports of `wac-events`; [`Db`] is the same database for those
//! who keep tables of their own in it (read models). The rules every log keeps stand at
//! [`wac_events::EventLog`]; one contract suite (`tests/contract.rs`) holds all three to them.

pub mod bench;
mod db;
mod environment;
mod error;
mod filter;
mod import;
mod keys;
mod location;
mod log;
mod memory;
mod migrations;
mod names;
mod open;
mod postgres;
mod sqlite;
mod tail;
mod wake;
mod writer;

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use wac_events::{Environment, EventLog, KeyStore, MasterKey, StoreError};

pub use db::{Db, SQLITE_BUSY_TIMEOUT, SqliteDb, SqliteWrite};
pub use environment::SystemEnvironment;
pub use error::OpenError;
pub use import::{ImportError, ImportedKey, LogImport};
pub use keys::{KEY_CACHED_FOR, KEYS_CACHED_MAX};
pub use migrations::{Migrated, migrate};
pub use open::{in_memory, is_new, open};
pub use postgres::{POSTGRES_ACQUIRE_TIMEOUT, POSTGRES_WATCH_INTERVAL};
pub use sqlite::SQLITE_WATCH_INTERVAL;
pub use tail::{TAIL_BYTES_MAX, TAIL_EVENTS_MAX};
pub use writer::{
    BATCH_BYTES_MAX, BATCH_COMMANDS_MAX, BATCH_EVENTS_MAX, COMMANDS_REMEMBERED, EVENT_BYTES_MAX, NAME_BYTES_MAX,
    OUTCOME_PATIENCE, OVERLOADED_RETRY_AFTER, QUEUE_COMMANDS_MAX, STREAMS_REMEMBERED,
};

/// Connections for reading, unless said otherwise. One costs about 1 MB with SQLite, and a process
/// of about 5 MB at the server with PostgreSQL.
pub const READ_CONNECTIONS_DEFAULT: u32 = 8;

/// How to open a store.
#[derive(Clone)]
pub struct StoreOptions {
    /// Wraps subject keys and keys the hashes of names.
    pub master_key: MasterKey,
    /// Clock and randomness.
    pub environment: Arc<dyn Environment>,
    /// Bring an older (or new) database to this program's schema; otherwise it is refused.
    pub migrate: bool,
    /// Connections in the pool of [`Db`], which the log's reads share.
    pub read_connections: u32,
}

impl StoreOptions {
    /// The usual: the real clock, migrations on, [`READ_CONNECTIONS_DEFAULT`].
    pub fn new(master_key: MasterKey) -> Self {
        Self {
            master_key,
            environment: Arc::new(SystemEnvironment),
            migrate: true,
            read_connections: READ_CONNECTIONS_DEFAULT,
        }
    }
}

/// An open store.
#[derive(Clone)]
pub struct Stores {
    /// The log.
    pub log: Arc<dyn EventLog>,
    /// The keys of personal data.
    pub keys: Arc<dyn KeyStore>,
    /// The database both are in. With `memory:` a temporary SQLite file that goes away with the
    /// process.
    pub db: Db,
    closing: Closing,
}

impl Stores {
    /// What the last attempt to append or to make a key failed with, if none has succeeded since.
    /// While there is something the writer tries by itself, too, so that it ends without any caller.
    pub fn trouble(&self) -> Option<StoreError> {
        self.closing.trouble()
    }

    /// Takes no further appends, answers those it has, and closes every connection.
    pub async fn close(&self) {
        self.closing.close().await;
        self.db.close().await;
    }
}

/// The part of a log that is written and closed.
trait Close: Send + Sync {
    fn close(&self) -> BoxFuture<'_, ()>;
    fn trouble(&self) -> Option<StoreError>;
}

impl<R: log::Reader> Close for log::StoreLog<R> {
    fn close(&self) -> BoxFuture<'_, ()> {
        self.writer.close().boxed()
    }

    fn trouble(&self) -> Option<StoreError> {
        self.writer.trouble.last()
    }
}

type Closing = Arc<dyn Close>;
