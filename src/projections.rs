//! `wac projections`: read models and their rebuilding.

use std::sync::Arc;

use anyhow::{Result, bail};
use serde_json::json;
use wac_events::Time;
use wac_projections::Projection;
use wac_runner::{ProjectionInfo, RebuildOptions, Rebuilt, rebuild};
use wac_store::Stores;

use crate::cli::ProjectionsCommand;
use crate::open;
use crate::output::{Format, line, print_json, print_table, progress, table, thousands};

/// Runs `wac projections …`.
pub(crate) async fn run(command: &ProjectionsCommand) -> Result<()> {
    match command {
        ProjectionsCommand::List { source, output } => {
            let settings = open::settings(source, "wac projections list")?;
            let stores = open::existing(&settings).await?;
            list(&wac_runner::list(&stores.db, &*stores.log).await?, *output)
        }
        ProjectionsCommand::Rebuild { source, name, all: _, output } => {
            let chosen = choose(name.as_deref())?;
            let settings = open::settings(source, "wac projections rebuild")?;
            let stores = open::existing(&settings).await?;
            for projection in chosen {
                let name = projection.name();
                let rebuilt = rebuild_one(&stores, projection).await?;
                print_rebuilt(name, &rebuilt, *output)?;
            }
            Ok(())
        }
    }
}

/// The projection of this name, or every one.
fn choose(name: Option<&str>) -> Result<Vec<Arc<dyn Projection>>> {
    let all = wac_projections::all();
    let Some(name) = name else { return Ok(all) };
    let names: Vec<&'static str> = all.iter().map(|projection| projection.name()).collect();
    match all.into_iter().find(|projection| projection.name() == name) {
        Some(projection) => Ok(vec![projection]),
        None => bail!("there is no read model {name:?}; there are {}", names.join(", ")),
    }
}

fn list(infos: &[ProjectionInfo], output: Format) -> Result<()> {
    let mut rows = table(&["name", "version", "generation", "state", "position", "lag", "parked", "updated at"]);
    for info in infos {
        let updated_at = Time::from_micros(info.updated_at);
        match output {
            Format::Json => print_json(&json!({
                "name": info.name, "version": info.version, "generation": info.generation,
                "state": info.state.as_str(), "position": info.position.0, "lag": info.lag, "parked": info.parked,
                "updatedAt": updated_at,
            }))?,
            Format::Table => {
                rows.add_row([
                    info.name.clone(),
                    info.version.to_string(),
                    info.generation.to_string(),
                    info.state.as_str().to_owned(),
                    info.position.to_string(),
                    thousands(info.lag),
                    thousands(info.parked),
                    updated_at.to_string(),
                ]);
            }
        }
    }
    match output {
        Format::Table if infos.is_empty() => line("No read model has been built yet; the next start builds them.")?,
        Format::Table => print_table(&rows)?,
        Format::Json => {}
    }
    Ok(())
}

async fn rebuild_one(stores: &Stores, projection: Arc<dyn Projection>) -> Result<Rebuilt> {
    let bar = progress(stores.log.head().await?.position.0, projection.name());
    let rebuilt = rebuild(&stores.db, stores.log.clone(), projection, RebuildOptions::default(), &mut |progress| {
        bar.set_length(progress.total.0);
        bar.set_position(progress.done.0);
    })
    .await;
    bar.finish_and_clear();
    Ok(rebuilt?)
}

fn print_rebuilt(name: &str, rebuilt: &Rebuilt, output: Format) -> Result<()> {
    let seconds = rebuilt.elapsed.as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a rate needs no more than 52 bits")]
    let rate = |count: u64| count as f64 / seconds.max(f64::EPSILON);
    let (rows_per_s, events_per_s) = (rate(rebuilt.rows_written).round(), rate(rebuilt.events).round());
    match output {
        Format::Json => print_json(&json!({
            "name": name, "generation": rebuilt.generation, "position": rebuilt.position.0, "events": rebuilt.events,
            "rowsWritten": rebuilt.rows_written, "parked": rebuilt.parked, "seconds": seconds,
            "eventsPerSecond": events_per_s, "rowsPerSecond": rows_per_s,
        }))?,
        Format::Table => line(&format!(
            "{name}: generation {} is live at position {}; {} events, {} rows written in {seconds:.2} s \
             ({events_per_s} events/s, {rows_per_s} rows/s)",
            rebuilt.generation,
            rebuilt.position,
            thousands(rebuilt.events),
            thousands(rebuilt.rows_written),
        ))?,
    }
    Ok(())
}
