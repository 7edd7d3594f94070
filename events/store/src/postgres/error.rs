//! What PostgreSQL's error codes mean for an append.

use wac_events::StoreError;

use crate::error::{APPEND, APPEND_DISK_FULL};
use crate::writer::backend::CommitError;

/// SQLSTATE disk_full.
const DISK_FULL: &str = "53100";

/// A failed attempt to write. That the disk is full is said where callers see it, too.
pub(super) fn write_error(error: sqlx::Error) -> StoreError {
    let full = error.as_database_error().and_then(|error| error.code()).is_some_and(|code| code == DISK_FULL);
    StoreError::new(if full { APPEND_DISK_FULL } else { APPEND }, error)
}

/// A failed append.
pub(super) fn commit_error(error: sqlx::Error) -> CommitError {
    let state = error.as_database_error().and_then(|error| error.code()).map(|code| code.into_owned());
    let error = write_error(error);
    match state.as_deref() {
        // unique_violation
        Some("23505") => CommitError::Taken,
        // Classes: data exception, integrity constraint, program limit exceeded.
        Some(state) if ["22", "23", "54"].iter().any(|class| state.starts_with(class)) => CommitError::Content(error),
        // The server went down or was told to end this session: at which moment, nobody says.
        Some(state) if state.starts_with("57P") || state.starts_with("08") => CommitError::Unknown(error),
        // Any other error of the server ends the transaction.
        Some(_) => CommitError::NotWritten(error),
        None => CommitError::Unknown(error),
    }
}
