//! The virtual environment with the pinned Python packages that tests use.

use std::path::PathBuf;
use std::process::Command;

use crate::repository;
use crate::services::{cache_directory, run};
use anyhow::{Context, Result};

/// Environment variable with the Python that has the packages of [`REQUIREMENTS`].
pub const PYTHON_VARIABLE: &str = "WAC_TEST_PYTHON";
/// Files of pinned requirements; those that exist are installed.
const REQUIREMENTS: [&str; 2] = ["docs/examples/requirements.txt", "ops/test-requirements.txt"];

/// The Python for tests: the one `cargo xtask test` has prepared, else [`environment`]'s.
pub fn for_tests() -> Result<PathBuf> {
    std::env::var_os(PYTHON_VARIABLE).map_or_else(environment, |python| Ok(python.into()))
}

/// Makes the environment in the cache directory unless it is there for these very requirements;
/// returns its interpreter.
pub fn environment() -> Result<PathBuf> {
    let files: Vec<_> = REQUIREMENTS.iter().map(|file| repository().join(file)).filter(|path| path.exists()).collect();
    let mut wanted = String::new();
    for file in &files {
        wanted += &std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
    }
    let directory = cache_directory().join("python");
    let interpreter = directory.join("bin/python");
    let stamp = directory.join("installed-requirements.txt");
    if interpreter.exists() && std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(interpreter);
    }
    eprintln!("xtask: installing the tests' Python packages into {}", directory.display());
    let _ = std::fs::remove_dir_all(&directory);
    run(Command::new("python3").args(["-m", "venv"]).arg(&directory))?;
    let mut pip = Command::new(&interpreter);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
    for file in &files {
        pip.arg("-r").arg(file);
    }
    run(&mut pip)?;
    std::fs::write(&stamp, wanted).context("recording the installed Python packages")?;
    Ok(interpreter)
}
