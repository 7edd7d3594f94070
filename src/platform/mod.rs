//! The wiring: one process's parts, how they start and in which order they end.

pub(crate) mod media;
mod ports;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use axum::Router;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use wac_api::sockets::{HttpAssigner, NodeSigns, SocketPorts};
use wac_api::{ApiConfig, AppendTimes, HealthCheck, Ports};
use wac_commands::process::{CallRules, Heartbeats, MediaRules, NodeRules, ProcessRules};
use wac_commands::{CommandHandler, Limits};
use wac_events::cloudevents::source_of;
use wac_events::{DomainId, Environment as _, NodeId, Position};
use wac_media_io::{MediaNode, MediaPorts, TokenKey};
use wac_projections::Projection;
use wac_relay::{AlwaysGranted, Relay, RelayConfig, RelayLease, RelayProgress};
use wac_runner::{Runner, SqlRows};
use wac_store::{Db, Stores, SystemEnvironment};

use crate::call_records::RowsRecords;
use crate::config::Settings;
use crate::door::DoorLimits;
use crate::heartbeats;
use crate::lease::{CALLS_LEASE, EVENTS_LEASE, PostgresLease};
use crate::processes::Processes;
use crate::refusals;
use crate::serving::{Bound, Servers};
use crate::shutdown::{DRAIN_PART, DRAIN_REQUESTS};
pub(crate) use media::MediaSocket;
use media::door::Dispatcher;
use media::figures::MediaFigures;
use media::member::Membership;
use media::{LocalLink, Member, endpoint};
use ports::{LogHealth, RelayHealth, RowsHealth, RowsWaiter, Signs, calls, lag_source};

/// What has been bound before anything was started.
pub(crate) struct Sockets {
    /// Plain HTTP.
    pub(crate) http: Option<Bound>,
    /// HTTPS.
    pub(crate) https: Option<Bound>,
    /// The signaling port.
    pub(crate) qss: Option<Bound>,
    /// Health and metrics alone.
    pub(crate) metrics: Option<Bound>,
    /// Media.
    pub(crate) media: Option<MediaSocket>,
}

/// Where a process listens.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Addresses {
    /// Plain HTTP.
    pub(crate) http: Option<SocketAddr>,
    /// HTTPS.
    pub(crate) https: Option<SocketAddr>,
    /// The signaling port, and whether it speaks TLS.
    pub(crate) qss: Option<(SocketAddr, bool)>,
    /// Health and metrics alone.
    pub(crate) metrics: Option<SocketAddr>,
    /// Media, over UDP, as clients are told.
    pub(crate) media: Option<SocketAddr>,
}

impl Sockets {
    /// Where they listen.
    pub(crate) fn addresses(&self) -> Addresses {
        let of = |bound: &Option<Bound>| bound.as_ref().and_then(Bound::address);
        let secure = self.qss.as_ref().is_some_and(|bound| bound.tls.is_some());
        Addresses {
            http: of(&self.http),
            https: of(&self.https),
            qss: of(&self.qss).map(|address| (address, secure)),
            metrics: of(&self.metrics),
            media: self.media.as_ref().map(|media| media.address),
        }
    }
}

