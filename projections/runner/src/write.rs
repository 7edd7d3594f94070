//! Writing a coalesced batch with few statements: multi-row upserts, updates and deletes.

use std::collections::{BTreeMap, HashMap};

use sqlx::postgres::PgArguments;
use sqlx::{Arguments, AssertSqlSafe, Executor, PgConnection, SqliteConnection};
use wac_projections::{ColumnKind, Table, Value};

use crate::RunnerError;
use crate::batch::{Edit, RowEdit, TableBatch};
use crate::conn::{Conn, sqlite_arguments};
use crate::ddl::{column_list, quoted};
use crate::error::failed;

/// Most rows one statement writes on PostgreSQL, as arrays.
const PG_STATEMENT_ROWS_MAX: usize = 5_000;
/// SQLite's rows a statement come in these sizes, so that few texts are prepared.
const SQLITE_STATEMENT_ROWS: [usize; 4] = [128, 16, 4, 1];

/// Rows by column: what is written with one kind of statement.
struct Rows<'t> {
    table: &'t Table,
    physical: &'t str,
    /// Column indices, the key's (0) first.
    columns: Vec<usize>,
    rows: Vec<Vec<Value>>,
}

/// Writes one table's edits into `physical`; returns how many rows were put, changed or deleted.
pub(crate) async fn write(conn: &mut Conn<'_>, batch: TableBatch, physical: &str) -> Result<u64, RunnerError> {
    let table = batch.table;
    let (puts, patches, deletes) = sorted(table, batch.edits);
    let mut written = 0;
    if !deletes.is_empty() {
        let rows = Rows { table, physical, columns: vec![0], rows: deletes };
        written += rows.write(conn, &Statement::Delete).await?;
    }
    if !puts.is_empty() {
        let rows = Rows { table, physical, columns: (0..table.columns.len()).collect(), rows: puts };
        written += rows.write(conn, &Statement::Upsert).await?;
    }
    for (signature, rows) in patches {
        let columns = std::iter::once(0).chain(signature.iter().map(|(index, _)| *index)).collect();
        let adds = signature.iter().map(|(_, adds)| *adds).collect();
        let rows = Rows { table, physical, columns, rows };
        written += rows.write(conn, &Statement::Update { adds }).await?;
    }
    Ok(written)
}

type Patches = BTreeMap<Vec<(usize, bool)>, Vec<Vec<Value>>>;

/// Splits edits by what statement they need, each part in key order.
fn sorted(table: &Table, edits: HashMap<String, RowEdit>) -> (Vec<Vec<Value>>, Patches, Vec<Vec<Value>>) {
    let mut edits: Vec<_> = edits.into_iter().collect();
    edits.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    let (mut puts, mut patches, mut deletes) = (Vec::new(), Patches::new(), Vec::new());
    for (key, edit) in edits {
        match edit {
            RowEdit::Put(row) => puts.push(row),
            RowEdit::Delete => deletes.push(vec![Value::Text(key)]),
            RowEdit::Patch(columns) => {
                debug_assert!(columns.iter().all(|(index, _)| *index < table.columns.len()));
                let signature = columns.iter().map(|(index, edit)| (*index, matches!(edit, Edit::Add(_)))).collect();
                let values = columns.into_iter().map(|(_, edit)| match edit {
                    Edit::Set(value) => value,
                    Edit::Add(by) => Value::Int(by),
                });
                patches.entry(signature).or_default().push(std::iter::once(Value::Text(key)).chain(values).collect());
            }
        }
    }
    (puts, patches, deletes)
}

enum Statement {
    Delete,
    Upsert,
    /// For each column behind the key, whether it is added to.
    Update {
        adds: Vec<bool>,
    },
}

