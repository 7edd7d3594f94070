//! Private PostgreSQL and Kafka servers for tests.
//!
//! Every server lives in a directory of its own, on a free loopback port, and ends with the
//! process that started it: when its handle is dropped, when that process exits, and when that
//! process is killed with `kill -9` (a watchdog holds the other end of a pipe).

mod kafka;
mod postgres;
mod process;
mod tmpfs;

use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::OnceLock;

use anyhow::{Context, Result};

pub use kafka::{KAFKA_VERSION, Kafka, KafkaOptions};
pub use postgres::{Postgres, PostgresOptions};
pub use process::{Watchdog, run};
pub use tmpfs::Tmpfs;

/// Environment variable with the URL of a database whose user may create databases.
pub const DATABASE_URL_VARIABLE: &str = "WAC_TEST_DATABASE_URL";
/// Environment variable with the bootstrap servers of a Kafka for tests.
pub const KAFKA_BROKERS_VARIABLE: &str = "WAC_TEST_KAFKA_BROKERS";

/// Where what is downloaded once is kept: `${XDG_CACHE_HOME:-~/.cache}/wac`.
pub fn cache_directory() -> PathBuf {
    let base = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || std::env::var_os("HOME").map_or_else(std::env::temp_dir, PathBuf::from).join(".cache");
    base.unwrap_or_else(home).join("wac")
}

/// URL of a PostgreSQL database whose user may create databases: the one `cargo xtask services
/// run` has started, else one that this process starts and that ends with it.
///
/// # Panics
/// When there is none and none can be started; the message says why.
pub fn shared_postgres() -> String {
    static OWN: OnceLock<Postgres> = OnceLock::new();
    std::env::var(DATABASE_URL_VARIABLE)
        .unwrap_or_else(|_| OWN.get_or_init(|| Postgres::start().expect("PostgreSQL for tests")).url())
}

/// Bootstrap servers of a Kafka: the one `cargo xtask services run` has started, else one that
/// this process starts and that ends with it.
///
/// # Panics
/// When there is none and none can be started; the message says why.
pub fn shared_kafka() -> String {
    static OWN: OnceLock<Kafka> = OnceLock::new();
    std::env::var(KAFKA_BROKERS_VARIABLE)
        .unwrap_or_else(|_| OWN.get_or_init(|| Kafka::start().expect("Kafka for tests")).brokers())
}

/// A loopback TCP port nobody listens on at this moment.
pub fn free_port() -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("looking for a free port")?;
    Ok(listener.local_addr()?.port())
}
