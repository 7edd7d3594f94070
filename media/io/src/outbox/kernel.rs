//! How messages get to the kernel, and what becomes of those that it refuses.

use std::io::IoSlice;
use std::os::fd::AsRawFd as _;

use mio::net::UdpSocket;
use nix::cmsg_space;
use nix::errno::Errno;
use nix::sys::socket::sockopt::UdpGsoSegment;
use nix::sys::socket::{ControlMessage, MsgFlags, MultiHeaders, SockaddrStorage, sendmmsg, setsockopt};

/// Messages, each of them in pieces, and where each goes.
pub(super) type Messages<'m, 'b> = (&'m [&'m [IoSlice<'b>]], &'m [Option<SockaddrStorage>]);

/// Sends messages, each to be divided into datagrams of so many bytes unless that is 0; how many went out before one
/// did not.
pub(super) type Kernel = for<'m, 'b> fn(&UdpSocket, Messages<'m, 'b>, u16) -> Result<usize, Errno>;

/// Whether the kernel divides messages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Segmentation {
    /// It knows how; it has not done so yet.
    Untried,
    /// It has done so.
    Works,
    /// It does not.
    Off,
}

impl Segmentation {
    /// What the kernel says of this socket.
    pub(super) fn of(socket: &UdpSocket) -> Self {
        // 0 leaves the socket as it is: each message says its own length.
        match setsockopt(socket, UdpGsoSegment, &0) {
            Ok(()) => Self::Untried,
            Err(error) => Self::off(error),
        }
    }

    pub(super) fn is_on(self) -> bool {
        self != Self::Off
    }

    /// A message was refused that was to be divided.
    fn refused(&mut self, error: Errno) {
        let for_good = match error {
            Errno::EIO | Errno::EOPNOTSUPP | Errno::ENOPROTOOPT => true,
            // Of a kernel that has divided others it is about the way to one destination.
            Errno::EINVAL => *self == Self::Untried,
            _ => false,
        };
        if for_good && self.is_on() {
            *self = Self::off(error);
        }
    }

    fn off(error: Errno) -> Self {
        tracing::warn!(%error, "the kernel does not divide messages into datagrams: they are sent one by one");
        Self::Off
    }
}

/// Sends all of them. Of a message that is refused the datagrams are sent one by one.
pub(super) fn send_all(
    kernel: Kernel,
    socket: &UdpSocket,
    (mut messages, mut addresses): Messages<'_, '_>,
    segment: u16,
    segmentation: &mut Segmentation,
) {
    while let (Some(first), Some(address)) = (messages.first(), addresses.first()) {
        let refused = segment > 0 && !segmentation.is_on();
        let sent = if refused { Err(Errno::EOPNOTSUPP) } else { kernel(socket, (messages, addresses), segment) };
        match sent {
            Ok(_) if segment > 0 => *segmentation = Segmentation::Works,
            Err(error) if segment > 0 => {
                segmentation.refused(error);
                let singly: Vec<&[IoSlice<'_>]> = first.chunks(1).collect();
                send_all(kernel, socket, (&singly, &vec![*address; singly.len()]), 0, segmentation);
            }
            _ => {}
        }
        // An error is of the first one; those before the next error are sent.
        let sent = sent.unwrap_or(1).max(1);
        messages = messages.get(sent..).unwrap_or_default();
        addresses = addresses.get(sent..).unwrap_or_default();
    }
}

/// By one system call.
pub(super) fn send(socket: &UdpSocket, (messages, addresses): Messages<'_, '_>, segment: u16) -> Result<usize, Errno> {
    let divided = [ControlMessage::UdpGsoSegments(&segment)];
    let (controls, space) = match segment {
        0 => (&divided[..0], None),
        _ => (&divided[..], Some(cmsg_space!(u16))),
    };
    let mut headers = MultiHeaders::preallocate(messages.len(), space);
    Ok(sendmmsg(socket.as_raw_fd(), &mut headers, messages, addresses, controls, MsgFlags::empty())?.count())
}
