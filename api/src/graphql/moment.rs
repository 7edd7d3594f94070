//! The present or a moment of the past, as a query reads it. Objects that are asked for one by one
//! are read together.

use std::collections::HashMap;

use async_graphql::dataloader::{DataLoader, Loader};
use wac_events::{DomainId, Position, UserId};

use crate::Problem;
use crate::reads::{DomainView, PresenceView, ReadError, Reads, UserView};

/// A moment.
pub(super) struct Moment {
    /// Typed reads of it.
    pub(super) reads: Reads,
    /// Where it is; `None`: the present.
    pub(super) position: Option<Position>,
    /// Domains by id.
    pub(super) domains: DataLoader<Domains>,
    /// Users by id.
    pub(super) users: DataLoader<Users>,
    /// Presence by user.
    pub(super) presence: DataLoader<PresenceOf>,
}

impl Moment {
    pub(super) fn new(reads: Reads, position: Option<Position>) -> Self {
        let domains = DataLoader::new(Domains(reads.clone()), tokio::spawn);
        let users = DataLoader::new(Users(reads.clone()), tokio::spawn);
        let presence = DataLoader::new(PresenceOf(reads.clone()), tokio::spawn);
        Self { reads, position, domains, users, presence }
    }
}

/// Loads domains.
pub(super) struct Domains(Reads);

impl Loader<DomainId> for Domains {
    type Value = DomainView;
    type Error = Problem;

    async fn load(&self, ids: &[DomainId]) -> Result<HashMap<DomainId, DomainView>, Problem> {
        let found = self.0.domains_by_id(ids).await.map_err(failed)?;
        Ok(found.into_iter().map(|domain| (domain.id.clone(), domain)).collect())
    }
}

/// Loads users.
pub(super) struct Users(Reads);

impl Loader<UserId> for Users {
    type Value = UserView;
    type Error = Problem;

    async fn load(&self, ids: &[UserId]) -> Result<HashMap<UserId, UserView>, Problem> {
        let found = self.0.users_by_id(ids).await.map_err(failed)?;
        Ok(found.into_iter().map(|user| (user.id.clone(), user)).collect())
    }
}

/// Loads presence.
pub(super) struct PresenceOf(Reads);

impl Loader<UserId> for PresenceOf {
    type Value = PresenceView;
    type Error = Problem;

    async fn load(&self, ids: &[UserId]) -> Result<HashMap<UserId, PresenceView>, Problem> {
        Ok(self.0.presence_of(ids).await.map_err(failed)?.into_iter().collect())
    }
}

fn failed(error: ReadError) -> Problem {
    error.into()
}
