//! Folding the whole log and comparing every row of every read model with what the log says.

use std::sync::Arc;

use wac_events::{AnyEvent, EventLog, Position, Recorded};
use wac_projections::{Column, Projection, Table, Value, is_wanted};
use wac_store::Db;

use crate::checkpoint::{self, Checkpoint, ProjectionState};
use crate::conn::{Conn, Dialect, Snapshot};
use crate::drive::own_checkpoint;
use crate::error::failed;
use crate::fold::changes;
use crate::log_check::{LogCheck, LogReport};
use crate::memory::FoldedTables;
use crate::pages::Pages;
use crate::progress::{Meter, Progress};
use crate::{RunnerError, ddl};

/// Events a page.
const VERIFY_EVENTS_MAX: usize = 5_000;
/// Rows compared at once.
const COMPARE_ROWS_MAX: i64 = 2_000;
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

/// One read model's part of a verification.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProjectionReport {
    /// Its name.
    pub name: &'static str,
    /// Its version.
    pub version: u32,
    /// Up to where its rows are built, and were compared; `None`: they have never been built.
    pub position: Option<Position>,
    /// Rows compared.
    pub rows: u64,
    /// How many deviations there are.
    pub differences: u64,
    /// Events it could not take; the comparison leaves them out as the runner does.
    pub parked: u64,
}

/// What a verification came to.
#[derive(Clone, Debug)]
pub struct VerifyReport {
    /// The log itself.
    pub log: LogReport,
    /// Every read model.
    pub projections: Vec<ProjectionReport>,
    /// The first deviations.
    pub shown: Vec<RowDifference>,
    /// How long folding took, in seconds.
    pub fold_s: f64,
    /// How long everything took, in seconds.
    pub total_s: f64,
}

impl VerifyReport {
    /// Whether nothing deviates.
    pub fn is_sound(&self) -> bool {
        self.log.is_sound() && self.differences() == 0
    }

    /// How many deviations there are in rows.
    pub fn differences(&self) -> u64 {
        self.projections.iter().map(|projection| projection.differences).sum()
    }
}

/// How a verification goes about it.
#[derive(Clone, Copy, Debug)]
pub struct VerifyOptions {
    /// Most deviations shown (all are counted).
    pub differences_shown_max: usize,
}

impl Default for VerifyOptions {
    fn default() -> Self {
        Self { differences_shown_max: 20 }
    }
}

