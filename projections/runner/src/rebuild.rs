//! Building a read model anew beside the one that is served, from this process or another.
//!
//! The new rows grow in shadow tables with a checkpoint of their own. Once they have come as far as
//! the served ones, one transaction puts them in their place under the next generation; the
//! running server's runner finds its checkpoint gone and goes on from the new one.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;
use wac_events::{EventLog, Position};
use wac_projections::{ColumnKind, Projection, Value};
use wac_store::Db;

use crate::checkpoint::{self, Checkpoint, ProjectionState, int};
use crate::conn::{Conn, DbTx, Dialect};
use crate::drive::own_checkpoint;
use crate::error::failed;
use crate::fold::{Member, OnUndecodable, fold};
use crate::gather::{Gathered, Gathering, shadow};
use crate::pages::{Pages, wanted};
use crate::progress::{Meter, Progress};
use crate::statements::Puts;
use crate::write::{Writes, Written};
use crate::{RunnerError, ddl};

/// Events read at once during the switch.
const SWITCH_PAGE_EVENTS: usize = 2_000;
/// Most events the switch itself may still have to apply while the served rows stand still.
const SWITCH_EVENTS_MAX: u64 = 2_000;
/// How long the switch waits for those who use the served tables before it lets others pass: at
/// first, and at most. It waits twice as long each time: behind long transactions that follow one
/// another a short wait would never come to an end, and PostgreSQL lets an autovacuum go on that
/// holds the table until somebody has waited for its `deadlock_timeout` (1 s).
const SWITCH_LOCK_WAIT: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(4));
/// Pause between two attempts to switch.
const SWITCH_PAUSE: Duration = Duration::from_millis(100);
/// How long the switch is tried in all. Catching up between two attempts is work and does not count.
const SWITCH_PATIENCE: Duration = Duration::from_secs(60);
/// With SQLite a writer in another process asks again at least every 100 ms while it waits; a pause
/// longer than that lets it in.
const SQLITE_TURN: Duration = Duration::from_millis(110);
/// How long a rebuild writes between two such pauses, while others write and while they do not.
const SQLITE_STINT: (Duration, Duration) = (Duration::from_millis(400), Duration::from_millis(2_000));

/// How a rebuild goes about it.
#[derive(Clone, Debug, Default)]
pub struct RebuildOptions {
    /// Put events aside that the projection cannot take, instead of stopping at the first.
    pub park: bool,
    /// Ends the rebuild; the served rows stay as they are.
    pub cancel: CancellationToken,
}

/// What a rebuild came to.
#[derive(Clone, PartialEq, Debug)]
pub struct Rebuilt {
    /// Events of the types the projection wants.
    pub events: u64,
    /// Rows put, changed or deleted; several events of one page on one row are one.
    pub rows_written: u64,
    /// Events put aside.
    pub parked: u64,
    /// Where the new rows stood when they were switched in.
    pub position: Position,
    /// Their generation.
    pub generation: u64,
    /// How long it took until they were served.
    pub elapsed: Duration,
}

