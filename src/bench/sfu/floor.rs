//! What a forwarder of single datagrams does not get below: the same packets, each encrypted for its receiver
//! (AES-128-GCM, as SRTP with it does) and sent from one port, by one thread at the same pace, one system call each,
//! and nothing else.
//!
//! The receivers are as real clients are: one thread waits for all of their sockets, reads those that have something
//! until they are empty, and waits again. So a packet that is sent wakes whoever waits for it, and what that costs the
//! sender is in the floor as it is in what is measured beside it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};
use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use mio::net::UdpSocket;
use mio::{Events, Interest, Poll, Token};
use serde::Serialize;

/// An RTP header with the extensions that the node sends.
const HEADER_BYTES: usize = 24;
/// `/proc` counts processor time in these, on every Linux we run on.
const TICKS_PER_SECOND: f64 = 100.0;
/// The receivers look this often whether all is done.
const LOOK_UP: Duration = Duration::from_millis(100);

/// What the floor came to.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Floor {
    /// Processor time of a packet, in microseconds.
    pub(super) micros_per_packet: f64,
    /// Packets a second that were sent.
    pub(super) per_second: f64,
}

/// Sends packets with so many bytes of payload to so many receivers in turn, `pace` a second.
pub(super) fn measure(bytes: usize, receivers: usize, pace: f64, time: Duration) -> Result<Floor> {
    let receivers = Receivers::bind(receivers)?;
    let addresses = receivers.addresses()?;
    let done = Arc::new(AtomicBool::new(false));
    let draining = std::thread::spawn({
        let done = done.clone();
        move || receivers.drain(&done)
    });
    let sent = std::thread::scope(|scope| {
        let sending = scope.spawn(|| send(bytes, &addresses, pace, time));
        sending.join().map_err(|_| anyhow!("the sender of the floor panicked"))
    });
    done.store(true, Ordering::Relaxed);
    draining.join().map_err(|_| anyhow!("the receiver of the floor panicked"))??;
    let (packets, cpu_s) = sent??;
    Ok(Floor {
        micros_per_packet: cpu_s * 1e6 / packets.max(1) as f64,
        per_second: packets as f64 / time.as_secs_f64(),
    })
}

/// Sockets that one thread waits for.
struct Receivers {
    poll: Poll,
    sockets: Vec<UdpSocket>,
}

impl Receivers {
    fn bind(number: usize) -> Result<Self> {
        let poll = Poll::new()?;
        let mut sockets = Vec::with_capacity(number);
        for place in 0..number {
            let mut socket = UdpSocket::bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
            poll.registry().register(&mut socket, Token(place), Interest::READABLE)?;
            sockets.push(socket);
        }
        Ok(Self { poll, sockets })
    }

    fn addresses(&self) -> Result<Vec<SocketAddr>> {
        Ok(self.sockets.iter().map(UdpSocket::local_addr).collect::<std::io::Result<_>>()?)
    }

    /// Takes what comes, so that no buffer is full; on another core, as clients are on other machines.
    fn drain(mut self, done: &AtomicBool) -> Result<()> {
        let mut events = Events::with_capacity(self.sockets.len());
        let mut buffer = [0; 2_048];
        while !done.load(Ordering::Relaxed) {
            if let Err(error) = self.poll.poll(&mut events, Some(LOOK_UP))
                && error.kind() != std::io::ErrorKind::Interrupted
            {
                return Err(error).context("the receivers of the floor cannot wait");
            }
            for readable in events.iter().filter_map(|event| self.sockets.get(event.token().0)) {
                while readable.recv(&mut buffer).is_ok() {}
            }
        }
        Ok(())
    }
}

/// Packets sent, and the processor time of it in seconds.
fn send(bytes: usize, addresses: &[SocketAddr], pace: f64, time: Duration) -> Result<(u64, f64)> {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0")?;
    let key = UnboundKey::new(&AES_128_GCM, &[7; 16]).map_err(|_| anyhow!("no AES"))?;
    let key = LessSafeKey::new(key);
    let payload = vec![0x5a; bytes];
    let mut packet = Vec::with_capacity(HEADER_BYTES + bytes + 16);
    let (began, cpu, mut packets) = (Instant::now(), thread_cpu_s()?, 0_u64);
    while began.elapsed() < time {
        // All receivers get one packet after the other, as from a forwarder; then it is waited for the next one.
        for address in addresses {
            packet.clear();
            packet.extend_from_slice(&[0x80; HEADER_BYTES]);
            packet.extend_from_slice(&payload);
            let mut nonce = [0; NONCE_LEN];
            nonce[..8].copy_from_slice(&packets.to_be_bytes());
            let (header, body) = packet.split_at_mut(HEADER_BYTES);
            let nonce = Nonce::assume_unique_for_key(nonce);
            let tag =
                key.seal_in_place_separate_tag(nonce, Aad::from(&*header), body).map_err(|_| anyhow!("no AES"))?;
            packet.extend_from_slice(tag.as_ref());
            socket.send_to(&packet, address)?;
            packets += 1;
        }
        let due = Duration::from_secs_f64(packets as f64 / pace);
        std::thread::sleep(due.saturating_sub(began.elapsed()));
    }
    Ok((packets, thread_cpu_s()? - cpu))
}

/// Processor time of this thread, in seconds.
fn thread_cpu_s() -> Result<f64> {
    let stat = std::fs::read_to_string("/proc/thread-self/stat").context("cannot read a thread's time")?;
    let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks = |place: usize| rest.split_whitespace().nth(place).and_then(|field| field.parse::<f64>().ok());
    Ok((ticks(11).unwrap_or(0.0) + ticks(12).unwrap_or(0.0)) / TICKS_PER_SECOND)
}
