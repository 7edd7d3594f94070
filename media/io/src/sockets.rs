use std::io::{Error, ErrorKind, Result};
use std::net::{SocketAddr, TcpListener, UdpSocket};

use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::{RcvBuf, SndBuf};

/// What is asked of the kernel for datagrams that wait on either side of the socket, in bytes: a burst of a whole room,
/// as pictures begin together. It gives no more than `net.core.rmem_max` and `wmem_max`.
const BUFFER_BYTES: usize = 4 << 20;
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
                Ok(tcp) => {
                    setsockopt(&udp, RcvBuf, &BUFFER_BYTES)?;
                    setsockopt(&udp, SndBuf, &BUFFER_BYTES)?;
                    return Ok(Self { udp, tcp });
                }
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
