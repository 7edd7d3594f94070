//! `wac bench`: every figure beside its floor, measured in the same run.

mod idle;
mod load;
mod log;
mod relay;
mod replay;
mod sapi;
mod sfu;
mod signaling;

use anyhow::Result;

use crate::cli::BenchCommand;

/// Runs `wac bench …`.
pub(crate) async fn run(command: &BenchCommand) -> Result<()> {
    match command {
        BenchCommand::Replay(args) => replay::run(args).await,
        BenchCommand::Sapi(args) => sapi::run(args).await,
        BenchCommand::Relay(args) => relay::run(args).await,
        BenchCommand::Log(args) => log::run(args).await,
        BenchCommand::Sfu(args) => sfu::run(args).await,
        BenchCommand::Signaling(args) => signaling::run(args).await,
    }
}
