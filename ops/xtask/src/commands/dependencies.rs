//! What `deny.toml` says of the dependencies: their licences, sources and known weaknesses.

use std::path::PathBuf;

use anyhow::{Context, Result};
use xtask::services::cache_directory;

use super::{cargo, command, step};

/// The version of cargo-deny that `deny.toml` is written for.
const CARGO_DENY: &str = "0.20.2";

/// Installs cargo-deny when this machine has none yet, and lets it check. The database of
/// advisories comes from the network: where it cannot be fetched, that part is skipped, and said.
pub(super) fn check() -> Result<bool> {
    let program = installed()?;
    let deny = |arguments: &[&str]| {
        let mut deny = command(&program);
        deny.args(arguments);
        deny
    };
    let good = step("licences, sources and bans", &mut deny(&["check", "licenses", "sources", "bans"]))?;
    if !step("database of advisories", &mut deny(&["fetch", "db"]))? {
        eprintln!("xtask: SKIPPED advisories: their database could not be fetched");
        return Ok(good);
    }
    Ok(step("advisories", &mut deny(&["check", "--disable-fetch", "advisories"]))? && good)
}

/// Where cargo-deny is; built once for all clones on this machine.
fn installed() -> Result<PathBuf> {
    let root = cache_directory().join("tools").join(format!("cargo-deny-{CARGO_DENY}"));
    let program = root.join("bin/cargo-deny");
    if !program.exists() {
        eprintln!("xtask: building cargo-deny {CARGO_DENY}, once for this machine (some minutes)");
        let mut install = cargo(&["install", "--quiet", "--locked", "cargo-deny", "--version", CARGO_DENY]);
        install.arg("--root").arg(&root);
        let status = install.status().context("running cargo install")?;
        anyhow::ensure!(status.success(), "cargo-deny could not be installed ({status})");
    }
    Ok(program)
}
