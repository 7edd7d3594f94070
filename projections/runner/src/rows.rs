//! Reads: the small query language of [`Select`] as SQL both databases share.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use wac_events::{Position, StoreError};
use wac_projections::{ColumnKind, Condition, Projection, Row, Rows, SELECT_ROWS_MAX, Select, Table, Value};
use wac_store::Db;

use crate::batch::takes;
use crate::conn;
use crate::ddl::{live_name, quoted};
use crate::error::failed;
use crate::served::{Served, Shared};
use crate::{NotYet, RunnerError};

/// The rows a runner keeps up, here or on another node. Statements are prepared once a connection.
#[derive(Clone)]
pub struct SqlRows {
    shared: Arc<Shared>,
}

impl SqlRows {
    /// Reads a database another process keeps up; makes the tables if nobody has yet.
    pub async fn open(db: Db, projections: Vec<Arc<dyn Projection>>) -> Result<Self, RunnerError> {
        Ok(Self { shared: crate::runner::prepare(&db, projections).await? })
    }

    pub(crate) fn sharing(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Waits until the served rows of every projection or table named are built up to `position`,
    /// at most for `patience`: at once if this node applies them, within
    /// [`POLL_INTERVAL`](crate::POLL_INTERVAL) of it if another does.
    pub async fn wait_for(&self, names: &[&str], position: Position, patience: Duration) -> Result<(), NotYet> {
        self.shared.wait_for(names, position, patience).await
    }

    async fn find(&self, select: &Select) -> Result<Vec<Row>, RunnerError> {
        let table = select.table;
        let served = self.shared.find(table.name).await?;
        let Some((sql, binds)) = text(select, &served)? else { return Ok(Vec::new()) };
        let kinds: Vec<ColumnKind> = table.columns.iter().map(|column| column.kind).collect();
        let rows = conn::fetch(&self.shared.db, &sql, binds, &kinds).await.map_err(failed("reading rows"))?;
        let row = |values: Vec<Value>| table.columns.iter().map(|column| column.name).zip(values).collect();
        Ok(rows.into_iter().map(row).collect())
    }
}

impl Rows for SqlRows {
    fn select(&self, select: Select) -> BoxFuture<'_, Result<Vec<Row>, StoreError>> {
        async move { Ok(self.find(&select).await?) }.boxed()
    }

    fn position<'a>(&'a self, table: &'a str) -> BoxFuture<'a, Result<Position, StoreError>> {
        async move { Ok(self.shared.position(table).await?) }.boxed()
    }
}

/// The statement for a select and its parameters; `None` if no row can meet its conditions.
fn text(select: &Select, served: &Served) -> Result<Option<(String, Vec<Value>)>, RunnerError> {
    let table = select.table;
    let mut binds = Vec::new();
    let mut conditions = Vec::new();
    for condition in &select.conditions {
        let Some(sql) = condition_text(table, served, condition, &mut binds)? else { return Ok(None) };
        conditions.push(sql);
    }
    let key = quoted(table.key());
    if let Some(after) = &select.after {
        binds.push(Value::Text(after.clone()));
        let order = if select.descending { '<' } else { '>' };
        conditions.push(format!("{key} {order} ${}", binds.len()));
    }
    let columns: Vec<String> = table
        .columns
        .iter()
        .map(|column| if served.has(table, column.name) { quoted(column.name) } else { missing(column.kind) })
        .collect();
    let mut sql = format!("select {} from {}", columns.join(", "), quoted(&live_name(table, served.version)));
    if !conditions.is_empty() {
        let _ = write!(sql, " where {}", conditions.join(" and "));
    }
    binds.push(Value::Int(i64::try_from(select.limit.clamp(1, SELECT_ROWS_MAX)).unwrap_or(i64::MAX)));
    let order = if select.descending { "desc" } else { "asc" };
    let _ = write!(sql, " order by {key} {order} limit ${}", binds.len());
    Ok(Some((sql, binds)))
}

/// Stands for a column an older version does not have.
fn missing(kind: ColumnKind) -> String {
    let kind = match kind {
        ColumnKind::Text => "text",
        ColumnKind::Int => "bigint",
        ColumnKind::Bool => "boolean",
    };
    format!("cast(null as {kind})")
}

fn condition_text(
    table: &'static Table,
    served: &Served,
    condition: &Condition,
    binds: &mut Vec<Value>,
) -> Result<Option<String>, RunnerError> {
    let (name, values) = match condition {
        Condition::Equals(name, value) => (*name, std::slice::from_ref(value)),
        Condition::OneOf(name, values) => (*name, values.as_slice()),
    };
    let shape = || RunnerError::Shape { table: table.name, column: name.to_owned() };
    let column = table.column(name).ok_or_else(shape)?;
    if !served.has(table, name) {
        return Ok(values.contains(&Value::Null).then(|| "1 = 1".to_owned()));
    }
    let quoted = quoted(name);
    // A value of another kind equals nothing, in memory as here.
    let mut fitting: Vec<Value> =
        values.iter().filter(|value| **value != Value::Null && takes(column.kind, value)).cloned().collect();
    let mut parts = Vec::new();
    if values.contains(&Value::Null) {
        parts.push(format!("{quoted} is null"));
    }
    if let Some(last) = fitting.last().cloned() {
        // Powers of two, so that few texts are prepared; a value twice is a value once.
        fitting.resize(fitting.len().next_power_of_two(), last);
        let first = binds.len() + 1;
        let places: Vec<String> = (first..first + fitting.len()).map(|place| format!("${place}")).collect();
        binds.append(&mut fitting);
        parts.push(match places.as_slice() {
            [place] => format!("{quoted} = {place}"),
            _ => format!("{quoted} in ({})", places.join(", ")),
        });
    }
    Ok(match parts.as_slice() {
        [] => None,
        [part] => Some(part.clone()),
        _ => Some(format!("({})", parts.join(" or "))),
    })
}
