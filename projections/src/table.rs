//! Tables, rows and row changes: the vocabulary in which projections speak of storage.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What a column holds. Both databases store these natively; documents are JSON text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ColumnKind {
    /// UTF-8 text; ids, names, JSON documents.
    Text,
    /// 64-bit signed integer; numbers, times in microseconds since the epoch.
    Int,
    /// True or false.
    Bool,
}

/// One column.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Column {
    /// Its name, snake_case.
    pub name: &'static str,
    /// What it holds.
    pub kind: ColumnKind,
}

impl Column {
    /// A text column.
    pub const fn text(name: &'static str) -> Self {
        Self { name, kind: ColumnKind::Text }
    }

    /// An integer column.
    pub const fn int(name: &'static str) -> Self {
        Self { name, kind: ColumnKind::Int }
    }

    /// A boolean column.
    pub const fn bool(name: &'static str) -> Self {
        Self { name, kind: ColumnKind::Bool }
    }
}

/// One table of a read model. The runner makes it, and its indexes, from this description.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Table {
    /// Its name, without the version the runner adds.
    pub name: &'static str,
    /// Its columns, the key column first.
    pub columns: &'static [Column],
    /// Columns that are looked up by; each gets an index `(column, key)`.
    pub indexed: &'static [&'static str],
}

impl Table {
    /// Name of the key column. Keys are text.
    pub const fn key(&self) -> &'static str {
        self.columns[0].name
    }

    /// A column by name.
    pub fn column(&self, name: &str) -> Option<&'static Column> {
        self.columns.iter().find(|column| column.name == name)
    }
}

/// One value of a row.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// SQL NULL.
    Null,
    /// See [`ColumnKind::Bool`].
    Bool(bool),
    /// See [`ColumnKind::Int`].
    Int(i64),
    /// See [`ColumnKind::Text`].
    Text(String),
}

impl Value {
    /// The text, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        if let Value::Text(text) = self { Some(text) } else { None }
    }

    /// The integer, if it is one.
    pub fn as_int(&self) -> Option<i64> {
        if let Value::Int(int) = self { Some(*int) } else { None }
    }

    /// The boolean, if it is one.
    pub fn as_bool(&self) -> Option<bool> {
        if let Value::Bool(bool) = self { Some(*bool) } else { None }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Value::Text(text)
    }
}

impl From<i64> for Value {
    fn from(int: i64) -> Self {
        Value::Int(int)
    }
}

impl From<bool> for Value {
    fn from(bool: bool) -> Self {
        Value::Bool(bool)
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Value::Null, Into::into)
    }
}

/// A row: column name → value. Every column of the table is present.
pub type Row = BTreeMap<&'static str, Value>;

/// What one event does to the rows of one table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RowChange {
    /// Puts a whole row, replacing one with the same key. Columns left out are NULL.
    Upsert {
        /// The table.
        table: &'static Table,
        /// Its key.
        key: String,
        /// Columns and values, the key column excluded.
        set: Vec<(&'static str, Value)>,
    },
    /// Sets some columns of a row; nothing if there is no such row.
    Patch {
        /// The table.
        table: &'static Table,
        /// Its key.
        key: String,
        /// Columns and values.
        set: Vec<(&'static str, Value)>,
    },
    /// Adds to an integer column of a row; nothing if there is no such row. NULL counts as 0.
    Increment {
        /// The table.
        table: &'static Table,
        /// Its key.
        key: String,
        /// The column.
        column: &'static str,
        /// How much; may be negative.
        by: i64,
    },
    /// Removes a row; nothing if there is none.
    Delete {
        /// The table.
        table: &'static Table,
        /// Its key.
        key: String,
    },
}

impl RowChange {
    /// The table concerned.
    pub fn table(&self) -> &'static Table {
        match self {
            RowChange::Upsert { table, .. }
            | RowChange::Patch { table, .. }
            | RowChange::Increment { table, .. }
            | RowChange::Delete { table, .. } => table,
        }
    }

    /// The key of the row concerned.
    pub fn key(&self) -> &str {
        match self {
            RowChange::Upsert { key, .. }
            | RowChange::Patch { key, .. }
            | RowChange::Increment { key, .. }
            | RowChange::Delete { key, .. } => key,
        }
    }
}
