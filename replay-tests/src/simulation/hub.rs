//! The devices of one node and what they are told: the sockets of `wac-api`, in small.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use wac_commands::Device;
use wac_events::{DomainId, Position};
use wac_signaling::{Notice, Recent};

use super::link::Close;
use super::signal::Signal;

/// Notices a node remembers: few, so that some devices must ask the log.
const REMEMBERED: usize = 40;

/// A device's socket on a node.
pub(crate) struct Socket {
    number: u64,
    pub(crate) device: Device,
    pub(crate) domain: DomainId,
    outbox: Mutex<Outbox>,
    pub(crate) moved: Notify,
}

#[derive(Default)]
struct Outbox {
    waiting: VecDeque<(Position, String)>,
    seen: Position,
    close: Option<Close>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Socket {
    /// Nothing up to `position` is told any more.
    pub(crate) fn skip_to(&self, position: Position) {
        let mut outbox = lock(&self.outbox);
        outbox.seen = outbox.seen.max(position);
        outbox.waiting.retain(|(waiting, _)| *waiting > position);
    }

    /// Nothing is told any more.
    pub(crate) fn skip_all(&self) {
        let mut outbox = lock(&self.outbox);
        outbox.seen = Position(u64::MAX);
        outbox.waiting.clear();
    }

    /// The first notice, if it is not beyond `until`.
    pub(crate) fn pop(&self, until: Option<Position>) -> Option<(Position, String)> {
        let mut outbox = lock(&self.outbox);
        outbox.waiting.pop_front_if(|(position, _)| until.is_none_or(|until| *position <= until))
    }

    /// Ends it; the first reason counts.
    pub(crate) fn close(&self, close: Close) {
        lock(&self.outbox).close.get_or_insert(close);
        self.moved.notify_one();
    }

    pub(crate) fn closed(&self) -> Option<Close> {
        lock(&self.outbox).close
    }

    fn push(&self, notice: &Notice) {
        let mut outbox = lock(&self.outbox);
        if outbox.close.is_none() && notice.position > outbox.seen {
            outbox.waiting.push_back((notice.position, notice.text(&self.domain)));
            self.moved.notify_one();
        }
    }

    fn hears(&self, notice: &Notice) -> bool {
        !notice.is_push() && notice.to.reaches(&self.device.user, &self.device.session)
    }
}

/// A device whose last socket has gone.
#[derive(Clone)]
pub(crate) struct Cut {
    pub(crate) device: Device,
    arrivals: u64,
}

#[derive(Default)]
struct Entry {
    sockets: Vec<Arc<Socket>>,
    arrivals: u64,
}

struct State {
    devices: BTreeMap<Device, Entry>,
    recent: Recent,
    position: Position,
    next: u64,
}

/// The devices of one node.
pub(crate) struct Hub {
    state: Mutex<State>,
    reached: Signal<Position>,
}

impl Hub {
    /// Of a node that hears of everything beyond `position`.
    pub(crate) fn new(position: Position) -> Self {
        let recent = Recent::new(position, REMEMBERED);
        let state = State { devices: BTreeMap::new(), recent, position, next: 0 };
        Self { state: Mutex::new(state), reached: Signal::new(position) }
    }

    /// Makes a socket known; from now on it is told what is beyond the position returned.
    pub(crate) fn attach(&self, device: &Device, domain: &DomainId) -> (Arc<Socket>, Position) {
        let mut state = lock(&self.state);
        state.next += 1;
        let outbox = Mutex::new(Outbox { seen: state.position, ..Outbox::default() });
        let (device, domain) = (device.clone(), domain.clone());
        let socket = Arc::new(Socket { number: state.next, device, domain, outbox, moved: Notify::new() });
        let entry = state.devices.entry(socket.device.clone()).or_default();
        entry.arrivals += 1;
        entry.sockets.push(socket.clone());
        (socket, state.position)
    }

    /// Forgets a socket; if it was the last one of its device, the device counts as cut.
    pub(crate) fn detach(&self, socket: &Socket) -> Option<Cut> {
        let mut state = lock(&self.state);
        let entry = state.devices.get_mut(&socket.device)?;
        entry.sockets.retain(|one| one.number != socket.number);
        entry.sockets.is_empty().then(|| Cut { device: socket.device.clone(), arrivals: entry.arrivals })
    }

    /// Forgets a device that has not come back since it was cut; whether it has not.
    pub(crate) fn give_up(&self, cut: &Cut) -> bool {
        let mut state = lock(&self.state);
        let gone = state
            .devices
            .get(&cut.device)
            .is_some_and(|entry| entry.sockets.is_empty() && entry.arrivals == cut.arrivals);
        if gone {
            state.devices.remove(&cut.device);
        }
        gone
    }

    /// Whether a device has a socket here that goes on.
    pub(crate) fn holds(&self, device: &Device) -> bool {
        let state = lock(&self.state);
        state.devices.get(device).is_some_and(|entry| entry.sockets.iter().any(|socket| socket.closed().is_none()))
    }

    /// Every device that has sockets here.
    pub(crate) fn devices(&self) -> Vec<Device> {
        let state = lock(&self.state);
        state.devices.iter().filter(|(_, entry)| !entry.sockets.is_empty()).map(|(device, _)| device.clone()).collect()
    }

    /// Ends every socket of a device.
    pub(crate) fn end(&self, device: &Device, close: Close) {
        let state = lock(&self.state);
        state.devices.get(device).into_iter().flat_map(|entry| &entry.sockets).for_each(|socket| socket.close(close));
    }

    /// The event at `position` has been looked at, and this is what it tells.
    pub(crate) fn tell(&self, position: Position, told: Vec<Notice>) {
        let told: Vec<Arc<Notice>> = told.into_iter().map(Arc::new).collect();
        let mut state = lock(&self.state);
        for notice in &told {
            let sockets = state.devices.values().flat_map(|entry| &entry.sockets);
            sockets.filter(|socket| socket.hears(notice)).for_each(|socket| socket.push(notice));
        }
        state.recent.push(position, &told);
        state.position = state.position.max(position);
    }

    /// Everything up to `position` has been told.
    pub(crate) fn reach(&self, position: Position) {
        let mut state = lock(&self.state);
        state.position = state.position.max(position);
        let position = state.position;
        drop(state);
        self.reached.set(|_| position);
    }

    /// Resolves once everything up to `position` has been told.
    pub(crate) async fn reached(&self, position: Position) {
        self.reached.wait(|reached| reached >= position).await;
    }

    /// What a socket has missed since `after` up to `until`; `None` if that is too far back.
    pub(crate) fn missed(&self, socket: &Socket, after: Position, until: Position) -> Option<Vec<(Position, String)>> {
        let state = lock(&self.state);
        let missed = state.recent.since(&socket.device.user, &socket.device.session, after)?;
        let missed = missed.iter().filter(|notice| notice.position <= until && socket.hears(notice));
        Some(missed.map(|notice| (notice.position, notice.text(&socket.domain))).collect())
    }
}
