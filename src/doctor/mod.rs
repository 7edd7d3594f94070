//! `wac doctor`: is everything there that the platform needs, and if not, what to do.

mod database;
mod machine;
mod media;
mod network;

use std::process::ExitCode;

use anyhow::Result;
use serde_json::json;

use crate::cli::DoctorArgs;
use crate::open;
use crate::output::{Format, print_json, print_table, table};

/// How bad it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Severity {
    /// As it should be.
    Ok,
    /// Works, but deserves a look.
    Warning,
    /// Does not work.
    Failure,
}

impl Severity {
    fn as_str(self) -> &'static str {
        match self {
            Severity::Ok => "ok",
            Severity::Warning => "warning",
            Severity::Failure => "failure",
        }
    }
}

/// One thing looked at.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    check: &'static str,
    severity: Severity,
    found: String,
    advice: String,
}

impl Finding {
    /// As it should be.
    pub(crate) fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self { check, severity: Severity::Ok, found: found.into(), advice: String::new() }
    }

    /// Works, but: and what to do.
    pub(crate) fn warning(check: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { check, severity: Severity::Warning, found: found.into(), advice: advice.into() }
    }

    /// Does not work: and what to do.
    pub(crate) fn failure(check: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { check, severity: Severity::Failure, found: found.into(), advice: advice.into() }
    }
}

/// Runs `wac doctor`; fails if any check does.
pub(crate) async fn run(args: &DoctorArgs) -> Result<ExitCode> {
    let settings = open::settings(&args.source, "wac doctor")?;
    let mut findings = vec![Finding::ok("configuration", "valid")];
    if !settings.is_media_alone() {
        findings.extend(machine::data_directory(&settings));
        findings.extend(machine::disk(&settings));
        findings.push(machine::master_key(&settings));
        findings.extend(database::check(&settings).await);
    }
    findings.push(machine::open_files());
    findings.push(network::kafka(&settings).await);
    if settings.has_role("media") {
        findings.extend(media::check(&settings).await);
    }
    findings.extend(network::ports(&settings));
    findings.push(network::exposure(&settings));
    print(&findings, args.output)?;
    let worst = findings.iter().map(|finding| finding.severity).max().unwrap_or(Severity::Ok);
    Ok(if worst == Severity::Failure { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn print(findings: &[Finding], output: Format) -> Result<()> {
    if output == Format::Json {
        for finding in findings {
            print_json(&json!({
                "check": finding.check, "status": finding.severity.as_str(),
                "found": finding.found, "advice": finding.advice,
            }))?;
        }
        return Ok(());
    }
    let mut rows = table(&["check", "status", "found", "what to do"]);
    for finding in findings {
        rows.add_row([finding.check, finding.severity.as_str(), &finding.found, &finding.advice]);
    }
    Ok(print_table(&rows)?)
}
