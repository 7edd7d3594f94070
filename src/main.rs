//! The `wac` binary: command line, configuration, wiring. The only place that names concrete stores.

mod cli;
mod config;
mod config_commands;
mod lock;
mod logging;
mod output;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};

use cli::{Cli, Command};

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(&cli.command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("wac: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: &Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Config(command) => config_commands::run(command)?,
        Command::Completions { shell } => {
            clap_complete::generate(*shell, &mut Cli::command(), "wac", &mut std::io::stdout());
        }
        _ => {}
    }
    Ok(ExitCode::SUCCESS)
}
