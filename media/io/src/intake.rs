//! Datagrams as the kernel hands them over, with the time when it got them.

use std::io::{Error, ErrorKind, IoSliceMut, Result};
use std::net::{SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

use mio::net::UdpSocket;
use nix::sys::socket::sockopt::ReceiveTimestampns;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt};
use nix::sys::time::TimeSpec;
use nix::time::{ClockId, clock_gettime};

/// Longest datagram that is taken in, in bytes.
const DATAGRAM_BYTES_MAX: usize = 2_000;

/// Where datagrams are read into.
pub(crate) struct Intake {
    buffer: [u8; DATAGRAM_BYTES_MAX],
    control: Vec<u8>,
}

/// A datagram that has come.
pub(crate) struct Datagram<'a> {
    pub from: SocketAddr,
    pub bytes: &'a [u8],
    /// When the kernel got it, by its wall clock since 1970, if it tells.
    pub at: Option<Duration>,
}

impl Intake {
    /// Has the kernel tell when a datagram came to this socket.
    pub(crate) fn new(socket: &UdpSocket) -> Self {
        if let Err(error) = setsockopt(&socket.as_fd(), ReceiveTimestampns, &true) {
            tracing::info!(%error, "the kernel does not tell when datagrams come; their delay is not measured");
        }
        Self { buffer: [0; DATAGRAM_BYTES_MAX], control: nix::cmsg_space!(TimeSpec) }
    }

    /// The next datagram; an error of the kind `WouldBlock`: none is there.
    pub(crate) fn receive(&mut self, socket: &UdpSocket) -> Result<Datagram<'_>> {
        let mut parts = [IoSliceMut::new(&mut self.buffer)];
        let received = recvmsg::<SockaddrStorage>(
            socket.as_raw_fd(),
            &mut parts,
            Some(self.control.as_mut_slice()),
            MsgFlags::MSG_DONTWAIT,
        )?;
        let at = received.cmsgs()?.find_map(|message| match message {
            ControlMessageOwned::ScmTimestampns(at) => Some(Duration::from(at)),
            _ => None,
        });
        let from = received.address.as_ref().and_then(address).ok_or_else(|| Error::from(ErrorKind::InvalidData))?;
        let length = received.bytes;
        Ok(Datagram { from, bytes: &self.buffer[..length], at })
    }
}

fn address(storage: &SockaddrStorage) -> Option<SocketAddr> {
    let four = storage.as_sockaddr_in().map(|address| SocketAddr::V4(SocketAddrV4::from(*address)));
    four.or_else(|| storage.as_sockaddr_in6().map(|address| SocketAddr::V6(SocketAddrV6::from(*address))))
}

/// The wall clock that datagrams are marked by, since 1970.
pub(crate) fn kernel_time() -> Option<Duration> {
    clock_gettime(ClockId::CLOCK_REALTIME).ok().map(Duration::from)
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket as Std;

    use super::*;

    fn node(address: &str) -> UdpSocket {
        UdpSocket::bind(address.parse().unwrap()).unwrap()
    }

    #[test]
    fn a_datagram_tells_whence_and_when_it_came() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let node = node(address);
            let mut intake = Intake::new(&node);
            let client = Std::bind(address).unwrap();
            let before = kernel_time().unwrap();
            for length in [1, 1_200, 5_000] {
                client.send_to(&vec![7; length], node.local_addr().unwrap()).unwrap();
                let datagram = intake.receive(&node).unwrap();
                assert_eq!(datagram.from, client.local_addr().unwrap());
                assert_eq!(datagram.bytes, vec![7; length.min(DATAGRAM_BYTES_MAX)]);
                let at = datagram.at.expect("this kernel tells");
                assert!(before <= at && at <= kernel_time().unwrap());
            }
            assert!(intake.receive(&node).is_err_and(|error| error.kind() == ErrorKind::WouldBlock));
        }
    }
}
