//! A database that is there only for being measured.

use std::path::{Path, PathBuf};

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Executor};
use tempfile::TempDir;
use wac_events::{Environment, MasterKey};

use super::BenchError;
use crate::SystemEnvironment;
use crate::location::Location;

/// A scratch database, until it is removed.
pub struct Scratch(Place);

enum Place {
    Postgres { admin: Box<PgConnectOptions>, name: String, url: String },
    Sqlite { directory: TempDir, url: String },
    Memory,
}

/// Nothing personal is ever in a scratch database.
pub(super) fn master_key() -> MasterKey {
    MasterKey::new([1; 32])
}

impl Scratch {
    /// Makes one beside the database that `url` names.
    pub async fn create(url: &str) -> Result<Self, BenchError> {
        Place::create(url).await.map(Self)
    }

    /// Its URL.
    pub fn url(&self) -> &str {
        match &self.0 {
            Place::Postgres { url, .. } | Place::Sqlite { url, .. } => url,
            Place::Memory => "memory:",
        }
    }

    /// `postgres`, `sqlite` or `memory`.
    pub fn name(&self) -> &'static str {
        match self.0 {
            Place::Postgres { .. } => "postgres",
            Place::Sqlite { .. } => "sqlite",
            Place::Memory => "memory",
        }
    }

    pub(super) fn sqlite_file(&self) -> Option<PathBuf> {
        match &self.0 {
            Place::Sqlite { directory, .. } => Some(directory.path().join("wac.db")),
            Place::Postgres { .. } | Place::Memory => None,
        }
    }

    pub(super) fn is_memory(&self) -> bool {
        matches!(self.0, Place::Memory)
    }

    pub(super) fn postgres(&self) -> Option<PgConnectOptions> {
        match &self.0 {
            Place::Postgres { admin, name, .. } => Some((**admin).clone().database(name)),
            Place::Sqlite { .. } | Place::Memory => None,
        }
    }

    /// Removes it, with all that is in it.
    pub async fn remove(self) -> Result<(), BenchError> {
        match self.0 {
            Place::Postgres { admin, name, .. } => {
                let mut connection = admin.disable_statement_logging().connect().await?;
                connection.execute(AssertSqlSafe(format!("drop database {name} with (force)"))).await?;
            }
            Place::Sqlite { directory, .. } => directory.close()?,
            Place::Memory => {}
        }
        Ok(())
    }
}

impl Place {
    async fn create(url: &str) -> Result<Self, BenchError> {
        match Location::parse(url)? {
            Location::Postgres(admin) => {
                let name = format!("wac_bench_{}", SystemEnvironment.new_uuid().simple());
                let mut connection = admin.clone().disable_statement_logging().connect().await?;
                connection.execute(AssertSqlSafe(format!("create database {name}"))).await?;
                let url = admin.clone().database(&name).to_url_lossy().to_string();
                Ok(Self::Postgres { admin, name, url })
            }
            Location::Sqlite(path) => {
                let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
                std::fs::create_dir_all(parent)?;
                let directory = TempDir::with_prefix_in("wac-bench-", parent)?;
                let url = format!("sqlite://{}", directory.path().join("wac.db").display());
                Ok(Self::Sqlite { directory, url })
            }
            Location::Memory => Ok(Self::Memory),
        }
    }
}
