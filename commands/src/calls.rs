//! The port through which commands' senders and process managers ask who is where. Answers come
//! from read models; whatever is done about them is decided on the streams themselves.

use futures::FutureExt;
use futures::future::{BoxFuture, ready};
use wac_events::{
    DomainId, GroupId, InviteId, NodeId, OpeningId, Position, RoomRef, SessionId, StoreError, Time, TransferId, UserId,
};

use crate::{Device, MediaNodeLoad};

/// Most entries one question is answered with.
pub const CALLS_LISTED_MAX: usize = 1_000;

/// Which invitations that still ring.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum InvitesOf {
    /// Into this opening of a room.
    Opening(OpeningId),
    /// Sent by this user.
    Caller(UserId),
    /// That this user may take: he rings, or will once he has a device.
    Candidate(UserId),
}

/// Which open rooms.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RoomsOf {
    /// In which this device sits.
    Session(SessionId),
    /// In which this user sits, on any device.
    User(UserId),
    /// Of this domain.
    Domain(DomainId),
    /// Whose media goes through this node.
    Media(NodeId),
    /// Whose media goes through no node that serves.
    WithoutMedia,
}

/// Which groups.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum GroupsOf {
    /// In which this user is.
    User(UserId),
    /// Of this domain.
    Domain(DomainId),
}

/// Something that happens unless something else happens before.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Deadline {
    /// An invitation expires.
    Invite(InviteId),
    /// A transfer fails.
    Transfer(TransferId),
    /// A session expires.
    Session(SessionId),
    /// A lost device loses its seats.
    Seats(Device),
    /// A user without a device ceases to ring, and what he sent is cancelled.
    Ringing(UserId),
    /// The devices of a node that has ended are removed.
    Node(NodeId),
}

/// Deadlines, and the position up to which they are known.
pub type KnownDeadlines = (Position, Vec<(Time, Deadline)>);

/// Who is where.
pub trait Calls: Send + Sync + 'static {
    /// Ids of invitations that still ring, at most [`CALLS_LISTED_MAX`].
    fn invites<'a>(&'a self, of: &'a InvitesOf, seen: Position) -> BoxFuture<'a, Result<Vec<InviteId>, StoreError>>;

    /// Open rooms, at most [`CALLS_LISTED_MAX`].
    fn rooms<'a>(&'a self, of: &'a RoomsOf, seen: Position) -> BoxFuture<'a, Result<Vec<RoomRef>, StoreError>>;

    /// Transfers of a room's opening that are pending.
    fn transfers<'a>(
        &'a self,
        opening: &'a OpeningId,
        seen: Position,
    ) -> BoxFuture<'a, Result<Vec<TransferId>, StoreError>>;

    /// Groups, at most [`CALLS_LISTED_MAX`].
    fn groups<'a>(&'a self, of: &'a GroupsOf, seen: Position) -> BoxFuture<'a, Result<Vec<GroupId>, StoreError>>;

    /// Open sessions of a user, those opened first first.
    fn sessions<'a>(&'a self, user: &'a UserId, seen: Position) -> BoxFuture<'a, Result<Vec<SessionId>, StoreError>>;

    /// Devices registered with a node.
    fn devices<'a>(&'a self, node: &'a NodeId, seen: Position) -> BoxFuture<'a, Result<Vec<Device>, StoreError>>;

    /// Users of a domain who belong to the agents' pool, those who have been idle longest first.
    fn agents<'a>(&'a self, domain: &'a DomainId, seen: Position) -> BoxFuture<'a, Result<Vec<UserId>, StoreError>>;

    /// Every deadline there is, and the position up to which they are known: where whoever folds
    /// further ones starts.
    fn deadlines(&self) -> BoxFuture<'_, Result<KnownDeadlines, StoreError>>;

    /// Nodes that have started and not stopped.
    fn nodes(&self, seen: Position) -> BoxFuture<'_, Result<Vec<NodeId>, StoreError>>;

    /// Nodes that serve media: whether they take further rooms, and how loaded they are.
    fn media_nodes(&self, seen: Position) -> BoxFuture<'_, Result<MediaNodes, StoreError>>;
}

/// The nodes that serve media.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct MediaNodes {
    /// Those that take further rooms.
    pub taking: Vec<MediaNodeLoad>,
    /// Those that are being drained.
    pub draining: Vec<NodeId>,
}

/// Of a platform on which nobody calls: there is nothing to list.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nobody;

fn none<T: Send + 'static>() -> BoxFuture<'static, Result<Vec<T>, StoreError>> {
    ready(Ok(Vec::new())).boxed()
}

impl Calls for Nobody {
    fn invites<'a>(&'a self, _: &'a InvitesOf, _: Position) -> BoxFuture<'a, Result<Vec<InviteId>, StoreError>> {
        none()
    }

    fn rooms<'a>(&'a self, _: &'a RoomsOf, _: Position) -> BoxFuture<'a, Result<Vec<RoomRef>, StoreError>> {
        none()
    }

    fn transfers<'a>(&'a self, _: &'a OpeningId, _: Position) -> BoxFuture<'a, Result<Vec<TransferId>, StoreError>> {
        none()
    }

    fn groups<'a>(&'a self, _: &'a GroupsOf, _: Position) -> BoxFuture<'a, Result<Vec<GroupId>, StoreError>> {
        none()
    }

    fn sessions<'a>(&'a self, _: &'a UserId, _: Position) -> BoxFuture<'a, Result<Vec<SessionId>, StoreError>> {
        none()
    }

    fn devices<'a>(&'a self, _: &'a NodeId, _: Position) -> BoxFuture<'a, Result<Vec<Device>, StoreError>> {
        none()
    }

    fn agents<'a>(&'a self, _: &'a DomainId, _: Position) -> BoxFuture<'a, Result<Vec<UserId>, StoreError>> {
        none()
    }

    fn deadlines(&self) -> BoxFuture<'_, Result<KnownDeadlines, StoreError>> {
        ready(Ok((Position::START, Vec::new()))).boxed()
    }

    fn nodes(&self, _: Position) -> BoxFuture<'_, Result<Vec<NodeId>, StoreError>> {
        none()
    }

    fn media_nodes(&self, _: Position) -> BoxFuture<'_, Result<MediaNodes, StoreError>> {
        ready(Ok(MediaNodes::default())).boxed()
    }
}
