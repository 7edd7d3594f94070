//! Who is where, from the read models.

mod deadlines;
mod media;

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use wac_commands::{CALLS_LISTED_MAX, Calls, Deadline, Device, GroupsOf, InvitesOf, MediaNodes, RoomsOf};
use wac_events::{
    DomainId, Environment, GroupId, InviteId, NodeId, OpeningId, Position, RoomRef, SessionId, StoreError, Time,
    TransferId, UserId,
};
use wac_projections::{
    AGENTS, AgentRow, CANDIDATES, CandidateRow, GROUP_USERS, GROUPS, GroupRow, GroupUserRow, INVITES, InviteRow,
    MEDIA_NODES, MEDIA_ROOMS, NODES, NodeRow, PARTICIPANTS, PRESENCE, ParticipantRow, ROOMS, RoomRow, Row, Rows,
    SELECT_ROWS_MAX, SESSIONS, Select, SessionRow, TRANSFERS, Table, TransferRow, Value,
};

/// Rows of one person looked at together, newest first.
const CANDIDATE_ROWS: usize = 100;

/// Waits for read models: the runner of the process, or whoever applies events in a simulation.
pub trait CaughtUp: Send + Sync + 'static {
    /// Returns once the rows of these tables hold everything up to a position. An error if that
    /// takes too long.
    fn caught_up<'a>(&'a self, tables: &'a [&'static str], seen: Position) -> BoxFuture<'a, Result<(), StoreError>>;
}

/// [`Calls`] over the read models, in a database or in memory.
pub struct RowsCalls {
    rows: Arc<dyn Rows>,
    caught_up: Arc<dyn CaughtUp>,
    env: Arc<dyn Environment>,
}

impl RowsCalls {
    /// Over rows, with whoever knows how far they are built.
    pub fn new(rows: Arc<dyn Rows>, caught_up: Arc<dyn CaughtUp>, env: Arc<dyn Environment>) -> Self {
        Self { rows, caught_up, env }
    }

    async fn seen(&self, tables: &[&'static Table], seen: Position) -> Result<(), StoreError> {
        if seen == Position::START {
            return Ok(());
        }
        let names: Vec<&'static str> = tables.iter().map(|table| table.name).collect();
        self.caught_up.caught_up(&names, seen).await
    }

    /// Every row that meets a condition, at most [`CALLS_LISTED_MAX`]; rows that cannot be read are
    /// left out.
    async fn some<T>(&self, select: Select, read: fn(&Row) -> Option<T>) -> Result<Vec<T>, StoreError> {
        let rows = self.rows.select(select.limit(CALLS_LISTED_MAX)).await?;
        Ok(rows.iter().filter_map(read).collect())
    }

    /// Every row of a table that meets a condition, page by page.
    async fn all<T>(&self, select: Select, read: fn(&Row) -> Option<T>) -> Result<Vec<T>, StoreError> {
        let mut found = Vec::new();
        let mut page = select.clone().limit(SELECT_ROWS_MAX);
        loop {
            let rows = self.rows.select(page.clone()).await?;
            found.extend(rows.iter().filter_map(read));
            let last = rows.last().and_then(|row| row.get(page.table.key())).and_then(Value::as_text);
            match last {
                Some(key) if rows.len() == SELECT_ROWS_MAX => page = page.clone().after(Some(key.to_owned())),
                _ => return Ok(found),
            }
        }
    }

    async fn ringing(&self, column: &'static str, value: &str) -> Result<Vec<InviteId>, StoreError> {
        let rows = self.some(Select::from(&INVITES).equals(column, value), InviteRow::from_row).await?;
        Ok(rows.into_iter().map(|row| row.id).collect())
    }

    /// What a user may take, newest first as long as it may ring.
    async fn ringing_for(&self, user: &UserId) -> Result<Vec<InviteId>, StoreError> {
        let now = self.env.now();
        let mut select = Select::from(&CANDIDATES).equals("live_user", user.as_str()).limit(CANDIDATE_ROWS);
        select.descending = true;
        let mut found: Vec<InviteId> = Vec::new();
        while found.len() < CALLS_LISTED_MAX {
            let rows = self.rows.select(select.clone()).await?;
            let candidates: Vec<CandidateRow> = rows.iter().filter_map(CandidateRow::from_row).collect();
            let ids = candidates.iter().map(|row| Value::from(row.invite.as_str())).collect();
            let of_these = Select::from(&INVITES).one_of(INVITES.key(), ids).equals("ringing", true);
            let invites = self.some(of_these, InviteRow::from_row).await?;
            found.extend(invites.into_iter().map(|row| row.id));
            let over = candidates.last().is_none_or(|row| row.ring_until <= now);
            let last = rows.last().and_then(|row| row.get(CANDIDATES.key())).and_then(Value::as_text);
            match last {
                Some(key) if rows.len() == CANDIDATE_ROWS && !over => select = select.after(Some(key.to_owned())),
                _ => break,
            }
        }
        found.truncate(CALLS_LISTED_MAX);
        Ok(found)
    }

    async fn seats(&self, column: &'static str, value: &str) -> Result<Vec<RoomRef>, StoreError> {
        let rows = self.some(Select::from(&PARTICIPANTS).equals(column, value), ParticipantRow::from_row).await?;
        let rooms: BTreeSet<RoomRef> = rows.into_iter().map(|row| row.room).collect();
        Ok(rooms.into_iter().collect())
    }

    async fn groups_of(&self, user: &UserId) -> Result<Vec<GroupId>, StoreError> {
        let select = Select::from(&GROUP_USERS).equals("user", user.as_str());
        let ids = self.some(select, GroupUserRow::from_row).await?.into_iter();
        let ids = ids.map(|row| Value::from(row.group.as_str())).collect();
        let groups = self.some(Select::from(&GROUPS).one_of(GROUPS.key(), ids), GroupRow::from_row).await?;
        Ok(groups.into_iter().map(|row| row.id).collect())
    }

    async fn agents_of(&self, domain: &DomainId) -> Result<Vec<UserId>, StoreError> {
        let select = Select::from(&AGENTS).equals("domain", domain.as_str()).equals("agent", true);
        let mut agents = self.all(select.equals("invite", Value::Null), AgentRow::from_row).await?;
        agents.sort_by(|a, b| (a.idle_since, &a.user).cmp(&(b.idle_since, &b.user)));
        Ok(agents.into_iter().map(|row| row.user).collect())
    }
}

impl Calls for RowsCalls {
    fn invites<'a>(&'a self, of: &'a InvitesOf, seen: Position) -> BoxFuture<'a, Result<Vec<InviteId>, StoreError>> {
        async move {
            self.seen(&[&INVITES, &CANDIDATES], seen).await?;
            match of {
                InvitesOf::Opening(opening) => self.ringing("ring_opening", opening.as_str()).await,
                InvitesOf::Caller(user) => self.ringing("ring_caller", user.as_str()).await,
                InvitesOf::Candidate(user) => self.ringing_for(user).await,
            }
        }
        .boxed()
    }

