//! Which crate may depend on which, and what the pure ones must not contain.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use toml::{Table, Value};

use super::Report;
use crate::services::run;

/// One row of the folder table of ARCHITECTURE.md.
struct Rule {
    /// Package name.
    name: &'static str,
    /// Packages of ours it may depend on.
    may_use: &'static [&'static str],
    /// No runtime, driver or socket anywhere below it.
    pure: bool,
}

const ALL: &[&str] = &[
    "wac-events",
    "wac-store",
    "wac-relay",
    "wac-commands",
    "wac-projections",
    "wac-runner",
    "wac-api",
    "wac-signaling",
    "wac-media",
    "wac-media-io",
    "wac-media-load",
    "wac-sip",
];

const RULES: &[Rule] = &[
    Rule { name: "wac", may_use: ALL, pure: false },
    Rule { name: "wac-events", may_use: &[], pure: true },
    Rule { name: "wac-store", may_use: &["wac-events"], pure: false },
    Rule { name: "wac-relay", may_use: &["wac-events"], pure: false },
    Rule { name: "wac-commands", may_use: &["wac-events"], pure: true },
    Rule { name: "wac-projections", may_use: &["wac-events"], pure: true },
    // The rows live in the database of the log, whose handle the store has.
    Rule { name: "wac-runner", may_use: &["wac-events", "wac-store", "wac-projections"], pure: false },
    Rule {
        name: "wac-api",
        may_use: &["wac-events", "wac-commands", "wac-projections", "wac-runner", "wac-signaling"],
        pure: false,
    },
    Rule { name: "wac-signaling", may_use: &["wac-events", "wac-commands", "wac-projections"], pure: true },
    Rule { name: "wac-media", may_use: &["wac-events"], pure: true },
    Rule { name: "wac-media-io", may_use: &["wac-media", "wac-commands", "wac-events"], pure: false },
    // A client on somebody else's stack: nothing of ours but how the node's frames read.
    Rule { name: "wac-media-load", may_use: &["wac-media"], pure: false },
    Rule { name: "wac-sip", may_use: &["wac-commands", "wac-events"], pure: false },
    Rule { name: "wac-replay-tests", may_use: ALL, pure: false },
    Rule { name: "xtask", may_use: &["wac-events", "wac-signaling"], pure: false },
];

/// What a test of any crate may use besides: the services, and a log to write into.
const TESTS_MAY_USE: &[&str] = &["xtask", "wac-store", "wac-commands", "wac-media-load"];
/// Packages that mean a runtime, a database, a socket or a broker.
const IMPURE: &[&str] = &["tokio", "sqlx", "axum", "rdkafka", "reqwest", "hyper", "mio", "socket2"];
/// What a pure crate's `clippy.toml` must forbid.
const FORBIDDEN_METHODS: &[&str] = &["std::time::Instant::now", "std::time::SystemTime::now", "uuid::Uuid::now_v7"];
/// Where the folder table stands.
const PAGE: &str = "ARCHITECTURE.md";
const LICENCE: &str = "Apache-2.0";

pub(super) fn check(root: &Path, report: &mut Report) -> Result<()> {
    let workspace = manifest(&root.join("Cargo.toml"))?;
    let package = &workspace["workspace"]["package"];
    if package.get("license").and_then(Value::as_str) != Some(LICENCE) {
        report.violations.push(format!("Cargo.toml: workspace.package.license is not {LICENCE}"));
    }
    let members = workspace["workspace"]["members"].as_array().context("workspace.members")?;
    let page = std::fs::read_to_string(root.join(PAGE)).context(PAGE)?;
    for member in members.iter().filter_map(Value::as_str) {
        check_member(root, member, &page, report)?;
    }
    Ok(())
}

fn manifest(path: &Path) -> Result<Table> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    text.parse::<Table>().with_context(|| path.display().to_string())
}

fn check_member(root: &Path, member: &str, page: &str, report: &mut Report) -> Result<()> {
    let file = root.join(member).join("Cargo.toml");
    let place = if member == "." { "Cargo.toml".to_owned() } else { format!("{member}/Cargo.toml") };
    let manifest = manifest(&file)?;
    let name = manifest["package"]["name"].as_str().context("package.name")?;
    report.violations.extend(manifest_violations(name, &place, &manifest));
    report.violations.extend(page_violation(name, member, page));
    if RULES.iter().any(|rule| rule.name == name && rule.pure) {
        check_clippy(&root.join(member), member, report);
        check_tree(root, name, report)?;
    }
    Ok(())
}

/// A member without its row in the folder table of the page, which says where it lives and what it is for.
fn page_violation(name: &str, member: &str, page: &str) -> Option<String> {
    let folder = if member == "." { "src" } else { member };
    let row = format!("| `{folder}/` | `{name}` |");
    let stands = page.lines().any(|line| line.starts_with(&row));
    (!stands).then(|| format!("{PAGE}: the folder table has no row that begins {row:?}"))
}

