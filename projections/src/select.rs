//! Reading rows: one small query language that every backing store understands, SQL and memory
//! alike, so that reads of the present and of the past (`asOf`) run the same code.

use crate::{Row, Table, Value};

/// Most rows one select returns.
pub const SELECT_ROWS_MAX: usize = 1_000;

/// A condition on one column.
#[derive(Clone, PartialEq, Debug)]
pub enum Condition {
    /// The column equals the value (NULL equals NULL).
    Equals(&'static str, Value),
    /// The column is one of the values; at most [`SELECT_ROWS_MAX`] of them.
    OneOf(&'static str, Vec<Value>),
}

/// Which rows of a table, in key order.
#[derive(Clone, PartialEq, Debug)]
pub struct Select {
    /// The table.
    pub table: &'static Table,
    /// Every one of these must hold.
    pub conditions: Vec<Condition>,
    /// Only keys greater than this (or smaller, if `descending`).
    pub after: Option<String>,
    /// Greatest key first. Keys are UUIDv7, so this is newest first.
    pub descending: bool,
    /// At most this many rows, 1 to [`SELECT_ROWS_MAX`].
    pub limit: usize,
}

impl Select {
    /// All rows of a table, in key order, up to the limit.
    pub fn from(table: &'static Table) -> Self {
        Self { table, conditions: Vec::new(), after: None, descending: false, limit: SELECT_ROWS_MAX }
    }

    /// One row by key.
    pub fn key(table: &'static Table, key: &str) -> Self {
        Self { limit: 1, ..Self::from(table) }.equals(table.key(), key)
    }

    /// Adds a condition.
    #[must_use]
    pub fn equals(mut self, column: &'static str, value: impl Into<Value>) -> Self {
        self.conditions.push(Condition::Equals(column, value.into()));
        self
    }

    /// Adds a condition.
    #[must_use]
    pub fn one_of(mut self, column: &'static str, values: Vec<Value>) -> Self {
        self.conditions.push(Condition::OneOf(column, values));
        self
    }

    /// Starts behind a key, if one is given.
    #[must_use]
    pub fn after(mut self, key: Option<String>) -> Self {
        self.after = key;
        self
    }

    /// At most this many rows.
    #[must_use]
    pub fn limit(mut self, rows: usize) -> Self {
        self.limit = rows.clamp(1, SELECT_ROWS_MAX);
        self
    }

    /// Whether a row meets the conditions.
    pub fn matches(&self, row: &Row) -> bool {
        self.conditions.iter().all(|condition| match condition {
            Condition::Equals(column, value) => row.get(column) == Some(value),
            Condition::OneOf(column, values) => row.get(column).is_some_and(|found| values.contains(found)),
        })
    }
}
