//! Applies projections to SQL databases, exactly once, and reads what they hold.
//!
//! * [`Runner`] keeps every read model of a node up: a page of events, one transaction with rows
//!   and checkpoint, again. The checkpoint moves by compare-and-swap, so any number of nodes may
//!   run on one PostgreSQL.
//! * [`SqlRows`] reads the rows, and waits until they have come as far as a reader needs.
//! * [`rebuild()`] builds a read model anew beside the one that is served, from any process.
//! * [`verify()`] folds the whole log and compares every row; [`log_verify`] checks the log alone.

mod ahead;
mod batch;
pub mod bench;
mod checkpoint;
mod compare;
mod conn;
mod copy;
mod ddl;
mod drive;
mod error;
mod fold;
mod gather;
mod live_page;
mod log_check;
mod memory;
mod pages;
mod parked;
mod processes;
mod progress;
mod rebuild;
mod rows;
mod runner;
mod served;
mod statements;
mod verify;
mod write;

pub use checkpoint::ProjectionState;
pub use compare::{DifferenceKind, RowDifference};
pub use drive::{APPLY_EVENTS_MAX, HURRIED_ROUND_EVERY, ROUND_EVERY};
pub use error::{NotYet, RunnerError};
pub use log_check::{LogFault, LogReport, log_verify};
pub use parked::{ParkedEvent, parked_events};
pub use processes::SqlCheckpoints;
pub use progress::Progress;
pub use rebuild::{RebuildOptions, Rebuilt, rebuild};
pub use rows::SqlRows;
pub use runner::{ProjectionInfo, Runner, list};
pub use served::POLL_INTERVAL;
pub use verify::{ProjectionReport, VerifyOptions, VerifyReport, verify};
