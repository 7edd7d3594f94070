//! The loop that keeps a group of read models up: a page of events, one transaction, again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;
use wac_events::{EventLog, Page, Position, Recorded};
use wac_projections::{Projection, Table, Value};

use crate::checkpoint::{self, Checkpoint, ProjectionState};
use crate::conn::{Conn, DbTx, Dialect};
use crate::error::failed;
use crate::fold::{Folded, Member, OnUndecodable, earliest, fold};
use crate::pages::{Pages, wanted};
use crate::served::Shared;
use crate::statements::Puts;
use crate::write::Writes;
use crate::{RunnerError, ddl};

/// Most events one transaction of a running server applies: with SQLite, appends wait meanwhile.
pub const APPLY_EVENTS_MAX: usize = 2_000;
/// Rounds of a running server begin this far apart, so that one transaction, which other writers of
/// the database wait for, applies what came meanwhile.
pub const ROUND_EVERY: Duration = Duration::from_millis(20);
/// The same while somebody waits for the rows of an event.
pub const HURRIED_ROUND_EVERY: Duration = Duration::from_millis(4);
/// From this many events on, folding moves to a thread where it keeps nobody waiting.
const FOLD_INLINE_EVENTS_MAX: usize = 200;
/// How long one wait for new events lasts at most.
const IDLE_PATIENCE: Duration = Duration::from_secs(5);
/// How often a node that does not apply looks how far the one that does has come.
const FOLLOW_INTERVAL: Duration = Duration::from_millis(50);
/// How long the applying node may stand still before another takes over.
const TAKEOVER_AFTER: Duration = Duration::from_millis(200);
/// First and longest pause after a failure.
const RETRY_PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));
/// Namespace of the advisory locks, one for each group; PostgreSQL only.
const GROUP_LOCKS: i32 = 0x7761_6370;

/// What one round came to.
enum Round {
    /// Rows were written; there may be more.
    Applied,
    /// Nothing behind the last event.
    Idle,
    /// Another node is at work, or has moved a checkpoint.
    Lost,
}

/// Keeps a group of projections up, all in one transaction.
pub(crate) struct Driver {
    pub(crate) shared: Arc<Shared>,
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) members: Vec<Member>,
    /// Tells this group's lock from other groups'.
    pub(crate) lock: i32,
    pub(crate) shutdown: CancellationToken,
    pages: Pages,
    /// Whether the last page was a full one.
    full: bool,
    /// Where the group stood, and since when, while another node is at work.
    following: Option<(Position, Instant)>,
}

impl Driver {
    pub(crate) fn new(
        shared: Arc<Shared>,
        log: Arc<dyn EventLog>,
        members: Vec<Member>,
        lock: i32,
        shutdown: CancellationToken,
    ) -> Self {
        let pages = pages_of(&log, &members);
        Self { shared, log, members, lock, shutdown, pages, full: false, following: None }
    }

    /// Takes over a projection that has caught up.
    pub(crate) fn adopt(&mut self, member: Member) {
        self.members.push(member);
        self.pages = pages_of(&self.log, &self.members);
    }

    /// Runs until the shutdown, or, if `until_live`, until every member is live.
    pub(crate) async fn run(&mut self, until_live: bool) {
        let mut pause = RETRY_PAUSE.0;
        while !(self.shutdown.is_cancelled() || until_live && self.is_live()) {
            match self.step().await {
                Ok(()) => pause = RETRY_PAUSE.0,
                Err(error) => {
                    tracing::warn!(%error, position = earliest(&self.members).0, "read models wait");
                    self.sleep(pause).await;
                    pause = (pause * 2).min(RETRY_PAUSE.1);
                    self.pages.seek(earliest(&self.members));
                    if let Err(error) = self.reload().await {
                        tracing::debug!(%error, "checkpoints could not be read");
                    }
                }
            }
        }
    }

    async fn step(&mut self) -> Result<(), RunnerError> {
        if self.following.is_some() && self.keeps_following().await? {
            return Ok(());
        }
        let began = Instant::now();
        match self.round().await? {
            Round::Applied => self.pace(began).await,
            Round::Idle => self.wait(IDLE_PATIENCE).await,
            Round::Lost => {
                self.reload().await?;
                self.following = Some((earliest(&self.members), Instant::now()));
                self.sleep(FOLLOW_INTERVAL).await;
            }
        }
        Ok(())
    }

    /// Lets events gather for the next round, unless there are many already.
    async fn pace(&self, began: Instant) {
        if self.full || !self.is_live() {
            return;
        }
        self.sleep(HURRIED_ROUND_EVERY.saturating_sub(began.elapsed())).await;
        tokio::select! {
            () = self.shared.somebody_waits() => {}
            () = self.sleep(ROUND_EVERY.saturating_sub(began.elapsed())) => {}
        }
    }

    /// Whether another node is still seen at work; looks once in a while, and only if the log moves.
    async fn keeps_following(&mut self) -> Result<bool, RunnerError> {
        self.reload().await?;
        let position = earliest(&self.members);
        let behind = self.log.head().await?.position > position;
        match self.following {
            Some((seen, since)) if seen == position && behind => {
                if since.elapsed() >= TAKEOVER_AFTER {
                    self.following = None;
                    return Ok(false);
                }
                self.sleep(FOLLOW_INTERVAL).await;
            }
            _ => {
                if behind {
                    self.sleep(FOLLOW_INTERVAL).await;
                } else {
                    self.wait(IDLE_PATIENCE).await;
                }
                // It has only now got something to do.
                self.following = Some((position, Instant::now()));
            }
        }
        Ok(true)
    }

