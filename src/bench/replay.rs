//! `wac bench replay`: folding and rebuilding, beside their floors.

use anyhow::Result;
use serde_json::json;
use wac_events::MasterKey;
use wac_runner::bench::{ReplayFigures, fill, replay};
use wac_store::{StoreOptions, Stores};

use crate::cli::ReplayBenchArgs;
use crate::open;
use crate::output::{Format, line, print_json, print_table, table, thousands};

/// Events made up when no log is named.
const EVENTS: u64 = 200_000;
/// Seed of what is made up: every run has the same log.
const SEED: u64 = 7;

/// Measures on the log that is named, or on one made up in a directory of its own.
pub(super) async fn run(args: &ReplayBenchArgs) -> Result<()> {
    let source = &args.bench.source;
    let named = source.data.is_some() || source.config.is_some() || source.database_url.is_some();
    anyhow::ensure!(named || !args.fill, "--fill is about a log that is named: add --data or --database-url");
    let directory = tempfile::Builder::new().prefix("wac-bench-").tempdir()?;
    let stores = if named {
        let stores = open::existing(&open::settings(source, "wac bench replay")?).await?;
        if args.fill {
            fill_empty(&stores).await?;
        }
        stores
    } else {
        made_up(directory.path()).await?
    };
    let figures = replay(&stores.db, stores.log.clone(), wac_projections::all()).await?;
    print(&figures, args.bench.output)?;
    stores.close().await;
    Ok(())
}

/// A log of events made up, in this directory.
pub(super) async fn made_up(directory: &std::path::Path) -> Result<Stores> {
    let url = format!("sqlite://{}", directory.join("wac.db").display());
    let stores = wac_store::open(&url, StoreOptions::new(MasterKey::new([7; 32]))).await?;
    eprintln!("wac: no log is named; measuring on one of its own");
    fill_empty(&stores).await?;
    Ok(stores)
}

async fn fill_empty(stores: &Stores) -> Result<()> {
    let head = stores.log.head().await?.position;
    anyhow::ensure!(head.0 == 0, "the log holds {} events already; --fill wants an empty one", thousands(head.0));
    eprintln!("wac: making up {} events", thousands(EVENTS));
    fill(&stores.log, EVENTS, SEED).await?;
    anyhow::ensure!(stores.log.head().await?.position.0 >= EVENTS, "the log was not filled");
    Ok(())
}

fn print(figures: &ReplayFigures, output: Format) -> Result<()> {
    if output == Format::Json {
        return Ok(print_json(&json!(figures))?);
    }
    let mut rows = table(&["measured", "per second", "floor", "ratio"]);
    let mut row = |what: String, rate: f64, floor: f64| {
        rows.add_row([what, rounded(rate), rounded(floor), format!("{:.2}", rate / floor.max(f64::EPSILON))]);
    };
    row(
        "verify: events folded (floor: decode and apply only)".into(),
        figures.verify_fold_per_s,
        figures.fold_floor_per_s,
    );
    row(
        "verify: events, everything included (floor: read only)".into(),
        figures.verify_total_per_s,
        figures.read_floor_per_s,
    );
    for rebuild in figures.rebuilds.iter().filter(|rebuild| rebuild.rows > 0) {
        let what = format!("rebuild {}: rows written (floor: bare inserts)", rebuild.projection);
        row(what, rebuild.rows_per_s, rebuild.insert_floor_per_s);
    }
    print_table(&rows)?;
    let sound = if figures.verify_sound { "sound" } else { "NOT sound" };
    Ok(line(&format!("{} events; the verification found everything {sound}", thousands(figures.events)))?)
}

/// A rate to the nearest whole number.
pub(super) fn rounded(rate: f64) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rate is positive and far below 2^64"
    )]
    thousands(rate.round() as u64)
}
