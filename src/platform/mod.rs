//! The wiring: one process's parts, how they start and in which order they end.

mod ports;

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use axum_server::tls_rustls::RustlsConfig;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use wac_api::{ApiConfig, HealthCheck, Ports};
use wac_commands::{CommandHandler, Limits};
use wac_events::cloudevents::source_of;
use wac_events::{DomainId, Position};
use wac_projections::Projection;
use wac_relay::{AlwaysGranted, Relay, RelayConfig, RelayLease, RelayProgress};
use wac_runner::{Runner, SqlRows};
use wac_store::{Db, Stores, SystemEnvironment};

use crate::config::Settings;
use crate::lease::PostgresLease;
use crate::processes::Processes;
use crate::serving::Servers;
use crate::shutdown::{DRAIN_PART, DRAIN_REQUESTS};
use ports::{LogHealth, RelayHealth, RowsHealth, RowsWaiter, lag_source};

/// What has been bound before anything was started.
pub(crate) struct Sockets {
    /// Plain HTTP.
    pub(crate) http: Option<TcpListener>,
    /// HTTPS.
    pub(crate) https: Option<(TcpListener, RustlsConfig)>,
}

impl Sockets {
    /// The addresses of both.
    pub(crate) fn addresses(&self) -> (Option<SocketAddr>, Option<SocketAddr>) {
        let of = |listener: &TcpListener| listener.local_addr().ok();
        (self.http.as_ref().and_then(of), self.https.as_ref().and_then(|(listener, _)| of(listener)))
    }
}

/// The interfaces of this process, and the base domain they need.
pub(crate) struct Interfaces {
    /// Where to listen.
    pub(crate) sockets: Sockets,
    /// Settings.
    pub(crate) config: ApiConfig,
}

/// The running parts of one process.
pub(crate) struct Platform {
    stores: Stores,
    handler: CommandHandler,
    rows: Option<Rows>,
    relay: Option<Part>,
    processes: Option<Processes>,
    servers: Option<Servers>,
    tail: Option<JoinHandle<()>>,
    /// Ends what the interfaces stream without end.
    streams_end: Option<CancellationToken>,
    observers: CancellationToken,
    relay_progress: Option<Arc<RelayProgress>>,
}

enum Rows {
    /// Kept up here.
    Runner(Runner, CancellationToken),
    /// Kept up by another process.
    Elsewhere(SqlRows),
}

impl Rows {
    fn reader(&self) -> SqlRows {
        match self {
            Rows::Runner(runner, _) => runner.rows(),
            Rows::Elsewhere(rows) => rows.clone(),
        }
    }
}

struct Part {
    task: JoinHandle<()>,
    shutdown: CancellationToken,
}

impl Part {
    /// Asks it to end and waits, not for ever.
    async fn stop(self, name: &str, patience: std::time::Duration) {
        self.shutdown.cancel();
        if tokio::time::timeout(patience, self.task).await.is_err() {
            tracing::warn!(part = name, "did not end in time and was left behind");
        }
    }
}

impl Platform {
    /// Opens what every role needs: the command handler over the log.
    pub(crate) fn new(stores: Stores) -> Self {
        let environment = Arc::new(SystemEnvironment);
        let handler = CommandHandler::new(stores.log.clone(), stores.keys.clone(), environment, Limits::default());
        Self {
            stores,
            handler,
            rows: None,
            relay: None,
            processes: None,
            servers: None,
            tail: None,
            streams_end: None,
            observers: CancellationToken::new(),
            relay_progress: None,
        }
    }

    /// The store.
    pub(crate) fn stores(&self) -> &Stores {
        &self.stores
    }

    /// Executes commands.
    pub(crate) fn handler(&self) -> &CommandHandler {
        &self.handler
    }

    /// Starts to keep the read models up, or to read those another process keeps up.
    pub(crate) async fn start_rows(&mut self, here: bool) -> Result<()> {
        let (db, projections) = (self.stores.db.clone(), wac_projections::all());
        self.rows = Some(if here {
            let shutdown = CancellationToken::new();
            let runner = Runner::start(db, self.stores.log.clone(), projections, shutdown.clone()).await;
            Rows::Runner(runner.context("the read models cannot be started")?, shutdown)
        } else {
            Rows::Elsewhere(SqlRows::open(db, projections).await.context("the read models cannot be read")?)
        });
        Ok(())
    }

    /// Waits until every read model is built up to `position`; gives up quietly after `patience`.
    pub(crate) async fn caught_up(&self, position: Position, patience: std::time::Duration) {
        let names: Vec<&'static str> = wac_projections::all().iter().map(|projection| projection.name()).collect();
        if let Some(rows) = &self.rows
            && let Err(error) = rows.reader().wait_for(&names, position, patience).await
        {
            tracing::warn!(%error, "starting while a read model is behind");
        }
    }

