//! A node and its clients in memory: time is simulated, the network loses by a seed.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use wac_events::room::{JoinReason, ParticipantJoined, RoomCreated, RoomEvent, RoomKind};
use wac_events::{OpeningId, Position, Time};
use wac_media::wire::{ClientFrame, ClientMessage, NodeFrame};
use wac_media::{Entrance, JoinRejection, Output, PeerFact, PeerId, Rights, Sfu, SfuConfig, Ticket, Way};

use crate::client::Client;

const STEP: Duration = Duration::from_millis(2);
const LATENCY: Duration = Duration::from_millis(10);

pub(crate) const EVERYTHING: Rights = Rights { publish: true, subscribe: true, data: true };

/// A datagram on its way.
struct Flying {
    due: Instant,
    from: SocketAddr,
    to: SocketAddr,
    bytes: Vec<u8>,
}

pub(crate) struct World {
    pub now: Instant,
    pub sfu: Sfu,
    pub clients: Vec<Client>,
    pub node: SocketAddr,
    /// Of a thousand datagrams, in both directions.
    pub loss_permille: u64,
    /// Every datagram takes up to so much longer than the latency, so that some overtake others.
    pub jitter: Duration,
    /// Bytes a second towards each client; what is beyond is lost. 0: no limit.
    pub capacity: usize,
    /// Every datagram that has reached the node.
    pub seen_by_node: Vec<(SocketAddr, Vec<u8>)>,
    flying: Vec<Flying>,
    seed: u64,
    sent: Vec<(SocketAddr, Instant, usize)>,
    position: u64,
}

pub(crate) fn opening() -> OpeningId {
    OpeningId::from("opening")
}

pub(crate) fn created() -> RoomEvent {
    RoomEvent::Created(RoomCreated {
        room: "room".into(),
        opening: opening(),
        domain: "domain".into(),
        kind: RoomKind::Call,
        creator: "a".into(),
        owner: Some("a".into()),
        acl: Vec::new(),
        record: false,
        participants_limit: 100,
        bitrate_kbps: 1_024,
        owner_succeeds: false,
        hard_mute: false,
        counted: false,
        at: Time::EPOCH,
    })
}

pub(crate) fn joined(name: &str) -> RoomEvent {
    RoomEvent::ParticipantJoined(ParticipantJoined {
        room: "room".into(),
        opening: opening(),
        seat: 1,
        user: name.into(),
        session: format!("session-{name}").into(),
        via: JoinReason::Joined,
        invite: None,
        at: Time::EPOCH,
    })
}

pub(crate) fn ticket(name: &str) -> Ticket {
    Ticket {
        id: format!("media-{name}").into(),
        opening: opening(),
        user: name.into(),
        session: format!("session-{name}").into(),
        rights: EVERYTHING,
        entrance: Entrance::Socket,
    }
}

impl World {
    /// A node with the room open.
    pub(crate) fn new() -> Self {
        Self::with(SfuConfig::default())
    }

    /// The same, set to this.
    pub(crate) fn with(config: SfuConfig) -> Self {
        let now = Instant::now();
        let node: SocketAddr = "192.0.2.1:10000".parse().unwrap();
        let mut sfu = Sfu::new(SfuConfig { addresses: vec![node], ..config }, now);
        sfu.apply(&created(), Position(1), now);
        Self {
            now,
            sfu,
            clients: Vec::new(),
            node,
            loss_permille: 0,
            jitter: Duration::ZERO,
            capacity: 0,
            seen_by_node: Vec::new(),
            flying: Vec::new(),
            seed: 7,
            sent: Vec::new(),
            position: 1,
        }
    }

    /// Somebody takes a seat and joins; his index.
    pub(crate) fn join(&mut self, name: &str) -> usize {
        self.apply(&joined(name));
        let peer = self.try_join(name).unwrap();
        let address = SocketAddr::new("198.51.100.1".parse().unwrap(), 5_000 + self.clients.len() as u16);
        self.clients.push(Client::new(peer, address, self.now));
        self.drain();
        self.clients.len() - 1
    }

    pub(crate) fn try_join(&mut self, name: &str) -> Result<PeerId, JoinRejection> {
        self.sfu.join(ticket(name), self.now)
    }

    pub(crate) fn apply(&mut self, event: &RoomEvent) {
        self.position += 1;
        self.sfu.apply(event, Position(self.position), self.now);
        self.drain();
    }

