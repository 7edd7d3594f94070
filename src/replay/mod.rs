//! `wac replay`: the log folded again.

mod call;
mod state;

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use serde_json::json;
use wac_commands::{CommandHandler, Limits};
use wac_events::{Position, StreamId, Time};
use wac_runner::{VerifyOptions, VerifyReport};
use wac_store::{Stores, SystemEnvironment};

use crate::cli::ReplayArgs;
use crate::output::{Format, line, print_json, print_table, progress, table, thousands};
use crate::{log, open};

/// Runs `wac replay`.
pub(crate) async fn run(args: &ReplayArgs) -> Result<ExitCode> {
    let settings = open::settings(&args.source, "wac replay")?;
    let stores = open::existing(&settings).await?;
    if let Some(call) = &args.call {
        call::tell(call, args, &stores).await?;
        return Ok(ExitCode::SUCCESS);
    }
    match &args.stream {
        Some(stream) => {
            show(&stores, &StreamId::from(stream.as_str()), args).await?;
            Ok(ExitCode::SUCCESS)
        }
        None => verify(&stores, args.output).await,
    }
}

async fn verify(stores: &Stores, output: Format) -> Result<ExitCode> {
    let bar = progress(stores.log.head().await?.position.0, "verifying");
    let report = wac_runner::verify(
        stores.log.clone(),
        &stores.db,
        wac_projections::all(),
        VerifyOptions::default(),
        &mut |progress| {
            bar.set_length(progress.total.0);
            bar.set_position(progress.done.0);
        },
    )
    .await?;
    bar.finish_and_clear();
    match output {
        Format::Json => print_json(&report_json(&report))?,
        Format::Table => print_report(&report)?,
    }
    Ok(if report.is_sound() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn report_json(report: &VerifyReport) -> serde_json::Value {
    let projections: Vec<_> = report
        .projections
        .iter()
        .map(|projection| {
            json!({
                "name": projection.name, "version": projection.version,
                "position": projection.position.map(|position| position.0), "rows": projection.rows,
                "differences": projection.differences, "parked": projection.parked,
            })
        })
        .collect();
    let differences: Vec<_> = report.shown.iter().map(ToString::to_string).collect();
    json!({
        "sound": report.is_sound(), "log": log::report_json(&report.log), "projections": projections,
        "differences": report.differences(), "shown": differences,
        "foldSeconds": report.fold_s, "totalSeconds": report.total_s,
    })
}

fn print_report(report: &VerifyReport) -> Result<()> {
    log::print_report(&report.log)?;
    let mut rows = table(&["read model", "version", "position", "rows", "parked", "deviations"]);
    for projection in &report.projections {
        let position = projection.position.map_or_else(|| "never built".to_owned(), |position| position.to_string());
        rows.add_row([
            projection.name.to_owned(),
            projection.version.to_string(),
            position,
            thousands(projection.rows),
            thousands(projection.parked),
            thousands(projection.differences),
        ]);
    }
    print_table(&rows)?;
    for difference in &report.shown {
        line(&format!("  {difference}"))?;
    }
    let hidden = report.differences().saturating_sub(report.shown.len() as u64);
    if hidden > 0 {
        line(&format!("  … and {} more", thousands(hidden)))?;
    }
    line(if report.is_sound() {
        "Everything agrees: the log is whole, and every row is what the log says."
    } else {
        "There are deviations. `wac projections rebuild` makes rows anew from the log; a damaged log needs its backup."
    })?;
    Ok(())
}

async fn show(stores: &Stores, stream: &StreamId, args: &ReplayArgs) -> Result<()> {
    let head = stores.log.head().await?.position;
    let position = match &args.as_of {
        None => head,
        Some(text) => as_of(stores, text, head).await?,
    };
    let (log, keys) = (stores.log.clone(), stores.keys.clone());
    let handler = CommandHandler::new(log, keys, Arc::new(SystemEnvironment), Limits::default());
    let folded = handler.load_at(stream, position).await.with_context(|| format!("cannot fold {stream}"))?;
    if folded.version() == 0 {
        bail!("the stream {stream} has no events at position {position}");
    }
    let state = json!({
        "stream": stream.as_str(), "position": position.0, "version": folded.version(), "state": state::json(&folded),
    });
    match args.output {
        Format::Json => print_json(&state)?,
        Format::Table => line(&serde_json::to_string_pretty(&state)?)?,
    }
    Ok(())
}

/// A position, or the last one recorded at or before a time.
async fn as_of(stores: &Stores, text: &str, head: Position) -> Result<Position> {
    if let Ok(position) = text.parse() {
        let position = Position(position);
        if position > head {
            bail!("position {position} is beyond the log's last, {head}");
        }
        return Ok(position);
    }
    let time = Time::parse(text)
        .with_context(|| format!("{text:?} is neither a position nor a time such as 2026-11-24T12:00:00Z"))?;
    Ok(stores.log.position_at(time).await?)
}
