//! What the interfaces ask of the rest: waiting for rows, health, lag.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use tokio_util::sync::CancellationToken;
use wac_api::sockets::{NodeSigns, Sign};
use wac_api::{Behind, HealthCheck, LagSource, Waiter};
use wac_commands::Calls;
use wac_commands::process::Heartbeats;
use wac_events::{Environment as _, EventLog, NodeId, Position, StoreError};
use wac_projections::{Projection, Rows as _};
use wac_relay::RelayProgress;
use wac_runner::SqlRows;
use wac_signaling::{CaughtUp, RowsCalls};
use wac_store::{Stores, SystemEnvironment};

/// How long whoever asks who is where waits for the read models.
const CALLS_PATIENCE: Duration = Duration::from_secs(5);
/// How often the lag of read models is looked at, for `/metrics`.
const LAG_EVERY: Duration = Duration::from_secs(5);
/// A read model further behind than this makes a node unready, in events.
const LAG_READY_MAX: u64 = 10_000;

/// Waits for this node's rows.
pub(super) struct RowsWaiter(pub(super) SqlRows);

impl Waiter for RowsWaiter {
    fn wait_for<'a>(
        &'a self,
        tables: &'a [&'static str],
        position: Position,
        patience: Duration,
    ) -> BoxFuture<'a, Result<(), Behind>> {
        let waiting = self.0.wait_for(tables, position, patience);
        async move { waiting.await.map_err(|_| Behind { wanted: position }) }.boxed()
    }
}

/// Who is where, as this node's rows say.
pub(super) fn calls(rows: SqlRows) -> Arc<dyn Calls> {
    let caught_up = Arc::new(RowsCaughtUp(rows.clone()));
    Arc::new(RowsCalls::new(Arc::new(rows), caught_up, Arc::new(SystemEnvironment)))
}

struct RowsCaughtUp(SqlRows);

impl CaughtUp for RowsCaughtUp {
    fn caught_up<'a>(&'a self, tables: &'a [&'static str], seen: Position) -> BoxFuture<'a, Result<(), StoreError>> {
        let waiting = self.0.wait_for(tables, seen, CALLS_PATIENCE);
        async move { waiting.await.map_err(|error| StoreError::new("wait for a read model", error)) }.boxed()
    }
}

/// The signs of life of nodes, as they are kept beside the log.
pub(super) struct Signs(pub(super) Arc<dyn Heartbeats>);

impl NodeSigns for Signs {
    fn last(&self) -> BoxFuture<'_, Result<HashMap<NodeId, Sign>, StoreError>> {
        async move {
            let now = SystemEnvironment.now();
            let last = self.0.last().await?.into_iter();
            Ok(last.map(|(node, ago, sessions)| (node, Sign { seen_at: now.minus(ago), sessions })).collect())
        }
        .boxed()
    }
}

/// The log answers, and can be written as far as anybody knows.
pub(super) struct LogHealth(pub(super) Stores);

impl HealthCheck for LogHealth {
    fn name(&self) -> &'static str {
        "log"
    }

    fn check(&self) -> BoxFuture<'_, Result<String, String>> {
        async move {
            let head = self.0.log.head().await.map_err(|error| error.operation.to_owned())?;
            match self.0.trouble() {
                Some(error) => Err(format!("at position {}, cannot be written: {}", head.position, error.operation)),
                None => Ok(format!("at position {}", head.position)),
            }
        }
        .boxed()
    }
}

/// The read models keep up with the log.
pub(super) struct RowsHealth {
    pub(super) log: Arc<dyn EventLog>,
    pub(super) rows: SqlRows,
    pub(super) projections: Vec<Arc<dyn Projection>>,
}

impl RowsHealth {
    async fn lags(&self) -> Result<Vec<(String, u64)>, wac_events::StoreError> {
        let head = self.log.head().await?.position;
        let mut lags = Vec::with_capacity(self.projections.len());
        for projection in &self.projections {
            let position = self.rows.position(projection.name()).await?;
            lags.push((projection.name().to_owned(), head.0.saturating_sub(position.0)));
        }
        Ok(lags)
    }
}

impl HealthCheck for RowsHealth {
    fn name(&self) -> &'static str {
        "read_models"
    }

    fn check(&self) -> BoxFuture<'_, Result<String, String>> {
        async move {
            let lags = self.lags().await.map_err(|error| error.operation.to_owned())?;
            match lags.iter().max_by_key(|(_, lag)| *lag) {
                Some((name, lag)) if *lag > LAG_READY_MAX => Err(format!("{name} is {lag} events behind")),
                Some((_, lag)) => Ok(format!("at most {lag} events behind")),
                None => Ok("none".to_owned()),
            }
        }
        .boxed()
    }
}

/// Kafka as the relay sees it. Requests do not depend on it: a node that serves them stays ready,
/// the relay catches up later; one that only relays does not.
pub(super) struct RelayHealth {
    pub(super) progress: Arc<RelayProgress>,
    pub(super) serves_requests: bool,
    pub(super) shared_lease: bool,
}

impl HealthCheck for RelayHealth {
    fn name(&self) -> &'static str {
        "kafka_relay"
    }

    fn check(&self) -> BoxFuture<'_, Result<String, String>> {
        let behind = format!("{} events behind", self.progress.lag_events());
        let outcome = if self.progress.is_active() {
            Ok(format!("connected, {behind}"))
        } else if self.shared_lease {
            Ok("not relaying here: another node does, or Kafka does not answer".to_owned())
        } else if self.serves_requests {
            Ok(format!("not connected, {behind}; requests do not depend on it"))
        } else {
            Err(format!("not connected, {behind}"))
        };
        async move { outcome }.boxed()
    }
}

/// Keeps the lag of every read model (and of the relay) at hand for the scrape.
pub(super) fn lag_source(
    health: Arc<RowsHealth>,
    relay: Option<Arc<RelayProgress>>,
    shutdown: CancellationToken,
) -> LagSource {
    let known = Arc::new(Mutex::new(Vec::new()));
    let writer = known.clone();
    tokio::spawn(async move {
        loop {
            if let Ok(lags) = health.lags().await {
                *writer.lock().unwrap_or_else(PoisonError::into_inner) = lags;
            }
            tokio::select! {
                () = tokio::time::sleep(LAG_EVERY) => {}
                () = shutdown.cancelled() => return,
            }
        }
    });
    Box::new(move || {
        let mut lags = known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        lags.extend(relay.as_ref().map(|progress| ("kafka_relay".to_owned(), progress.lag_events())));
        lags
    })
}
