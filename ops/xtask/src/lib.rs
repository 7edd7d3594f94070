//! The project's own checks, and the services its tests run against.
//!
//! As a library: [`services`], a private PostgreSQL and a real Apache Kafka for tests; [`tidy`], the
//! house rules; [`contracts`], the generated descriptions of the event stream; [`python`] and [`node`], the
//! packages that tests in Python and JavaScript need. As a binary (`cargo xtask`): these, setup, tests and
//! continuous integration.

pub mod contracts;
pub mod node;
pub mod python;
pub mod services;
pub mod tidy;

use std::path::{Path, PathBuf};

/// The repository's root directory.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("this crate is two folders below the root").into()
}
