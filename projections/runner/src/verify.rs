//! Folding the whole log and comparing every row of every read model with what the log says.

use std::sync::Arc;

use wac_events::{AnyEvent, EventLog, Position, Recorded};
use wac_projections::{Projection, RowChange};
use wac_store::Db;

use crate::ahead::ReadAhead;
use crate::checkpoint::{self, Checkpoint};
use crate::compare::{Comparison, RowDifference};
use crate::conn::{Dialect, Snapshot};
use crate::drive::own_checkpoint;
use crate::error::failed;
use crate::fold::{Interest, changes};
use crate::log_check::{LogCheck, LogReport, Outline};
use crate::memory::FoldedTables;
use crate::progress::{Meter, Progress};
use crate::{RunnerError, ddl};

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
    let mut pass = Pass::new(projections, &checkpoints, LogCheck::new(options.differences_shown_max, true, head));
    let mut ahead = pass.read(log.clone(), Position::START, head);
    while let Some(done) = ahead.next().await? {
        pass = pass.fold(done.work).await?;
        progress(meter.progress(ahead.position(), head, pass.check.events));
    }
    pass.check.end(head);
    let fold = meter.elapsed();

    let (mut snapshot, checkpoints) = snapshot(db, &pass.projections).await?;
    let last = checkpoints.iter().flatten().map(|checkpoint| checkpoint.position).max().unwrap_or_default();
    pass.limit(&checkpoints);
    let mut rest = pass.read(log, pass.earliest(), last);
    while let Some(done) = rest.next().await? {
        pass = pass.fold(done.work).await?;
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
    fn new(projections: Vec<Arc<dyn Projection>>, checkpoints: &[Option<Checkpoint>], check: LogCheck) -> Self {
        let target = |checkpoint: &Option<Checkpoint>| Target {
            folded: Position::START,
            limit: checkpoint.as_ref().map_or(Position::START, |checkpoint| checkpoint.position),
            rows: FoldedTables::default(),
            parked: 0,
        };
        let targets = checkpoints.iter().map(target).collect();
        Self { projections, targets, check, checked: Position::START }
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

    /// Reads from `after` to `last`; what can be done with an event alone is done ahead.
    fn read(&self, log: Arc<dyn EventLog>, after: Position, last: Position) -> ReadAhead<Effects> {
        let projections = self.projections.clone();
        ReadAhead::new(log, after, Vec::new(), move |events| Effects::of(&projections, events)).up_to(last)
    }

    async fn fold(mut self, effects: Effects) -> Result<Self, RunnerError> {
        let work = tokio::task::spawn_blocking(move || self.take(effects).map(|()| self));
        work.await.map_err(|_| RunnerError::Broken("folding events"))?
    }

    fn take(&mut self, effects: Effects) -> Result<(), RunnerError> {
        for event in effects.events.iter().filter(|event| event.position > self.checked) {
            self.check.event(event);
        }
        self.checked = effects.events.last().map_or(self.checked, |last| self.checked.max(last.position));
        for Effect { position, projection, change } in effects.effects {
            let target = &mut self.targets[projection];
            if position <= target.folded || position > target.limit {
                continue;
            }
            match change {
                Some(change) => target.rows.add(change)?,
                None => target.parked += 1,
            }
        }
        Ok(())
    }
}

/// What a range of events comes to.
struct Effects {
    events: Vec<Outline>,
    effects: Vec<Effect>,
}

/// What one event does to one row.
struct Effect {
    position: Position,
    /// Index of the projection.
    projection: usize,
    /// `None`: the projection cannot take the event.
    change: Option<RowChange>,
}

impl Effects {
    fn of(projections: &[Arc<dyn Projection>], events: Vec<Recorded>) -> Self {
        let mut this = Self { events: Vec::with_capacity(events.len()), effects: Vec::with_capacity(events.len()) };
        let mut interest = Interest::default();
        for event in events {
            let decoded = AnyEvent::decode_recorded(&event);
            for index in interest.of(&event.event_type, projections.iter().map(|projection| &**projection)) {
                this.add(*index, event.position, changes(&*projections[*index], &event, &decoded).ok());
            }
            this.events.push(Outline::new(event, decoded.as_ref().err()));
        }
        this
    }

    fn add(&mut self, projection: usize, position: Position, changes: Option<Vec<RowChange>>) {
        let effect = |change| Effect { position, projection, change };
        match changes {
            Some(changes) => self.effects.extend(changes.into_iter().map(|change| effect(Some(change)))),
            None => self.effects.push(effect(None)),
        }
    }
}
