//! What every handler stands on.

use std::ops::Deref;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use wac_commands::CommandHandler;
use wac_events::{Environment, EventLog, KeyStore};
use wac_projections::Rows;

use crate::auth::Sessions;
use crate::events::LivePlaces;
use crate::freshness::Freshness;
use crate::health::HealthCheck;
use crate::metrics::{LagSource, Metrics};
use crate::oauth::{FailedLogins, LoginLimiter, Passwords};
use crate::reads::Reads;
use crate::sapi::UserCache;
use crate::sockets::{SocketPorts, Sockets};
use crate::{ApiConfig, AppendTimes, Waiter};

/// The platform as the interfaces see it. Cheap to clone.
#[derive(Clone)]
pub struct Platform(Arc<Parts>);

/// What a [`Platform`] is made from.
pub struct Ports {
    /// Executes commands.
    pub handler: CommandHandler,
    /// Read models.
    pub rows: Arc<dyn Rows>,
    /// The log.
    pub log: Arc<dyn EventLog>,
    /// Keys of personal data.
    pub keys: Arc<dyn KeyStore>,
    /// Clock and randomness.
    pub env: Arc<dyn Environment>,
    /// Waits for this node's read models.
    pub waiter: Arc<dyn Waiter>,
    /// What `/readyz` asks.
    pub health: Vec<Arc<dyn HealthCheck>>,
    /// What `/metrics` asks for the lag of each read model.
    pub lag: Option<LagSource>,
    /// What `/metrics` tells of the log's appends.
    pub appends: Option<AppendTimes>,
    /// What sockets need.
    pub sockets: SocketPorts,
}

/// The parts of a [`Platform`]; it derefs to them.
pub struct Parts {
    /// Executes commands; [`Platform::execute`] also counts them and tells the caches.
    pub handler: CommandHandler,
    /// Read models.
    pub rows: Arc<dyn Rows>,
    /// The log.
    pub log: Arc<dyn EventLog>,
    /// Keys of personal data.
    pub keys: Arc<dyn KeyStore>,
    /// Clock and randomness.
    pub env: Arc<dyn Environment>,
    /// Settings.
    pub config: ApiConfig,
    /// Typed reads over `rows`.
    pub reads: Reads,
    /// Waits for this node's read models.
    pub waiter: Arc<dyn Waiter>,
    /// What the log's tail has touched: which cached entries still hold.
    pub freshness: Arc<Freshness>,
    /// Counters.
    pub metrics: Metrics,
    pub(crate) health: Vec<Arc<dyn HealthCheck>>,
    pub(crate) sessions: Sessions,
    pub(crate) users: UserCache,
    pub(crate) passwords: Passwords,
    pub(crate) limiter: LoginLimiter,
    pub(crate) failed_logins: FailedLogins,
    /// Cancelled when the server shuts down: long-lived connections end themselves then.
    pub closing: CancellationToken,
    pub(crate) live: LivePlaces,
    pub(crate) sockets: Sockets,
}

impl Platform {
    /// Puts the parts together. Nothing is cached until [`follow_log`](crate::follow_log) runs.
    pub fn new(ports: Ports, config: ApiConfig) -> Self {
        let Ports { handler, rows, log, keys, env, waiter, health, lag, appends, sockets } = ports;
        let sockets = Sockets::new(sockets, &handler, &rows, &config);
        let reads = Reads::new(rows.clone(), keys.clone(), Arc::new(config.services.clone()));
        Self(Arc::new(Parts {
            handler,
            reads,
            rows,
            log,
            keys,
            env,
            waiter,
            health,
            metrics: Metrics::new(lag, appends),
            freshness: Arc::default(),
            sessions: Sessions::default(),
            users: UserCache::default(),
            passwords: Passwords::default(),
            limiter: LoginLimiter::new(config.signaling.login.limit_rate_units),
            failed_logins: FailedLogins::default(),
            closing: CancellationToken::new(),
            live: LivePlaces::default(),
            sockets,
            config,
        }))
    }
}

impl Deref for Platform {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}
