//! Which rows are served and how far they are: shared by the runner, the readers and those who
//! wait for their own writes.

use std::collections::HashSet;
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use tokio::sync::{Mutex, Notify, watch};
use wac_events::Position;
use wac_projections::{ColumnKind, Projection, Table, Value};
use wac_store::Db;

use crate::checkpoint::{self, Checkpoint, ProjectionState};
use crate::conn::{self, Dialect};
use crate::error::failed;
use crate::{NotYet, RunnerError, ddl};

/// How old what is known of other nodes' progress may be while somebody waits for it.
pub const POLL_INTERVAL: Duration = Duration::from_millis(25);

/// The rows of one projection that are served.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Served {
    pub(crate) version: u32,
    pub(crate) generation: u64,
    pub(crate) position: Position,
    pub(crate) state: ProjectionState,
    /// Of an older version than this program's: the columns it really has, by table.
    pub(crate) columns: Option<Arc<HashSet<(&'static str, &'static str)>>>,
}

pub(crate) struct Shared {
    pub(crate) db: Db,
    pub(crate) projections: Vec<Arc<dyn Projection>>,
    served: RwLock<Vec<Option<Served>>>,
    moved: watch::Sender<u64>,
    polled: Mutex<Option<Instant>>,
    hurry: Notify,
}

impl Shared {
    pub(crate) fn new(db: Db, projections: Vec<Arc<dyn Projection>>) -> Arc<Self> {
        let served = RwLock::new(vec![None; projections.len()]);
        Arc::new(Self {
            db,
            projections,
            served,
            moved: watch::Sender::new(0),
            polled: Mutex::new(None),
            hurry: Notify::new(),
        })
    }

    /// The projection of this name, or the one that owns this table.
    fn index_of(&self, name: &str) -> Option<usize> {
        let is_named = |projection: &Arc<dyn Projection>| {
            projection.name() == name || projection.tables().iter().any(|table| table.name == name)
        };
        self.projections.iter().position(is_named)
    }

    fn unknown(&self, name: &str) -> RunnerError {
        let known: Vec<&str> = self.projections.iter().map(|projection| projection.name()).collect();
        RunnerError::UnknownProjection { name: name.to_owned(), known: known.join(", ") }
    }

    fn at(&self, index: usize) -> Option<Served> {
        self.served.read().expect("no code panics while holding this lock")[index].clone()
    }

    /// What is served for a projection or table, as far as this process knows.
    pub(crate) async fn find(&self, name: &str) -> Result<Served, RunnerError> {
        let index = self.index_of(name).ok_or_else(|| self.unknown(name))?;
        let known = self.at(index);
        match known {
            // A complete version of our own is served from then on; anything else may be replaced any time.
            Some(served) if served.state == ProjectionState::Live && served.columns.is_none() => Ok(served),
            _ => {
                self.poll(POLL_INTERVAL).await?;
                self.at(index).ok_or_else(|| RunnerError::UnknownProjection {
                    name: name.to_owned(),
                    known: "none built yet".to_owned(),
                })
            }
        }
    }

    /// Up to where the served rows of a projection or table are built; at most [`POLL_INTERVAL`] old.
    pub(crate) async fn position(&self, name: &str) -> Result<Position, RunnerError> {
        let index = self.index_of(name).ok_or_else(|| self.unknown(name))?;
        self.poll(POLL_INTERVAL).await?;
        Ok(self.at(index).map_or(Position::START, |served| served.position))
    }

    /// Looks into the database unless somebody did within `age`. One looks, the others wait for it.
    pub(crate) async fn poll(&self, age: Duration) -> Result<(), RunnerError> {
        let asked = Instant::now();
        let mut polled = self.polled.lock().await;
        if polled.is_some_and(|at| at + age > asked) {
            return Ok(());
        }
        let looked = Instant::now();
        let checkpoints = checkpoint::load(&self.db).await?;
        self.observe(&checkpoints).await?;
        *polled = Some(looked);
        Ok(())
    }

    /// Takes in what stands in the database.
    pub(crate) async fn observe(&self, checkpoints: &[Checkpoint]) -> Result<(), RunnerError> {
        for (index, projection) in self.projections.iter().enumerate() {
            let Some(chosen) = choose(&**projection, checkpoints) else { continue };
            let known = self.at(index);
            let columns = match known {
                Some(known) if known.version == chosen.version => known.columns,
                _ if chosen.version == projection.version() => None,
                _ => Some(Arc::new(columns_of(&self.db, &**projection, chosen.version).await?)),
            };
            self.put(index, chosen, columns);
        }
        Ok(())
    }

