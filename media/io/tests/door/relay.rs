//! A network between clients and the node that loses, delays and reorders datagrams: what becomes of which one
//! follows from a seed, its direction and its number.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// The payload type of retransmissions that the clients of these tests offer beside VP8 (RFC 4588).
pub(crate) const RETRANSMISSION: u8 = 97;
/// RTPFB (RFC 4585 §6.1) and, in the first octet, its format NACK (§6.2.1).
const FEEDBACK: u8 = 205;
const NACK: u8 = 1;
const DATAGRAM_BYTES_MAX: usize = 2_000;

/// How the network behaves, once it begins to.
#[derive(Clone, Copy)]
pub(crate) struct Weather {
    pub(crate) seed: u64,
    /// Of a thousand datagrams each way, so many are lost.
    pub(crate) loss_permille: u64,
    /// How long every datagram takes.
    pub(crate) delay: Duration,
    /// Of a thousand datagrams, so many take longer, and are overtaken.
    pub(crate) late_permille: u64,
    /// So much longer.
    pub(crate) late: Duration,
}

/// What has passed since the weather began.
#[derive(Default)]
pub(crate) struct Passed {
    /// Datagrams of clients.
    pub(crate) up: AtomicU64,
    /// Datagrams of the node.
    pub(crate) down: AtomicU64,
    /// Those that were lost.
    pub(crate) lost: AtomicU64,
    /// Packets that clients have sent again.
    pub(crate) resent: AtomicU64,
    /// Requests of clients to send something again.
    pub(crate) asked: AtomicU64,
}

