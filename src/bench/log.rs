//! `wac bench log`: appends, beside the disk and plain inserts.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use serde_json::json;
use wac_store::bench::{LogBenchOptions, LogReport, run as measure};

use super::replay::rounded;
use crate::cli::BenchArgs;
use crate::config::Database;
use crate::open;
use crate::output::{Format, line, print_json, print_table, table, thousands};

/// Numbers of concurrent writers measured beside the one asked for.
const WRITERS: [u64; 2] = [1, 8];

/// Measures on a scratch log beside the database that is named, else on one in a fresh directory.
pub(super) async fn run(args: &BenchArgs) -> Result<()> {
    let temporary = tempfile::Builder::new().prefix("wac-bench-").tempdir()?;
    let named = args.source.data.is_some() || args.source.config.is_some() || args.source.database_url.is_some();
    let settings = open::settings(&args.source, "wac bench log")?;
    // ./wac-data is nobody's word: without one, a directory of its own.
    let (url, directory): (String, PathBuf) = match &settings.database {
        Some(database @ Database::Directory(directory)) if named => (database.url(), directory.clone()),
        Some(Database::Url(url)) => (url.clone(), temporary.path().to_owned()),
        _ => (Database::Directory(temporary.path().to_owned()).url(), temporary.path().to_owned()),
    };
    let writers: Vec<usize> = WRITERS
        .into_iter()
        .filter(|writers| *writers < args.clients)
        .chain([args.clients])
        .map(|writers| usize::try_from(writers).unwrap_or(usize::MAX))
        .collect();
    let duration = Duration::from_secs(args.seconds);
    let options = LogBenchOptions { url, directory, duration, writers, two_nodes: true };
    let report = measure(&options, |next| eprintln!("wac: {next}")).await?;
    print(&report, args.output)
}

fn print(report: &LogReport, output: Format) -> Result<()> {
    if output == Format::Json {
        return Ok(print_json(&json!(report))?);
    }
    let floor = report.floor.as_ref();
    let single = floor.map_or(0.0, |floor| floor.single_rows_per_second);
    let batch = floor.map_or(0.0, |floor| floor.batch_rows_per_second);
    let mut rows = table(&["measured", "per second", "p50 ms", "p99 ms", "of single rows", "of 100-row batches"]);
    if let Some(floor) = floor {
        for (what, rate) in [
            ("fdatasync", floor.fdatasync_per_second),
            ("floor: rows, one a transaction", floor.single_rows_per_second),
            ("floor: rows, 100 a transaction", floor.batch_rows_per_second),
        ] {
            rows.add_row([what.to_owned(), rounded(rate)]);
        }
    }
    let ratio = |rate: f64, floor: f64| if floor > 0.0 { format!("{:.2}", rate / floor) } else { String::new() };
    for rate in &report.appends {
        let nodes = if rate.nodes == 1 { String::new() } else { format!(" on {} nodes", rate.nodes) };
        rows.add_row([
            format!("appends, {} writers{nodes}", rate.writers),
            rounded(rate.per_second),
            format!("{:.2}", rate.p50_ms),
            format!("{:.2}", rate.p99_ms),
            ratio(rate.per_second, single),
            ratio(rate.per_second, batch),
        ]);
    }
    rows.add_row(["events read, decoded".to_owned(), rounded(report.read_per_second)]);
    print_table(&rows)?;
    line(&format!("{}; {} events read", report.store, thousands(report.read_events)))?;
    Ok(())
}
