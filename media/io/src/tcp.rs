//! Media over TCP (RFC 6544) for clients behind what lets no UDP through: one listener beside the
//! UDP port, packets with their length before them (RFC 4571).

use std::collections::HashMap;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use mio::net::{TcpListener, TcpStream};
use mio::{Interest, Registry, Token};

/// The listener's token; those of connections follow.
pub(crate) const LISTENER: Token = Token(2);
/// Most connections; further ones are closed at once.
const CONNECTIONS_MAX: usize = 4_096;
/// Most connections of one address over which no client has proved himself.
const STRANGERS_OF_ONE_ADDRESS_MAX: usize = 32;
/// A connection over which no client has proved himself for so long is closed.
const UNKNOWN_MAX: Duration = Duration::from_secs(15);
/// Longest packet, in bytes; whoever announces a longer one is no client.
const PACKET_BYTES_MAX: usize = 2_000;
/// So much may wait for a slow client, in bytes; what comes on top is lost, as in a network.
const WAITING_BYTES_MAX: usize = 256 * 1_024;
/// So much is read from one connection before the others have their turn, in bytes.
const READ_BYTES_MAX: usize = 64 * 1_024;

/// The listener and its connections.
pub(crate) struct Tcp {
    listener: TcpListener,
    connections: HashMap<Token, Connection>,
    by_address: HashMap<SocketAddr, Token>,
    /// Connections of which more can be read than had its turn.
    unread: Vec<Token>,
    next: usize,
}

struct Connection {
    stream: TcpStream,
    address: SocketAddr,
    received: Vec<u8>,
    waiting: Vec<u8>,
    /// When it was last a client's, or when it was opened.
    known_at: Instant,
    /// Whether it has ever been a client's.
    proven: bool,
}

/// The next whole packet at the start of `received`, and how much of it that took; the error is that the peer does
/// not keep to the framing.
fn packet(received: &[u8]) -> Result<Option<(&[u8], usize)>, ()> {
    let Some((length, rest)) = received.split_first_chunk::<2>() else { return Ok(None) };
    let length = usize::from(u16::from_be_bytes(*length));
    if length > PACKET_BYTES_MAX {
        return Err(());
    }
    Ok(rest.get(..length).map(|packet| (packet, length + 2)))
}

impl Tcp {
    /// Around a bound listener, registered.
    pub(crate) fn new(listener: std::net::TcpListener, registry: &Registry) -> std::io::Result<Self> {
        listener.set_nonblocking(true)?;
        let mut listener = TcpListener::from_std(listener);
        registry.register(&mut listener, LISTENER, Interest::READABLE)?;
        Ok(Self {
            listener,
            connections: HashMap::new(),
            by_address: HashMap::new(),
            unread: Vec::new(),
            next: LISTENER.0 + 1,
        })
    }

    /// Whether there is something to be read without waiting.
    pub(crate) fn is_unread(&self) -> bool {
        !self.unread.is_empty()
    }

    /// Takes in what the poll has said of a token.
    pub(crate) fn ready(&mut self, token: Token, registry: &Registry, now: Instant) {
        if token == LISTENER {
            self.accept(registry, now);
        } else if self.connections.contains_key(&token) {
            self.flush(token);
            if !self.unread.contains(&token) {
                self.unread.push(token);
            }
        }
    }

    fn accept(&mut self, registry: &Registry, now: Instant) {
        loop {
            match self.listener.accept() {
                Ok((mut stream, address)) => {
                    let token = Token(self.next);
                    let interest = Interest::READABLE | Interest::WRITABLE;
                    if self.is_full(address.ip()) || registry.register(&mut stream, token, interest).is_err() {
                        continue;
                    }
                    self.next += 1;
                    // Without it small packets would wait for one another.
                    let _ = stream.set_nodelay(true);
                    let (received, waiting) = (Vec::new(), Vec::new());
                    let connection = Connection { stream, address, received, waiting, known_at: now, proven: false };
                    self.connections.insert(token, connection);
                    self.by_address.insert(address, token);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                // A client that went before it was taken; the next one is another matter.
                Err(error) if error.kind() == ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    tracing::warn!(%error, "the media node cannot take a TCP connection");
                    return;
                }
            }
        }
    }