    /// A client makes an offer of what it has added, and takes the answer.
    pub(crate) fn negotiate(&mut self, client: usize) {
        let Some((sdp, tracks)) = self.clients[client].offer() else { return };
        let message = ClientMessage { id: Some("1".into()), frame: ClientFrame::Offer { sdp, tracks } };
        let peer = self.clients[client].peer;
        self.sfu.handle_frame(peer, message, self.now);
        self.drain();
        assert!(!self.clients[client].offering(), "no answer: {:?}", self.clients[client].frames.last());
    }

    pub(crate) fn say(&mut self, client: usize, frame: ClientFrame) {
        self.sfu.handle_frame(self.clients[client].peer, ClientMessage { id: None, frame }, self.now);
        self.drain();
    }

    pub(crate) fn resume(&mut self, client: usize) {
        self.sfu.resume(self.clients[client].peer, self.now);
        self.drain();
    }

    /// A datagram reaches the node from somewhere.
    pub(crate) fn inject(&mut self, from: SocketAddr, bytes: &[u8]) {
        self.sfu.handle_packet(Way::udp(from), self.node, bytes, self.now);
        self.drain();
    }

    pub(crate) fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.now += STEP;
            self.step();
        }
    }

    /// Runs until something holds, at most ten seconds.
    pub(crate) fn run_until(&mut self, what: &str, holds: impl Fn(&World) -> bool) {
        let end = self.now + Duration::from_secs(10);
        while !holds(self) {
            assert!(self.now < end, "never: {what}");
            self.run(Duration::from_millis(20));
        }
    }

    fn step(&mut self) {
        let now = self.now;
        let mut due: Vec<Flying> = self.flying.extract_if(.., |flying| flying.due <= now).collect();
        due.sort_by_key(|flying| flying.due);
        for flying in due {
            if flying.to == self.node {
                self.seen_by_node.push((flying.from, flying.bytes.clone()));
                self.sfu.handle_packet(Way::udp(flying.from), self.node, &flying.bytes, now);
            } else if let Some(client) = self.clients.iter_mut().find(|client| client.address == flying.to) {
                client.handle_datagram(self.node, &flying.bytes, now);
            }
            self.drain();
        }
        self.sfu.handle_timeout(now);
        for client in &mut self.clients {
            client.tick(now);
        }
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.next_output() {
            match output {
                Output::Transmit { to, bytes } => self.fly(self.node, to.address, bytes),
                Output::Frame(peer, message) => {
                    if let Some(client) = self.clients.iter_mut().find(|client| client.peer == peer) {
                        client.told(message.frame);
                    }
                }
                Output::Fact(peer, fact) => self.told(peer, fact),
                Output::Timeout(_) => {}
            }
        }
        for index in 0..self.clients.len() {
            let from = self.clients[index].address;
            for bytes in self.clients[index].drain(self.now) {
                self.fly(from, self.node, bytes);
            }
        }
    }

    fn next_output(&mut self) -> Option<Output> {
        match self.sfu.poll_output() {
            Output::Timeout(_) => None,
            output => Some(output),
        }
    }

    /// The next frame for a client; what else is to be done on the way to it is not.
    pub(crate) fn next_frame(&mut self) -> Option<NodeFrame> {
        loop {
            match self.next_output()? {
                Output::Frame(_, message) => return Some(message.frame),
                Output::Transmit { .. } | Output::Fact(..) | Output::Timeout(_) => {}
            }
        }
    }

    fn told(&mut self, peer: PeerId, fact: PeerFact) {
        if let Some(client) = self.clients.iter_mut().find(|client| client.peer == peer) {
            if let PeerFact::Ended(reason) = &fact {
                client.ended = Some(*reason);
            }
            client.facts.push(fact);
        }
    }

    fn fly(&mut self, from: SocketAddr, to: SocketAddr, bytes: Vec<u8>) {
        if self.random() % 1_000 < self.loss_permille || (from == self.node && self.is_beyond_capacity(to, bytes.len()))
        {
            return;
        }
        let late = Duration::from_micros(self.random() % (self.jitter.as_micros() as u64 + 1));
        self.flying.push(Flying { due: self.now + LATENCY + late, from, to, bytes });
    }

    /// A leaky bucket of a tenth of a second.
    fn is_beyond_capacity(&mut self, to: SocketAddr, bytes: usize) -> bool {
        if self.capacity == 0 {
            return false;
        }
        let since = self.now - Duration::from_millis(100);
        self.sent.retain(|(_, at, _)| *at > since);
        let used: usize = self.sent.iter().filter(|(other, ..)| *other == to).map(|(.., bytes)| bytes).sum();
        if used + bytes > self.capacity / 10 {
            return true;
        }
        self.sent.push((to, self.now, bytes));
        false
    }

    /// SplitMix64.
    fn random(&mut self) -> u64 {
        self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.seed;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
