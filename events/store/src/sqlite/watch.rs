//! Noticing appends of other processes on the same file.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, SqliteConnection};
use tokio_util::task::AbortOnDropHandle;

use crate::db::sqlite_options;
use crate::wake::Wake;

/// How often the file is looked at while somebody waits. A look reads one counter in shared memory.
pub const SQLITE_WATCH_INTERVAL: Duration = Duration::from_millis(50);

pub(super) async fn start(path: &Path, wake: Arc<Wake>) -> Result<AbortOnDropHandle<()>, sqlx::Error> {
    let options = sqlite_options(path).create_if_missing(false).pragma("query_only", "ON");
    let connection = options.connect().await?;
    Ok(AbortOnDropHandle::new(tokio::spawn(watch(connection, options, wake))))
}

async fn watch(mut connection: SqliteConnection, options: SqliteConnectOptions, wake: Arc<Wake>) {
    let mut seen = None;
    loop {
        wake.somebody_waits().await;
        tokio::time::sleep(SQLITE_WATCH_INTERVAL).await;
        match look(&mut connection, seen).await {
            Ok((version, head)) => {
                seen = Some(version);
                head.into_iter().for_each(|head| wake.publish(head));
            }
            Err(error) => {
                tracing::warn!(%error, "watching the database file");
                if let Ok(new) = options.connect().await {
                    connection = new;
                    seen = None;
                }
            }
        }
    }
}

/// The file's change counter, and the head if the counter differs from `seen`.
async fn look(connection: &mut SqliteConnection, seen: Option<i64>) -> Result<(i64, Option<u64>), sqlx::Error> {
    let version: i64 = sqlx::query_scalar("pragma data_version").fetch_one(&mut *connection).await?;
    if seen == Some(version) {
        return Ok((version, None));
    }
    let head = super::head(connection).await?;
    Ok((version, Some(head.position.0)))
}
