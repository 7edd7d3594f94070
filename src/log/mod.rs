//! `wac log`: the log as a whole.

mod export;
mod format;
mod import;
mod verify;

use std::process::ExitCode;

use anyhow::Result;

use crate::cli::LogCommand;

pub(crate) use verify::{print_report, report_json};

/// Runs `wac log …`.
pub(crate) async fn run(command: &LogCommand) -> Result<ExitCode> {
    match command {
        LogCommand::Verify { source, output } => return verify::run(source, *output).await,
        LogCommand::Export { source, with_keys, file } => export::run(source, file, *with_keys).await?,
        LogCommand::Import { source, file } => import::run(source, file).await?,
    }
    Ok(ExitCode::SUCCESS)
}