    fn put(&self, index: usize, chosen: &Checkpoint, columns: Option<Arc<HashSet<(&'static str, &'static str)>>>) {
        let new = Served {
            version: chosen.version,
            generation: chosen.generation,
            position: chosen.position,
            state: chosen.state,
            columns,
        };
        let mut served = self.served.write().expect("no code panics while holding this lock");
        // Two looks may cross: of the same rows the later position is the true one.
        let stale = served[index].as_ref().is_some_and(|known| {
            (known.version, known.generation) > (new.version, new.generation)
                || (known.version, known.generation) == (new.version, new.generation)
                    && (known.position, known.state == ProjectionState::Live)
                        >= (new.position, new.state == ProjectionState::Live)
        });
        if stale {
            return;
        }
        served[index] = Some(new);
        drop(served);
        self.moved.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// This node's runner has committed these.
    pub(crate) fn applied(&self, checkpoint: &Checkpoint) {
        let Some(index) = self.index_of(&checkpoint.name) else { return };
        let is_served = self
            .at(index)
            .is_none_or(|served| served.version == checkpoint.version || checkpoint.state == ProjectionState::Live);
        if is_served && checkpoint.state != ProjectionState::Rebuilding {
            self.put(index, checkpoint, None);
        }
    }

    /// Waits until the served rows of every projection or table named are built up to `position`.
    pub(crate) async fn wait_for(&self, names: &[&str], position: Position, patience: Duration) -> Result<(), NotYet> {
        let deadline = tokio::time::Instant::now() + patience;
        let mut moved = self.moved.subscribe();
        loop {
            moved.mark_unchanged();
            let Some(behind) = self.behind(names, position) else { return Ok(()) };
            self.hurry.notify_one();
            if tokio::time::Instant::now() >= deadline {
                return Err(behind);
            }
            tokio::select! {
                _ = moved.changed() => {}
                () = tokio::time::sleep_until(deadline) => {}
                () = tokio::time::sleep(POLL_INTERVAL) => {
                    if let Err(error) = self.poll(POLL_INTERVAL).await {
                        tracing::debug!(%error, "could not look for the progress of read models");
                    }
                }
            }
        }
    }

    /// Returns once somebody waits for rows, or has waited since the last call.
    pub(crate) async fn somebody_waits(&self) {
        self.hurry.notified().await;
    }

    fn behind(&self, names: &[&str], wanted: Position) -> Option<NotYet> {
        let served = |name: &str| self.index_of(name).and_then(|index| self.at(index));
        let reached = names.iter().map(|name| (served(name).map_or(Position::START, |at| at.position), *name));
        let (reached, name) = reached.min()?;
        (reached < wanted).then(|| NotYet { projection: name.to_owned(), reached, wanted })
    }
}

/// The rows to serve: the newest complete version up to the program's own; while there is none,
/// its own as far as it is built.
fn choose<'c>(projection: &dyn Projection, checkpoints: &'c [Checkpoint]) -> Option<&'c Checkpoint> {
    let ours = |row: &&Checkpoint| row.name == projection.name() && row.version <= projection.version();
    let complete = checkpoints.iter().filter(ours).filter(|row| row.state == ProjectionState::Live);
    complete.max_by_key(|row| row.version).or_else(|| {
        let building =
            |row: &&Checkpoint| row.version == projection.version() && row.state == ProjectionState::Building;
        checkpoints.iter().filter(ours).find(building)
    })
}

/// Which of a projection's columns an older version has.
async fn columns_of(
    db: &Db,
    projection: &dyn Projection,
    version: u32,
) -> Result<HashSet<(&'static str, &'static str)>, RunnerError> {
    let sql = match Dialect::of(db) {
        Dialect::Postgres => {
            "select column_name::text from information_schema.columns \
             where table_schema = current_schema() and table_name = $1"
        }
        Dialect::Sqlite => "select name from pragma_table_info($1)",
    };
    let mut columns = HashSet::new();
    for table in projection.tables() {
        let physical = ddl::live_name(table, version);
        let rows = conn::fetch(db, sql, vec![Value::Text(physical)], &[ColumnKind::Text]).await;
        let rows = rows.map_err(failed("reading the columns of an older version"))?;
        let there: HashSet<&str> = rows.iter().filter_map(|row| row[0].as_text()).collect();
        let known = table.columns.iter().map(|column| column.name).filter(|name| there.contains(name));
        columns.extend(known.map(|name| (table.name, name)));
    }
    Ok(columns)
}

impl Served {
    /// Whether these rows have the column.
    pub(crate) fn has(&self, table: &Table, column: &str) -> bool {
        self.columns.as_ref().is_none_or(|columns| columns.iter().any(|(t, c)| *t == table.name && *c == column))
    }
}
