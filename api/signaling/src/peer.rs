use wac_commands::Device;
use wac_events::{DomainId, NodeId, Role, SessionId, UserId};

/// Who is at the other end of a socket.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Peer {
    /// The user.
    pub user: UserId,
    /// The session: the device.
    pub session: SessionId,
    /// The user's domain.
    pub domain: DomainId,
    /// What he may do.
    pub role: Role,
    /// The node that holds the socket.
    pub node: NodeId,
}

impl Peer {
    /// The device that acts.
    pub fn device(&self) -> Device {
        Device { user: self.user.clone(), session: self.session.clone() }
    }

    /// Whether the peer acts by the right of an administrator.
    pub fn is_admin(&self) -> bool {
        self.role == Role::Admin
    }
}
