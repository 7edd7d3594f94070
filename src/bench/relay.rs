//! `wac bench relay`: from the log to Kafka, beside a bare producer.

use anyhow::{Result, ensure};
use serde_json::json;
use wac_relay::bench::{BenchOptions, run as measure};

use super::replay::{made_up, rounded};
use crate::cli::BenchArgs;
use crate::open;
use crate::output::{Format, line, print_json, print_table, table, thousands};
use crate::platform::relay_config;

/// Measures into the brokers that are configured, in topics that are deleted afterwards. The log is
/// one made up for the purpose: the measurement appends to it.
pub(super) async fn run(args: &BenchArgs) -> Result<()> {
    let settings = open::settings(&args.source, "wac bench relay")?;
    ensure!(!settings.kafka_brokers.is_empty(), "no brokers to measure with: set WAC_KAFKA_BROKERS=host:9092");
    let directory = tempfile::Builder::new().prefix("wac-bench-").tempdir()?;
    let stores = made_up(directory.path()).await?;
    let (log, keys) = (stores.log.clone(), stores.keys.clone());
    let report = measure(log, keys, relay_config(&settings), BenchOptions::default()).await?;
    stores.close().await;
    if args.output == Format::Json {
        return Ok(print_json(&json!(report))?);
    }
    let mut rows = table(&["measured", "per second", "floor", "ratio"]);
    rows.add_row([
        "events relayed, catching up (floor: a bare idempotent producer)".to_owned(),
        rounded(report.catch_up_rate),
        rounded(report.floor_rate),
        format!("{:.2}", report.ratio),
    ]);
    print_table(&rows)?;
    line(&format!("{} events of {} bytes", thousands(report.events), thousands(report.record_bytes)))?;
    line(&format!(
        "live, from commit to consumer, {} commits: p50 {:.1} ms, p99 {:.1} ms, worst {:.1} ms",
        report.live_commits, report.live_p50_ms, report.live_p99_ms, report.live_max_ms
    ))?;
    Ok(())
}
