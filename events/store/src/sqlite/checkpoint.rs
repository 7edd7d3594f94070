//! Moving pages from the write-ahead log into the database file, on a connection of its own: a
//! commit that had to do it would keep every append behind it waiting.

use std::path::Path;
use std::time::Duration;

use sqlx::{ConnectOptions, SqliteConnection};
use tokio_util::task::AbortOnDropHandle;

use crate::db::{WriterPlace, sqlite_options};

/// Pause between looks at the write-ahead log while it is written to.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);
/// Pages in the write-ahead log before they are moved.
const PAGES_MIN: i64 = 4_000;
/// Moved or not yet: with so many pages in the write-ahead log writers wait until it is moved as a
/// whole, so that it begins anew instead of growing.
const PAGES_MAX: i64 = 8_000;
/// Unmoved pages for which writers are kept waiting at any time: it takes a moment.
const REST_PAGES_MAX: i64 = 400;
/// How long this connection waits for others that move pages.
const BUSY_TIMEOUT: Duration = Duration::from_millis(50);
/// Its page cache, in KiB: it reads next to nothing.
const CACHE_KIB: i64 = 64;

/// Pages in the write-ahead log.
#[derive(Clone, Copy)]
struct Pages {
    all: i64,
    moved: i64,
}

/// Moves pages for as long as the handle lives.
pub(crate) async fn start(path: &Path, place: WriterPlace) -> Result<AbortOnDropHandle<()>, sqlx::Error> {
    let options = sqlite_options(path).create_if_missing(false).busy_timeout(BUSY_TIMEOUT);
    let connection = options.pragma("cache_size", (-CACHE_KIB).to_string()).connect().await?;
    Ok(AbortOnDropHandle::new(tokio::spawn(run(connection, place))))
}

async fn run(mut connection: SqliteConnection, place: WriterPlace) {
    loop {
        place.used().await;
        tokio::time::sleep(LOOK_INTERVAL).await;
        if let Err(error) = look(&mut connection, &place).await {
            // Writers do it themselves before the write-ahead log grows out of bounds.
            tracing::debug!(%error, "moving pages out of the write-ahead log");
        }
    }
}

async fn look(connection: &mut SqliteConnection, place: &WriterPlace) -> Result<(), sqlx::Error> {
    if pragma(connection, "pragma wal_checkpoint(noop)").await?.all < PAGES_MIN {
        return Ok(());
    }
    let pages = passive(connection).await?;
    let rest = pages.all - pages.moved;
    if rest > 0 && (rest <= REST_PAGES_MAX || pages.all >= PAGES_MAX) {
        let _nobody_writes = place.keep_free().await;
        passive(connection).await?;
    }
    Ok(())
}

/// Moves what no reader needs where it is, without keeping anybody waiting.
async fn passive(connection: &mut SqliteConnection) -> Result<Pages, sqlx::Error> {
    pragma(connection, "pragma wal_checkpoint(passive)").await
}

async fn pragma(connection: &mut SqliteConnection, sql: &'static str) -> Result<Pages, sqlx::Error> {
    let (_busy, all, moved) = sqlx::query_as::<_, (i64, i64, i64)>(sql).fetch_one(connection).await?;
    Ok(Pages { all, moved })
}
