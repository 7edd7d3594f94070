//! Measures replay without the rest of the platform: `replay URL EVENTS` fills an empty log with
//! made-up events, builds every read model, and prints the figures of `wac_runner::bench`.

use anyhow::Context;
use tokio_util::sync::CancellationToken;
use wac_events::MasterKey;
use wac_runner::{Runner, bench};
use wac_store::StoreOptions;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().context("usage: replay URL EVENTS")?;
    let events: u64 = arguments.next().context("usage: replay URL EVENTS")?.parse()?;
    let stores = wac_store::open(&url, StoreOptions::new(MasterKey::new([7; 32]))).await?;
    if stores.log.head().await?.position.0 == 0 {
        bench::fill(&stores.log, events, 1).await?;
    }
    let projections = wac_projections::all();
    let names: Vec<&str> = projections.iter().map(|projection| projection.name()).collect();
    let shutdown = CancellationToken::new();
    let started = std::time::Instant::now();
    let runner = Runner::start(stores.db.clone(), stores.log.clone(), projections.clone(), shutdown.clone()).await?;
    let head = stores.log.head().await?.position;
    runner.wait_for(&names, head, std::time::Duration::from_secs(3_600)).await?;
    println!("built every read model up to {head} in {:?}", started.elapsed());
    shutdown.cancel();
    runner.stopped().await;
    let figures = bench::replay(&stores.db, stores.log.clone(), projections).await?;
    println!("{}", serde_json::to_string_pretty(&figures)?);
    Ok(())
}
