//! `wac log verify`: positions, versions, times, payloads.

use std::process::ExitCode;

use anyhow::Result;
use serde_json::{Value, json};
use wac_runner::LogReport;

use crate::cli::SourceArgs;
use crate::open;
use crate::output::{Format, line, print_json, progress, thousands};

/// Faults printed; all are counted.
const FAULTS_SHOWN_MAX: usize = 20;

/// Reads the whole log; fails if anything in it is not as it must be.
pub(super) async fn run(source: &SourceArgs, output: Format) -> Result<ExitCode> {
    let settings = open::settings(source, "wac log verify")?;
    let stores = open::existing(&settings).await?;
    let bar = progress(stores.log.head().await?.position.0, "checking");
    let report = wac_runner::log_verify(stores.log.clone(), FAULTS_SHOWN_MAX, &mut |progress| {
        bar.set_length(progress.total.0);
        bar.set_position(progress.done.0);
    })
    .await?;
    bar.finish_and_clear();
    match output {
        Format::Json => print_json(&report_json(&report))?,
        Format::Table => {
            print_report(&report)?;
            line(if report.is_sound() {
                "The log is whole."
            } else {
                "The log is damaged; bring it back from its backup."
            })?;
        }
    }
    Ok(if report.is_sound() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The report for programs.
pub(crate) fn report_json(report: &LogReport) -> Value {
    json!({
        "sound": report.is_sound(), "events": report.events, "streams": report.streams,
        "position": report.position.0, "faults": report.faults,
        "shown": report.shown.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "eventsPerSecond": report.events_per_s.round(),
    })
}

/// The report for people.
pub(crate) fn print_report(report: &LogReport) -> Result<()> {
    let (events, streams) = (thousands(report.events), thousands(report.streams));
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rate is positive and far below 2^64"
    )]
    let rate = thousands(report.events_per_s.round() as u64);
    let (position, faults) = (report.position, thousands(report.faults));
    line(&format!("{events} events in {streams} streams up to position {position}, {rate} events/s, {faults} faults"))?;
    for fault in &report.shown {
        line(&format!("  {fault}"))?;
    }
    Ok(())
}
