//! Live rows for comparison, page by page in key order, fetched at once and read into values later.
//!
//! From SQLite a page comes as one text, a JSON array a line: the driver pays for each row and
//! column it hands over, and text costs a fraction of that.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, SeqAccess, Visitor};
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, Executor, Row};
use wac_projections::{ColumnKind, Table, Value};

use crate::RunnerError;
use crate::conn::{Conn, Dialect, pg_arguments, pg_values, sqlite_arguments};
use crate::ddl::{column_list, kinds, live_name, quoted};
use crate::error::failed;

/// Rows a page.
const PAGE_ROWS: i64 = 2_000;

/// How a table's live rows are read.
pub(crate) struct LivePages {
    sql: String,
    kinds: Vec<ColumnKind>,
}

/// One page, not yet read into values.
pub(crate) struct LivePage {
    /// The greatest key in it.
    pub(crate) last_key: String,
    kinds: Vec<ColumnKind>,
    raw: Raw,
}

enum Raw {
    Postgres(Vec<PgRow>),
    Lines(String),
}

impl LivePages {
    pub(crate) fn of(dialect: Dialect, table: &Table, version: u32) -> Self {
        let (columns, key, live) = (column_list(table), quoted(table.key()), quoted(&live_name(table, version)));
        let page = |select: String| format!("select {select} from {live} where {key} > $1 order by {key} limit $2");
        let sql = match dialect {
            Dialect::Postgres => page(columns),
            Dialect::Sqlite => format!(
                "select group_concat(line, char(10)), max(key) from ({})",
                page(format!("json_array({columns}) as line, {key} as key"))
            ),
        };
        Self { sql, kinds: kinds(table) }
    }

    /// The page behind a key; `None`: there are no rows behind it.
    pub(crate) async fn after(&self, conn: &mut Conn<'_>, key: String) -> Result<Option<LivePage>, RunnerError> {
        self.fetch(conn, key).await.map_err(failed("reading rows to compare"))
    }

    async fn fetch(&self, conn: &mut Conn<'_>, key: String) -> Result<Option<LivePage>, sqlx::Error> {
        let sql = AssertSqlSafe(self.sql.as_str());
        let binds = vec![Value::Text(key), Value::Int(PAGE_ROWS)];
        let page = match conn {
            Conn::Postgres(conn) => {
                let rows = (**conn).fetch_all(sqlx::query_with(sql, pg_arguments(binds)?)).await?;
                let last: Option<String> = rows.last().map(|row| row.try_get(0)).transpose()?;
                last.map(|last| (last, Raw::Postgres(rows)))
            }
            Conn::Sqlite(conn) => {
                let row = (**conn).fetch_one(sqlx::query_with(sql, sqlite_arguments(binds)?)).await?;
                let lines: Option<String> = row.try_get(0)?;
                let last: Option<String> = row.try_get(1)?;
                last.zip(lines).map(|(last, lines)| (last, Raw::Lines(lines)))
            }
        };
        Ok(page.map(|(last_key, raw)| LivePage { last_key, kinds: self.kinds.clone(), raw }))
    }
}

impl LivePage {
    /// Its rows, values in column order.
    pub(crate) fn rows(self) -> Result<Vec<Vec<Value>>, RunnerError> {
        let Self { kinds, raw, .. } = self;
        let rows: Result<Vec<_>, sqlx::Error> = match raw {
            Raw::Postgres(rows) => rows.iter().map(|row| pg_values(row, &kinds)).collect(),
            Raw::Lines(lines) => lines.lines().map(|line| row(line, &kinds)).collect(),
        };
        rows.map_err(failed("reading rows to compare"))
    }
}

fn row(line: &str, kinds: &[ColumnKind]) -> Result<Vec<Value>, sqlx::Error> {
    let mut deserializer = serde_json::Deserializer::from_str(line);
    deserializer.deserialize_seq(RowVisitor(kinds)).map_err(|error| sqlx::Error::Decode(error.into()))
}

/// Reads a JSON array of as many values as there are columns.
struct RowVisitor<'k>(&'k [ColumnKind]);

impl<'de> Visitor<'de> for RowVisitor<'_> {
    type Value = Vec<Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an array of {} values", self.0.len())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Vec<Value>, A::Error> {
        let mut row = Vec::with_capacity(self.0.len());
        for kind in self.0 {
            row.push(values.next_element_seed(Column(*kind))?.ok_or_else(|| A::Error::custom("a column is missing"))?);
        }
        Ok(row)
    }
}

/// Reads one value. What a column's kind does not allow, which SQLite lets anybody store, comes
/// out as it is: it is a deviation like any other.
struct Column(ColumnKind);

impl<'de> DeserializeSeed<'de> for Column {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Visitor<'_> for Column {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a number or null")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Value, E> {
        Ok(match (self.0, number) {
            // SQLite knows no booleans.
            (ColumnKind::Bool, 0 | 1) => Value::Bool(number == 1),
            _ => Value::Int(number),
        })
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Value, E> {
        i64::try_from(number).map_or_else(|_| Ok(Value::Text(number.to_string())), |number| self.visit_i64(number))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Value, E> {
        Ok(Value::Text(number.to_string()))
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_json_becomes_the_values_of_the_columns_kinds() {
        use ColumnKind::{Bool, Int, Text};
        let line = r#"["a\"\nb",null,-7,1,0,"odd",2,1.5]"#;
        let read = row(line, &[Text, Text, Int, Bool, Bool, Int, Bool, Int]).unwrap();
        let expected = [
            "a\"\nb".into(),
            Value::Null,
            (-7).into(),
            true.into(),
            false.into(),
            "odd".into(),
            2.into(),
            "1.5".into(),
        ];
        assert_eq!(read, expected);
        assert!(row("[1]", &[Int, Int]).is_err());
    }
}
