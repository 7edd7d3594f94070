//! What each request does: one command where something changes.

mod invites;
mod people;
mod rooms;
mod transfers;

use wac_commands::{InvitesOf, RoomsOf};
use wac_events::{GroupId, InviteId, Position, RoomRef, StoreError, Time, TransferId, UserId};

use crate::address::is_id;
use crate::ask::Ask;
use crate::failure::{Failure, Refusal};

/// An id of an invitation as it came; `None` if no invitation can have it.
fn invite_id(text: &str) -> Result<InviteId, Failure> {
    let unknown = || Refusal::new(404, "invite_not_found", "There is no such invitation.");
    if is_id(text) { Ok(text.into()) } else { Err(unknown().into()) }
}

fn transfer_id(text: &str) -> Result<TransferId, Failure> {
    let unknown = || Refusal::new(404, "transfer_not_found", "There is no such transfer.");
    if is_id(text) { Ok(text.into()) } else { Err(unknown().into()) }
}

impl Ask<'_> {
    /// A new id, never used before.
    fn new_id(&self) -> String {
        self.handler().environment().new_uuid().to_string()
    }

    /// When something sent now ceases to ring.
    fn ring_until(&self) -> Time {
        self.ctx.now.plus(self.settings().watchdog.rings_for())
    }

    /// The end of the log: what read models must have seen for a question that must not miss
    /// what this user did a moment ago.
    async fn head(&self) -> Result<Position, StoreError> {
        Ok(self.handler().log().head().await?.position)
    }

    /// The rooms a user sits in.
    async fn rooms_of(&self, user: &UserId) -> Result<Vec<RoomRef>, StoreError> {
        let seen = self.head().await?;
        self.signaling.calls.rooms(&RoomsOf::User(user.clone()), seen).await
    }

    /// The invitations that ring for a user.
    async fn ringing_for(&self, user: &UserId) -> Result<Vec<InviteId>, StoreError> {
        let seen = self.head().await?;
        self.signaling.calls.invites(&InvitesOf::Candidate(user.clone()), seen).await
    }

    /// The members of a group.
    async fn members(&self, group: &GroupId) -> Result<Vec<UserId>, StoreError> {
        Ok(self.handler().load(&[group.stream()]).await?.group(group).users.clone())
    }
}
