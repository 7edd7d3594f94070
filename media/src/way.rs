use std::net::SocketAddr;

use str0m::net::Protocol;

/// What carries a packet.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Transport {
    /// A datagram (RFC 768).
    Udp,
    /// A connection that the client has opened, its packets framed (RFC 4571, RFC 6544).
    Tcp,
}

impl Transport {
    pub(crate) fn protocol(self) -> Protocol {
        match self {
            Self::Udp => Protocol::Udp,
            Self::Tcp => Protocol::Tcp,
        }
    }
}

/// Where a packet comes from or goes to.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Way {
    /// What carries it.
    pub transport: Transport,
    /// The client's address.
    pub address: SocketAddr,
}

impl Way {
    /// By UDP.
    pub fn udp(address: SocketAddr) -> Self {
        Self { transport: Transport::Udp, address }
    }

    /// By TCP.
    pub fn tcp(address: SocketAddr) -> Self {
        Self { transport: Transport::Tcp, address }
    }
}
