//! One thread with its socket and its [`Sfu`].

use std::collections::HashMap;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use mio::net::UdpSocket;
use mio::{Events, Interest, Poll, Token, Waker};
use tokio::sync::{mpsc, oneshot};
use wac_commands::MediaSessionRef;
use wac_events::{Environment, MediaSessionId};
use wac_media::wire::{ByeReason, NodeMessage};
use wac_media::{
    Delays, Entrance, Figures, JoinRejection, Output, PeerFact, PeerId, Sfu, SfuConfig, Ticket, Transport, Way,
    carries_media,
};

use crate::intake::{Intake, kernel_time};
use crate::orders::{Joined, Order, Orders};
use crate::outbox::Outbox;
use crate::report::Report;
use crate::sockets::MediaSockets;
use crate::tcp::Tcp;

const SOCKET: Token = Token(0);
const ORDERS: Token = Token(1);
/// So many datagrams are taken in before orders and timers have their turn.
const DATAGRAMS_AT_A_TIME: usize = 64;
/// Connections are looked through this often for those that belong to nobody.
const SWEEP_EVERY: Duration = Duration::from_secs(5);
/// So many sockets are told of at a time that something can be read.
const EVENTS_AT_A_TIME: usize = 64;
/// So many frames may wait for a client's media socket; then it is cut.
pub(crate) const FRAMES_WAITING_MAX: usize = 512;

/// A shard about to run.
pub(crate) struct Shard {
    sfu: Sfu,
    socket: UdpSocket,
    intake: Intake,
    outbox: Outbox,
    /// When the media came that is being passed on.
    came: Vec<Duration>,
    delays: Delays,
    tcp: Tcp,
    next_sweep: Instant,
    /// What clients know the socket as.
    address: SocketAddr,
    poll: Poll,
    orders: Receiver<Order>,
    /// Those whose media socket is open.
    clients: HashMap<PeerId, mpsc::Sender<NodeMessage>>,
    /// All sessions.
    sessions: HashMap<MediaSessionId, PeerId>,
    env: Arc<dyn Environment>,
    reports: mpsc::Sender<Report>,
    reports_lost: u64,
    /// What has passed, for others.
    figures: Arc<Mutex<Figures>>,
}

impl Shard {
    /// Around bound sockets that clients reach at `config.addresses[0]`.
    pub(crate) fn new(
        sockets: MediaSockets,
        config: SfuConfig,
        env: Arc<dyn Environment>,
        reports: mpsc::Sender<Report>,
    ) -> std::io::Result<(Self, Orders)> {
        sockets.udp.set_nonblocking(true)?;
        let mut socket = UdpSocket::from_std(sockets.udp);
        let poll = Poll::new()?;
        poll.registry().register(&mut socket, SOCKET, Interest::READABLE)?;
        let tcp = Tcp::new(sockets.tcp, poll.registry())?;
        let waker = Arc::new(Waker::new(poll.registry(), ORDERS)?);
        let (sender, orders) = channel();
        let outbox = Outbox::new(&socket);
        let address = match config.addresses.first() {
            Some(address) => *address,
            None => socket.local_addr()?,
        };
        let sfu = Sfu::new(config, Instant::now());
        let intake = Intake::new(&socket);
        let (clients, sessions) = (HashMap::new(), HashMap::new());
        let figures = Arc::<Mutex<Figures>>::default();
        let told = Orders::new(sender, waker, figures.clone());
        let next_sweep = Instant::now() + SWEEP_EVERY;
        let shard = Self {
            sfu,
            socket,
            intake,
            outbox,
            came: Vec::new(),
            delays: Delays::default(),
            tcp,
            next_sweep,
            address,
            poll,
            orders,
            clients,
            sessions,
            env,
            reports,
            reports_lost: 0,
            figures,
        };
        Ok((shard, told))
    }

    /// Runs until it is told to stop.
    pub(crate) fn run(mut self) {
        let mut events = Events::with_capacity(EVENTS_AT_A_TIME);
        // Whether datagrams may be left in the socket: readiness is told once.
        let mut readable = true;
        loop {
            let deadline = self.carry_out();
            self.outbox.flush(&self.socket);
            self.measure();
            let patience = match readable || self.tcp.is_unread() {
                true => Duration::ZERO,
                false => deadline.saturating_duration_since(Instant::now()),
            };
            if let Err(error) = self.poll.poll(&mut events, Some(patience))
                && error.kind() != ErrorKind::Interrupted
            {
                tracing::error!(%error, "the media thread cannot wait for its socket and ends");
                return;
            }
            for event in &events {
                match event.token() {
                    SOCKET => readable = true,
                    ORDERS => {}
                    token => self.tcp.ready(token, self.poll.registry(), Instant::now()),
                }
            }
            if readable {
                readable = self.receive();
            }
            self.receive_by_tcp();
            if !self.obey() {
                return;
            }
            self.sfu.handle_timeout(Instant::now());
            let mut figures = self.sfu.figures();
            figures.forwarded = self.delays;
            *self.figures.lock().unwrap_or_else(PoisonError::into_inner) = figures;
        }
    }

    /// Counts how long the media took that has just gone out, or goes to nobody.
    fn measure(&mut self) {
        if let (false, Some(now)) = (self.came.is_empty(), kernel_time()) {
            self.came.drain(..).for_each(|at| self.delays.add(now.saturating_sub(at)));
        }
    }

