//! The port through which everybody reads read models.

use futures::future::BoxFuture;
use wac_events::{Position, StoreError};

use crate::{Row, Select};

/// Rows of the present, from a database, or of some position in the past, from memory.
pub trait Rows: Send + Sync + 'static {
    /// The rows a select names, in its order.
    fn select(&self, select: Select) -> BoxFuture<'_, Result<Vec<Row>, StoreError>>;

    /// Up to which position the rows of this table's projection are built.
    fn position<'a>(&'a self, table: &'a str) -> BoxFuture<'a, Result<Position, StoreError>>;
}
