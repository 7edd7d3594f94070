//! What each subcommand does. Every one returns the exit code of the process.

mod built;
mod dependencies;

use std::ffi::OsString;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};
use xtask::services::{DATABASE_URL_VARIABLE, KAFKA_BROKERS_VARIABLE, Kafka, Postgres};
use xtask::{contracts as documents, node, python, repository, tidy as rules};

/// Names the program that the tests of the SDK start.
const BINARY_VARIABLE: &str = "WAC_BIN";

/// A child's environment without what `cargo run` has set for this program.
fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(repository());
    let own = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    for name in own.filter(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")) {
        command.env_remove(name);
    }
    command
}

fn cargo(arguments: &[&str]) -> Command {
    let mut cargo = command(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(arguments);
    cargo
}

/// Runs one step with its output shown; says how it went.
fn step(name: &str, command: &mut Command) -> Result<bool> {
    eprintln!("xtask: {name}");
    let status = command.status().with_context(|| format!("running {}", command.get_program().display()))?;
    if !status.success() {
        eprintln!("xtask: {name} failed ({status})");
    }
    Ok(status.success())
}

fn verdict(good: bool) -> ExitCode {
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

pub(crate) fn setup() -> Result<ExitCode> {
    let status = command(repository().join("ops/setup.sh")).arg("test").status().context("running ops/setup.sh")?;
    if status.success() {
        eprintln!("xtask: everything that building and testing need is there");
    }
    Ok(verdict(status.success()))
}

/// PostgreSQL and Kafka, up for as long as this lives.
struct Services {
    postgres: Postgres,
    kafka: Kafka,
}

impl Services {
    fn start() -> Result<Self> {
        eprintln!("xtask: starting PostgreSQL and Kafka");
        let kafka = std::thread::spawn(Kafka::start);
        let postgres = Postgres::start().context("PostgreSQL")?;
        let kafka = kafka.join().expect("starting Kafka does not panic").context("Kafka")?;
        Ok(Self { postgres, kafka })
    }

    fn announce<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env(DATABASE_URL_VARIABLE, self.postgres.url()).env(KAFKA_BROKERS_VARIABLE, self.kafka.brokers())
    }
}

pub(crate) fn services_run(words: &[OsString]) -> Result<ExitCode> {
    let services = Services::start()?;
    let mut command = Command::new(&words[0]);
    let status = services.announce(command.args(&words[1..])).status();
    let status = status.with_context(|| format!("running {}", words[0].display()))?;
    // A command that was killed by a signal has no code; shells say 1 or more.
    let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
    Ok(ExitCode::from(code))
}

pub(crate) fn test(arguments: &[OsString]) -> Result<ExitCode> {
    if !setup_quietly()? {
        return Ok(ExitCode::FAILURE);
    }
    let python = python::environment()?;
    let services = Services::start()?;
    let mut good = rules_hold()? & documents_hold()?;
    let mut tests = cargo(&["test", "--locked", "--workspace", "--no-fail-fast"]);
    tests.args(arguments).env(python::PYTHON_VARIABLE, &python);
    good &= step("cargo test", services.announce(&mut tests))?;
    let binary = built::wac(arguments)?;
    good &= npm(&["lint", "test"], |npm| {
        services.announce(npm).envs(binary.iter().map(|path| (BINARY_VARIABLE, path)));
    })?;
    drop(services);
    eprintln!("xtask: {}", if good { "all tests passed" } else { "some tests failed" });
    Ok(verdict(good))
}

fn setup_quietly() -> Result<bool> {
    Ok(command(repository().join("ops/setup.sh")).arg("test").status().context("running ops/setup.sh")?.success())
}

/// Runs scripts of the npm workspace, in their order, until one fails.
fn npm(scripts: &[&str], prepare: impl Fn(&mut Command)) -> Result<bool> {
    let Some(web) = node::workspace()? else { return Ok(true) };
    for script in scripts {
        let mut npm = command("npm");
        npm.args(["run", "--silent", script]).current_dir(&web);
        prepare(&mut npm);
        if !step(&format!("web: {script}"), &mut npm)? {
            return Ok(false);
        }
    }
    Ok(true)
}

pub(crate) fn web() -> Result<ExitCode> {
    Ok(verdict(npm(&["lint", "test"], |_| {})?))
}

pub(crate) fn ci() -> Result<ExitCode> {
    let mut good = step("format", &mut cargo(&["fmt", "--all", "--check"]))?;
    let clippy = ["clippy", "--locked", "--workspace", "--all-targets", "--", "-D", "warnings"];
    good &= step("clippy", &mut cargo(&clippy))?;
    let mut docs = cargo(&["doc", "--locked", "--workspace", "--no-deps", "--document-private-items"]);
    // With private items documented, links to them lead somewhere.
    good &= step("docs", docs.env("RUSTDOCFLAGS", "-D warnings -A rustdoc::private_intra_doc_links"))?;
    good &= dependencies::check()?;
    // House rules and contracts are part of `test`.
    good &= test(&[])? == ExitCode::SUCCESS;
    good &= npm(&["package", "docs"], |_| {})?;
    Ok(verdict(good))
}

fn rules_hold() -> Result<bool> {
    let report = rules::check(&repository())?;
    report.warnings.iter().for_each(|warning| eprintln!("tidy: warning: {warning}"));
    report.violations.iter().for_each(|violation| eprintln!("tidy: {violation}"));
    Ok(report.violations.is_empty())
}

fn documents_hold() -> Result<bool> {
    let stale = documents::stale(&repository())?;
    stale.iter().for_each(|path| eprintln!("contracts: {path} is not what the code generates"));
    if !stale.is_empty() {
        eprintln!("contracts: `cargo xtask contracts` writes them; commit them with the change that caused them");
    }
    Ok(stale.is_empty())
}

pub(crate) fn tidy() -> Result<ExitCode> {
    let good = rules_hold()?;
    if good {
        eprintln!("tidy: all house rules hold");
    }
    Ok(verdict(good))
}

pub(crate) fn contracts(check: bool, breaking: bool) -> Result<ExitCode> {
    if check {
        return Ok(verdict(documents_hold()?));
    }
    let breaks = documents::incompatibilities(&repository())?;
    breaks.iter().for_each(|text| eprintln!("contracts: {text}"));
    if !breaks.is_empty() && !breaking {
        eprintln!("contracts: nothing written: readers of the same version would break; give the event a new version");
        return Ok(ExitCode::FAILURE);
    }
    documents::write(&repository())?.iter().for_each(|path| eprintln!("contracts: wrote {path}"));
    Ok(verdict(npm(&["generate"], |_| {})?))
}
