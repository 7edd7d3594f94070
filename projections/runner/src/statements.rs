//! A coalesced batch as few statements: multi-row upserts, updates and deletes. Making them costs
//! about as much as running them, and needs no connection.

use std::collections::BTreeMap;
use std::sync::Arc;

use sqlx::postgres::PgArguments;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments, AssertSqlSafe, Executor};
use wac_projections::{ColumnKind, Table, Value};

use crate::batch::{Edit, RowEdit, TableBatch};
use crate::conn::{Conn, Dialect, sqlite_arguments};
use crate::copy::CopyIn;
use crate::ddl::{column_list, quoted};
use crate::memory::ByKey;

/// Most rows one statement writes on PostgreSQL, as arrays.
const PG_STATEMENT_ROWS_MAX: usize = 5_000;
/// SQLite's rows a statement come in these sizes, so that few texts are prepared.
const SQLITE_STATEMENT_ROWS: [usize; 4] = [128, 16, 4, 1];

/// How whole rows are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Puts {
    /// There may be rows of the same keys.
    Upsert,
    /// The table is new, and hardly ever has a row of the same key: the fastest way there is is tried.
    Load,
}

/// A statement with its values, ready to be sent.
pub(crate) enum Ready {
    Postgres(Arc<str>, PgArguments),
    Sqlite(Arc<str>, SqliteArguments),
    Copy(CopyIn),
}

impl Ready {
    /// Runs it; returns how many rows it touched.
    pub(crate) async fn run(self, conn: &mut Conn<'_>) -> Result<u64, sqlx::Error> {
        match (self, conn) {
            (Self::Postgres(sql, arguments), Conn::Postgres(conn)) => {
                let query = sqlx::query_with(AssertSqlSafe(sql), arguments);
                Ok((**conn).execute(query).await?.rows_affected())
            }
            (Self::Sqlite(sql, arguments), Conn::Sqlite(conn)) => {
                let query = sqlx::query_with(AssertSqlSafe(sql), arguments);
                Ok((**conn).execute(query).await?.rows_affected())
            }
            (Self::Copy(copy), Conn::Postgres(conn)) => copy.run(conn).await,
            _ => Err(sqlx::Error::Protocol("a statement for the other database".to_owned())),
        }
    }
}

/// The statements that write one table's edits into `physical`, in the order they must run in.
pub(crate) fn prepare(
    dialect: Dialect,
    batch: TableBatch,
    physical: &str,
    puts: Puts,
) -> Result<Vec<Ready>, sqlx::Error> {
    let table = batch.table;
    let (whole, patches, deletes) = sorted(table, batch.edits);
    let mut ready = Vec::new();
    if !deletes.is_empty() {
        let rows = Rows { table, physical, columns: vec![0], rows: deletes };
        rows.prepare(dialect, &Statement::Delete, &mut ready)?;
    }
    if !whole.is_empty() {
        let rows = Rows { table, physical, columns: (0..table.columns.len()).collect(), rows: whole };
        if puts == Puts::Load && dialect == Dialect::Postgres {
            ready.push(Ready::Copy(rows.copy()));
        } else {
            rows.prepare(dialect, &Statement::Upsert, &mut ready)?;
        }
    }
    for (signature, rows) in patches {
        let columns = std::iter::once(0).chain(signature.iter().map(|(index, _)| *index)).collect();
        let adds = signature.iter().map(|(_, adds)| *adds).collect();
        let rows = Rows { table, physical, columns, rows };
        rows.prepare(dialect, &Statement::Update { adds }, &mut ready)?;
    }
    Ok(ready)
}

/// Rows by column: what is written with one kind of statement.
struct Rows<'t> {
    table: &'static Table,
    physical: &'t str,
    /// Column indices, the key's (0) first.
    columns: Vec<usize>,
    rows: Vec<Vec<Value>>,
}

type Patches = BTreeMap<Vec<(usize, bool)>, Vec<Vec<Value>>>;

/// Splits edits by what statement they need, each part in key order.
fn sorted(table: &Table, edits: ByKey<RowEdit>) -> (Vec<Vec<Value>>, Patches, Vec<Vec<Value>>) {
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
    fn prepare(self, dialect: Dialect, statement: &Statement, ready: &mut Vec<Ready>) -> Result<(), sqlx::Error> {
        match dialect {
            Dialect::Postgres => self.prepare_postgres(statement, ready),
            Dialect::Sqlite => self.prepare_sqlite(statement, ready),
        }
    }

    /// A load, and the upserts that take its place if a key is there already.
    fn copy(self) -> CopyIn {
        let sql = format!("copy {} ({}) from stdin (format binary)", quoted(self.physical), column_list(self.table));
        let instead = self.postgres_text(&Statement::Upsert);
        CopyIn::new(self.table, sql, instead.into(), self.rows)
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

    fn prepare_postgres(mut self, statement: &Statement, ready: &mut Vec<Ready>) -> Result<(), sqlx::Error> {
        let sql: Arc<str> = self.postgres_text(statement).into();
        let kinds: Vec<ColumnKind> = self.columns.iter().map(|index| self.table.columns[*index].kind).collect();
        while !self.rows.is_empty() {
            let rest = self.rows.split_off(self.rows.len().min(PG_STATEMENT_ROWS_MAX));
            let chunk = std::mem::replace(&mut self.rows, rest);
            ready.push(Ready::Postgres(sql.clone(), postgres_arrays(&kinds, chunk)?));
        }
        Ok(())
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

    fn prepare_sqlite(mut self, statement: &Statement, ready: &mut Vec<Ready>) -> Result<(), sqlx::Error> {
        let rows = std::mem::take(&mut self.rows);
        let mut rows = rows.into_iter();
        for size in SQLITE_STATEMENT_ROWS {
            if rows.len() < size {
                continue;
            }
            let sql: Arc<str> = self.sqlite_text(statement, size).into();
            while rows.len() >= size {
                let binds = rows.by_ref().take(size).flatten();
                ready.push(Ready::Sqlite(sql.clone(), sqlite_arguments(binds)?));
            }
        }
        Ok(())
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

/// One array for each column.
pub(crate) fn postgres_arrays(kinds: &[ColumnKind], rows: Vec<Vec<Value>>) -> Result<PgArguments, sqlx::Error> {
    let mut columns: Vec<Vec<Value>> = kinds.iter().map(|_| Vec::with_capacity(rows.len())).collect();
    for row in rows {
        columns.iter_mut().zip(row).for_each(|(column, value)| column.push(value));
    }
    let mut arguments = PgArguments::default();
    for (kind, values) in kinds.iter().zip(columns) {
        match kind {
            ColumnKind::Text => arguments.add(values.iter().map(Value::as_text).collect::<Vec<_>>()),
            ColumnKind::Int => arguments.add(values.iter().map(Value::as_int).collect::<Vec<_>>()),
            ColumnKind::Bool => arguments.add(values.iter().map(Value::as_bool).collect::<Vec<_>>()),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}
