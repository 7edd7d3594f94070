//! Why a database cannot be opened, in sentences for the person who starts the program; and how a
//! driver's errors become the port's.

use wac_events::StoreError;

/// Names of operations that failed, as callers and `/readyz` see them.
pub(crate) const APPEND: &str = "append";
pub(crate) const APPEND_DISK_FULL: &str = "append: the disk is full";

/// Why a store could not be opened or migrated. Its text is complete: what, where, and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Not one of the three forms of a database URL.
    #[error("database URL {url:?}: {reason}; expected postgres://USER:PASSWORD@HOST/NAME, sqlite://PATH or memory:")]
    Url {
        /// The URL, without its password.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Nothing answers there, or it refuses us.
    #[error("cannot reach the database {place}: {source}")]
    Unreachable {
        /// Host, port and database name, or the file.
        place: String,
        /// The driver's error.
        source: sqlx::Error,
    },
    /// It can be read, not written.
    #[error("the database {place} is read-only: {hint}")]
    ReadOnly {
        /// Host, port and database name, or the file.
        place: String,
        /// What to look at.
        hint: &'static str,
    },
    /// A newer program has migrated it.
    #[error(
        "the database {place} has schema version {found}, written by a newer version of this program, which knows \
         {known}; start the newer version"
    )]
    NewerVersion {
        /// Host, port and database name, or the file.
        place: String,
        /// The version found in it.
        found: i64,
        /// The newest version this program knows.
        known: i64,
    },
    /// It needs a migration, and this program was told not to migrate.
    #[error("the database {place} has schema version {found}, this program needs {known}; run `wac migrate`")]
    OlderVersion {
        /// Host, port and database name, or the file.
        place: String,
        /// The version found in it; 0: none.
        found: i64,
        /// The newest version this program knows.
        known: i64,
    },
    /// A migration failed or does not match what was applied.
    #[error("the database {place} cannot be migrated: {source}")]
    Migration {
        /// Host, port and database name, or the file.
        place: String,
        /// The migrator's error.
        source: sqlx::migrate::MigrateError,
    },
    /// The database was created under another master key.
    #[error(
        "the master key is not the one the database {place} was created with; personal data in it can only be read \
         with that one"
    )]
    WrongMasterKey {
        /// Host, port and database name, or the file.
        place: String,
    },
    /// Something else failed on the way.
    #[error("the database {place} cannot be opened: {source}")]
    Store {
        /// Host, port and database name, or the file.
        place: String,
        /// Which operation, and why.
        source: StoreError,
    },
}

/// Names the operation that failed.
pub(crate) fn failed(operation: &'static str) -> impl FnOnce(sqlx::Error) -> StoreError {
    move |error| StoreError::new(operation, error)
}
