//! Loading many new rows into PostgreSQL: `COPY` in its binary form, the cheapest way in for the
//! server as for us.

use std::sync::Arc;

use sqlx::{AssertSqlSafe, Executor, PgConnection};
use wac_projections::{Table, Value};

use crate::ddl;
use crate::statements::postgres_arrays;

/// What every binary copy begins with: signature, no flags, no extension.
const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// What it ends with.
const TRAILER: [u8; 2] = (-1_i16).to_be_bytes();
/// The length that stands for NULL.
const NULL: [u8; 4] = (-1_i32).to_be_bytes();
/// PostgreSQL's `unique_violation`.
const UNIQUE_VIOLATION: &str = "23505";

/// Whole rows on their way in.
pub(crate) struct CopyIn {
    table: &'static Table,
    sql: String,
    data: Vec<u8>,
    instead: Arc<str>,
    rows: Vec<Vec<Value>>,
}

impl CopyIn {
    /// Of `rows`, in column order. `instead` is the upsert that takes its place if a key is there
    /// already, with one array for each column.
    pub(crate) fn new(table: &'static Table, sql: String, instead: Arc<str>, rows: Vec<Vec<Value>>) -> Self {
        Self { table, sql, data: encoded(&rows), instead, rows }
    }

    /// Copies the rows in; if one of their keys is there already, upserts them all.
    pub(crate) async fn run(self, conn: &mut PgConnection) -> Result<u64, sqlx::Error> {
        conn.execute("savepoint load").await?;
        match self.copied(conn).await {
            Ok(rows) => conn.execute("release savepoint load").await.map(|_| rows),
            Err(error) if is_taken(&error) => {
                conn.execute("rollback to savepoint load").await?;
                let arguments = postgres_arrays(&ddl::kinds(self.table), self.rows)?;
                let query = sqlx::query_with(AssertSqlSafe(self.instead), arguments);
                Ok(conn.execute(query).await?.rows_affected())
            }
            Err(error) => Err(error),
        }
    }

    async fn copied(&self, conn: &mut PgConnection) -> Result<u64, sqlx::Error> {
        let mut copy = conn.copy_in_raw(&self.sql).await?;
        copy.send(self.data.as_slice()).await?;
        copy.finish().await
    }
}

fn is_taken(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(|error| error.code()).is_some_and(|code| code == UNIQUE_VIOLATION)
}

/// Rows as the binary copy format has them: a count of columns, then each value's length and bytes.
fn encoded(rows: &[Vec<Value>]) -> Vec<u8> {
    let text_bytes = |value: &Value| value.as_text().map_or(8, str::len) + NULL.len();
    let bytes: usize = rows.iter().map(|row| 2 + row.iter().map(text_bytes).sum::<usize>()).sum();
    let mut data = Vec::with_capacity(HEADER.len() + bytes + TRAILER.len());
    data.extend_from_slice(HEADER);
    for row in rows {
        let columns = i16::try_from(row.len()).expect("no table has thousands of columns");
        data.extend_from_slice(&columns.to_be_bytes());
        row.iter().for_each(|value| encode(value, &mut data));
    }
    data.extend_from_slice(&TRAILER);
    data
}

fn encode(value: &Value, data: &mut Vec<u8>) {
    match value {
        Value::Null => data.extend_from_slice(&NULL),
        Value::Bool(bool) => field(&[u8::from(*bool)], data),
        Value::Int(int) => field(&int.to_be_bytes(), data),
        Value::Text(text) => field(text.as_bytes(), data),
    }
}

fn field(bytes: &[u8], data: &mut Vec<u8>) {
    let length = i32::try_from(bytes.len()).expect("no value is as large as 2 GiB");
    data.extend_from_slice(&length.to_be_bytes());
    data.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stand_in_the_binary_format_with_their_lengths() {
        let rows = [vec!["k".into(), Value::Null, Value::Int(-2), Value::Bool(true)], vec!["".into()]];
        let mut expected = HEADER.to_vec();
        expected.extend(*b"\0\x04\0\0\0\x01k\xff\xff\xff\xff");
        expected.extend(*b"\0\0\0\x08\xff\xff\xff\xff\xff\xff\xff\xfe\0\0\0\x01\x01");
        expected.extend(*b"\0\x01\0\0\0\0\xff\xff");
        assert_eq!(HEADER.len(), 19);
        assert_eq!(encoded(&rows), expected);
    }
}