/// Folds the whole log, decodes every event, checks positions and versions, rebuilds every read
/// model in memory and compares it with the rows in the database at exactly the position those
/// have; the server may run on meanwhile. Holds all rows in memory.
pub async fn verify(
    log: Arc<dyn EventLog>,
    db: &Db,
    projections: Vec<Arc<dyn Projection>>,
    options: VerifyOptions,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<VerifyReport, RunnerError> {
    let meter = Meter::start();
    let checkpoints = checkpoint_of_each(checkpoint::load(db).await?, &projections);
    let head = log.head().await?.position;
    let mut pass = Pass::new(projections, &checkpoints, options.differences_shown_max);
    let mut pages = Pages::new(log.clone(), Position::START, Vec::new(), VERIFY_EVENTS_MAX).up_to(head);
    while let Some(page) = pages.next().await? {
        pass = pass.fold(page.events).await?;
        progress(meter.progress(pages.position(), head, pass.check.events));
    }
    pass.check.end(head);
    let fold = meter.elapsed();

    let (mut snapshot, checkpoints) = snapshot(db, &pass.projections).await?;
    let last = checkpoints.iter().flatten().map(|checkpoint| checkpoint.position).max().unwrap_or_default();
    pass.limit(&checkpoints);
    let mut rest = Pages::new(log, pass.earliest(), Vec::new(), VERIFY_EVENTS_MAX).up_to(last);
    while rest.position() < last {
        let Some(page) = rest.next().await? else { break };
        pass = pass.fold(page.events).await?;
    }
    let mut comparison = Comparison { shown: Vec::new(), shown_max: options.differences_shown_max };
    let mut reports = Vec::new();
    for (index, checkpoint) in checkpoints.iter().enumerate() {
        let projection = pass.projections[index].clone();
        let rebuilt = &mut pass.targets[index].rows;
        let (rows, differences) = match checkpoint {
            Some(checkpoint) => comparison.compare(&mut snapshot.conn(), &*projection, checkpoint, rebuilt).await?,
            None => (0, 0),
        };
        reports.push(ProjectionReport {
            name: projection.name(),
            version: projection.version(),
            position: checkpoint.as_ref().map(|checkpoint| checkpoint.position),
            rows,
            differences,
            parked: pass.targets[index].parked,
        });
    }
    Ok(VerifyReport {
        log: pass.check.report(fold),
        projections: reports,
        shown: comparison.shown,
        fold_s: fold.as_secs_f64(),
        total_s: meter.elapsed().as_secs_f64(),
    })
}

fn checkpoint_of_each(there: Vec<Checkpoint>, projections: &[Arc<dyn Projection>]) -> Vec<Option<Checkpoint>> {
    projections.iter().map(|projection| own_checkpoint(&there, &**projection).cloned()).collect()
}

/// A consistent view of rows and checkpoints. Tables are locked against being switched first: what
/// takes a table's name later would not be part of the view.
async fn snapshot(
    db: &Db,
    projections: &[Arc<dyn Projection>],
) -> Result<(Snapshot, Vec<Option<Checkpoint>>), RunnerError> {
    let there = checkpoint::load(db).await?;
    // Without any, there may be no table to read them from.
    let none = there.is_empty();
    let built = checkpoint_of_each(there, projections);
    let mut snapshot = Snapshot::begin(db).await?;
    if none {
        return Ok((snapshot, built));
    }
    let mut conn = snapshot.conn();
    if conn.dialect() == Dialect::Postgres {
        let built = projections.iter().zip(&built).filter(|(_, checkpoint)| checkpoint.is_some());
        for table in built.flat_map(|(projection, _)| projection.tables().iter().map(|t| (*t, projection.version()))) {
            let name = ddl::quoted(&ddl::live_name(table.0, table.1));
            let sql = format!("lock table {name} in access share mode");
            conn.execute_raw(&sql).await.map_err(failed("holding tables still"))?;
        }
    }
    let checkpoints = checkpoint_of_each(checkpoint::load_in(&mut conn).await?, projections);
    Ok((snapshot, checkpoints))
}

/// One projection's rows in memory.
struct Target {
    /// Folded up to here.
    folded: Position,
    /// Fold no further than this.
    limit: Position,
    rows: FoldedTables,
    parked: u64,
}

/// Everything one pass over the log works on.
struct Pass {
    projections: Vec<Arc<dyn Projection>>,
    targets: Vec<Target>,
    check: LogCheck,
    checked: Position,
}

impl Pass {
    fn new(projections: Vec<Arc<dyn Projection>>, checkpoints: &[Option<Checkpoint>], shown_max: usize) -> Self {
        let target = |checkpoint: &Option<Checkpoint>| Target {
            folded: Position::START,
            limit: checkpoint.as_ref().map_or(Position::START, |checkpoint| checkpoint.position),
            rows: FoldedTables::default(),
            parked: 0,
        };
        let targets = checkpoints.iter().map(target).collect();
        Self { projections, targets, check: LogCheck::new(shown_max, true), checked: Position::START }
    }

    fn limit(&mut self, checkpoints: &[Option<Checkpoint>]) {
        for (target, checkpoint) in self.targets.iter_mut().zip(checkpoints) {
            target.folded = target.limit;
            target.limit = checkpoint.as_ref().map_or(target.limit, |checkpoint| checkpoint.position.max(target.limit));
        }
    }

    fn earliest(&self) -> Position {
        self.targets.iter().map(|target| target.folded).min().unwrap_or_default()
    }

    async fn fold(mut self, events: Vec<Recorded>) -> Result<Self, RunnerError> {
        let work = tokio::task::spawn_blocking(move || {
            for event in &events {
                self.event(event)?;
            }
            Ok(self)
        });
        work.await.map_err(|_| RunnerError::Broken("folding events"))?
    }

    fn event(&mut self, event: &Recorded) -> Result<(), RunnerError> {
        let decoded = AnyEvent::decode_recorded(event);
        if event.position > self.checked {
            self.check.event(event, decoded.as_ref().err());
            self.checked = event.position;
        }
        for (projection, target) in self.projections.iter().zip(&mut self.targets) {
            let due = event.position > target.folded && event.position <= target.limit;
            if !due || !is_wanted(projection.wants(), &event.event_type) {
                continue;
            }
            match changes(&**projection, event, &decoded) {
                Ok(changes) => changes.into_iter().try_for_each(|change| target.rows.add(change))?,
                Err(_) => target.parked += 1,
            }
        }
        Ok(())
    }
}

struct Comparison {
    shown: Vec<RowDifference>,
    shown_max: usize,
}

impl Comparison {
    /// Compares one projection's tables; returns rows looked at and deviations.
    async fn compare(
        &mut self,
        conn: &mut Conn<'_>,
        projection: &dyn Projection,
        checkpoint: &Checkpoint,
        rebuilt: &mut FoldedTables,
    ) -> Result<(u64, u64), RunnerError> {
        debug_assert!(checkpoint.state != ProjectionState::Rebuilding);
        let (mut rows, mut differences) = (0, 0);
        for table in projection.tables() {
            let (compared, deviating) = self.table(conn, table, checkpoint.version, rebuilt.take(table)).await?;
            rows += compared;
            differences += deviating;
        }
        Ok((rows, differences))
    }

    /// Walks through both in key order.
    async fn table(
        &mut self,
        conn: &mut Conn<'_>,
        table: &'static Table,
        version: u32,
        rebuilt: Vec<(String, Vec<Value>)>,
    ) -> Result<(u64, u64), RunnerError> {
        let key = ddl::quoted(table.key());
        let sql = format!(
            "select {} from {} where {key} > $1 order by {key} limit $2",
            ddl::column_list(table),
            ddl::quoted(&ddl::live_name(table, version)),
        );
        let kinds = ddl::kinds(table);
        let (mut rows, mut differences) = (0, 0);
        let mut rebuilt = rebuilt.into_iter().peekable();
        let mut after = String::new();
        loop {
            let binds = vec![Value::Text(after.clone()), Value::Int(COMPARE_ROWS_MAX)];
            let page = conn.fetch(&sql, binds, &kinds).await.map_err(failed("reading rows to compare"))?;
            let Some(last) = page.last() else { break };
            after = last[0].as_text().unwrap_or_default().to_owned();
            for live in page {
                rows += 1;
                let key = live[0].as_text().unwrap_or_default().to_owned();
                while let Some((missing, _)) = rebuilt.next_if(|(there, _)| *there < key) {
                    differences += self.note(table, missing, DifferenceKind::Missing);
                }
                differences += match rebuilt.next_if(|(there, _)| *there == key) {
                    Some((_, row)) => self.columns(table, &key, live, row),
                    None => self.note(table, key, DifferenceKind::Extra),
                };
            }
        }
        for (missing, _) in rebuilt {
            differences += self.note(table, missing, DifferenceKind::Missing);
        }
        Ok((rows, differences))
    }

    fn columns(&mut self, table: &'static Table, key: &str, live: Vec<Value>, rebuilt: Vec<Value>) -> u64 {
        let deviating = |(_, (live, rebuilt)): &(&Column, (Value, Value))| live != rebuilt;
        let pairs = table.columns.iter().zip(live.into_iter().zip(rebuilt)).filter(deviating);
        pairs.fold(0, |count, (column, (live, rebuilt))| {
            count + self.note(table, key.to_owned(), DifferenceKind::Column { column: column.name, live, rebuilt })
        })
    }

    fn note(&mut self, table: &'static Table, key: String, kind: DifferenceKind) -> u64 {
        if self.shown.len() < self.shown_max {
            self.shown.push(RowDifference { table: table.name, key, kind });
        }
        1
    }
}