    /// Starts the relay to Kafka.
    pub(crate) async fn start_relay(&mut self, settings: &Settings) -> Result<()> {
        let lease: Arc<dyn RelayLease> = match &self.stores.db {
            Db::Postgres(pool) => Arc::new(PostgresLease::open(pool.clone()).await?),
            Db::Sqlite(_) => Arc::new(AlwaysGranted),
        };
        let (log, keys) = (self.stores.log.clone(), self.stores.keys.clone());
        let relay = Relay::new(log, keys, lease, relay_config(settings))?;
        self.relay_progress = Some(relay.progress());
        let shutdown = CancellationToken::new();
        self.relay = Some(Part { task: tokio::spawn(relay.run(shutdown.clone())), shutdown });
        Ok(())
    }

    /// Starts the process managers; the read models must have been started.
    pub(crate) async fn start_processes(&mut self, settings: &Settings) -> Result<()> {
        let rows = self.rows.as_ref().context("process managers need the read models")?.reader();
        let tokens_max = usize::try_from(settings.max_tokens).unwrap_or(usize::MAX);
        let processes = Processes::start(&self.stores, &self.handler, rows, tokens_max).await;
        self.processes = Some(processes.context("the process managers cannot be started")?);
        Ok(())
    }

    /// Starts to serve requests; the read models must have been started.
    pub(crate) fn start_interfaces(&mut self, interfaces: Interfaces, settings: &Settings) -> Result<()> {
        let rows = self.rows.as_ref().context("the interfaces need the read models")?.reader();
        let projections: Vec<Arc<dyn Projection>> = wac_projections::all();
        let rows_health = Arc::new(RowsHealth { log: self.stores.log.clone(), rows: rows.clone(), projections });
        let mut health: Vec<Arc<dyn HealthCheck>> =
            vec![Arc::new(LogHealth(self.stores.log.clone())), rows_health.clone()];
        if let Some(progress) = self.relay_progress.clone() {
            let shared_lease = matches!(self.stores.db, Db::Postgres(_));
            let serves_requests = settings.has_role("api");
            health.push(Arc::new(RelayHealth { progress, serves_requests, shared_lease }));
        }
        let lag = lag_source(rows_health, self.relay_progress.clone(), self.observers.clone());
        let ports = Ports {
            handler: self.handler.clone(),
            rows: Arc::new(rows.clone()),
            log: self.stores.log.clone(),
            keys: self.stores.keys.clone(),
            env: Arc::new(SystemEnvironment),
            waiter: Arc::new(RowsWaiter(rows)),
            health,
            lag: Some(lag),
        };
        let api = wac_api::Platform::new(ports, interfaces.config);
        self.tail = Some(tokio::spawn(wac_api::follow_log(api.clone())));
        self.streams_end = Some(api.closing.clone());
        let Sockets { http, https } = interfaces.sockets;
        self.servers = Some(Servers::start(&wac_api::router(api), http, https)?);
        Ok(())
    }

    /// Ends every part, those that others rest on last.
    pub(crate) async fn stop(mut self) {
        if let Some(streams_end) = self.streams_end.take() {
            // Streams that never end by themselves would hold the drain open.
            streams_end.cancel();
        }
        if let Some(servers) = self.servers.take() {
            servers.stop(DRAIN_REQUESTS).await;
        }
        if let Some(processes) = self.processes.take() {
            processes.stop().await;
        }
        if let Some(Rows::Runner(runner, shutdown)) = self.rows.take() {
            shutdown.cancel();
            if tokio::time::timeout(DRAIN_PART, runner.stopped()).await.is_err() {
                tracing::warn!(part = "read models", "did not end in time and was left behind");
            }
        }
        if let Some(relay) = self.relay.take() {
            relay.stop("relay", DRAIN_PART * 2).await;
        }
        self.observers.cancel();
        if let Some(tail) = self.tail.take() {
            tail.abort();
        }
        if tokio::time::timeout(DRAIN_PART, self.stores.close()).await.is_err() {
            tracing::warn!(part = "store", "did not close in time");
        }
    }
}

/// The interfaces' settings.
pub(crate) fn api_config(settings: &Settings, base: (String, DomainId), public_url: String, dev: bool) -> ApiConfig {
    let (base_domain, base_domain_id) = base;
    ApiConfig {
        access_token_s: settings.access_token_s,
        refresh_token_s: settings.refresh_token_s,
        max_tokens: settings.max_tokens,
        dev,
        trusted_proxies: settings.trusted_proxies.clone(),
        client_ip_header: settings.client_ip_header.clone(),
        body_bytes_max: settings.request_bytes_max,
        events_source: source_of(&settings.relay_cluster, "main"),
        ..ApiConfig::new(base_domain, base_domain_id, public_url)
    }
}

/// The relay's settings.
pub(crate) fn relay_config(settings: &Settings) -> RelayConfig {
    RelayConfig {
        cluster: settings.relay_cluster.clone(),
        partitions: settings.relay_partitions,
        replication: settings.relay_replication,
        personal_fields: settings.relay_personal_fields,
        topic_settings: settings.relay_topic.clone(),
        client_settings: settings.kafka_client.clone(),
        ..RelayConfig::new(settings.kafka_brokers.join(","))
    }
}
