use std::io::{Error, ErrorKind, Result};
use std::net::{SocketAddr, TcpListener, UdpSocket};

/// So many free ports are tried until one is free for UDP and TCP alike.
const ATTEMPTS_MAX: usize = 32;

/// The node's port, once for UDP and once for TCP.
#[derive(Debug)]
pub struct MediaSockets {
    pub(crate) udp: UdpSocket,
    pub(crate) tcp: TcpListener,
}

impl MediaSockets {
    /// Binds both; port 0: any that is free for both.
    pub fn bind(address: SocketAddr) -> Result<Self> {
        for _ in 0..ATTEMPTS_MAX {
            let udp = UdpSocket::bind(address)?;
            match TcpListener::bind(udp.local_addr()?) {
                Ok(tcp) => return Ok(Self { udp, tcp }),
                Err(error) if address.port() == 0 && error.kind() == ErrorKind::AddrInUse => {}
                Err(error) => return Err(error),
            }
        }
        Err(Error::new(ErrorKind::AddrInUse, "no port is free for UDP and TCP alike"))
    }

    /// Where they are bound.
    pub fn address(&self) -> Result<SocketAddr> {
        self.udp.local_addr()
    }
}