impl Passed {
    pub(crate) fn read(counter: &AtomicU64) -> u64 {
        counter.load(Ordering::Relaxed)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Direction {
    Up,
    Down,
}

/// A datagram on its way, for somebody who listens there.
pub(crate) struct Seen {
    pub(crate) direction: Direction,
    /// Counts the clients, as they have come.
    pub(crate) client: u64,
    pub(crate) bytes: Vec<u8>,
    /// Brings more, as if it were of the same sender.
    pub(crate) out: Out,
}

struct Network {
    weather: Weather,
    begun: AtomicBool,
    passed: Passed,
    listener: Mutex<Option<mpsc::UnboundedSender<Seen>>>,
}

impl Network {
    fn show(&self, pipe: &Pipe, bytes: &[u8]) {
        if let Some(listener) = self.listener.lock().unwrap().as_ref() {
            let Pipe { direction, client, out, .. } = pipe;
            let seen = Seen { direction: *direction, client: *client, bytes: bytes.to_vec(), out: out.clone() };
            // A listener may have heard enough.
            let _ = listener.send(seen);
        }
    }
}

/// What becomes of a datagram.
#[derive(PartialEq, Eq, Debug)]
enum Fate {
    Lost,
    Takes(Duration),
    Overtaken(Duration),
}

/// SplitMix64.
pub(crate) fn mixed(seed: u64) -> u64 {
    let mut mixed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

impl Weather {
    /// Of the datagram with this number among those of one client in one direction.
    fn fate(&self, direction: Direction, client: u64, number: u64) -> Fate {
        let way = client * 2 + u64::from(direction == Direction::Down);
        let lot = mixed(mixed(self.seed ^ mixed(way)) ^ number);
        match (lot % 1_000 < self.loss_permille, lot / 1_000 % 1_000 < self.late_permille) {
            (true, _) => Fate::Lost,
            (false, true) => Fate::Overtaken(self.delay + self.late),
            (false, false) => Fate::Takes(self.delay),
        }
    }
}

/// One client's datagrams one way: those that take equally long stay in order.
struct Pipe {
    direction: Direction,
    client: u64,
    number: u64,
    out: Out,
    waiting: mpsc::UnboundedSender<(Instant, Vec<u8>)>,
}

/// Where a pipe ends.
#[derive(Clone)]
pub(crate) struct Out {
    socket: Arc<UdpSocket>,
    to: SocketAddr,
}

impl Out {
    pub(crate) async fn send(&self, bytes: &[u8]) {
        // Whoever has gone gets nothing.
        let _ = self.socket.send_to(bytes, self.to).await;
    }
}

impl Pipe {
    fn new(direction: Direction, client: u64, out: Out) -> Self {
        let (waiting, mut due) = mpsc::unbounded_channel::<(Instant, Vec<u8>)>();
        let end = out.clone();
        tokio::spawn(async move {
            while let Some((at, bytes)) = due.recv().await {
                tokio::time::sleep_until(at).await;
                end.send(&bytes).await;
            }
        });
        Self { direction, client, number: 0, out, waiting }
    }

    async fn carry(&mut self, network: &Network, bytes: &[u8]) {
        network.show(self, bytes);
        if !network.begun.load(Ordering::Relaxed) {
            return self.out.send(bytes).await;
        }
        network.passed.note(self.direction, bytes);
        self.number += 1;
        match network.weather.fate(self.direction, self.client, self.number) {
            Fate::Lost => _ = network.passed.lost.fetch_add(1, Ordering::Relaxed),
            Fate::Takes(time) => _ = self.waiting.send((Instant::now() + time, bytes.to_vec())),
            Fate::Overtaken(time) => {
                let (out, bytes) = (self.out.clone(), bytes.to_vec());
                tokio::spawn(async move {
                    tokio::time::sleep(time).await;
                    out.send(&bytes).await;
                });
            }
        }
    }
}

impl Passed {
    fn note(&self, direction: Direction, bytes: &[u8]) {
        let add = |counter: &AtomicU64| _ = counter.fetch_add(1, Ordering::Relaxed);
        if direction == Direction::Down {
            return add(&self.down);
        }
        add(&self.up);
        match bytes {
            [128..=191, FEEDBACK, ..] if bytes[0] & 0x1f == NACK => add(&self.asked),
            [128..=191, kind, ..] if kind & 0x7f == RETRANSMISSION => add(&self.resent),
            _ => {}
        }
    }
}

/// The network: clients reach the node at [`address`](Self::address).
pub(crate) struct Relay {
    front: Arc<UdpSocket>,
    address: SocketAddr,
    network: Arc<Network>,
    task: Mutex<Option<tokio::task::JoinHandle<()>>>,
}

impl Drop for Relay {
    fn drop(&mut self) {
        if let Some(task) = self.task.lock().unwrap().take() {
            task.abort();
        }
    }
}

impl Relay {
    pub(crate) async fn new(weather: Weather) -> Self {
        let front = Arc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap());
        let address = front.local_addr().unwrap();
        let network = Arc::new(Network {
            weather,
            begun: AtomicBool::new(false),
            passed: Passed::default(),
            listener: Mutex::default(),
        });
        Self { front, address, network, task: Mutex::default() }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Carries everything to the node and back, as if there were no weather.
    pub(crate) fn lead_to(&self, node: SocketAddr) {
        let (front, network) = (self.front.clone(), self.network.clone());
        let task = tokio::spawn(async move {
            let mut clients: HashMap<SocketAddr, Pipe> = HashMap::new();
            let mut buffer = [0; DATAGRAM_BYTES_MAX];
            loop {
                let Ok((length, from)) = front.recv_from(&mut buffer).await else { continue };
                if !clients.contains_key(&from) {
                    let socket = Arc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap());
                    let client = clients.len() as u64;
                    let back = Out { socket: front.clone(), to: from };
                    tokio::spawn(carry_back(socket.clone(), Pipe::new(Direction::Down, client, back), network.clone()));
                    clients.insert(from, Pipe::new(Direction::Up, client, Out { socket, to: node }));
                }
                if let Some(pipe) = clients.get_mut(&from) {
                    pipe.carry(&network, &buffer[..length]).await;
                }
            }
        });
        *self.task.lock().unwrap() = Some(task);
    }

    /// From now on there is weather.
    pub(crate) fn begin(&self) {
        self.network.begun.store(true, Ordering::Relaxed);
    }

    /// Everything that passes from now on.
    pub(crate) fn listen(&self) -> mpsc::UnboundedReceiver<Seen> {
        let (listener, heard) = mpsc::unbounded_channel();
        *self.network.listener.lock().unwrap() = Some(listener);
        heard
    }

    pub(crate) fn passed(&self) -> &Passed {
        &self.network.passed
    }
}

async fn carry_back(socket: Arc<UdpSocket>, mut pipe: Pipe, network: Arc<Network>) {
    let mut buffer = [0; DATAGRAM_BYTES_MAX];
    loop {
        match socket.recv_from(&mut buffer).await {
            Ok((length, _)) => pipe.carry(&network, &buffer[..length]).await,
            // The node has gone.
            Err(_) => return,
        }
    }
}

#[test]
fn what_becomes_of_a_datagram_follows_from_the_seed() {
    let time = Duration::from_millis;
    let weather = Weather { seed: 7, loss_permille: 50, delay: time(10), late_permille: 20, late: time(25) };
    let fates = |weather: Weather, client| -> Vec<Fate> {
        (0..20_000).map(|number| weather.fate(Direction::Up, client, number)).collect()
    };
    let first = fates(weather, 0);
    assert_eq!(first, fates(weather, 0));
    assert_ne!(first, fates(weather, 1));
    assert_ne!(first, fates(Weather { seed: 8, ..weather }, 0));
    let count = |fate: Fate| first.iter().filter(|it| **it == fate).count();
    assert!((900..1_100).contains(&count(Fate::Lost)), "{}", count(Fate::Lost));
    assert!((300..460).contains(&count(Fate::Overtaken(time(35)))), "{}", count(Fate::Overtaken(time(35))));
}
