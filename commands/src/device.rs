//! A device of a user: who acts in rooms and on invitations.

use wac_events::{SessionId, StreamId, UserId};

use crate::{Rejection, World};

/// A user on one of his devices.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Device {
    /// Who.
    pub user: UserId,
    /// Which device: a session.
    pub session: SessionId,
}

impl Device {
    /// The stream that says whether it can be reached.
    pub(crate) fn stream(&self) -> StreamId {
        self.user.presence_stream()
    }

    /// Only a device that can be reached takes a seat or sends an invitation: whatever it does so
    /// ends when it is removed, and nothing is left behind.
    pub(crate) fn check(&self, world: &World) -> Result<(), Rejection> {
        if world.presence(&self.user).devices.contains_key(&self.session) {
            Ok(())
        } else {
            Err(Rejection::DeviceNotRegistered)
        }
    }
}