    /// Takes in some datagrams; true: there may be more.
    fn receive(&mut self) -> bool {
        for _ in 0..DATAGRAMS_AT_A_TIME {
            match self.intake.receive(&self.socket) {
                Ok(datagram) => {
                    self.came.extend(datagram.at.filter(|_| carries_media(datagram.bytes)));
                    self.sfu.handle_packet(Way::udp(datagram.from), self.address, datagram.bytes, Instant::now());
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return false,
                // An ICMP answer to something that was sent: of no matter to the others.
                Err(_) => {}
            }
        }
        true
    }

    /// Takes in what has come over connections, and closes those that belong to nobody.
    fn receive_by_tcp(&mut self) {
        let Self { sfu, tcp, address, .. } = self;
        let now = Instant::now();
        tcp.read(|from, packet| sfu.handle_packet(Way::tcp(from), *address, packet, now));
        if now >= self.next_sweep {
            self.next_sweep = now + SWEEP_EVERY;
            tcp.sweep(now, |from| sfu.knows_way(Way::tcp(from)));
        }
        self.carry_out();
    }

    /// Takes in the orders that wait; false: it is to stop.
    fn obey(&mut self) -> bool {
        while let Ok(order) = self.orders.try_recv() {
            let now = Instant::now();
            match order {
                Order::Fact(event, position) => self.sfu.apply(&event, position, now),
                Order::Join(ticket, of, reply) => self.join(*ticket, of, reply, now),
                Order::Resume(id, reply) => self.resume(&id, reply, now),
                Order::Said(peer, message) => self.sfu.handle_frame(peer, *message, now),
                Order::End(peer, reason) => self.sfu.leave(peer, reason, now),
                Order::Stop => {
                    self.stop(now);
                    return false;
                }
            }
            self.carry_out();
        }
        true
    }

    fn join(
        &mut self,
        ticket: Ticket,
        of: Box<MediaSessionRef>,
        reply: oneshot::Sender<Result<Joined, JoinRejection>>,
        now: Instant,
    ) {
        let joined = self.sfu.join(ticket, now);
        if let Err(JoinRejection::Full(limit)) = &joined {
            self.report(Report::Refused(of.clone(), *limit, self.env.now()));
        }
        let joined = joined.map(|peer| {
            let (sender, frames) = mpsc::channel(FRAMES_WAITING_MAX);
            self.clients.insert(peer, sender);
            self.sessions.insert(of.id.clone(), peer);
            self.report(Report::Began(peer, of));
            Joined { peer, frames }
        });
        let peer = joined.as_ref().ok().map(|joined| joined.peer);
        if let (Err(_), Some(peer)) = (reply.send(joined), peer) {
            // Whoever asked has gone.
            self.sfu.leave(peer, ByeReason::Lost, now);
        }
    }

    /// The former socket, if it is still there, ends with its channel.
    fn resume(&mut self, id: &MediaSessionId, reply: oneshot::Sender<Option<Joined>>, now: Instant) {
        // What was begun by WHIP or WHEP goes on there.
        let by_socket = |peer: &PeerId| self.sfu.ticket(*peer).is_some_and(|it| it.entrance == Entrance::Socket);
        let joined = self.sessions.get(id).copied().filter(by_socket).map(|peer| {
            let (sender, frames) = mpsc::channel(FRAMES_WAITING_MAX);
            self.clients.insert(peer, sender);
            self.sfu.resume(peer, now);
            Joined { peer, frames }
        });
        // Whoever asked and has gone asks again, or the session ends for want of media.
        let _ = reply.send(joined);
    }

    fn stop(&mut self, now: Instant) {
        let peers: Vec<PeerId> = self.sessions.values().copied().collect();
        for peer in peers {
            self.sfu.leave(peer, ByeReason::Stopping, now);
        }
        self.carry_out();
        self.outbox.flush(&self.socket);
    }

    /// Does everything the unit wants done; when it wants to be woken.
    fn carry_out(&mut self) -> Instant {
        loop {
            match self.sfu.poll_output() {
                Output::Transmit { to, bytes } => match to.transport {
                    Transport::Udp => self.outbox.push(to.address, bytes, &self.socket),
                    Transport::Tcp => self.tcp.send(to.address, &bytes),
                },
                Output::Frame(peer, message) => self.tell(peer, message),
                Output::Fact(peer, fact) => {
                    tracing::debug!(%peer, ?fact, "of a media session");
                    if matches!(fact, PeerFact::Ended(_)) {
                        self.clients.remove(&peer);
                        self.sessions.retain(|_, of| *of != peer);
                    }
                    self.report(Report::Fact(peer, Box::new(fact), self.env.now()));
                }
                Output::Timeout(at) => return at,
            }
        }
    }

    fn report(&mut self, report: Report) {
        if self.reports.try_send(report).is_err() {
            self.reports_lost += 1;
            if self.reports_lost.is_power_of_two() {
                tracing::warn!(lost = self.reports_lost, "reports of the media node do not get into the log in time");
            }
        }
    }

    fn tell(&mut self, peer: PeerId, message: NodeMessage) {
        let Some(client) = self.clients.get(&peer) else { return };
        if let Err(mpsc::error::TrySendError::Full(_)) = client.try_send(message) {
            tracing::debug!(%peer, "a client does not read its media socket");
            self.clients.remove(&peer);
        }
    }
}
