//! The relay: asks for the lease, runs sessions, and pauses between those that fail.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::FutureExt as _;
use futures::future::BoxFuture;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use wac_events::{EventLog, KeyStore};

use crate::calls::CallsSession;
use crate::config::{RETRY_PAUSE_MAX, RETRY_PAUSE_MIN};
use crate::lease::relied_until;
use crate::session::Session;
use crate::{
    AlwaysGranted, CallRecords, LEASE_RENEW_EVERY, LeaseEpoch, RelayConfig, RelayError, RelayLease, RelayProgress,
};

/// A session that lasted so long was a good one: the next failure pauses briefly again.
const SESSION_GOOD: Duration = Duration::from_secs(10);

/// Until when the lease may be relied upon.
#[derive(Clone, Debug)]
pub(crate) struct LeaseClock(Arc<Mutex<Instant>>);

impl LeaseClock {
    fn new(until: Instant) -> Self {
        Self(Arc::new(Mutex::new(until)))
    }

    fn until(&self) -> Instant {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn extend(&self, until: Instant) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = until;
    }

    pub(crate) fn is_over(&self) -> bool {
        Instant::now() >= self.until()
    }
}

/// Publishes one log to Kafka for as long as it runs.
pub struct Relay {
    log: Arc<dyn EventLog>,
    keys: Arc<dyn KeyStore>,
    lease: Arc<dyn RelayLease>,
    config: RelayConfig,
    progress: Arc<RelayProgress>,
    /// Call records in place of events.
    calls: Option<Arc<dyn CallRecords>>,
}

impl Relay {
    /// Checks the configuration; connects to nothing yet. `lease` decides which of several nodes
    /// relays ([`AlwaysGranted`] if there can be only this one). The keys are used only when
    /// personal fields are relayed in clear.
    pub fn new(
        log: Arc<dyn EventLog>,
        keys: Arc<dyn KeyStore>,
        lease: Arc<dyn RelayLease>,
        config: RelayConfig,
    ) -> Result<Self, RelayError> {
        if config.brokers.trim().is_empty() {
            return Err(RelayError::Configuration("no Kafka brokers are given".to_owned()));
        }
        if config.partitions == 0 || config.partitions > i32::MAX.unsigned_abs() {
            return Err(RelayError::Configuration("a topic needs at least one partition".to_owned()));
        }
        for client in [config.producer(), config.consumer()] {
            client.create_native_config().map_err(|error| RelayError::Configuration(error.to_string()))?;
        }
        Ok(Self { log, keys, lease, config, progress: Arc::default(), calls: None })
    }

    /// The same for call records in place of events, on a topic of their own and with a lease of its own.
    #[must_use]
    pub fn of_calls(self, records: Arc<dyn CallRecords>) -> Self {
        Self { calls: Some(records), ..self }
    }

    /// Counters for metrics and readiness.
    pub fn progress(&self) -> Arc<RelayProgress> {
        self.progress.clone()
    }

    /// Relays until `shutdown`; then finishes what is under way within some seconds. Whatever goes
    /// wrong meanwhile is logged, counted and tried again.
    pub async fn run(self, shutdown: CancellationToken) {
        let mut pause = RETRY_PAUSE_MIN;
        while !shutdown.is_cancelled() {
            let started = Instant::now();
            let outcome = self.attempt(&shutdown).await;
            self.progress.set_active(false);
            let rest = match outcome {
                Ok(true) => continue,
                Ok(false) => {
                    self.progress.stand_by();
                    LEASE_RENEW_EVERY
                }
                Err(error) => {
                    self.progress.count_failure();
                    self.look_at_the_head().await;
                    if started.elapsed() >= SESSION_GOOD {
                        pause = RETRY_PAUSE_MIN;
                    }
                    tracing::warn!(%error, retry_in_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX), "relay");
                    let longer = (pause * 2).min(RETRY_PAUSE_MAX);
                    std::mem::replace(&mut pause, longer)
                }
            };
            tokio::select! {
                () = sleep(rest) => {}
                () = shutdown.cancelled() => {}
            }
        }
    }

    /// How far Kafka is behind is known without Kafka, too; and most of all then it is asked for.
    async fn look_at_the_head(&self) {
        // A log that does not answer says so itself.
        if let Ok(head) = self.log.head().await {
            self.progress.set_head(head.position, head.recorded_at);
        }
    }

    /// One session, if this node gets the lease; `false` if another has it.
    async fn attempt(&self, shutdown: &CancellationToken) -> Result<bool, RelayError> {
        let asked = Instant::now();
        let Some(epoch) = self.lease.acquire().await? else { return Ok(false) };
        if self.progress.failures() > 0 {
            self.look_at_the_head().await;
        }
        let lease = LeaseClock::new(relied_until(asked));
        let stop = shutdown.child_token();
        let session = self.session(epoch, lease.clone(), stop.clone());
        tokio::pin!(session);
        let outcome = tokio::select! {
            outcome = &mut session => outcome,
            () = self.keep_lease(epoch, &lease) => {
                // The session sees both and ends, sending nothing more, before another attempt begins.
                lease.extend(Instant::now());
                stop.cancel();
                session.await.and(Err(RelayError::LeaseLost))
            }
        };
        if let Err(error) = self.lease.release(epoch).await {
            tracing::warn!(%error, "the relay's lease could not be given back; it ends by itself");
        }
        outcome.map(|()| true)
    }

    fn session(
        &self,
        epoch: LeaseEpoch,
        lease: LeaseClock,
        stop: CancellationToken,
    ) -> BoxFuture<'static, Result<(), RelayError>> {
        let (log, config, progress) = (self.log.clone(), self.config.clone(), self.progress.clone());
        match self.calls.clone() {
            Some(records) => CallsSession { log, records, config, progress, lease, epoch, stop }.run().boxed(),
            None => Session { log, keys: self.keys.clone(), config, progress, lease, epoch, stop }.run().boxed(),
        }
    }

    /// Renews the lease until it is lost.
    async fn keep_lease(&self, epoch: LeaseEpoch, lease: &LeaseClock) {
        loop {
            sleep(LEASE_RENEW_EVERY).await;
            let asked = Instant::now();
            let patience = lease.until().saturating_duration_since(asked);
            match timeout(patience, self.lease.renew(epoch)).await {
                Ok(Ok(true)) => lease.extend(relied_until(asked)),
                Ok(Ok(false)) | Err(_) => return,
                Ok(Err(error)) => tracing::warn!(%error, "the relay's lease could not be renewed; trying again"),
            }
            if lease.is_over() {
                return;
            }
        }
    }
}

/// Relays `log` until `shutdown`, as the only relay there is.
pub async fn run(
    log: Arc<dyn EventLog>,
    keys: Arc<dyn KeyStore>,
    config: RelayConfig,
    shutdown: CancellationToken,
) -> Result<(), RelayError> {
    Relay::new(log, keys, Arc::new(AlwaysGranted), config)?.run(shutdown).await;
    Ok(())
}
