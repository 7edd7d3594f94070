//! One thin layer over both drivers: text with `$1 …` placeholders, values of three kinds.

use sqlx::postgres::{PgArguments, PgRow};
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Arguments, AssertSqlSafe, Executor, PgConnection, Postgres, Sqlite, SqliteConnection, Transaction};
use wac_projections::{ColumnKind, Value};
use wac_store::{Db, SqliteWrite};

use crate::RunnerError;
use crate::error::failed;

/// Which SQL a database speaks where the two differ.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Dialect {
    Postgres,
    Sqlite,
}

impl Dialect {
    pub(crate) fn of(db: &Db) -> Self {
        match db {
            Db::Postgres(_) => Self::Postgres,
            Db::Sqlite(_) => Self::Sqlite,
        }
    }
}

/// An open write transaction; dropped without a commit it is rolled back.
pub(crate) enum DbTx {
    Postgres(Transaction<'static, Postgres>),
    Sqlite(SqliteWrite),
}

impl DbTx {
    /// Begins one. What read models hold follows from the log, so a commit does not wait for the
    /// disk: after a power failure the last of them may be missing, never a part of one.
    pub(crate) async fn begin(db: &Db) -> Result<Self, RunnerError> {
        let begun = failed("beginning a transaction");
        match db {
            Db::Postgres(pool) => {
                let statement = "begin; set local synchronous_commit = off";
                Ok(Self::Postgres(pool.begin_with(statement).await.map_err(begun)?))
            }
            Db::Sqlite(db) => Ok(Self::Sqlite(db.write().await.map_err(begun)?)),
        }
    }

    pub(crate) fn conn(&mut self) -> Conn<'_> {
        match self {
            Self::Postgres(tx) => Conn::Postgres(tx),
            Self::Sqlite(tx) => Conn::Sqlite(tx),
        }
    }

    pub(crate) async fn commit(self) -> Result<(), RunnerError> {
        match self {
            Self::Postgres(tx) => tx.commit().await,
            Self::Sqlite(tx) => tx.commit().await,
        }
        .map_err(failed("committing read models"))
    }

    pub(crate) async fn rollback(self) -> Result<(), RunnerError> {
        match self {
            Self::Postgres(tx) => tx.rollback().await,
            Self::Sqlite(tx) => tx.rollback().await,
        }
        .map_err(failed("rolling back read models"))
    }
}

