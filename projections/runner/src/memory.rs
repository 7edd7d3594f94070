//! Rows in memory, compactly: what verification compares the database with.

use std::collections::HashMap;

use wac_projections::{RowChange, Table, Value};

use crate::RunnerError;
use crate::batch::{Edit, apply, place, whole_row};

/// By a row's key. The hash is seeded and fast; keys are ids, not what somebody sends.
pub(crate) type ByKey<T> = HashMap<String, T, foldhash::fast::RandomState>;

/// The rows of any number of tables, values in column order.
#[derive(Default)]
pub(crate) struct FoldedTables {
    tables: Vec<(&'static Table, ByKey<Vec<Value>>)>,
}

impl FoldedTables {
    pub(crate) fn add(&mut self, change: RowChange) -> Result<(), RunnerError> {
        let table = change.table();
        let known = self.tables.iter().position(|(there, _)| std::ptr::eq(*there, table) || *there == table);
        let index = known.unwrap_or_else(|| {
            self.tables.push((table, ByKey::default()));
            self.tables.len() - 1
        });
        let rows = &mut self.tables[index].1;
        match change {
            RowChange::Upsert { key, set, .. } => {
                let row = whole_row(table, &key, set)?;
                rows.insert(key, row);
            }
            RowChange::Patch { key, set, .. } => {
                if let Some(row) = rows.get_mut(&key) {
                    for (column, value) in set {
                        let index = place(table, column, &value)?;
                        row[index] = value;
                    }
                }
            }
            RowChange::Increment { key, column, by, .. } => {
                if let Some(row) = rows.get_mut(&key) {
                    apply(&mut row[place(table, column, &Value::Int(by))?], Edit::Add(by));
                }
            }
            RowChange::Delete { key, .. } => {
                rows.remove(&key);
            }
        }
        Ok(())
    }

    /// Takes a table's rows out, in key order.
    pub(crate) fn take(&mut self, table: &Table) -> Vec<(String, Vec<Value>)> {
        let rows = self.tables.iter_mut().find(|(there, _)| *there == table).map(|(_, rows)| std::mem::take(rows));
        let mut rows: Vec<_> = rows.unwrap_or_default().into_iter().collect();
        rows.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        rows
    }

    /// How many rows there are.
    pub(crate) fn len(&self) -> u64 {
        self.tables.iter().map(|(_, rows)| rows.len() as u64).sum()
    }
}
