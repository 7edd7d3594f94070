//! Measurements: how fast the relay catches up, how soon a commit is in its topic, and beside them
//! what a bare producer and a bare consumer reach with the same bytes.

mod floor;
mod live;

use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use serde::Serialize;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use wac_events::{EventLog, KeyStore, Position};

use crate::config::ADMIN_TIMEOUT;
use crate::{AlwaysGranted, Relay, RelayConfig, RelayError, RelayProgress, topics};

/// Longest one phase may take.
const PHASE_TIMEOUT: Duration = Duration::from_secs(600);
/// How often progress is looked at; bounds the error of a rate.
const POLL: Duration = Duration::from_millis(5);

/// What to measure.
#[derive(Clone, Copy, Debug)]
pub struct BenchOptions {
    /// Commits of the live phase.
    pub live_commits: u32,
    /// Pause between two commits of the live phase.
    pub live_pause: Duration,
}

impl Default for BenchOptions {
    fn default() -> Self {
        Self { live_commits: 1_000, live_pause: Duration::from_millis(5) }
    }
}

/// What was measured. Rates are events per second, times milliseconds.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BenchReport {
    /// Events relayed in the catch-up phase.
    pub events: u64,
    /// Mean size of a record (key, headers, value), in bytes.
    pub record_bytes: u64,
    /// A bare idempotent producer with the same records, made beforehand.
    pub floor_rate: f64,
    /// The relay, from an empty Kafka to the log's head.
    pub catch_up_rate: f64,
    /// `catch_up_rate / floor_rate`.
    pub ratio: f64,
    /// Commits measured live.
    pub live_commits: u32,
    /// From a commit's acknowledgement to a consumer's hands, median.
    pub live_p50_ms: f64,
    /// The same, 99th percentile.
    pub live_p99_ms: f64,
    /// The same, worst.
    pub live_max_ms: f64,
}

/// Measures with everything that `log` holds, in topics of their own that are deleted afterwards.
/// Then appends [`BenchOptions::live_commits`] events of type `bench.committed` to it: bring a log
/// made for the purpose.
pub async fn run(
    log: Arc<dyn EventLog>,
    keys: Arc<dyn KeyStore>,
    config: RelayConfig,
    options: BenchOptions,
) -> Result<BenchReport, RelayError> {
    let head = log.head().await?.position;
    if head == Position::START {
        return Err(RelayError::Configuration("the log to measure with is empty".to_owned()));
    }
    let product = |phase: &str| format!("{}-bench-{phase}-{}", config.product, std::process::id());
    let floor_config = RelayConfig { product: product("floor"), ..config.clone() };
    let floor = floor::measure(&*log, head, &floor_config).await;
    delete_topics(&floor_config).await;
    let floor = floor?;
    let relay_config = RelayConfig { product: product("relay"), ..config };
    let measured = measure_relay(log, keys, head, &relay_config, options).await;
    delete_topics(&relay_config).await;
    let (catch_up_rate, mut live) = measured?;
    live.sort_unstable();
    Ok(BenchReport {
        events: head.0,
        record_bytes: floor.record_bytes,
        floor_rate: floor.rate,
        catch_up_rate,
        ratio: catch_up_rate / floor.rate,
        live_commits: options.live_commits,
        live_p50_ms: percentile_ms(&live, 0.50),
        live_p99_ms: percentile_ms(&live, 0.99),
        live_max_ms: percentile_ms(&live, 1.0),
    })
}

async fn measure_relay(
    log: Arc<dyn EventLog>,
    keys: Arc<dyn KeyStore>,
    head: Position,
    config: &RelayConfig,
    options: BenchOptions,
) -> Result<(f64, Vec<Duration>), RelayError> {
    let relay = Relay::new(log.clone(), keys, Arc::new(AlwaysGranted), config.clone())?;
    let progress = relay.progress();
    let shutdown = CancellationToken::new();
    let running = tokio::spawn(relay.run(shutdown.clone()));
    let outcome = async {
        await_condition(|| progress.is_active()).await?;
        let started = Instant::now();
        await_relayed(&progress, head).await?;
        let rate = rate(head.0, started.elapsed());
        let live = live::measure(&log, config, options).await?;
        Ok((rate, live))
    };
    let outcome = outcome.await;
    shutdown.cancel();
    running.await.map_err(|error| RelayError::Task(error.to_string()))?;
    outcome
}

async fn await_relayed(progress: &RelayProgress, head: Position) -> Result<(), RelayError> {
    await_condition(|| progress.relayed() >= head).await
}

async fn await_condition(condition: impl Fn() -> bool) -> Result<(), RelayError> {
    let deadline = Instant::now() + PHASE_TIMEOUT;
    while !condition() {
        if Instant::now() >= deadline {
            return Err(RelayError::Task(format!("a measurement did not end within {PHASE_TIMEOUT:?}")));
        }
        sleep(POLL).await;
    }
    Ok(())
}

#[allow(clippy::cast_precision_loss)] // A rate of more than 2^53 events is out of reach.
fn rate(events: u64, elapsed: Duration) -> f64 {
    events as f64 / elapsed.as_secs_f64()
}

/// `sorted`: ascending; `share`: 0 to 1. 0 if there is nothing.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)] // An index.
fn percentile_ms(sorted: &[Duration], share: f64) -> f64 {
    let index = (sorted.len() as f64 * share).ceil() as usize;
    sorted.get(index.saturating_sub(1)).map_or(0.0, |time| time.as_secs_f64() * 1_000.0)
}

/// Best effort: what stays behind is named after the benchmark.
async fn delete_topics(config: &RelayConfig) {
    let mut names = topics::event_topics(&config.product);
    names.push(topics::position_topic(&config.product));
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let admin: Result<AdminClient<DefaultClientContext>, _> = config.client().create();
    let Ok(admin) = admin else { return };
    let options = AdminOptions::new().operation_timeout(Some(ADMIN_TIMEOUT));
    if let Err(error) = admin.delete_topics(&names, &options).await {
        tracing::warn!(%error, "the benchmark's topics could not be deleted");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_sorted_times() {
        let times: Vec<Duration> = (1..=100).map(Duration::from_millis).collect();
        assert!((percentile_ms(&times, 0.5) - 50.0).abs() < 1e-9);
        assert!((percentile_ms(&times, 0.99) - 99.0).abs() < 1e-9);
        assert!((percentile_ms(&times, 1.0) - 100.0).abs() < 1e-9);
        assert!(percentile_ms(&[], 0.5).abs() < 1e-9);
    }
}
