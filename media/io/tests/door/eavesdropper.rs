//! Somebody on the way between clients and the node: he hears everything, and sends the node what he likes, from an
//! address of his own or as if he were one of the clients.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::net::UdpSocket;

use crate::node::Node;
use crate::relay::{Direction, Out, RETRANSMISSION, Relay, Seen, Weather, mixed};

const SEED: u64 = 2_026;
const CALM: Weather =
    Weather { seed: SEED, loss_permille: 0, delay: Duration::ZERO, late_permille: 0, late: Duration::ZERO };
/// What is sent again comes by so much later at most.
const LATER_MAX_MS: u64 = 60;

/// What he has sent again.
#[derive(Default)]
pub(crate) struct Repeated {
    wanted: AtomicBool,
    rtp: AtomicU64,
    rtcp: AtomicU64,
}

impl Repeated {
    pub(crate) fn rtp(&self) -> u64 {
        self.rtp.load(Ordering::Relaxed)
    }

    pub(crate) fn rtcp(&self) -> u64 {
        self.rtcp.load(Ordering::Relaxed)
    }
}

/// He.
pub(crate) struct Eavesdropper {
    relay: Relay,
    heard: Arc<Mutex<Vec<Seen>>>,
    pub(crate) repeated: Arc<Repeated>,
    own: Arc<UdpSocket>,
    node: SocketAddr,
}

/// Whether it is SRTP or SRTCP (RFC 7983 §7), and of those SRTCP (RFC 5761 §4).
fn is_media(bytes: &[u8]) -> bool {
    bytes.len() > 12 && (128..192).contains(&bytes[0])
}

fn is_control(bytes: &[u8]) -> bool {
    is_media(bytes) && (192..224).contains(&bytes[1])
}

/// Whether it is a binding request (RFC 8489 §5).
pub(crate) fn is_check(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0, 1])
}

/// Whether it is DTLS (RFC 7983 §7).
pub(crate) fn is_dtls(bytes: &[u8]) -> bool {
    bytes.first().is_some_and(|first| (20..64).contains(first))
}

impl Eavesdropper {
    /// A node, all of whose clients come by way of him.
    pub(crate) async fn at_a_node() -> (Node, Self) {
        let relay = Relay::new(CALM).await;
        let node = Node::start_with(|config| config.address = relay.address()).await;
        relay.lead_to(node.media_address());
        let own = Arc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap());
        let (heard, repeated) = (Arc::<Mutex<Vec<Seen>>>::default(), Arc::<Repeated>::default());
        let him = Self { heard, repeated, own, node: node.media_address(), relay };
        him.listen();
        (node, him)
    }

    fn listen(&self) {
        let mut ear = self.relay.listen();
        let (heard, repeated, own, node) = (self.heard.clone(), self.repeated.clone(), self.own.clone(), self.node);
        tokio::spawn(async move {
            let mut number = 0;
            while let Some(seen) = ear.recv().await {
                let wanted = repeated.wanted.load(Ordering::Relaxed) && seen.direction == Direction::Up;
                if wanted && is_media(&seen.bytes) {
                    number += 1;
                    let later = Duration::from_millis(1 + mixed(SEED ^ number) % LATER_MAX_MS);
                    let (repeated, own) = (repeated.clone(), own.clone());
                    tokio::spawn(repeat(seen.out.clone(), seen.bytes.clone(), later, (own, node), repeated));
                }
                heard.lock().unwrap().push(seen);
            }
        });
    }

    /// From now on every datagram of media that a client sends comes twice more, later: from where it came, and from elsewhere.
    pub(crate) fn repeat_media(&self, wanted: bool) {
        self.repeated.wanted.store(wanted, Ordering::Relaxed);
    }

    /// What a client has sent so far that is of this kind.
    pub(crate) fn heard_of(&self, client: u64, is: fn(&[u8]) -> bool) -> Vec<Vec<u8>> {
        let heard = self.heard.lock().unwrap();
        let of_him = heard.iter().filter(|seen| seen.direction == Direction::Up && seen.client == client);
        of_him.filter(|seen| is(&seen.bytes)).map(|seen| seen.bytes.clone()).collect()
    }

    /// Of the media that the node has sent a client, how many packets, and how many of those more than once. Retransmissions
    /// do not count: with them the node finds out how much the way bears.
    pub(crate) fn sent_to(&self, client: u64) -> (u64, u64) {
        let heard = self.heard.lock().unwrap();
        let (mut seen, mut all) = (HashSet::new(), 0);
        for bytes in heard.iter().filter(|seen| seen.direction == Direction::Down && seen.client == client) {
            let bytes = &bytes.bytes;
            if is_media(bytes) && !is_control(bytes) && bytes[1] & 0x7f != RETRANSMISSION {
                all += 1;
                // Sequence number and source (RFC 3550 §5.1).
                seen.insert((bytes[2..4].to_vec(), bytes[8..12].to_vec()));
            }
        }
        (all, all - seen.len() as u64)
    }

    /// Sends it to the node from his own address.
    pub(crate) async fn send(&self, bytes: &[u8]) {
        self.own.send_to(bytes, self.node).await.unwrap();
    }

    /// Sends it to the node as if it were of this client.
    pub(crate) async fn send_as(&self, client: u64, bytes: &[u8]) {
        let way = self.way_of(client);
        way.send(bytes).await;
    }

    fn way_of(&self, client: u64) -> Out {
        let heard = self.heard.lock().unwrap();
        let of_him = heard.iter().find(|seen| seen.direction == Direction::Up && seen.client == client);
        of_him.expect("the client has sent something").out.clone()
    }

    /// Whether the node has sent anything to his own address.
    pub(crate) fn is_answered(&self) -> bool {
        self.own.try_recv_from(&mut [0; 2_000]).is_ok()
    }
}

async fn repeat(
    out: Out,
    bytes: Vec<u8>,
    later: Duration,
    (own, node): (Arc<UdpSocket>, SocketAddr),
    repeated: Arc<Repeated>,
) {
    tokio::time::sleep(later).await;
    let counter = if is_control(&bytes) { &repeated.rtcp } else { &repeated.rtp };
    counter.fetch_add(1, Ordering::Relaxed);
    out.send(&bytes).await;
    let _ = own.send_to(&bytes, node).await;
}
