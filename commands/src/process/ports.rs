use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use wac_events::{ClientId, DomainId, NodeId, Position, StoreError, TokenId, UserId};

use super::ProcessError;
use crate::{Calls, CommandHandler, Rejection};

/// What a manager asks the read models for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Listing {
    /// Ids of the users of a domain.
    UsersOf(DomainId),
    /// Ids of the domains directly below a domain.
    ChildDomainsOf(DomainId),
    /// Ids of the clients of a domain.
    ClientsOf(DomainId),
    /// Ids of a domain's credentials that belong to no user.
    PoolOf(DomainId),
    /// Ids of a user's credentials.
    CredentialsOf(UserId),
    /// Ids of a user's token families that are not revoked.
    TokensOfUser(UserId),
    /// Ids of a client's token families that are not revoked.
    TokensOfClient(ClientId),
    /// Ids of the credentials leased to a token family.
    LeasedTo(TokenId),
    /// Ids of the media sessions that a node carries and that are not over.
    MediaOf(NodeId),
}

/// Lists what belongs to what, from read models.
pub trait Lookup: Send + Sync + 'static {
    /// At most `limit` ids greater than `after`, in rising order, from a read model that has seen
    /// everything up to `seen`: waits for it, within bounds.
    ///
    /// Errors: the store's trouble, or a read model that does not get there in time.
    fn list<'a>(
        &'a self,
        listing: &'a Listing,
        after: Option<&'a str>,
        limit: usize,
        seen: Position,
    ) -> BoxFuture<'a, Result<Vec<String>, StoreError>>;
}

/// Keeps how far each manager has got.
pub trait Checkpoints: Send + Sync + 'static {
    /// The position kept under `name`; [`Position::START`] if there is none.
    fn load<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Position, StoreError>>;

    /// Keeps `position` under `name`. Never goes back: a smaller one than what is kept is ignored.
    fn save<'a>(&'a self, name: &'a str, position: Position) -> BoxFuture<'a, Result<(), StoreError>>;
}

/// Lets time pass.
pub trait Timer: Send + Sync + 'static {
    /// Resolves after `duration`.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;
}

/// Hears what managers meet, for logs and metrics.
pub trait Watcher: Send + Sync + 'static {
    /// A rule refused a manager's command; it goes on.
    fn rejected(&self, manager: &'static str, command: &'static str, rejection: &Rejection) {
        let _ = (manager, command, rejection);
    }

    /// A reaction failed and is tried again after `pause`.
    fn failed(&self, manager: &'static str, error: &ProcessError, pause: Duration) {
        let _ = (manager, error, pause);
    }

    /// Everything up to `position` has been handled.
    fn advanced(&self, manager: &'static str, position: Position) {
        let _ = (manager, position);
    }
}

/// A watcher that keeps everything to itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Watcher for Silent {}

/// What managers work with.
#[derive(Clone)]
pub struct Ports {
    /// Executes their commands; knows the log and the clock.
    pub handler: CommandHandler,
    /// Lists what belongs to what.
    pub lookup: Arc<dyn Lookup>,
    /// Who is where.
    pub calls: Arc<dyn Calls>,
    /// Keeps how far they have got.
    pub checkpoints: Arc<dyn Checkpoints>,
    /// Lets time pass.
    pub timer: Arc<dyn Timer>,
    /// Hears what they meet.
    pub watcher: Arc<dyn Watcher>,
}
