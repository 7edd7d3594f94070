//! Tables in memory: for reads of the past, for verification, and for tests.

use std::collections::BTreeMap;

use wac_events::{CodecError, Recorded};

use crate::projection::is_wanted;
use crate::{Projection, Row, RowChange, Select, Table, Value};

/// The rows of any number of tables, held in memory.
#[derive(Clone, Default, Debug, PartialEq)]
pub struct MemTables {
    tables: BTreeMap<&'static str, BTreeMap<String, Row>>,
}

impl MemTables {
    /// Applies one event of the log through every projection that wants it.
    pub fn apply_event(&mut self, projections: &[&dyn Projection], event: &Recorded) -> Result<(), CodecError> {
        for projection in projections {
            if is_wanted(projection.wants(), &event.event_type) {
                projection.apply(event)?.into_iter().for_each(|change| self.apply(change));
            }
        }
        Ok(())
    }

    /// Applies one change.
    pub fn apply(&mut self, change: RowChange) {
        let rows = self.tables.entry(change.table().name).or_default();
        match change {
            RowChange::Upsert { table, key, set } => {
                let mut row: Row = table.columns.iter().map(|column| (column.name, Value::Null)).collect();
                row.insert(table.key(), Value::Text(key.clone()));
                row.extend(set);
                rows.insert(key, row);
            }
            RowChange::Patch { key, set, .. } => {
                if let Some(row) = rows.get_mut(&key) {
                    row.extend(set);
                }
            }
            RowChange::Increment { key, column, by, .. } => {
                if let Some(row) = rows.get_mut(&key) {
                    let old = row.get(column).and_then(Value::as_int).unwrap_or(0);
                    row.insert(column, Value::Int(old.saturating_add(by)));
                }
            }
            RowChange::Delete { key, .. } => {
                rows.remove(&key);
            }
        }
    }

    /// The rows a select names, in its order.
    pub fn select(&self, select: &Select) -> Vec<Row> {
        let Some(rows) = self.tables.get(select.table.name) else { return Vec::new() };
        let after = select.after.as_deref();
        let wanted = |(key, row): &(&String, &Row)| {
            after.is_none_or(|after| if select.descending { key.as_str() < after } else { key.as_str() > after })
                && select.matches(row)
        };
        let ordered: Box<dyn Iterator<Item = (&String, &Row)>> =
            if select.descending { Box::new(rows.iter().rev()) } else { Box::new(rows.iter()) };
        ordered.filter(wanted).take(select.limit).map(|(_, row)| row.clone()).collect()
    }

    /// All rows of a table by key.
    pub fn rows(&self, table: &Table) -> Option<&BTreeMap<String, Row>> {
        self.tables.get(table.name)
    }
}