/// A consistent view of the database: everything read through it is of one moment.
pub(crate) enum Snapshot {
    Postgres(Transaction<'static, Postgres>),
    Sqlite(Transaction<'static, Sqlite>),
}

impl Snapshot {
    /// Begins one. On PostgreSQL the view is taken with the first query, so that locks may be
    /// taken before.
    pub(crate) async fn begin(db: &Db) -> Result<Self, RunnerError> {
        let begun = failed("beginning a snapshot");
        match db {
            Db::Postgres(pool) => {
                let statement = "begin isolation level repeatable read";
                Ok(Self::Postgres(pool.begin_with(statement).await.map_err(begun)?))
            }
            Db::Sqlite(db) => Ok(Self::Sqlite(db.readers().begin().await.map_err(begun)?)),
        }
    }

    pub(crate) fn conn(&mut self) -> Conn<'_> {
        match self {
            Self::Postgres(tx) => Conn::Postgres(tx),
            Self::Sqlite(tx) => Conn::Sqlite(tx),
        }
    }
}

/// A connection of either kind.
pub(crate) enum Conn<'c> {
    Postgres(&'c mut PgConnection),
    Sqlite(&'c mut SqliteConnection),
}

impl Conn<'_> {
    pub(crate) fn dialect(&self) -> Dialect {
        match self {
            Self::Postgres(_) => Dialect::Postgres,
            Self::Sqlite(_) => Dialect::Sqlite,
        }
    }

    /// Runs one statement; returns how many rows it touched.
    pub(crate) async fn execute(&mut self, sql: &str, binds: Vec<Value>) -> Result<u64, sqlx::Error> {
        let sql = AssertSqlSafe(sql);
        match self {
            Self::Postgres(conn) => {
                let query = sqlx::query_with(sql, pg_arguments(binds)?);
                Ok((**conn).execute(query).await?.rows_affected())
            }
            Self::Sqlite(conn) => {
                let query = sqlx::query_with(sql, sqlite_arguments(binds)?);
                Ok((**conn).execute(query).await?.rows_affected())
            }
        }
    }

    /// Runs a statement that has no parameters and is not worth preparing: DDL.
    pub(crate) async fn execute_raw(&mut self, sql: &str) -> Result<(), sqlx::Error> {
        let sql = sqlx::raw_sql(AssertSqlSafe(sql));
        match self {
            Self::Postgres(conn) => (**conn).execute(sql).await.map(drop),
            Self::Sqlite(conn) => (**conn).execute(sql).await.map(drop),
        }
    }

    /// The rows a query gives; `kinds` names its columns' kinds.
    pub(crate) async fn fetch(
        &mut self,
        sql: &str,
        binds: Vec<Value>,
        kinds: &[ColumnKind],
    ) -> Result<Vec<Vec<Value>>, sqlx::Error> {
        let sql = AssertSqlSafe(sql);
        match self {
            Self::Postgres(conn) => {
                let rows = (**conn).fetch_all(sqlx::query_with(sql, pg_arguments(binds)?)).await?;
                rows.iter().map(|row| pg_values(row, kinds)).collect()
            }
            Self::Sqlite(conn) => {
                let rows = (**conn).fetch_all(sqlx::query_with(sql, sqlite_arguments(binds)?)).await?;
                rows.iter().map(|row| sqlite_values(row, kinds)).collect()
            }
        }
    }
}

/// Whether a query failed because its table has not been made.
pub(crate) fn is_missing_table(error: &sqlx::Error) -> bool {
    /// PostgreSQL's `undefined_table`; SQLite has no code of its own for it.
    const UNDEFINED_TABLE: &str = "42P01";
    let sqlx::Error::Database(error) = error else { return false };
    error.code().is_some_and(|code| code == UNDEFINED_TABLE) || error.message().starts_with("no such table")
}

/// A query outside any transaction.
pub(crate) async fn fetch(
    db: &Db,
    sql: &str,
    binds: Vec<Value>,
    kinds: &[ColumnKind],
) -> Result<Vec<Vec<Value>>, sqlx::Error> {
    match db {
        Db::Postgres(pool) => Conn::Postgres(&mut *pool.acquire().await?).fetch(sql, binds, kinds).await,
        Db::Sqlite(db) => Conn::Sqlite(&mut *db.readers().acquire().await?).fetch(sql, binds, kinds).await,
    }
}

pub(crate) fn pg_arguments(binds: Vec<Value>) -> Result<PgArguments, sqlx::Error> {
    let mut arguments = PgArguments::default();
    for bind in binds {
        match bind {
            Value::Null => arguments.add(None::<String>),
            Value::Bool(bool) => arguments.add(bool),
            Value::Int(int) => arguments.add(int),
            Value::Text(text) => arguments.add(text),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

pub(crate) fn sqlite_arguments(binds: impl IntoIterator<Item = Value>) -> Result<SqliteArguments, sqlx::Error> {
    let mut arguments = SqliteArguments::default();
    for bind in binds {
        match bind {
            Value::Null => Arguments::add(&mut arguments, None::<String>),
            Value::Bool(bool) => Arguments::add(&mut arguments, bool),
            Value::Int(int) => Arguments::add(&mut arguments, int),
            Value::Text(text) => Arguments::add(&mut arguments, text),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

pub(crate) fn pg_values(row: &PgRow, kinds: &[ColumnKind]) -> Result<Vec<Value>, sqlx::Error> {
    use sqlx::Row;
    let value = |(index, kind): (usize, &ColumnKind)| {
        Ok(match kind {
            ColumnKind::Text => row.try_get::<Option<String>, _>(index)?.into(),
            ColumnKind::Int => row.try_get::<Option<i64>, _>(index)?.into(),
            ColumnKind::Bool => row.try_get::<Option<bool>, _>(index)?.into(),
        })
    };
    kinds.iter().enumerate().map(value).collect()
}

fn sqlite_values(row: &SqliteRow, kinds: &[ColumnKind]) -> Result<Vec<Value>, sqlx::Error> {
    use sqlx::Row;
    // Unchecked: SQLite knows no booleans, and an expression's column has no declared type.
    let value = |(index, kind): (usize, &ColumnKind)| {
        Ok(match kind {
            ColumnKind::Text => row.try_get_unchecked::<Option<String>, _>(index)?.into(),
            ColumnKind::Int => row.try_get_unchecked::<Option<i64>, _>(index)?.into(),
            ColumnKind::Bool => row.try_get_unchecked::<Option<bool>, _>(index)?.into(),
        })
    };
    kinds.iter().enumerate().map(value).collect()
}