impl Rows<'_> {
    async fn write(self, conn: &mut Conn<'_>, statement: &Statement) -> Result<u64, RunnerError> {
        match conn {
            Conn::Postgres(conn) => self.write_postgres(conn, statement).await,
            Conn::Sqlite(conn) => self.write_sqlite(conn, statement).await,
        }
        .map_err(failed("writing read models"))
    }

    fn column(&self, place: usize) -> String {
        quoted(self.table.columns[self.columns[place]].name)
    }

    /// `set "a" = v."a", "n" = coalesce(t."n", 0) + v."n"`; `value` names the new value's column.
    fn assignments(&self, adds: &[bool], value: impl Fn(usize) -> String) -> String {
        let assignment = |(at, adds): (usize, &bool)| {
            let column = self.column(at + 1);
            let new = value(at + 1);
            if *adds { format!("{column} = coalesce(t.{column}, 0) + {new}") } else { format!("{column} = {new}") }
        };
        adds.iter().enumerate().map(assignment).collect::<Vec<_>>().join(", ")
    }

    /// `on conflict … do update set …` for whole rows.
    fn on_conflict(&self) -> String {
        let set: Vec<String> = (1..self.columns.len())
            .map(|place| format!("{column} = excluded.{column}", column = self.column(place)))
            .collect();
        let then = if set.is_empty() { "nothing".to_owned() } else { format!("update set {}", set.join(", ")) };
        format!("on conflict ({}) do {then}", self.column(0))
    }

    async fn write_postgres(mut self, conn: &mut PgConnection, statement: &Statement) -> Result<u64, sqlx::Error> {
        let sql = self.postgres_text(statement);
        let mut written = 0;
        while !self.rows.is_empty() {
            let rest = self.rows.split_off(self.rows.len().min(PG_STATEMENT_ROWS_MAX));
            let chunk = std::mem::replace(&mut self.rows, rest);
            let query = sqlx::query_with(AssertSqlSafe(sql.as_str()), self.postgres_arrays(chunk)?);
            written += conn.execute(query).await?.rows_affected();
        }
        Ok(written)
    }

    fn postgres_text(&self, statement: &Statement) -> String {
        let physical = quoted(self.physical);
        let key = self.column(0);
        let arrays: Vec<String> =
            self.columns.iter().enumerate().map(|(place, index)| self.array(place, *index)).collect();
        let arrays = arrays.join(", ");
        match statement {
            Statement::Delete => format!("delete from {physical} where {key} = any({arrays})"),
            Statement::Upsert => {
                let columns = column_list(self.table);
                let conflict = self.on_conflict();
                format!("insert into {physical} ({columns}) select * from unnest({arrays}) {conflict}")
            }
            Statement::Update { adds } => {
                let names: Vec<String> = (0..self.columns.len()).map(|place| format!("c{place}")).collect();
                format!(
                    "update {physical} t set {} from unnest({arrays}) v({}) where t.{key} = v.c0",
                    self.assignments(adds, |place| format!("v.c{place}")),
                    names.join(", "),
                )
            }
        }
    }

    fn array(&self, place: usize, index: usize) -> String {
        let kind = match self.table.columns[index].kind {
            ColumnKind::Text => "text",
            ColumnKind::Int => "bigint",
            ColumnKind::Bool => "boolean",
        };
        format!("${}::{kind}[]", place + 1)
    }

    /// One array for each column.
    fn postgres_arrays(&self, rows: Vec<Vec<Value>>) -> Result<PgArguments, sqlx::Error> {
        let mut columns: Vec<Vec<Value>> = self.columns.iter().map(|_| Vec::with_capacity(rows.len())).collect();
        for row in rows {
            columns.iter_mut().zip(row).for_each(|(column, value)| column.push(value));
        }
        let mut arguments = PgArguments::default();
        for (index, values) in self.columns.iter().zip(columns) {
            match self.table.columns[*index].kind {
                ColumnKind::Text => {
                    let texts: Vec<Option<&str>> = values.iter().map(Value::as_text).collect();
                    arguments.add(texts)
                }
                ColumnKind::Int => arguments.add(values.iter().map(Value::as_int).collect::<Vec<_>>()),
                ColumnKind::Bool => arguments.add(values.iter().map(Value::as_bool).collect::<Vec<_>>()),
            }
            .map_err(sqlx::Error::Encode)?;
        }
        Ok(arguments)
    }

    async fn write_sqlite(mut self, conn: &mut SqliteConnection, statement: &Statement) -> Result<u64, sqlx::Error> {
        let rows = std::mem::take(&mut self.rows);
        let mut rows = rows.into_iter();
        let mut written = 0;
        for size in SQLITE_STATEMENT_ROWS {
            let sql = self.sqlite_text(statement, size);
            while rows.len() >= size {
                let binds = rows.by_ref().take(size).flatten();
                let query = sqlx::query_with(AssertSqlSafe(sql.as_str()), sqlite_arguments(binds)?);
                written += conn.execute(query).await?.rows_affected();
            }
        }
        Ok(written)
    }

    fn sqlite_text(&self, statement: &Statement, rows: usize) -> String {
        let physical = quoted(self.physical);
        let key = self.column(0);
        let row = format!("({})", vec!["?"; self.columns.len()].join(", "));
        let values = format!("values {}", vec![row; rows].join(", "));
        match statement {
            Statement::Delete => format!("delete from {physical} where {key} in ({values})"),
            Statement::Upsert => {
                format!("insert into {physical} ({}) {values} {}", column_list(self.table), self.on_conflict())
            }
            Statement::Update { adds } => format!(
                "update {physical} as t set {} from ({values}) as v where t.{key} = v.column1",
                self.assignments(adds, |place| format!("v.column{}", place + 1)),
            ),
        }
    }
}
