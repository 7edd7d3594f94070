//! The databases behind the log, for those who keep their own tables in them.

use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sqlx::pool::PoolOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, PgPool, Sqlite, SqliteConnection, SqlitePool, Transaction};
use tempfile::TempDir;
use tokio::sync::{Mutex, Notify, OwnedMutexGuard};
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use crate::sqlite::checkpoint;

/// How long a SQLite connection waits for a writer in another process.
pub const SQLITE_BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Pages in the write-ahead log with which a writer moves them into the database file by itself.
/// Long before that [`checkpoint`] has done it, so that no writer waits.
const SQLITE_CHECKPOINT_PAGES: u32 = 65_536;
/// Page cache of one SQLite connection, in KiB.
const SQLITE_CACHE_KIB: i64 = 8_192;
/// Between two attempts to open a file that somebody has for himself.
const BUSY_PAUSE: Duration = Duration::from_millis(10);

/// The database of a store. Read models live in the same one, in tables of their own.
#[derive(Clone)]
pub enum Db {
    /// A connection pool; any connection may read and write.
    Postgres(PgPool),
    /// One file: many readers, one writer.
    Sqlite(SqliteDb),
}

/// One SQLite file as seen by those who keep their own tables in it.
///
/// Reads go through [`SqliteDb::readers`]. Writes go through [`SqliteDb::write`], which queues for
/// the one writer's place together with the log, first come, first served, so that no writer of
/// this process ever meets `SQLITE_BUSY`; keep such transactions short, appends wait meanwhile.
///
/// These transactions are atomic, but a power failure may take the last of them back (never
/// partly, and never without those after it): whatever is written here must follow from the log.
#[derive(Clone)]
pub struct SqliteDb {
    readers: SqlitePool,
    writer: SqlitePool,
    place: WriterPlace,
    checkpoints: Arc<AbortOnDropHandle<()>>,
    /// Holds the directory of a database that goes away with the process.
    _directory: Option<Arc<TempDir>>,
}

/// The one writer's place of a SQLite file inside this process.
#[derive(Clone, Default)]
pub(crate) struct WriterPlace {
    place: Arc<Mutex<()>>,
    /// Told whenever the place has been taken.
    used: Arc<Notify>,
}

impl WriterPlace {
    /// Takes the place in order to write.
    pub(crate) async fn take(&self) -> OwnedMutexGuard<()> {
        self.used.notify_one();
        self.keep_free().await
    }

    /// Takes the place in order that nobody writes.
    pub(crate) async fn keep_free(&self) -> OwnedMutexGuard<()> {
        self.place.clone().lock_owned().await
    }

    /// Returns once the place has been taken since the last call.
    pub(crate) async fn used(&self) {
        self.used.notified().await;
    }
}

/// An open write transaction; dropped without [`SqliteWrite::commit`] it is rolled back.
pub struct SqliteWrite {
    // Declared first: the roll-back is queued on the connection before the place is given up.
    tx: Transaction<'static, Sqlite>,
    _place: OwnedMutexGuard<()>,
}

impl SqliteDb {
    pub(crate) async fn connect(path: &Path, read_connections: u32) -> Result<Self, sqlx::Error> {
        let options = sqlite_options(path);
        // Held until the pools have their connections, which then need no lock that others may hold.
        let _first = sqlite_connect(path).await?;
        // The writer comes first: it creates the file and turns the write-ahead log on.
        let writer = pool(1).connect_with(options.clone().synchronous(SqliteSynchronous::Normal)).await?;
        let readers = pool(read_connections).connect_with(options.pragma("query_only", "ON")).await?;
        let place = WriterPlace::default();
        let checkpoints = Arc::new(checkpoint::start(path, place.clone()).await?);
        Ok(Self { readers, writer, place, checkpoints, _directory: None })
    }

    /// A database of this process alone, gone with it.
    pub(crate) async fn temporary(read_connections: u32) -> Result<Self, sqlx::Error> {
        let directory = TempDir::with_prefix("wac-").map_err(sqlx::Error::Io)?;
        let db = Self::connect(&directory.path().join("wac.db"), read_connections).await?;
        Ok(Self { _directory: Some(Arc::new(directory)), ..db })
    }

    /// For reading only; a write through it is refused.
    pub fn readers(&self) -> &SqlitePool {
        &self.readers
    }

    /// Begins a write transaction (`BEGIN IMMEDIATE`) once this caller's turn has come.
    pub async fn write(&self) -> Result<SqliteWrite, sqlx::Error> {
        let place = self.place.take().await;
        let tx = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        Ok(SqliteWrite { tx, _place: place })
    }

    pub(crate) fn place(&self) -> WriterPlace {
        self.place.clone()
    }

    pub(crate) async fn close(&self) {
        self.checkpoints.abort();
        self.readers.close().await;
        self.writer.close().await;
    }
}

impl SqliteWrite {
    /// Makes everything written visible to others.
    pub async fn commit(self) -> Result<(), sqlx::Error> {
        self.tx.commit().await
    }

    /// Takes everything back.
    pub async fn rollback(self) -> Result<(), sqlx::Error> {
        self.tx.rollback().await
    }
}

impl Deref for SqliteWrite {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        &self.tx
    }
}

impl DerefMut for SqliteWrite {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        &mut self.tx
    }
}

impl Db {
    pub(crate) async fn close(&self) {
        match self {
            Db::Postgres(pool) => pool.close().await,
            Db::Sqlite(db) => db.close().await,
        }
    }
}

/// What every connection to the file has in common. What is deleted is overwritten
/// (`secure_delete`), and a commit is on the disk before it returns (`synchronous=FULL`) unless a
/// caller lowers that.
pub(crate) fn sqlite_options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(SQLITE_BUSY_TIMEOUT)
        .foreign_keys(true)
        .pragma("secure_delete", "ON")
        .pragma("cache_size", (-SQLITE_CACHE_KIB).to_string())
        .pragma("wal_autocheckpoint", SQLITE_CHECKPOINT_PAGES.to_string())
        .disable_statement_logging()
}

/// Opens a connection to a file that others may be opening or closing at the same moment. Turning the
/// write-ahead log on, and removing it with the last connection, take the file for themselves, and
/// for these SQLite refuses others at once instead of waiting.
pub(crate) async fn sqlite_connect(path: &Path) -> Result<SqliteConnection, sqlx::Error> {
    let deadline = Instant::now() + SQLITE_BUSY_TIMEOUT;
    loop {
        match sqlite_options(path).connect().await {
            Err(error) if is_busy(&error) && Instant::now() < deadline => tokio::time::sleep(BUSY_PAUSE).await,
            connected => return connected,
        }
    }
}

fn is_busy(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    // SQLITE_BUSY, in any of its extended forms.
    code.is_some_and(|code| code.parse::<i32>().is_ok_and(|code| code & 0xff == 5))
}

/// A pool whose connections live as long as it does: there is nothing to test or renew in a file.
fn pool(connections: u32) -> PoolOptions<Sqlite> {
    PoolOptions::new().max_connections(connections).test_before_acquire(false).idle_timeout(None).max_lifetime(None)
}
