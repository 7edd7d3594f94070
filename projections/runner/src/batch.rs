//! Row changes of many events, coalesced by key: each row is written once.

use std::collections::hash_map::Entry;

use wac_projections::{Column, ColumnKind, RowChange, Table, Value};

use crate::RunnerError;
use crate::memory::ByKey;

/// What a batch does to one row.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum RowEdit {
    /// The whole row, in the table's column order.
    Put(Vec<Value>),
    /// Some columns of a row that stands in the database, if it does; ascending column indices.
    Patch(Vec<(usize, Edit)>),
    /// No such row any more.
    Delete,
}

/// What a batch does to one column.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Edit {
    Set(Value),
    Add(i64),
}

/// The edits of one table, by key.
pub(crate) struct TableBatch {
    pub(crate) table: &'static Table,
    pub(crate) edits: ByKey<RowEdit>,
}

/// The edits of any number of tables.
#[derive(Default)]
pub(crate) struct Batch {
    pub(crate) tables: Vec<TableBatch>,
}

impl Batch {
    /// Adds what one event does.
    pub(crate) fn add(&mut self, change: RowChange) -> Result<(), RunnerError> {
        self.of(change.table()).add(change)
    }

    /// Adds what later events do.
    pub(crate) fn merge(&mut self, later: Batch) {
        for TableBatch { table, edits } in later.tables {
            self.of(table).merge(edits);
        }
    }

    /// How many rows it touches.
    pub(crate) fn rows(&self) -> usize {
        self.tables.iter().map(|batch| batch.edits.len()).sum()
    }

    fn of(&mut self, table: &'static Table) -> &mut TableBatch {
        let known = self.tables.iter().position(|batch| std::ptr::eq(batch.table, table) || batch.table == table);
        let index = known.unwrap_or_else(|| {
            self.tables.push(TableBatch { table, edits: ByKey::default() });
            self.tables.len() - 1
        });
        &mut self.tables[index]
    }
}

impl TableBatch {
    fn add(&mut self, change: RowChange) -> Result<(), RunnerError> {
        let table = self.table;
        match change {
            RowChange::Upsert { key, set, .. } => {
                let row = whole_row(table, &key, set)?;
                self.edits.insert(key, RowEdit::Put(row));
            }
            RowChange::Patch { key, set, .. } => {
                let mut edits = Vec::with_capacity(set.len());
                for (column, value) in set {
                    edits.push((place(table, column, &value)?, Edit::Set(value)));
                }
                self.edit(key, edits);
            }
            RowChange::Increment { key, column, by, .. } => {
                let index = place(table, column, &Value::Int(by))?;
                self.edit(key, vec![(index, Edit::Add(by))]);
            }
            RowChange::Delete { key, .. } => {
                self.edits.insert(key, RowEdit::Delete);
            }
        }
        Ok(())
    }

    fn merge(&mut self, later: ByKey<RowEdit>) {
        if self.edits.is_empty() {
            self.edits = later;
            return;
        }
        for (key, edit) in later {
            match edit {
                RowEdit::Patch(edits) => self.edit(key, edits),
                whole @ (RowEdit::Put(_) | RowEdit::Delete) => {
                    self.edits.insert(key, whole);
                }
            }
        }
    }

    fn edit(&mut self, key: String, edits: Vec<(usize, Edit)>) {
        match self.edits.entry(key) {
            Entry::Vacant(entry) => {
                let mut edits = edits;
                edits.sort_by_key(|(index, _)| *index);
                entry.insert(RowEdit::Patch(edits));
            }
            Entry::Occupied(mut entry) => match entry.get_mut() {
                RowEdit::Put(row) => edits.into_iter().for_each(|(index, edit)| apply(&mut row[index], edit)),
                RowEdit::Patch(columns) => edits.into_iter().for_each(|(index, edit)| merge(columns, index, edit)),
                RowEdit::Delete => {}
            },
        }
    }
}

/// Applies an edit to a value that is known.
pub(crate) fn apply(value: &mut Value, edit: Edit) {
    *value = match edit {
        Edit::Set(new) => new,
        Edit::Add(by) => Value::Int(value.as_int().unwrap_or(0).saturating_add(by)),
    };
}

fn merge(columns: &mut Vec<(usize, Edit)>, index: usize, edit: Edit) {
    match columns.binary_search_by_key(&index, |(index, _)| *index) {
        Err(at) => columns.insert(at, (index, edit)),
        Ok(at) => match (&mut columns[at].1, edit) {
            (Edit::Set(value), edit) => apply(value, edit),
            (Edit::Add(sum), Edit::Add(by)) => *sum = sum.saturating_add(by),
            (former @ Edit::Add(_), set @ Edit::Set(_)) => *former = set,
        },
    }
}