/// Rebuilds one projection's rows from the whole log and switches them in. `progress` hears of
/// every page: done and total are positions of the log.
pub async fn rebuild(
    db: &Db,
    log: Arc<dyn EventLog>,
    projection: Arc<dyn Projection>,
    options: RebuildOptions,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Rebuilt, RunnerError> {
    checkpoint::set_up(db, &[&*projection]).await?;
    let shadow = begin(db, &*projection).await?;
    let mut rebuild = Rebuild {
        db: db.clone(),
        log,
        members: vec![Member { projection, checkpoint: shadow }],
        options,
        meter: Meter::start(),
        totals: Written::default(),
        events: 0,
        paused: Instant::now(),
        others_write: true,
    };
    let outcome = rebuild.run(progress).await;
    if outcome.is_ok() {
        rebuild.drop_retired().await;
    }
    let unfinished = !matches!(outcome, Ok(_) | Err(RunnerError::TakenOver { .. }));
    if unfinished && let Err(error) = rebuild.discard(rebuild.checkpoint()).await {
        tracing::warn!(%error, "tables of an unfinished rebuild remain; the next rebuild removes them");
    }
    outcome
}

/// Removes what unfinished rebuilds left and makes new shadow tables, without indexes as yet.
async fn begin(db: &Db, projection: &dyn Projection) -> Result<Checkpoint, RunnerError> {
    let mut tx = DbTx::begin(db).await?;
    let mut conn = tx.conn();
    checkpoint::lock_setup(&mut conn).await?;
    let there = checkpoint::load_in(&mut conn).await?;
    let of_it = there.iter().filter(|row| row.name == projection.name() && row.version == projection.version());
    let mut greatest = 0;
    for row in of_it {
        greatest = greatest.max(row.generation);
        if row.state == ProjectionState::Rebuilding {
            drop_shadow(&mut conn, projection, row).await?;
        }
    }
    let checkpoint = Checkpoint {
        name: projection.name().to_owned(),
        version: projection.version(),
        generation: greatest + 1,
        position: Position::START,
        state: ProjectionState::Rebuilding,
        updated_at: 0,
    };
    for table in projection.tables() {
        let physical = ddl::shadow_name(table, checkpoint.version, checkpoint.generation);
        let sql = ddl::create_table(conn.dialect(), table, &physical, &physical);
        conn.execute_raw(&sql).await.map_err(failed("making shadow tables"))?;
    }
    checkpoint::insert(&mut conn, &checkpoint).await?;
    tx.commit().await?;
    Ok(checkpoint)
}

async fn drop_shadow(conn: &mut Conn<'_>, projection: &dyn Projection, row: &Checkpoint) -> Result<(), RunnerError> {
    for table in projection.tables() {
        let physical = ddl::shadow_name(table, row.version, row.generation);
        let sql = format!("drop table if exists {}", ddl::quoted(&physical));
        conn.execute_raw(&sql).await.map_err(failed("dropping shadow tables"))?;
    }
    checkpoint::delete(conn, row).await
}

struct Rebuild {
    db: Db,
    log: Arc<dyn EventLog>,
    /// The one projection, with its shadow's checkpoint.
    members: Vec<Member>,
    options: RebuildOptions,
    meter: Meter,
    totals: Written,
    events: u64,
    /// When others were last let in (SQLite).
    paused: Instant,
    /// Whether others wrote when they were last let in (SQLite).
    others_write: bool,
}

impl Rebuild {
    async fn run(&mut self, progress: &mut (dyn FnMut(Progress) + Send)) -> Result<Rebuilt, RunnerError> {
        self.catch_up(progress).await?;
        self.make_indexes().await?;
        let (mut lock_wait, mut waited) = (SWITCH_LOCK_WAIT.0, Duration::ZERO);
        loop {
            self.catch_up(progress).await?;
            let tried = Instant::now();
            if self.switch(lock_wait).await? {
                break;
            }
            self.pause(SWITCH_PAUSE).await?;
            waited += tried.elapsed();
            if waited >= SWITCH_PATIENCE {
                let waited_s = SWITCH_PATIENCE.as_secs();
                return Err(RunnerError::SwitchBlocked { projection: self.projection().name(), waited_s });
            }
            lock_wait = (lock_wait * 2).min(SWITCH_LOCK_WAIT.1);
        }
        let checkpoint = self.checkpoint();
        Ok(Rebuilt {
            events: self.events,
            rows_written: self.totals.rows,
            parked: self.totals.events,
            position: checkpoint.position,
            generation: checkpoint.generation,
            elapsed: self.meter.elapsed(),
        })
    }

    fn projection(&self) -> &dyn Projection {
        &*self.members[0].projection
    }

    fn checkpoint(&self) -> &Checkpoint {
        &self.members[0].checkpoint
    }

    /// Applies the log as far as it goes now. What is appended meanwhile is left: with somebody who
    /// writes all the time there would always be something more.
    async fn catch_up(&mut self, progress: &mut (dyn FnMut(Progress) + Send)) -> Result<(), RunnerError> {
        let head = self.log.head().await?.position;
        let mut total = head;
        let policy = if self.options.park { OnUndecodable::Park } else { OnUndecodable::Stop };
        let mut gathering = Gathering::new(&self.db, self.log.clone(), &self.members[0], policy);
        let mut gathered = gathering.next().await?;
        while let Some(Gathered { writes, events, to }) = gathered {
            // What comes next is read, folded and made into statements while this is written.
            let (applied, next) = tokio::join!(self.apply(writes, to), gathering.next());
            applied?;
            self.events += events;
            total = total.max(to);
            progress(self.meter.progress(to, total, self.events));
            self.let_others_in().await?;
            gathered = next?.filter(|_| to < head);
        }
        Ok(())
    }

    async fn apply(&mut self, writes: Writes, to: Position) -> Result<(), RunnerError> {
        if self.options.cancel.is_cancelled() {
            return Err(RunnerError::Cancelled);
        }
        let mut tx = DbTx::begin(&self.db).await?;
        let written = self.write(&mut tx.conn(), writes, to).await?;
        tx.commit().await?;
        self.moved(&written, to);
        Ok(())
    }

    async fn write(&self, conn: &mut Conn<'_>, writes: Writes, to: Position) -> Result<Written, RunnerError> {
        if !checkpoint::advance(conn, &[self.checkpoint()], to).await? {
            return Err(RunnerError::TakenOver { projection: self.projection().name() });
        }
        writes.run(conn).await
    }

    fn moved(&mut self, written: &Written, to: Position) {
        self.totals.rows += written.rows;
        self.totals.events += written.events;
        self.members[0].checkpoint.position = to;
    }

    /// Indexes are made when the rows are there: faster than keeping them up meanwhile. Then
    /// PostgreSQL's planner learns what the new tables hold before anybody reads them.
    async fn make_indexes(&mut self) -> Result<(), RunnerError> {
        for table in self.projection().tables() {
            let physical = ddl::shadow_name(table, self.checkpoint().version, self.checkpoint().generation);
            let analyze =
                (Dialect::of(&self.db) == Dialect::Postgres).then(|| format!("analyze {}", ddl::quoted(&physical)));
            for sql in ddl::create_indexes(table, &physical, &physical).into_iter().chain(analyze) {
                let mut tx = DbTx::begin(&self.db).await?;
                tx.conn().execute_raw(&sql).await.map_err(failed("indexing shadow tables"))?;
                tx.commit().await?;
                self.let_others_in().await?;
            }
        }
        Ok(())
    }

    /// Tries to put the shadow in the place of the served rows; `false`: not now.
    async fn switch(&mut self, lock_wait: Duration) -> Result<bool, RunnerError> {
        let mut tx = DbTx::begin(&self.db).await?;
        let outcome = self.switch_in(&mut tx.conn(), lock_wait).await;
        match outcome {
            Ok(Some((written, position))) => {
                tx.commit().await?;
                self.moved(&written, position);
                Ok(true)
            }
            Ok(None) => tx.rollback().await.map(|()| false),
            Err(RunnerError::Database { source, .. }) if is_lock_timeout(&source) => {
                tx.rollback().await.map(|()| false)
            }
            Err(error) => Err(error),
        }
    }

    async fn switch_in(
        &self,
        conn: &mut Conn<'_>,
        lock_wait: Duration,
    ) -> Result<Option<(Written, Position)>, RunnerError> {
        let shadow = self.checkpoint();
        if conn.dialect() == Dialect::Postgres {
            let sql = format!("set local lock_timeout = '{}ms'", lock_wait.as_millis());
            conn.execute_raw(&sql).await.map_err(failed("limiting the wait for locks"))?;
        }
        let live = self.lock_live(conn).await?;
        let mut position = shadow.position;
        let mut written = Written::default();
        if let Some(live) = &live {
            let behind = live.position.0.saturating_sub(shadow.position.0);
            if behind > SWITCH_EVENTS_MAX {
                return Ok(None);
            }
            if behind > 0 {
                position = live.position;
                written = self.write_rest(conn, position).await?;
            }
        }
        self.rename(conn, live.is_some()).await?;
        if let Some(live) = &live {
            checkpoint::delete(conn, live).await?;
            checkpoint::insert(conn, &self.retired()).await?;
        }
        if !checkpoint::mark_live(conn, shadow).await? {
            return Err(RunnerError::TakenOver { projection: self.projection().name() });
        }
        Ok(Some((written, position)))
    }

    /// The shadow takes the served tables' names, which are kept aside if they are still to be dropped.
    async fn rename(&self, conn: &mut Conn<'_>, keep: bool) -> Result<(), RunnerError> {
        let (shadow, retired) = (self.checkpoint(), self.retired());
        for table in self.projection().tables() {
            let live = ddl::live_name(table, shadow.version);
            let rebuilt = ddl::shadow_name(table, shadow.version, shadow.generation);
            let aside = ddl::shadow_name(table, retired.version, retired.generation);
            let gone = match keep {
                true => ddl::rename_table(&live, &aside),
                false => format!("drop table if exists {}", ddl::quoted(&live)),
            };
            for sql in [gone, ddl::rename_table(&rebuilt, &live)] {
                conn.execute_raw(&sql).await.map_err(failed("switching rebuilt tables in"))?;
            }
        }
        Ok(())
    }

    /// What the rows that were served are until they are dropped: left by a rebuild, as it were, so
    /// that the next one removes them if this one does not come to it.
    fn retired(&self) -> Checkpoint {
        let shadow = self.checkpoint();
        Checkpoint {
            generation: shadow.generation + 1,
            position: Position::START,
            state: ProjectionState::Rebuilding,
            ..shadow.clone()
        }
    }

    /// Drops the rows that were served before. SQLite overwrites all of them, which takes its time:
    /// by now nobody waits for it.
    async fn drop_retired(&self) {
        if let Err(error) = self.discard(&self.retired()).await {
            tracing::warn!(%error, "the former rows remain; the next rebuild removes them");
        }
    }

    /// The served rows' checkpoint, held still to the end of the transaction.
    async fn lock_live(&self, conn: &mut Conn<'_>) -> Result<Option<Checkpoint>, RunnerError> {
        if conn.dialect() == Dialect::Postgres {
            let sql = "select generation from projection_checkpoints \
                       where name = $1 and version = $2 and state <> 'rebuilding' for update";
            let binds = vec![Value::from(self.projection().name()), int(self.projection().version().into())];
            conn.fetch(sql, binds, &[ColumnKind::Int]).await.map_err(failed("locking the served rows"))?;
        }
        let there = checkpoint::load_in(conn).await?;
        Ok(own_checkpoint(&there, self.projection()).cloned())
    }

    /// Applies the last events, up to where the served rows stand.
    async fn write_rest(&self, conn: &mut Conn<'_>, last: Position) -> Result<Written, RunnerError> {
        let types = wanted(std::iter::once(self.projection()));
        let mut pages = Pages::new(self.log.clone(), self.checkpoint().position, types, SWITCH_PAGE_EVENTS).up_to(last);
        let mut events = Vec::new();
        while pages.position() < last {
            let Some(page) = pages.next().await? else { break };
            events.extend(page.events);
        }
        let policy = if self.options.park { OnUndecodable::Park } else { OnUndecodable::Stop };
        let folded = fold(&self.members, &events, policy)?;
        let writes = Writes::prepare(conn.dialect(), &self.members, folded, Puts::Upsert, shadow)?;
        self.write(conn, writes, last).await
    }

    /// Gives writers in other processes a turn. Within this process turns are fair anyway.
    async fn let_others_in(&mut self) -> Result<(), RunnerError> {
        let Db::Sqlite(db) = &self.db else { return Ok(()) };
        let stint = if self.others_write { SQLITE_STINT.0 } else { SQLITE_STINT.1 };
        if self.paused.elapsed() < stint {
            return Ok(());
        }
        let before = served_position(db).await?;
        self.pause(SQLITE_TURN).await?;
        let Db::Sqlite(db) = &self.db else { return Ok(()) };
        let after = served_position(db).await?;
        self.others_write = after != before;
        self.paused = Instant::now();
        Ok(())
    }

    async fn pause(&self, pause: Duration) -> Result<(), RunnerError> {
        tokio::select! {
            () = self.options.cancel.cancelled() => Err(RunnerError::Cancelled),
            () = tokio::time::sleep(pause) => Ok(()),
        }
    }

    async fn discard(&self, rows: &Checkpoint) -> Result<(), RunnerError> {
        let mut tx = DbTx::begin(&self.db).await?;
        let mut conn = tx.conn();
        checkpoint::lock_setup(&mut conn).await?;
        drop_shadow(&mut conn, self.projection(), rows).await?;
        tx.commit().await
    }
}

/// How far the served rows are: moves while a server is at work.
async fn served_position(db: &wac_store::SqliteDb) -> Result<i64, RunnerError> {
    let sql = "select coalesce(max(position), 0) from projection_checkpoints where state <> 'rebuilding'";
    let position: Result<i64, sqlx::Error> = sqlx::query_scalar(sql).fetch_one(db.readers()).await;
    position.map_err(failed("looking for other writers"))
}

/// PostgreSQL's `lock_not_available`.
fn is_lock_timeout(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(|error| error.code()).is_some_and(|code| code == "55P03")
}
