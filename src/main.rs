//! The `wac` binary: command line, configuration, wiring. The only place that names concrete stores.

mod accounts;
mod admin;
mod bench;
mod call_records;
mod cli;
mod config;
mod config_commands;
mod dev;
mod doctor;
mod door;
mod envelope;
mod events;
mod heartbeats;
mod lease;
mod listen;
mod lock;
mod log;
mod logging;
mod migrate;
mod open;
mod output;
mod passwords;
mod platform;
mod processes;
mod projections;
mod refusals;
mod replay;
mod seed;
mod serve;
mod serving;
mod shutdown;
mod tls;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};

use cli::{Cli, Command};

/// Much of the work here is small texts that one thread makes and another drops (events, rows,
/// answers): the C library's allocator spends more on them than the work itself. What is free goes
/// back to the system within a second (`.cargo/config.toml`).
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Worker threads beyond this bring a node nothing.
const THREADS_MAX: usize = 16;

fn main() -> ExitCode {
    tls::install_provider();
    let cli = Cli::parse();
    match run(&cli.command) {
        Ok(code) => code,
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("wac: {}", sentence(&error));
            ExitCode::FAILURE
        }
    }
}

/// The error and its causes, without what a cause only repeats.
pub(crate) fn sentence(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1) {
        let cause = cause.to_string();
        if !text.contains(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
    }
    text
}

/// Whoever reads our output (`head`, `less`) has had enough.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let io = cause.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
        let json = cause.downcast_ref::<serde_json::Error>().and_then(serde_json::Error::io_error_kind);
        io.or(json) == Some(std::io::ErrorKind::BrokenPipe)
    })
}

fn run(command: &Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Config(command) => config_commands::run(command)?,
        Command::Completions { shell } => {
            clap_complete::generate(*shell, &mut Cli::command(), "wac", &mut std::io::stdout());
        }
        command => {
            let runtime = runtime()?;
            let outcome = runtime.block_on(run_async(command));
            // Whatever still runs (a read from standard input, a cut-off connection) is not waited for.
            runtime.shutdown_background();
            return outcome;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    let threads = std::thread::available_parallelism().map_or(2, usize::from).clamp(2, THREADS_MAX);
    Ok(tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build()?)
}

async fn run_async(command: &Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Dev(args) => dev::run(args).await?,
        Command::Serve(args) => serve::run(args).await?,
        Command::Migrate(source) => migrate::run(source).await?,
        Command::Doctor(args) => return doctor::run(args).await,
        Command::Admin(command) => admin::run(command).await?,
        Command::Events(args) => events::run(args).await?,
        Command::Replay(args) => return replay::run(args).await,
        Command::Log(command) => return log::run(command).await,
        Command::Projections(command) => projections::run(command).await?,
        Command::Bench(command) => bench::run(command).await?,
        Command::Config(_) | Command::Completions { .. } => unreachable!("they need no runtime and are done before"),
    }
    Ok(ExitCode::SUCCESS)
}
