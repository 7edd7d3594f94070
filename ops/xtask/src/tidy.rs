//! The house rules a compiler does not check: crate edges, purity, migrations, words, sizes.

mod crates;
mod migrations;
mod sources;

use std::path::Path;

use anyhow::Result;

/// What was found.
#[derive(Debug, Default)]
pub struct Report {
    /// Rules that are broken; each entry says where and which.
    pub violations: Vec<String>,
    /// What deserves a look and breaks nothing.
    pub warnings: Vec<String>,
}

/// Checks the repository at `root`.
pub fn check(root: &Path) -> Result<Report> {
    let mut report = Report::default();
    crates::check(root, &mut report)?;
    migrations::check(root, &mut report)?;
    sources::check(root, &mut report)?;
    Ok(report)
}