    fn is_full(&self, from: IpAddr) -> bool {
        let stranger = |connection: &&Connection| !connection.proven && connection.address.ip() == from;
        self.connections.len() >= CONNECTIONS_MAX
            || self.connections.values().filter(stranger).count() >= STRANGERS_OF_ONE_ADDRESS_MAX
    }

    /// Reads what can be read; `take` gets every packet and whom it is from.
    pub(crate) fn read(&mut self, mut take: impl FnMut(SocketAddr, &[u8])) {
        for token in std::mem::take(&mut self.unread) {
            match self.read_one(token, &mut take) {
                Ok(true) => self.unread.push(token),
                Ok(false) => {}
                Err(()) => self.close(token),
            }
        }
    }

    /// Whether there may be more.
    fn read_one(&mut self, token: Token, take: &mut impl FnMut(SocketAddr, &[u8])) -> Result<bool, ()> {
        let Some(connection) = self.connections.get_mut(&token) else { return Ok(false) };
        let mut buffer = [0; 16 * 1_024];
        for _ in 0..READ_BYTES_MAX / buffer.len() {
            match connection.stream.read(&mut buffer) {
                Ok(0) => return Err(()),
                Ok(length) => connection.received.extend_from_slice(&buffer[..length]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Err(()),
            }
            let mut taken = 0;
            while let Some((packet, length)) = packet(&connection.received[taken..])? {
                take(connection.address, packet);
                taken += length;
            }
            connection.received.drain(..taken);
        }
        Ok(true)
    }

    /// Sends a packet, if there is still a connection to that address.
    pub(crate) fn send(&mut self, to: SocketAddr, packet: &[u8]) {
        let Some(token) = self.by_address.get(&to).copied() else { return };
        let Some(connection) = self.connections.get_mut(&token) else { return };
        let Ok(length) = u16::try_from(packet.len()) else { return };
        if connection.waiting.len() + packet.len() + 2 > WAITING_BYTES_MAX {
            return;
        }
        connection.waiting.extend_from_slice(&length.to_be_bytes());
        connection.waiting.extend_from_slice(packet);
        self.flush(token);
    }

    fn flush(&mut self, token: Token) {
        let Some(connection) = self.connections.get_mut(&token) else { return };
        let mut written = 0;
        while written < connection.waiting.len() {
            match connection.stream.write(&connection.waiting[written..]) {
                Ok(0) => break,
                Ok(length) => written += length,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                // Reading finds out the same and closes it.
                Err(_) => break,
            }
        }
        connection.waiting.drain(..written);
    }

    /// Closes the connections that belong to nobody. `known`: whether an address is a client's.
    pub(crate) fn sweep(&mut self, now: Instant, known: impl Fn(SocketAddr) -> bool) {
        let mut strangers = Vec::new();
        for (token, connection) in &mut self.connections {
            if known(connection.address) {
                connection.known_at = now;
                connection.proven = true;
            } else if now.saturating_duration_since(connection.known_at) > UNKNOWN_MAX {
                strangers.push(*token);
            }
        }
        for token in strangers {
            self.close(token);
        }
    }

    fn close(&mut self, token: Token) {
        if let Some(connection) = self.connections.remove(&token) {
            self.by_address.remove(&connection.address);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_cut_out_of_the_stream_wherever_it_is_broken() {
        let stream = [0, 3, 1, 2, 3, 0, 1, 9, 0, 0];
        assert_eq!(packet(&stream[..1]), Ok(None));
        assert_eq!(packet(&stream[..4]), Ok(None));
        assert_eq!(packet(&stream), Ok(Some((&[1, 2, 3][..], 5))));
        assert_eq!(packet(&stream[5..]), Ok(Some((&[9][..], 3))));
        assert_eq!(packet(&stream[8..]), Ok(Some((&[][..], 2))));
        assert_eq!(packet(b"GET / HTTP/1.1"), Err(()), "no client");
    }

    #[test]
    fn of_any_bytes_packets_are_cut_that_are_in_them_and_no_longer_than_one_may_be() {
        bolero::check!().for_each(|bytes: &[u8]| {
            let (mut rest, mut cut) = (bytes, 0);
            while let Ok(Some((content, length))) = packet(rest) {
                assert_eq!(content.len() + 2, length);
                assert!(content.len() <= PACKET_BYTES_MAX);
                (rest, cut) = (&rest[length..], cut + length);
            }
            assert!(cut <= bytes.len());
        });
    }
}
