//! Read models as pure functions from events to row changes.
//!
//! A [`Projection`] says what an event does to rows; the runner (crate `wac-runner`) applies it to
//! a database in one transaction with its checkpoint. [`MemTables`] applies the same changes in
//! memory, for reads of the past, for verification and for tests.

mod memory;
mod projection;
mod rows;
mod select;
mod table;

pub use memory::MemTables;
pub use projection::{Projection, is_wanted};
pub use rows::Rows;
pub use select::{Condition, SELECT_ROWS_MAX, Select};
pub use table::{Column, ColumnKind, Row, RowChange, Table, Value};
