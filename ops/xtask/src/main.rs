//! `cargo xtask`: setup, test services, tests, house rules, generated contracts.

mod commands;

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The project's own checks and test services")]
struct Arguments {
    #[command(subcommand)]
    command: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Install what building and testing need; does nothing when all of it is there
    Setup,
    /// Start PostgreSQL and Kafka, run a command against them, stop them
    Services {
        #[command(subcommand)]
        action: ServicesAction,
    },
    /// Run every test against a private PostgreSQL and a real Kafka
    Test {
        /// Arguments for `cargo test`, after `--`
        #[arg(last = true)]
        arguments: Vec<OsString>,
    },
    /// Lints and tests of the npm workspace; part of `test`
    Web,
    /// Format, lints, docs, tests, licences, house rules, contracts
    Ci,
    /// Check the house rules
    Tidy,
    /// Write the generated JSON Schemas and the AsyncAPI document, and the SDK's types of what goes over the wire
    Contracts {
        /// Write nothing; fail if a committed document is not the generated one
        #[arg(long)]
        check: bool,
        /// Write schemas even if they break readers of the same version (before a first release)
        #[arg(long, conflicts_with = "check")]
        breaking: bool,
    },
}

#[derive(Subcommand)]
enum ServicesAction {
    /// Run COMMAND with WAC_TEST_DATABASE_URL and WAC_TEST_KAFKA_BROKERS set; its exit code is ours
    Run {
        /// The command and its arguments
        #[arg(last = true, required = true)]
        command: Vec<OsString>,
    },
}

fn main() -> ExitCode {
    let outcome = run(Arguments::parse().command);
    outcome.unwrap_or_else(|error| {
        eprintln!("xtask: {error:#}");
        ExitCode::FAILURE
    })
}

fn run(task: Task) -> Result<ExitCode> {
    match task {
        Task::Setup => commands::setup(),
        Task::Services { action: ServicesAction::Run { command } } => commands::services_run(&command),
        Task::Test { arguments } => commands::test(&arguments),
        Task::Web => commands::web(),
        Task::Ci => commands::ci(),
        Task::Tidy => commands::tidy(),
        Task::Contracts { check, breaking } => commands::contracts(check, breaking),
    }
}