impl Addresses {
    /// The origins of pages that this process serves.
    pub(crate) fn origins(&self) -> Vec<String> {
        let of = |scheme, address: Option<SocketAddr>| {
            let address = address.map(crate::listen::reachable);
            let local = address.filter(|address| address.ip().is_loopback());
            let named = local.map(|address| format!("{scheme}://localhost:{}", address.port()));
            address.map(|address| format!("{scheme}://{address}")).into_iter().chain(named)
        };
        of("http", self.http).chain(of("https", self.https)).collect()
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
    appends: AppendTimes,
    rows: Option<Rows>,
    relay: Option<Part>,
    processes: Option<Processes>,
    servers: Option<Servers>,
    tail: Option<JoinHandle<()>>,
    media: Option<(MediaNode, Member)>,
    heartbeats: Option<Arc<dyn Heartbeats>>,
    /// The interfaces, once they serve.
    api: Option<wac_api::Platform>,
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
    pub(crate) fn new(mut stores: Stores) -> Self {
        let (log, appends) = AppendTimes::of(stores.log.clone());
        stores.log = log;
        let environment = Arc::new(SystemEnvironment);
        let handler = CommandHandler::new(stores.log.clone(), stores.keys.clone(), environment, Limits::default());
        Self {
            stores,
            handler,
            appends,
            rows: None,
            relay: None,
            processes: None,
            servers: None,
            tail: None,
            media: None,
            heartbeats: None,
            api: None,
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

    /// Keeps what is refused in calls from now on.
    pub(crate) async fn keep_refusals(&self, settings: &Settings) -> Result<()> {
        let refusals = refusals::open(&self.stores.db, settings.node_name.clone()).await;
        self.handler.keep_refusals(refusals.context("refusals cannot be kept")?);
        Ok(())
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
        let (log, keys) = (self.stores.log.clone(), self.stores.keys.clone());
        let relay = Relay::new(log.clone(), keys.clone(), self.lease(EVENTS_LEASE).await?, relay_config(settings))?;
        self.relay_progress = Some(relay.progress());
        let rows = match &self.rows {
            Some(rows) => rows.reader(),
            None => SqlRows::open(self.stores.db.clone(), wac_projections::all()).await?,
        };
        let records = Arc::new(RowsRecords::new(rows, keys.clone()));
        let calls = Relay::new(log, keys, self.lease(CALLS_LEASE).await?, relay_config(settings))?.of_calls(records);
        let shutdown = CancellationToken::new();
        let both = (relay.run(shutdown.clone()), calls.run(shutdown.clone()));
        let task = tokio::spawn(async move { _ = tokio::join!(both.0, both.1) });
        self.relay = Some(Part { task, shutdown });
        Ok(())
    }

    /// The lease of that name, which one node has at a time.
    async fn lease(&self, name: &'static str) -> Result<Arc<dyn RelayLease>> {
        Ok(match &self.stores.db {
            Db::Postgres(pool) => Arc::new(PostgresLease::open(pool.clone(), name).await?),
            Db::Sqlite(_) => Arc::new(AlwaysGranted),
        })
    }

    /// Starts the process managers; the read models must have been started.
    pub(crate) async fn start_processes(&mut self, settings: &Settings) -> Result<()> {
        let rules = ProcessRules {
            tokens_max: usize::try_from(settings.max_tokens).unwrap_or(usize::MAX),
            exclusive_login: settings.signaling.login.exclusive,
            call_alarms: settings.call_alarms.clone(),
        };
        self.processes().await?.start_managers(rules, call_rules(settings));
        if !settings.has_role("signaling") {
            // Nobody expects anything of this process, but it sees when others fall silent.
            let id = NodeId::from(SystemEnvironment.new_uuid());
            self.watch(move || id.clone(), settings).await?;
        }
        Ok(())
    }

    /// Gives signs of life in the name of `node`, and looks for nodes that give none.
    async fn watch(&mut self, node: impl Fn() -> NodeId + Send + Sync + 'static, settings: &Settings) -> Result<()> {
        let heartbeats = self.heartbeats().await?;
        let processes = self.processes().await?;
        processes.watch_nodes(node, heartbeats.clone(), node_rules(settings));
        processes.watch_media(heartbeats, media_rules(settings));
        Ok(())
    }

    async fn heartbeats(&mut self) -> Result<Arc<dyn Heartbeats>> {
        if self.heartbeats.is_none() {
            self.heartbeats = Some(heartbeats::open(&self.stores.db).await?);
        }
        self.heartbeats.clone().context("they have just been made")
    }

    async fn processes(&mut self) -> Result<&mut Processes> {
        if self.processes.is_none() {
            let rows = self.rows.as_ref().context("process managers need the read models")?.reader();
            let processes = Processes::new(&self.stores, &self.handler, rows.clone(), calls(rows)).await;
            self.processes = Some(processes.context("the process managers cannot be started")?);
        }
        self.processes.as_mut().context("they have just been made")
    }

    /// Starts to serve requests; the read models must have been started.
    pub(crate) async fn start_interfaces(&mut self, mut interfaces: Interfaces, settings: &Settings) -> Result<()> {
        let key = Arc::new(TokenKey::derive(settings.master_key()?.to_text().as_bytes()));
        let link = self.media_link(key.clone(), settings).await?;
        self.start_media(&mut interfaces, link.clone(), settings).await?;
        let rows = self.rows.as_ref().context("the interfaces need the read models")?.reader();
        let projections: Vec<Arc<dyn Projection>> = wac_projections::all();
        let rows_health = Arc::new(RowsHealth { log: self.stores.log.clone(), rows: rows.clone(), projections });
        let mut health: Vec<Arc<dyn HealthCheck>> = vec![Arc::new(LogHealth(self.stores.clone())), rows_health.clone()];
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
            waiter: Arc::new(RowsWaiter(rows.clone())),
            health,
            lag: Some(lag),
            appends: Some(self.appends.clone()),
            sockets: self.socket_ports(rows, key, settings)?,
        };
        let api = wac_api::Platform::new(ports, interfaces.config);
        if let Some((node, _)) = &self.media {
            api.metrics.collect(Box::new(MediaFigures(node.load())));
        }
        self.tail = Some(tokio::spawn(wac_api::follow_log(api.clone())));
        if settings.has_role("signaling") {
            api.start_node().await.context("this node cannot be made known to the others")?;
            let node = api.clone();
            self.watch(move || node.node_id(), settings).await?;
        }
        let own = self.media.as_ref().map_or_else(Router::new, |(node, _)| node.router());
        let media = own.merge(endpoint::routes(link, self.handler.clone(), settings.media.secret.clone()));
        self.servers = Some(serve(&api, &media, interfaces.sockets, settings.door)?);
        self.api = Some(api);
        Ok(())
    }

    /// What media nodes say to the deployment, here or over the command endpoint.
    async fn media_link(&mut self, key: Arc<TokenKey>, settings: &Settings) -> Result<Arc<LocalLink>> {
        let rows = self.rows.as_ref().context("media nodes need the read models")?.reader();
        let (handler, heartbeats) = (self.handler.clone(), self.heartbeats().await?);
        Ok(Arc::new(LocalLink { handler, heartbeats, rows, key, rules: media_rules(settings) }))
    }

    /// Starts the media node, if its port has been bound; returns once it takes rooms.
    async fn start_media(
        &mut self,
        interfaces: &mut Interfaces,
        link: Arc<LocalLink>,
        settings: &Settings,
    ) -> Result<()> {
        let addresses = interfaces.sockets.addresses();
        let Some(MediaSocket { sockets, address }) = interfaces.sockets.media.take() else { return Ok(()) };
        let ports = MediaPorts::of_log(&link.key, self.stores.log.clone(), self.handler.clone());
        let tokens = ports.tokens.clone();
        let node = MediaNode::start(sockets, media::config(settings, address), ports)?;
        let url = settings.media.url.as_ref().unwrap_or(&interfaces.config.public_url);
        let offer = media::offer(settings, url, &addresses);
        let (load, identity) = (node.load(), node.identity());
        let mut member = Member::start(Membership { link, offer, tokens, load, identity }, |_| {});
        member.joined().await;
        self.media = Some((node, member));
        Ok(())
    }

    /// What the sockets ask of the rest.
    fn socket_ports(&self, rows: SqlRows, key: Arc<TokenKey>, settings: &Settings) -> Result<SocketPorts> {
        let calls = calls(rows);
        let dispatcher = Dispatcher::new(self.handler.clone(), calls.clone(), key, &settings.media);
        Ok(SocketPorts {
            calls,
            assigner: HttpAssigner::configured(&settings.signaling.agents)?,
            media: Some(Arc::new(dispatcher)),
            signs: self.heartbeats.clone().map(|signs| Arc::new(Signs(signs)) as Arc<dyn NodeSigns>),
            node_name: settings.node_name.clone(),
            enabled: settings.has_role("signaling"),
        })
    }

    /// Ends every part, those that others rest on last.
    pub(crate) async fn stop(mut self) {
        let api = self.api.take();
        if let Some(api) = &api {
            // Streams that never end by themselves would hold the drain open.
            api.closing.cancel();
        }
        let sockets = async {
            if let Some(api) = &api {
                api.stop_node().await
            }
        };
        if let Some((node, member)) = self.media.take() {
            // Its rooms are told to go elsewhere while it still carries them.
            member.leave().await;
            node.stop().await;
        }
        let servers = self.servers.take();
        let requests = async {
            if let Some(servers) = servers {
                servers.stop(DRAIN_REQUESTS).await
            }
        };
        tokio::join!(sockets, requests);
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

/// How long a device whose sockets are gone is waited for.
fn devices_kept(settings: &Settings) -> Duration {
    settings.signaling.rooms.remove_after.min(settings.signaling.invites.remove_after)
}

/// How long things of calls are kept.
fn call_rules(settings: &Settings) -> CallRules {
    CallRules {
        period: settings.signaling.watchdog.period,
        devices_kept: devices_kept(settings),
        seats_kept: settings.signaling.rooms.remove_after,
        ringing_kept: settings.signaling.invites.remove_after,
    }
}

/// How nodes watch one another.
fn node_rules(settings: &Settings) -> NodeRules {
    /// Signs of life that may be missed in a row.
    const BEATS_MISSED_MAX: u32 = 5;
    let lost_after = settings.node_lost_after;
    NodeRules { beat_every: lost_after / BEATS_MISSED_MAX, lost_after, devices_kept: devices_kept(settings) }
}

/// How media nodes are watched.
fn media_rules(settings: &Settings) -> MediaRules {
    MediaRules { lost_after: settings.media.lost_after }
}

/// Serves each port what belongs there.
fn serve(api: &wac_api::Platform, media: &Router, sockets: Sockets, limits: DoorLimits) -> Result<Servers> {
    let Sockets { http, https, qss, metrics, media: _ } = sockets;
    let mut servers = Servers::new(limits);
    let router = media.clone().fallback_service(wac_api::router(api.clone()));
    for bound in [http, https].into_iter().flatten() {
        servers.serve(router.clone(), bound)?;
    }
    if let Some(bound) = qss {
        servers.serve(media.clone().fallback_service(wac_api::signaling_router(api.clone())), bound)?;
    }
    if let Some(bound) = metrics {
        servers.serve(wac_api::metrics_router(api.clone()), bound)?;
    }
    Ok(servers)
}

/// The interfaces' settings.
pub(crate) fn api_config(
    settings: &Settings,
    base: (String, DomainId),
    public_url: String,
    addresses: &Addresses,
    dev: bool,
) -> ApiConfig {
    let (base_domain, base_domain_id) = base;
    ApiConfig {
        public_origins: addresses.origins(),
        cors_domains: settings.cors_domains.clone(),
        session_s: settings.signaling.session_expiration.as_secs(),
        signaling: settings.signaling.clone(),
        access_token_s: settings.access_token_s,
        refresh_token_s: settings.refresh_token_s,
        max_tokens: settings.max_tokens,
        dev: dev || settings.plain_http_on_loopback,
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
