//! The runner of one node: which groups there are, and who asks how far they are.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use wac_events::{EventLog, Position};
use wac_projections::Projection;
use wac_store::Db;

use crate::checkpoint::{self, Checkpoint, ProjectionState};
use crate::conn::DbTx;
use crate::drive::{Driver, own_checkpoint};
use crate::error::failed;
use crate::fold::Member;
use crate::served::Shared;
use crate::{NotYet, RunnerError, SqlRows, ddl, parked};

/// A read model that is further behind the others than this is built apart from them until it has
/// caught up, so that they need not wait.
const APART_EVENTS: u64 = 5_000;
/// How long the rows of an older version are kept for nodes that still run the older program,
/// counted from the last event it applied.
const OLDER_VERSION_KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// Keeps every read model of this node up. Dropping it stops the work at once; nothing is lost,
/// an open transaction is rolled back.
pub struct Runner {
    shared: Arc<Shared>,
    log: Arc<dyn EventLog>,
    tasks: Mutex<JoinSet<()>>,
}

/// A read model as an operator sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProjectionInfo {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: u32,
    /// Counts rebuilds of this version, from 1.
    pub generation: u64,
    /// Whether it is complete.
    pub state: ProjectionState,
    /// Up to where it is built.
    pub position: Position,
    /// How many events the log is ahead of it.
    pub lag: u64,
    /// How many events it could not take.
    pub parked: u64,
    /// When it last moved, in microseconds since the epoch.
    pub updated_at: i64,
}

impl Runner {
    /// Makes the tables that are missing and starts to apply events, until `shutdown`. Any number
    /// of nodes may run on one PostgreSQL.
    pub async fn start(
        db: Db,
        log: Arc<dyn EventLog>,
        projections: Vec<Arc<dyn Projection>>,
        shutdown: CancellationToken,
    ) -> Result<Self, RunnerError> {
        let shared = prepare(&db, projections).await?;
        let checkpoints = checkpoint::load(&db).await?;
        drop_older_versions(&db, &shared.projections, &checkpoints).await?;
        let members: Vec<Member> = shared
            .projections
            .iter()
            .filter_map(|projection| {
                let checkpoint = own_checkpoint(&checkpoints, &**projection)?.clone();
                Some(Member { projection: projection.clone(), checkpoint })
            })
            .collect();
        let mut tasks = JoinSet::new();
        let (adopt, mut adopted) = mpsc::unbounded_channel::<Member>();
        let mut groups = group(members);
        if groups.is_empty() {
            return Ok(Self { shared, log, tasks: Mutex::new(tasks) });
        }
        let main = groups.remove(0);
        for members in groups {
            let lock = members.first().map_or(1, |member| lock_of(&member.checkpoint));
            let mut driver = Driver::new(shared.clone(), log.clone(), members, lock, shutdown.clone());
            let adopt = adopt.clone();
            tasks.spawn(async move {
                driver.run(true).await;
                driver.members.into_iter().for_each(|member| drop(adopt.send(member)));
            });
        }
        drop(adopt);
        let mut driver = Driver::new(shared.clone(), log.clone(), main, 0, shutdown.clone());
        tasks.spawn(async move {
            while !driver.shutdown.is_cancelled() {
                // Dropping a round half-way rolls it back; the next one starts from the checkpoint.
                let newcomer = tokio::select! {
                    () = driver.run(false) => None,
                    Some(member) = adopted.recv() => Some(member),
                };
                if let Some(member) = newcomer {
                    driver.adopt(member);
                }
            }
        });
        Ok(Self { shared, log, tasks: Mutex::new(tasks) })
    }

    /// Reads the rows this runner keeps up.
    pub fn rows(&self) -> SqlRows {
        SqlRows::sharing(self.shared.clone())
    }

    /// Waits until the served rows of every projection or table named are built up to `position`,
    /// by this node or another, at most for `patience`.
    pub async fn wait_for(&self, names: &[&str], position: Position, patience: Duration) -> Result<(), NotYet> {
        self.shared.wait_for(names, position, patience).await
    }

    /// Every version of every read model, by name and version.
    pub async fn list(&self) -> Result<Vec<ProjectionInfo>, RunnerError> {
        list(&self.shared.db, &*self.log).await
    }

