//! The npm workspace in `web/`: its packages, installed once for a lock file.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::repository;
use crate::services::run;
use anyhow::{Context, Result};

/// Inside `node_modules`: the lock file that it was installed for.
const STAMP: &str = ".installed-package-lock.json";

/// The npm workspace, with its packages installed; `None` where there is none.
pub fn workspace() -> Result<Option<PathBuf>> {
    let web = repository().join("web");
    if !web.join("package.json").exists() {
        return Ok(None);
    }
    install(&web)?;
    Ok(Some(web))
}

/// Installs what the lock file names, unless that is there already.
fn install(web: &Path) -> Result<()> {
    let lock = web.join("package-lock.json");
    let wanted = std::fs::read_to_string(&lock).with_context(|| lock.display().to_string())?;
    let stamp = web.join("node_modules").join(STAMP);
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    eprintln!("xtask: installing the packages of web/");
    let options = ["ci", "--no-audit", "--no-fund", "--loglevel=error"];
    run(Command::new("npm").args(options).current_dir(web)).context("installing the packages of web/")?;
    std::fs::write(&stamp, wanted).with_context(|| stamp.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_that_are_there_for_this_lock_file_are_not_installed_again() {
        let directory = tempfile::tempdir().unwrap();
        let modules = directory.path().join("node_modules");
        std::fs::create_dir(&modules).unwrap();
        // npm would refuse such a lock file.
        std::fs::write(directory.path().join("package-lock.json"), "no lock file").unwrap();
        std::fs::write(modules.join(STAMP), "no lock file").unwrap();
        install(directory.path()).unwrap();
        std::fs::write(modules.join(STAMP), "another one").unwrap();
        install(directory.path()).unwrap_err();
    }
}
