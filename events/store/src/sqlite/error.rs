//! What SQLite's result codes mean for an append.

use wac_events::StoreError;

use crate::error::{APPEND, APPEND_DISK_FULL};
use crate::writer::backend::CommitError;

// Primary result codes, <https://www.sqlite.org/rescode.html>.
const SQLITE_IOERR: i32 = 10;
const SQLITE_FULL: i32 = 13;
const SQLITE_TOOBIG: i32 = 18;
const SQLITE_CONSTRAINT: i32 = 19;
const SQLITE_MISMATCH: i32 = 20;

/// The primary result code, if the error is the database's own.
pub(super) fn code(error: &sqlx::Error) -> Option<i32> {
    let extended: i32 = error.as_database_error()?.code()?.parse().ok()?;
    Some(extended & 0xff)
}

/// A failed attempt to write. That the disk is full is said where callers see it, too.
pub(super) fn write_error(error: sqlx::Error) -> StoreError {
    let operation = if code(&error) == Some(SQLITE_FULL) { APPEND_DISK_FULL } else { APPEND };
    StoreError::new(operation, error)
}

/// A failed append. `committing`: the commit itself may have been what failed.
pub(super) fn commit_error(error: sqlx::Error, committing: bool) -> CommitError {
    let code = code(&error);
    let error = write_error(error);
    match code {
        Some(SQLITE_CONSTRAINT) => CommitError::Taken,
        Some(SQLITE_TOOBIG | SQLITE_MISMATCH) => CommitError::Content(error),
        // The commit record may have reached the disk although the disk complained.
        Some(SQLITE_IOERR) | None if committing => CommitError::Unknown(error),
        _ => CommitError::NotWritten(error),
    }
}