/// What one manifest breaks; no files are read.
fn manifest_violations(name: &str, place: &str, manifest: &Table) -> Vec<String> {
    let mut found = Vec::new();
    let inherits =
        |table: Option<&Value>| table.and_then(|v| v.get("workspace")).and_then(Value::as_bool) == Some(true);
    let licence = manifest["package"].get("license");
    if !inherits(licence) && licence.and_then(Value::as_str) != Some(LICENCE) {
        found.push(format!("{place}: the package's licence is not {LICENCE}"));
    }
    if !inherits(manifest.get("lints")) {
        found.push(format!("{place}: `[lints] workspace = true` is missing"));
    }
    let Some(rule) = RULES.iter().find(|rule| rule.name == name) else {
        found.push(format!(
            "{place}: {name} is not in the folder table (ops/xtask/src/tidy/crates.rs, ARCHITECTURE.md)"
        ));
        return found;
    };
    for (section, also) in [("dependencies", &[][..]), ("build-dependencies", &[]), ("dev-dependencies", TESTS_MAY_USE)]
    {
        let table = manifest.get(section).and_then(Value::as_table);
        for dependency in table.into_iter().flat_map(Table::keys) {
            let ours = RULES.iter().any(|rule| rule.name == dependency);
            let allowed = rule.may_use.contains(&dependency.as_str()) || also.contains(&dependency.as_str());
            if ours && !allowed && dependency != name {
                found.push(format!("{place}: {name} may not depend on {dependency} ({section})"));
            }
            if rule.pure && section != "dev-dependencies" && IMPURE.contains(&dependency.as_str()) {
                found.push(format!("{place}: {name} is pure and may not depend on {dependency}"));
            }
        }
    }
    found
}

fn check_clippy(directory: &Path, member: &str, report: &mut Report) {
    let text = std::fs::read_to_string(directory.join("clippy.toml")).unwrap_or_default();
    for method in FORBIDDEN_METHODS.iter().filter(|method| !text.contains(**method)) {
        report.violations.push(format!("{member}/clippy.toml: a pure crate must forbid {method}"));
    }
}

/// Looks for impure packages anywhere below a pure crate.
fn check_tree(root: &Path, name: &str, report: &mut Report) -> Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let arguments = ["tree", "--locked", "-p", name, "-e", "normal", "--prefix", "none", "--format", "{p}"];
    let tree = run(Command::new(cargo).args(arguments).current_dir(root))?;
    let mut packages: Vec<&str> = tree.lines().filter_map(|line| line.split_whitespace().next()).collect();
    packages.sort_unstable();
    packages.dedup();
    for package in packages.into_iter().filter(|package| IMPURE.contains(package)) {
        report.violations.push(format!("{name} is pure, and yet {package} is somewhere among its dependencies"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn violations(name: &str, dependencies: &str) -> Vec<String> {
        let head = format!("[package]\nname = \"{name}\"\nlicense.workspace = true\n[lints]\nworkspace = true\n");
        let manifest = format!("{head}{dependencies}").parse().expect("a manifest");
        manifest_violations(name, "Cargo.toml", &manifest)
    }

    #[test]
    fn every_member_stands_in_the_table_of_the_page() {
        let page =
            "| folder | crate |\n| `media/load/` | `wac-media-load` | a client | media |\n| `src/` | `wac` | all |";
        assert_eq!(page_violation("wac-media-load", "media/load", page), None);
        assert_eq!(page_violation("wac", ".", page), None);
        let missing = page_violation("wac-media", "media", page).expect("it has no row");
        assert!(missing.contains("| `media/` | `wac-media` |"), "{missing}");
    }

    #[test]
    fn an_edge_of_the_table_is_allowed() {
        assert_eq!(violations("wac-commands", "[dependencies]\nwac-events.workspace = true"), Vec::<String>::new());
        assert_eq!(violations("wac-relay", "[dev-dependencies]\nwac-store.workspace = true"), Vec::<String>::new());
    }

    #[test]
    fn an_edge_outside_the_table_is_refused() {
        let found = violations("wac-relay", "[dependencies]\nwac-store.workspace = true");
        assert!(found[0].contains("wac-relay may not depend on wac-store"), "{found:?}");
    }

    #[test]
    fn a_runtime_in_a_pure_crate_is_refused() {
        let found = violations("wac-events", "[dependencies]\ntokio = \"1\"");
        assert!(found[0].contains("wac-events is pure and may not depend on tokio"), "{found:?}");
    }

    #[test]
    fn an_unknown_crate_is_refused() {
        assert!(violations("wac-misc", "")[0].contains("not in the folder table"));
    }
}
