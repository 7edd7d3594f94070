//! Noticing appends of other processes.

use std::time::Duration;

use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use tokio_util::task::AbortOnDropHandle;

use crate::wake::Wake;

/// The channel on which every batch is announced.
const CHANNEL: &str = "wac_log";
/// How often the head is read while somebody waits, should an announcement not arrive.
pub const POSTGRES_WATCH_INTERVAL: Duration = Duration::from_secs(1);
/// Pause before connecting again.
const RECONNECT_PAUSE: Duration = Duration::from_millis(250);

pub(super) fn start(options: PgConnectOptions, pool: PgPool, wake: std::sync::Arc<Wake>) -> AbortOnDropHandle<()> {
    AbortOnDropHandle::new(tokio::spawn(async move {
        tokio::join!(listen(options, &wake), poll(&pool, &wake));
    }))
}

async fn listen(options: PgConnectOptions, wake: &Wake) {
    // The listener keeps its one connection for itself.
    let pool = PgPoolOptions::new().max_connections(1).idle_timeout(None).max_lifetime(None).connect_lazy_with(options);
    loop {
        if let Err(error) = announcements(&pool, wake).await {
            tracing::debug!(%error, "listening for appends of other processes");
        }
        tokio::time::sleep(RECONNECT_PAUSE).await;
    }
}

async fn announcements(pool: &PgPool, wake: &Wake) -> Result<(), sqlx::Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen(CHANNEL).await?;
    // Whatever was announced while nobody listened.
    wake.publish(super::head(&mut listener).await?.position.0);
    loop {
        let Some(announcement) = listener.try_recv().await? else { return Ok(()) };
        if let Ok(head) = announcement.payload().parse() {
            wake.publish(head);
        }
    }
}

async fn poll(pool: &PgPool, wake: &Wake) {
    loop {
        wake.somebody_waits().await;
        tokio::time::sleep(POSTGRES_WATCH_INTERVAL).await;
        match super::head(pool).await {
            Ok(head) => wake.publish(head.position.0),
            Err(error) => tracing::debug!(%error, "reading the head"),
        }
    }
}