/// A row in column order; columns left out are NULL.
pub(crate) fn whole_row(
    table: &'static Table,
    key: &str,
    set: Vec<(&'static str, Value)>,
) -> Result<Vec<Value>, RunnerError> {
    let mut row = vec![Value::Null; table.columns.len()];
    row[0] = Value::Text(key.to_owned());
    let mut next = 1;
    for (column, value) in set {
        let index = place_from(table, next, column, &value)?;
        row[index] = value;
        next = index + 1;
    }
    Ok(row)
}

/// The index of a column that takes `value`.
pub(crate) fn place(table: &'static Table, column: &str, value: &Value) -> Result<usize, RunnerError> {
    place_from(table, 0, column, value)
}

/// The same, looked for from a column on: projections set them mostly in order.
fn place_from(table: &'static Table, from: usize, column: &str, value: &Value) -> Result<usize, RunnerError> {
    let shape = || RunnerError::Shape { table: table.name, column: column.to_owned() };
    let (before, behind) = table.columns.split_at(from.min(table.columns.len()));
    let find = |columns: &[Column]| columns.iter().position(|there| there.name == column);
    let index = find(behind).map(|at| at + before.len()).or_else(|| find(before)).ok_or_else(shape)?;
    if !takes(table.columns[index].kind, value) {
        return Err(shape());
    }
    Ok(index)
}

/// Whether a column of this kind can hold `value`.
pub(crate) fn takes(kind: ColumnKind, value: &Value) -> bool {
    matches!(
        (kind, value),
        (_, Value::Null)
            | (ColumnKind::Text, Value::Text(_))
            | (ColumnKind::Int, Value::Int(_))
            | (ColumnKind::Bool, Value::Bool(_))
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    static TABLE: Table =
        Table { name: "t", columns: &[Column::text("id"), Column::text("a"), Column::int("n")], indexed: &[] };

    fn upsert(key: &str) -> RowChange {
        RowChange::Upsert { table: &TABLE, key: key.to_owned(), set: vec![("a", "x".into())] }
    }

    fn patch(key: &str, column: &'static str, value: impl Into<Value>) -> RowChange {
        RowChange::Patch { table: &TABLE, key: key.to_owned(), set: vec![(column, value.into())] }
    }

    fn increment(key: &str, by: i64) -> RowChange {
        RowChange::Increment { table: &TABLE, key: key.to_owned(), column: "n", by }
    }

    fn delete(key: &str) -> RowChange {
        RowChange::Delete { table: &TABLE, key: key.to_owned() }
    }

    fn coalesced(changes: impl IntoIterator<Item = RowChange>) -> RowEdit {
        let mut batch = Batch::default();
        changes.into_iter().for_each(|change| batch.add(change).unwrap());
        batch.tables.remove(0).edits.remove("k").unwrap()
    }

    fn row(a: &str, n: Value) -> RowEdit {
        RowEdit::Put(vec!["k".into(), a.into(), n])
    }

    #[test]
    fn changes_after_a_new_row_become_part_of_it() {
        assert_eq!(
            coalesced([upsert("k"), patch("k", "a", "y"), increment("k", 2), increment("k", 3)]),
            row("y", 5.into())
        );
    }

    #[test]
    fn a_deleted_row_takes_no_changes_until_it_is_put_again() {
        assert_eq!(coalesced([upsert("k"), delete("k"), patch("k", "a", "y")]), RowEdit::Delete);
        assert_eq!(coalesced([delete("k"), upsert("k")]), row("x", Value::Null));
    }

    #[test]
    fn increments_add_up_and_a_later_value_replaces_them() {
        let edits = coalesced([increment("k", 2), patch("k", "a", "y"), increment("k", 3)]);
        assert_eq!(edits, RowEdit::Patch(vec![(1, Edit::Set("y".into())), (2, Edit::Add(5))]));
        let edits = coalesced([increment("k", 2), patch("k", "n", 7), increment("k", 1)]);
        assert_eq!(edits, RowEdit::Patch(vec![(2, Edit::Set(8.into()))]));
    }

    #[test]
    fn merged_batches_say_the_same_as_one() {
        let changes = [
            upsert("k"),
            increment("k", 2),
            delete("k"),
            patch("k", "a", "y"),
            upsert("k"),
            patch("k", "n", 7),
            increment("k", 1),
            patch("k", "a", "z"),
        ];
        for from in 0..changes.len() {
            let whole = coalesced(changes[from..].to_vec());
            for cut in from..changes.len() {
                let (mut batch, mut later) = (Batch::default(), Batch::default());
                changes[from..cut].iter().for_each(|change| batch.add(change.clone()).unwrap());
                changes[cut..].iter().for_each(|change| later.add(change.clone()).unwrap());
                batch.merge(later);
                assert_eq!(batch.rows(), 1);
                assert_eq!(batch.tables.remove(0).edits.remove("k").unwrap(), whole, "from {from}, cut at {cut}");
            }
        }
    }

    #[test]
    fn a_value_of_the_wrong_kind_and_an_unknown_column_are_refused_by_name() {
        for change in [patch("k", "n", "text"), patch("k", "zebra", 1)] {
            assert!(matches!(Batch::default().add(change), Err(RunnerError::Shape { table: "t", .. })));
        }
    }
}