    fn rooms<'a>(&'a self, of: &'a RoomsOf, seen: Position) -> BoxFuture<'a, Result<Vec<RoomRef>, StoreError>> {
        async move {
            self.seen(&[&ROOMS, &PARTICIPANTS, &MEDIA_ROOMS], seen).await?;
            match of {
                RoomsOf::Media(node) => self.rooms_at(node).await,
                RoomsOf::WithoutMedia => self.rooms_without_media().await,
                RoomsOf::Session(session) => self.seats("live_session", session.as_str()).await,
                RoomsOf::User(user) => self.seats("live_user", user.as_str()).await,
                RoomsOf::Domain(domain) => {
                    let select = Select::from(&ROOMS).equals("open_domain", domain.as_str());
                    let rows = self.some(select, RoomRow::from_row).await?;
                    Ok(rows.into_iter().map(|row| row.room).collect())
                }
            }
        }
        .boxed()
    }

    fn transfers<'a>(
        &'a self,
        opening: &'a OpeningId,
        seen: Position,
    ) -> BoxFuture<'a, Result<Vec<TransferId>, StoreError>> {
        async move {
            self.seen(&[&TRANSFERS], seen).await?;
            let select = Select::from(&TRANSFERS).equals("pending_opening", opening.as_str());
            Ok(self.some(select, TransferRow::from_row).await?.into_iter().map(|row| row.id).collect())
        }
        .boxed()
    }

    fn groups<'a>(&'a self, of: &'a GroupsOf, seen: Position) -> BoxFuture<'a, Result<Vec<GroupId>, StoreError>> {
        async move {
            self.seen(&[&GROUPS, &GROUP_USERS], seen).await?;
            match of {
                GroupsOf::User(user) => self.groups_of(user).await,
                GroupsOf::Domain(domain) => {
                    let select = Select::from(&GROUPS).equals("domain", domain.as_str());
                    Ok(self.some(select, GroupRow::from_row).await?.into_iter().map(|row| row.id).collect())
                }
            }
        }
        .boxed()
    }

    fn sessions<'a>(&'a self, user: &'a UserId, seen: Position) -> BoxFuture<'a, Result<Vec<SessionId>, StoreError>> {
        async move {
            self.seen(&[&SESSIONS], seen).await?;
            let select = Select::from(&SESSIONS).equals("live_user", user.as_str());
            let mut rows = self.some(select, SessionRow::from_row).await?;
            rows.sort_by(|a, b| (a.opened_at, &a.id).cmp(&(b.opened_at, &b.id)));
            Ok(rows.into_iter().map(|row| row.id).collect())
        }
        .boxed()
    }

    fn devices<'a>(&'a self, node: &'a NodeId, seen: Position) -> BoxFuture<'a, Result<Vec<Device>, StoreError>> {
        async move {
            self.seen(&[&SESSIONS], seen).await?;
            let select = Select::from(&SESSIONS).equals("node", node.as_str());
            let rows = self.all(select, SessionRow::from_row).await?;
            Ok(rows.into_iter().map(|row| Device { user: row.user, session: row.id }).collect())
        }
        .boxed()
    }

    fn agents<'a>(&'a self, domain: &'a DomainId, seen: Position) -> BoxFuture<'a, Result<Vec<UserId>, StoreError>> {
        async move {
            self.seen(&[&AGENTS, &PRESENCE], seen).await?;
            self.agents_of(domain).await
        }
        .boxed()
    }

    fn deadlines(&self) -> BoxFuture<'_, Result<(Position, Vec<(Time, Deadline)>), StoreError>> {
        self.every_deadline().boxed()
    }

    fn nodes(&self, seen: Position) -> BoxFuture<'_, Result<Vec<NodeId>, StoreError>> {
        async move {
            self.seen(&[&NODES], seen).await?;
            let select = Select::from(&NODES).equals("running", true);
            Ok(self.some(select, NodeRow::from_row).await?.into_iter().map(|row| row.id).collect())
        }
        .boxed()
    }

    fn media_nodes(&self, seen: Position) -> BoxFuture<'_, Result<MediaNodes, StoreError>> {
        async move {
            self.seen(&[&MEDIA_NODES, &MEDIA_ROOMS], seen).await?;
            self.nodes_with_media().await
        }
        .boxed()
    }
}
