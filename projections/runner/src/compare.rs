//! Comparing the rows of a table with what the log says, both in key order.

use std::iter::Peekable;

use wac_projections::{Projection, Table, Value};

use crate::RunnerError;
use crate::checkpoint::{Checkpoint, ProjectionState};
use crate::conn::Conn;
use crate::live_page::LivePages;
use crate::memory::FoldedTables;

/// A value longer than this is cut when it is shown, in characters.
const SHOWN_CHARS_MAX: usize = 60;

/// One deviation between a row and what the log says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RowDifference {
    /// The table.
    pub table: &'static str,
    /// The row's key.
    pub key: String,
    /// What deviates.
    pub kind: DifferenceKind,
}

/// What deviates.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DifferenceKind {
    /// The log says there is such a row; the database has none.
    Missing,
    /// The database has a row the log knows nothing of.
    Extra,
    /// A column holds something else.
    Column {
        /// Its name.
        column: &'static str,
        /// What the database has.
        live: Value,
        /// What the log says.
        rebuilt: Value,
    },
}

impl std::fmt::Display for RowDifference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { table, key, kind } = self;
        match kind {
            DifferenceKind::Missing => write!(f, "{table} {key}: the row is missing"),
            DifferenceKind::Extra => write!(f, "{table} {key}: the row should not be there"),
            DifferenceKind::Column { column, live, rebuilt } => {
                write!(f, "{table} {key}: {column} is {}, the log says {}", shown(live), shown(rebuilt))
            }
        }
    }
}

fn shown(value: &Value) -> String {
    let text = match value {
        Value::Null => "null".to_owned(),
        Value::Bool(bool) => bool.to_string(),
        Value::Int(int) => int.to_string(),
        Value::Text(text) => format!("{text:?}"),
    };
    match text.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// The comparison of any number of tables.
pub(crate) struct Comparison {
    pub(crate) shown: Vec<RowDifference>,
    pub(crate) shown_max: usize,
}

impl Comparison {
    /// Compares one projection's tables; returns rows looked at and deviations.
    pub(crate) async fn compare(
        &mut self,
        conn: &mut Conn<'_>,
        projection: &dyn Projection,
        checkpoint: &Checkpoint,
        rebuilt: &mut FoldedTables,
    ) -> Result<(u64, u64), RunnerError> {
        debug_assert!(checkpoint.state != ProjectionState::Rebuilding);
        let (mut rows, mut differences) = (0, 0);
        for table in projection.tables() {
            let shown_max = self.shown_max - self.shown.len();
            let rebuilt = rebuilt.take(table).into_iter().peekable();
            let walk = Walk { table, rebuilt, shown: Vec::new(), shown_max, rows: 0, differences: 0 };
            let walked = through(walk, conn, checkpoint.version).await?;
            rows += walked.rows;
            differences += walked.differences;
            self.shown.extend(walked.shown);
        }
        Ok((rows, differences))
    }
}

/// Goes through a whole table; the next page is fetched while one is compared.
async fn through(mut walk: Walk, conn: &mut Conn<'_>, version: u32) -> Result<Walk, RunnerError> {
    let pages = LivePages::of(conn.dialect(), walk.table, version);
    let mut page = pages.after(conn, String::new()).await?;
    while let Some(live) = page {
        let last = live.last_key.clone();
        let comparing = tokio::task::spawn_blocking(move || {
            walk.page(live.rows()?);
            Ok::<_, RunnerError>(walk)
        });
        page = pages.after(conn, last).await?;
        walk = comparing.await.map_err(|_| RunnerError::Broken("comparing rows"))??;
    }
    walk.end();
    Ok(walk)
}

/// A walk through the live rows and the rebuilt ones, both in key order.
struct Walk {
    table: &'static Table,
    rebuilt: Peekable<std::vec::IntoIter<(String, Vec<Value>)>>,
    shown: Vec<RowDifference>,
    shown_max: usize,
    rows: u64,
    differences: u64,
}

impl Walk {
    fn page(&mut self, rows: Vec<Vec<Value>>) {
        for live in rows {
            self.rows += 1;
            let key = live[0].as_text().unwrap_or_default();
            while let Some((missing, _)) = self.rebuilt.next_if(|(there, _)| there.as_str() < key) {
                self.note(missing, DifferenceKind::Missing);
            }
            match self.rebuilt.next_if(|(there, _)| there == key) {
                Some((key, rebuilt)) => self.columns(&key, live, rebuilt),
                None => self.note(key.to_owned(), DifferenceKind::Extra),
            }
        }
    }

    fn end(&mut self) {
        while let Some((missing, _)) = self.rebuilt.next() {
            self.note(missing, DifferenceKind::Missing);
        }
    }

    fn columns(&mut self, key: &str, live: Vec<Value>, rebuilt: Vec<Value>) {
        for (column, (live, rebuilt)) in self.table.columns.iter().zip(live.into_iter().zip(rebuilt)) {
            if live != rebuilt {
                self.note(key.to_owned(), DifferenceKind::Column { column: column.name, live, rebuilt });
            }
        }
    }

    fn note(&mut self, key: String, kind: DifferenceKind) {
        self.differences += 1;
        if self.shown.len() < self.shown_max {
            self.shown.push(RowDifference { table: self.table.name, key, kind });
        }
    }
}
