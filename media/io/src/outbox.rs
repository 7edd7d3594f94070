//! Datagrams that are handed to the kernel together: one system call for many, since the call costs more than the
//! packet; and those for one destination as one message that the kernel divides again (generic segmentation offload),
//! since a message's way through the kernel costs more than both.

mod kernel;
mod messages;
#[cfg(test)]
mod tests;

use std::io::IoSlice;
use std::net::SocketAddr;

use foldhash::{HashMap, HashMapExt as _};
use mio::net::UdpSocket;
use nix::sys::socket::SockaddrStorage;

use kernel::{Kernel, Segmentation};
use messages::Message;

/// So many datagrams wait at most.
const TOGETHER_MAX: usize = 1_024;

/// Datagrams that wait for one destination, in the order they will be sent.
#[derive(Debug)]
struct Line {
    to: SocketAddr,
    datagrams: Vec<Vec<u8>>,
}

/// Datagrams that wait to be sent. Those for one destination go out in the order in which they came.
pub(crate) struct Outbox {
    /// The first `places.len()` of them are in use; the others are kept for their memory.
    lines: Vec<Line>,
    places: HashMap<SocketAddr, usize>,
    waiting: usize,
    pushed: bool,
    messages: Vec<Message>,
    addresses: Vec<Option<SockaddrStorage>>,
    segmentation: Segmentation,
    kernel: Kernel,
}

impl Outbox {
    /// For this socket.
    pub(crate) fn new(socket: &UdpSocket) -> Self {
        Self {
            lines: Vec::new(),
            places: HashMap::new(),
            waiting: 0,
            pushed: false,
            messages: Vec::new(),
            addresses: Vec::new(),
            segmentation: Segmentation::of(socket),
            kernel: kernel::send,
        }
    }

    /// Sends it with those that come soon after; at once if enough wait.
    pub(crate) fn push(&mut self, to: SocketAddr, bytes: Vec<u8>, socket: &UdpSocket) {
        let next = self.places.len();
        let place = *self.places.entry(to).or_insert(next);
        match self.lines.get_mut(place) {
            Some(line) => {
                line.to = to;
                line.datagrams.push(bytes);
            }
            None => self.lines.push(Line { to, datagrams: vec![bytes] }),
        }
        self.pushed = true;
        self.waiting += 1;
        if self.waiting == TOGETHER_MAX {
            self.send(socket);
        }
    }

    /// Sends all that wait; whether anything was pushed since it was last called. What a full buffer or an
    /// unreachable client loses is what a network loses.
    pub(crate) fn flush(&mut self, socket: &UdpSocket) -> bool {
        if self.waiting > 0 {
            self.send(socket);
        }
        std::mem::take(&mut self.pushed)
    }

    fn send(&mut self, socket: &UdpSocket) {
        let lines = self.lines.get(..self.places.len()).unwrap_or_default();
        messages::divide(lines, self.segmentation.is_on(), &mut self.messages);
        let mut slices = Vec::with_capacity(self.waiting);
        self.addresses.clear();
        for message in &self.messages {
            slices.extend(message.datagrams(lines).iter().map(|bytes| IoSlice::new(bytes)));
            self.addresses.push(lines.get(message.line).map(|line| line.to.into()));
        }
        let mut rest = slices.as_slice();
        let gathered: Vec<&[IoSlice<'_>]> = self
            .messages
            .iter()
            .map(|message| {
                let (these, others) = rest.split_at(message.count);
                rest = others;
                these
            })
            .collect();
        let mut began = 0;
        for alike in self.messages.chunk_by(|one, other| one.key() == other.key()) {
            let these = began..began + alike.len();
            began = these.end;
            let segment = alike.first().map_or(0, |message| message.segment);
            kernel::send_all(
                self.kernel,
                socket,
                (&gathered[these.clone()], &self.addresses[these]),
                segment,
                &mut self.segmentation,
            );
        }
        for line in self.lines.iter_mut().take(self.places.len()) {
            line.datagrams.clear();
        }
        self.places.clear();
        self.waiting = 0;
    }
}