    /// Resolves when the work has ended after the shutdown.
    pub async fn stopped(&self) {
        let mut tasks = self.tasks.lock().await;
        while tasks.join_next().await.is_some() {}
    }
}

/// Makes what tables are missing and looks at what is there.
pub(crate) async fn prepare(db: &Db, projections: Vec<Arc<dyn Projection>>) -> Result<Arc<Shared>, RunnerError> {
    let all: Vec<&dyn Projection> = projections.iter().map(|projection| &**projection).collect();
    checkpoint::set_up(db, &all).await?;
    let shared = Shared::new(db.clone(), projections);
    shared.poll(Duration::ZERO).await?;
    Ok(shared)
}

/// Every version of every read model in a database, by name and version.
pub async fn list(db: &Db, log: &dyn EventLog) -> Result<Vec<ProjectionInfo>, RunnerError> {
    let checkpoints = checkpoint::load(db).await?;
    if checkpoints.is_empty() {
        return Ok(Vec::new());
    }
    let parked = parked::count(db).await?;
    let head = log.head().await?.position;
    let mut infos: Vec<ProjectionInfo> = checkpoints
        .into_iter()
        .map(|row| ProjectionInfo {
            lag: head.0.saturating_sub(row.position.0),
            parked: parked
                .iter()
                .find(|(name, version, generation, _)| {
                    (name, *version, *generation) == (&row.name, row.version, row.generation)
                })
                .map_or(0, |(.., count)| *count),
            name: row.name,
            version: row.version,
            generation: row.generation,
            state: row.state,
            position: row.position,
            updated_at: row.updated_at,
        })
        .collect();
    infos.sort_by(|a, b| (&a.name, a.version, a.generation).cmp(&(&b.name, b.version, b.generation)));
    Ok(infos)
}

/// The group furthest ahead first, with all that are near it; then those behind, by position.
fn group(mut members: Vec<Member>) -> Vec<Vec<Member>> {
    members.sort_by_key(|member| std::cmp::Reverse(member.checkpoint.position));
    let mut groups: Vec<Vec<Member>> = Vec::new();
    for member in members {
        let near = |group: &&mut Vec<Member>| {
            group
                .first()
                .is_some_and(|first| first.checkpoint.position.0 - member.checkpoint.position.0 <= APART_EVENTS)
        };
        match groups.last_mut().filter(near) {
            Some(group) => group.push(member),
            None => groups.push(vec![member]),
        }
    }
    groups
}

/// A group's lock by its first member (FNV-1a); two groups with one lock only wait for each other.
fn lock_of(checkpoint: &Checkpoint) -> i32 {
    let bytes = checkpoint.name.bytes().chain(checkpoint.version.to_le_bytes());
    let hash = bytes.fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    (hash | 1).cast_signed()
}

/// Drops the rows of older versions that no program has kept up for a long time.
async fn drop_older_versions(
    db: &Db,
    projections: &[Arc<dyn Projection>],
    checkpoints: &[Checkpoint],
) -> Result<(), RunnerError> {
    let kept_micros = i64::try_from(OLDER_VERSION_KEPT.as_micros()).unwrap_or(i64::MAX);
    let oldest_kept = checkpoint::now_micros().saturating_sub(kept_micros);
    for projection in projections {
        let complete = own_checkpoint(checkpoints, &**projection).is_some_and(|own| own.state == ProjectionState::Live);
        let older = checkpoints.iter().filter(|row| {
            complete
                && row.name == projection.name()
                && row.version < projection.version()
                && row.updated_at < oldest_kept
        });
        for row in older {
            let mut tx = DbTx::begin(db).await?;
            let mut conn = tx.conn();
            checkpoint::lock_setup(&mut conn).await?;
            for table in projection.tables() {
                let names = [ddl::live_name(table, row.version), ddl::shadow_name(table, row.version, row.generation)];
                for name in names {
                    let sql = format!("drop table if exists {}", ddl::quoted(&name));
                    conn.execute_raw(&sql).await.map_err(failed("dropping an older version"))?;
                }
            }
            checkpoint::delete(&mut conn, row).await?;
            tx.commit().await?;
        }
    }
    Ok(())
}
