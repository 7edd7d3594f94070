//! What a rebuild writes next: read, folded, coalesced and made into statements while the
//! transaction before it is under way.

use std::sync::Arc;

use wac_events::{EventLog, Position, Recorded};
use wac_projections::Table;
use wac_store::Db;

use crate::ahead::ReadAhead;
use crate::conn::Dialect;
use crate::fold::{Folded, Member, OnUndecodable, fold};
use crate::pages::wanted;
use crate::statements::Puts;
use crate::write::Writes;
use crate::{RunnerError, ddl};

/// From this many rows on, what was gathered is written, in one transaction.
const WRITE_ROWS: usize = 5_000;
/// From this many positions on, what was gathered is written, however few rows it is.
const WRITE_POSITIONS: u64 = 50_000;

/// Where a member's shadow keeps a table's rows.
pub(crate) fn shadow(table: &Table, member: &Member) -> String {
    ddl::shadow_name(table, member.checkpoint.version, member.checkpoint.generation)
}

/// What one transaction writes.
pub(crate) struct Gathered {
    pub(crate) writes: Writes,
    pub(crate) events: u64,
    pub(crate) to: Position,
}

/// Reads, folds and coalesces until it is worth a transaction.
pub(crate) struct Gathering {
    ahead: ReadAhead<Result<Folded, RunnerError>>,
    dialect: Dialect,
    member: Member,
}

impl Gathering {
    pub(crate) fn new(db: &Db, log: Arc<dyn EventLog>, member: &Member, policy: OnUndecodable) -> Self {
        let types = wanted(std::iter::once(&*member.projection));
        let members = [member.clone()];
        let work = move |events: Vec<Recorded>| fold(&members, &events, policy);
        let ahead = ReadAhead::new(log, member.checkpoint.position, types, work);
        Self { ahead, dialect: Dialect::of(db), member: member.clone() }
    }

    /// What is worth the next transaction; `None` at the end of the log.
    pub(crate) async fn next(&mut self) -> Result<Option<Gathered>, RunnerError> {
        let (from, mut folded, mut events) = (self.ahead.position(), Folded::default(), 0);
        while folded.batch.rows() < WRITE_ROWS && self.ahead.position().0 - from.0 < WRITE_POSITIONS {
            let Some(done) = self.ahead.next().await? else { break };
            folded.merge(done.work?);
            events += done.events;
        }
        let to = self.ahead.position();
        if to == from {
            return Ok(None);
        }
        let (dialect, members) = (self.dialect, [self.member.clone()]);
        let preparing =
            tokio::task::spawn_blocking(move || Writes::prepare(dialect, &members, folded, Puts::Load, shadow));
        let writes = preparing.await.map_err(|_| RunnerError::Broken("preparing rows"))??;
        Ok(Some(Gathered { writes, events, to }))
    }
}
