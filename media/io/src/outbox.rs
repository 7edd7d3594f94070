//! Datagrams that are handed to the kernel together: one system call for many, since the call costs
//! more than the packet.

use std::io::{IoSlice, Result};
use std::net::SocketAddr;

use mio::net::UdpSocket;
use rustix::net::addr::SocketAddrArg as _;
use rustix::net::{MMsgHdr, SendAncillaryBuffer, SendFlags, SocketAddrAny, sendmmsg};

/// So many datagrams wait at most.
const TOGETHER_MAX: usize = 64;

/// Datagrams that wait to be sent, in the order they will be.
#[derive(Default)]
pub(crate) struct Outbox {
    waiting: Vec<(SocketAddrAny, Vec<u8>)>,
}

impl Outbox {
    /// Sends it with those that come soon after; at once if enough wait.
    pub(crate) fn push(&mut self, to: SocketAddr, bytes: Vec<u8>, socket: &UdpSocket) {
        self.waiting.push((to.as_any(), bytes));
        if self.waiting.len() == TOGETHER_MAX {
            self.flush(socket);
        }
    }

    /// Sends all that wait. What a full buffer or an unreachable client loses is what a network loses.
    pub(crate) fn flush(&mut self, socket: &UdpSocket) {
        let mut rest = self.waiting.as_slice();
        while !rest.is_empty() {
            // An error is of the first one; those before the next error are sent.
            let sent = send(socket, rest).unwrap_or(1).max(1);
            rest = rest.get(sent..).unwrap_or_default();
        }
        self.waiting.clear();
    }
}

/// How many went out before one did not.
fn send(socket: &UdpSocket, datagrams: &[(SocketAddrAny, Vec<u8>)]) -> Result<usize> {
    let bytes: Vec<[IoSlice<'_>; 1]> = datagrams.iter().map(|(_, bytes)| [IoSlice::new(bytes)]).collect();
    let mut controls: Vec<SendAncillaryBuffer<'_, '_, '_>> =
        datagrams.iter().map(|_| SendAncillaryBuffer::default()).collect();
    let mut headers: Vec<MMsgHdr<'_>> = datagrams
        .iter()
        .zip(&bytes)
        .zip(&mut controls)
        .map(|(((to, _), bytes), control)| MMsgHdr::new_with_addr(to, bytes, control))
        .collect();
    Ok(sendmmsg(socket, &mut headers, SendFlags::empty())?)
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket as Std;
    use std::time::Duration;

    use super::*;

    fn receiver() -> Std {
        let socket = Std::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        socket
    }

    #[test]
    fn everything_is_sent_in_order_except_what_cannot_be() {
        let socket = UdpSocket::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let (first, second) = (receiver(), receiver());
        // A datagram longer than any network carries, first, in the middle and last.
        let too_long = vec![0; 70_000];
        let mut outbox = Outbox::default();
        let to = |receiver: &Std| receiver.local_addr().unwrap();
        outbox.push(to(&first), too_long.clone(), &socket);
        for number in 0..100_u8 {
            outbox.push(to(&first), vec![number; 3], &socket);
            outbox.push(to(&second), vec![number; 5], &socket);
            if number == 40 {
                outbox.push(to(&second), too_long.clone(), &socket);
            }
        }
        outbox.push(to(&second), too_long, &socket);
        outbox.flush(&socket);
        assert!(outbox.waiting.is_empty());
        let mut buffer = [0; 100];
        for (receiver, length) in [(&first, 3), (&second, 5)] {
            for number in 0..100_u8 {
                assert_eq!(receiver.recv(&mut buffer).unwrap(), length);
                assert_eq!(buffer[0], number);
            }
        }
    }
}
