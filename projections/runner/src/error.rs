//! What can go wrong when read models are built and compared.

use wac_events::{Position, StoreError};

/// Why read models could not be built, rebuilt, read or compared.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunnerError {
    /// The database failed.
    #[error("{operation}: {source}")]
    Database {
        /// What was being done.
        operation: &'static str,
        /// The driver's error.
        source: sqlx::Error,
    },
    /// The log could not be read.
    #[error(transparent)]
    Log(#[from] StoreError),
    /// Nobody knows a projection or table of this name.
    #[error("there is no projection {name:?}; there are {known}")]
    UnknownProjection {
        /// What was asked for.
        name: String,
        /// The names there are.
        known: String,
    },
    /// A rebuild met an event the projection cannot take.
    #[error(
        "projection {projection} cannot take the event at position {position} ({event_type} version \
         {schema_version}): {reason}; rebuild with --park to put such events aside"
    )]
    Undecodable {
        /// The projection.
        projection: &'static str,
        /// Where the event stands.
        position: Position,
        /// Its wire name.
        event_type: String,
        /// Version of its payload.
        schema_version: u32,
        /// What is wrong with it.
        reason: String,
    },
    /// A projection named a column its table does not have, or gave it a value of another kind.
    #[error("a projection sets {table}.{column} to a value its table does not allow")]
    Shape {
        /// The table.
        table: &'static str,
        /// The column.
        column: String,
    },
    /// Another rebuild of the same projection has been started.
    #[error("another rebuild of {projection} has taken over")]
    TakenOver {
        /// The projection.
        projection: &'static str,
    },
    /// Readers of the live tables did not let go of them.
    #[error(
        "the rebuilt tables of {projection} could not be switched in within {waited_s} s: the live ones are in use"
    )]
    SwitchBlocked {
        /// The projection.
        projection: &'static str,
        /// How long was tried, in seconds.
        waited_s: u64,
    },
    /// The caller has cancelled it.
    #[error("cancelled")]
    Cancelled,
    /// A part of the work ended in a panic.
    #[error("{0} ended unexpectedly")]
    Broken(&'static str),
}

impl From<RunnerError> for StoreError {
    fn from(error: RunnerError) -> Self {
        match error {
            RunnerError::Log(error) => error,
            other => StoreError::new("read models", other),
        }
    }
}

/// A read model has not come as far as the reader asked within its patience.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("read model {projection} has reached position {reached}, not yet {wanted}")]
pub struct NotYet {
    /// The projection that is furthest behind.
    pub projection: String,
    /// How far it is.
    pub reached: Position,
    /// How far it should be.
    pub wanted: Position,
}

/// Names the database operation that failed.
pub(crate) fn failed(operation: &'static str) -> impl FnOnce(sqlx::Error) -> RunnerError {
    move |source| RunnerError::Database { operation, source }
}