    /// Reads a page and applies it.
    async fn round(&mut self) -> Result<Round, RunnerError> {
        self.pages.seek(earliest(&self.members));
        let page = self.pages.next().await?;
        let building = !self.is_live();
        let Some(page) = page else {
            return if building { self.finish_building().await } else { Ok(Round::Idle) };
        };
        let Page { events, scanned_to } = page;
        self.full = events.len() >= APPLY_EVENTS_MAX;
        let folded = self.fold(events).await?;
        let caught_up = building && scanned_to >= self.log.head().await?.position;
        self.apply(folded, scanned_to, caught_up).await
    }

    async fn fold(&self, events: Vec<Recorded>) -> Result<Folded, RunnerError> {
        if events.len() <= FOLD_INLINE_EVENTS_MAX {
            return fold(&self.members, &events, OnUndecodable::Park);
        }
        let members = self.members.clone();
        let folding = tokio::task::spawn_blocking(move || fold(&members, &events, OnUndecodable::Park));
        folding.await.map_err(|_| RunnerError::Broken("folding events"))?
    }

    /// An empty log, or nothing of interest at its end: complete as it is.
    async fn finish_building(&mut self) -> Result<Round, RunnerError> {
        let position = earliest(&self.members);
        if self.log.head().await?.position > position {
            return Ok(Round::Applied);
        }
        self.apply(Folded::default(), position, true).await
    }

    async fn apply(&mut self, folded: Folded, to: Position, caught_up: bool) -> Result<Round, RunnerError> {
        let live = |table: &Table, member: &Member| ddl::live_name(table, member.checkpoint.version);
        let writes = Writes::prepare(Dialect::of(&self.shared.db), &self.members, folded, Puts::Upsert, live)?;
        let mut tx = DbTx::begin(&self.shared.db).await?;
        let mut conn = tx.conn();
        if !try_lock(&mut conn, self.lock).await? {
            tx.rollback().await?;
            return Ok(Round::Lost);
        }
        let moving: Vec<&Checkpoint> = self
            .members
            .iter()
            .map(|member| &member.checkpoint)
            .filter(|checkpoint| checkpoint.position < to)
            .collect();
        if !moving.is_empty() && !checkpoint::advance(&mut conn, &moving, to).await? {
            tx.rollback().await?;
            return Ok(Round::Lost);
        }
        let parked = writes.run(&mut conn).await?.events;
        let finished = |member: &&Member| caught_up && member.checkpoint.state == ProjectionState::Building;
        for member in self.members.iter().filter(finished) {
            if !checkpoint::mark_live(&mut conn, &member.checkpoint).await? {
                tx.rollback().await?;
                return Ok(Round::Lost);
            }
        }
        tx.commit().await?;
        if parked > 0 {
            tracing::warn!(events = parked, position = to.0, "events were parked");
        }
        self.applied(to, caught_up);
        Ok(Round::Applied)
    }

    fn applied(&mut self, to: Position, caught_up: bool) {
        for member in &mut self.members {
            let checkpoint = &mut member.checkpoint;
            checkpoint.position = checkpoint.position.max(to);
            if caught_up && checkpoint.state == ProjectionState::Building {
                checkpoint.state = ProjectionState::Live;
                tracing::info!(projection = checkpoint.name, version = checkpoint.version, "read model is live");
            }
            self.shared.applied(checkpoint);
        }
    }

    /// Reads where the group stands: another node has moved it, or a rebuild was switched in.
    async fn reload(&mut self) -> Result<(), RunnerError> {
        let checkpoints = checkpoint::load(&self.shared.db).await?;
        self.shared.observe(&checkpoints).await?;
        for member in &mut self.members {
            if let Some(own) = own_checkpoint(&checkpoints, &*member.projection) {
                member.checkpoint = own.clone();
            }
        }
        self.pages.seek(earliest(&self.members));
        Ok(())
    }

    pub(crate) fn is_live(&self) -> bool {
        self.members.iter().all(|member| member.checkpoint.state == ProjectionState::Live)
    }

    async fn wait(&self, patience: Duration) {
        tokio::select! {
            () = self.shutdown.cancelled() => {}
            () = self.log.wait_beyond(earliest(&self.members), patience) => {}
        }
    }

    async fn sleep(&self, pause: Duration) {
        tokio::select! {
            () = self.shutdown.cancelled() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

fn pages_of(log: &Arc<dyn EventLog>, members: &[Member]) -> Pages {
    let types = wanted(members.iter().map(|member| &*member.projection));
    Pages::new(log.clone(), earliest(members), types, APPLY_EVENTS_MAX)
}

/// The checkpoint of a projection's own version that is built or served.
pub(crate) fn own_checkpoint<'c>(checkpoints: &'c [Checkpoint], projection: &dyn Projection) -> Option<&'c Checkpoint> {
    checkpoints.iter().find(|row| {
        row.name == projection.name() && row.version == projection.version() && row.state != ProjectionState::Rebuilding
    })
}

/// Takes the group's lock to the end of the transaction unless another node has it. With SQLite
/// there is no other node.
async fn try_lock(conn: &mut Conn<'_>, group: i32) -> Result<bool, RunnerError> {
    if conn.dialect() == Dialect::Sqlite {
        return Ok(true);
    }
    let sql = "select pg_try_advisory_xact_lock($1::bigint::integer, $2::bigint::integer)";
    let binds = vec![Value::Int(GROUP_LOCKS.into()), Value::Int(group.into())];
    let rows =
        conn.fetch(sql, binds, &[wac_projections::ColumnKind::Bool]).await.map_err(failed("locking read models"))?;
    Ok(rows.first().and_then(|row| row[0].as_bool()).unwrap_or(false))
}
