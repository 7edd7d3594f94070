//! The devices of this node and what they are told. The tail of the log is read once per node; from
//! here it goes to the sockets.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio_tungstenite::tungstenite::Utf8Bytes;
use wac_events::{DomainId, Position, SessionId, UserId};
use wac_signaling::Notice;

use super::Close;
use super::limits::{SOCKETS_MAX, SOCKETS_PER_DEVICE_MAX};
use super::memory::Memory;
use super::outbox::Message;
use super::socket::{Kind, Socket};

/// A notice that is being told, with its texts: they differ only in how a room is named outside its domain.
struct Told<'a> {
    notice: &'a Notice,
    at_home: OnceCell<Utf8Bytes>,
    abroad: OnceCell<Utf8Bytes>,
}

impl<'a> Told<'a> {
    fn new(notice: &'a Notice) -> Self {
        Self { notice, at_home: OnceCell::new(), abroad: OnceCell::new() }
    }

    /// What a device of this domain is sent.
    fn message(&self, domain: &DomainId) -> Message {
        let abroad = self.notice.home().is_some_and(|home| home != domain);
        let text = if abroad { &self.abroad } else { &self.at_home };
        let text = text.get_or_init(|| self.notice.text(domain).into()).clone();
        Message::of(self.notice, text)
    }
}

/// A device with its sockets on this node.
struct Device {
    session: SessionId,
    sockets: Vec<Arc<Socket>>,
    /// Counts arrivals, so that whoever waited for it to come back sees that it has.
    arrivals: u64,
}

#[derive(Default)]
struct Registry {
    users: HashMap<UserId, Vec<Device>>,
    /// Resource sockets, for presence.
    domains: HashMap<DomainId, Vec<Arc<Socket>>>,
    sockets: usize,
    next_id: u64,
}

struct State {
    registry: Registry,
    memory: Memory,
    position: Position,
}

/// A device's last socket has gone; what is needed to find out whether it has come back.
#[derive(Clone, Debug)]
pub(super) struct Cut {
    /// Whose.
    pub(super) user: UserId,
    /// The device.
    pub(super) session: SessionId,
    arrivals: u64,
}

/// How a device of this node stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Standing {
    /// Whether it has a signaling socket.
    pub(super) ringable: bool,
}

/// The devices of this node.
pub(crate) struct Hub {
    state: Mutex<State>,
    reached: watch::Sender<Position>,
}

impl Default for Hub {
    fn default() -> Self {
        let memory = Memory::new(Position::START);
        let state = State { registry: Registry::default(), memory, position: Position::START };
        Self { state: Mutex::new(state), reached: watch::Sender::new(Position::START) }
    }
}

impl Hub {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The tail starts behind `position`: what is before it is not remembered.
    pub(super) fn start_at(&self, position: Position) {
        let mut state = self.state();
        state.memory = Memory::new(position);
        state.position = position;
        self.reached.send_replace(position);
    }

    /// The event at `position` has been looked at, and this is what it tells.
    pub(super) fn tell(&self, position: Position, told: Vec<Notice>) {
        let told: Vec<Arc<Notice>> = told.into_iter().map(Arc::new).collect();
        let mut state = self.state();
        told.iter().for_each(|notice| state.registry.deliver(notice));
        state.memory.push(position, &told);
        state.position = state.position.max(position);
    }

    /// Everything up to `position` has been told; whoever waits for it goes on.
    pub(super) fn reach(&self, position: Position) {
        let mut state = self.state();
        state.position = state.position.max(position);
        let position = state.position;
        drop(state);
        self.reached.send_if_modified(|reached| std::mem::replace(reached, position) != position);
    }

    /// Waits until everything up to `position` has been told; whether it has.
    pub(super) async fn reached(&self, position: Position, patience: Duration) -> bool {
        if *self.reached.borrow() >= position {
            return true;
        }
        let mut reached = self.reached.subscribe();
        let waiting = reached.wait_for(|reached| *reached >= position);
        matches!(tokio::time::timeout(patience, waiting).await, Ok(Ok(_)))
    }

    /// Whether there are [`SOCKETS_MAX`] sockets.
    pub(super) fn is_full(&self) -> bool {
        self.state().registry.sockets >= SOCKETS_MAX
    }

    /// Makes a socket known; `make` is given its number. From now on it is told what is beyond the
    /// position returned.
    pub(super) fn attach(&self, make: impl FnOnce(u64) -> Socket) -> (Arc<Socket>, Position) {
        let mut state = self.state();
        state.registry.next_id += 1;
        let socket = Arc::new(make(state.registry.next_id));
        socket.outbox.skip_to(state.position);
        state.registry.add(socket.clone());
        (socket, state.position)
    }

    /// Forgets a socket; if it was the last one of its device, the device counts as cut.
    pub(super) fn detach(&self, socket: &Socket) -> Option<Cut> {
        self.state().registry.remove(socket)
    }

    /// Forgets a device that has not come back since it was cut; whether it has not.
    pub(super) fn give_up(&self, cut: &Cut) -> bool {
        self.state().registry.give_up(cut)
    }

    /// Whether a device has sockets here that go on, and which.
    pub(super) fn standing(&self, user: &UserId, session: &SessionId) -> Option<Standing> {
        let state = self.state();
        let sockets = &state.registry.device(user, session)?.sockets;
        let mut open = sockets.iter().filter(|socket| socket.outbox.closed().is_none()).peekable();
        open.peek()?;
        Some(Standing { ringable: open.any(|socket| socket.kind == Kind::Qss) })
    }

    /// Every device that has sockets here.
    pub(super) fn devices(&self) -> Vec<(UserId, SessionId)> {
        let state = self.state();
        let users = state.registry.users.iter();
        users
            .flat_map(|(user, devices)| devices.iter().map(move |device| (user, device)))
            .filter(|(_, device)| !device.sockets.is_empty())
            .map(|(user, device)| (user.clone(), device.session.clone()))
            .collect()
    }

    /// Ends every socket of a device.
    pub(super) fn end(&self, user: &UserId, session: &SessionId, close: &Close) {
        let state = self.state();
        for socket in state.registry.device(user, session).into_iter().flat_map(|device| &device.sockets) {
            socket.outbox.close(close.clone());
        }
    }

    /// How many sockets there are.
    pub(crate) fn sockets(&self) -> usize {
        self.state().registry.sockets
    }

    /// This node remembers what was told after this position.
    pub(super) fn remembers_from(&self) -> Position {
        self.state().memory.from()
    }

    /// What a socket that has seen everything up to `after` has missed up to `until`, oldest first;
    /// `None` if this node does not remember that far back.
    pub(super) fn missed(&self, socket: &Socket, after: Position, until: Position) -> Option<Vec<Message>> {
        let state = self.state();
        let missed = state.memory.missed(socket, after)?;
        let missed = missed.iter().take_while(|notice| notice.position <= until);
        Some(missed.map(|notice| Told::new(notice).message(&socket.domain)).collect())
    }
}

impl Registry {
    fn device(&self, user: &UserId, session: &SessionId) -> Option<&Device> {
        self.users.get(user)?.iter().find(|device| device.session == *session)
    }

    fn add(&mut self, socket: Arc<Socket>) {
        self.sockets += 1;
        if socket.kind == Kind::Wapi {
            self.domains.entry(socket.domain.clone()).or_default().push(socket.clone());
        }
        let devices = self.users.entry(socket.user.clone()).or_default();
        let place = devices.iter().position(|device| device.session == socket.session).unwrap_or_else(|| {
            devices.push(Device { session: socket.session.clone(), sockets: Vec::with_capacity(1), arrivals: 0 });
            devices.len() - 1
        });
        let device = &mut devices[place];
        device.arrivals += 1;
        if device.sockets.len() >= SOCKETS_PER_DEVICE_MAX
            && let Some(oldest) = device.sockets.first()
        {
            oldest.outbox.close(Close::TooManyRequests);
        }
        device.sockets.push(socket);
    }

    fn remove(&mut self, socket: &Socket) -> Option<Cut> {
        if socket.kind == Kind::Wapi
            && let Some(sockets) = self.domains.get_mut(&socket.domain)
        {
            sockets.retain(|other| other.id != socket.id);
            if sockets.is_empty() {
                self.domains.remove(&socket.domain);
            }
        }
        let device = self.users.get_mut(&socket.user)?.iter_mut().find(|device| device.session == socket.session)?;
        let before = device.sockets.len();
        device.sockets.retain(|other| other.id != socket.id);
        self.sockets -= before - device.sockets.len();
        device.sockets.is_empty().then(|| Cut {
            user: socket.user.clone(),
            session: socket.session.clone(),
            arrivals: device.arrivals,
        })
    }

    fn give_up(&mut self, cut: &Cut) -> bool {
        let Some(devices) = self.users.get_mut(&cut.user) else { return false };
        let before = devices.len();
        devices.retain(|device| {
            device.session != cut.session || device.arrivals != cut.arrivals || !device.sockets.is_empty()
        });
        let gone = devices.len() < before;
        if devices.is_empty() {
            self.users.remove(&cut.user);
        }
        gone
    }

    fn deliver(&self, notice: &Notice) {
        let told = Told::new(notice);
        let to = |socket: &Arc<Socket>| {
            if socket.hears(notice) {
                socket.outbox.push(told.message(&socket.domain));
            }
        };
        let devices = notice.to.users.iter().filter_map(|user| self.users.get(user)).flatten();
        devices.flat_map(|device| &device.sockets).for_each(to);
        if let Some(subscribers) = &notice.to.subscribers {
            self.domains.get(&subscribers.domain).into_iter().flatten().for_each(to);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wac_signaling::wire::{Event, InRoom, NoticeBody};
    use wac_signaling::{Recipients, SocketSettings};

    use crate::sockets::Outbox;

    fn socket(hub: &Hub, user: &str, session: &str) -> Arc<Socket> {
        let make = |id| {
            let outbox = Outbox::new(&SocketSettings::default());
            Socket::new(id, Kind::Qss, (user.into(), session.into()), "d".into(), outbox)
        };
        hub.attach(make).0
    }

    fn notice(position: u64, users: &[&str], except: Option<&str>) -> Notice {
        let users = users.iter().map(|user| UserId::from(*user)).collect();
        let to = Recipients { users, except: except.map(SessionId::from), ..Recipients::default() };
        let event = Event::ParticipantJoined(InRoom { room_id: "r".to_owned(), user_id: "u".into() });
        Notice { position: Position(position), to, body: NoticeBody::Event(event), room: None }
    }

    fn tell(hub: &Hub, notice: Notice) {
        let position = notice.position;
        hub.tell(position, vec![notice]);
        hub.reach(position);
    }

    fn waiting(socket: &Socket) -> Vec<u64> {
        std::iter::from_fn(|| socket.outbox.pop(None)).map(|message| message.position.0).collect()
    }

    #[test]
    fn every_device_of_a_person_is_told_but_the_one_that_did_it() {
        let hub = Hub::default();
        let (phone, laptop, other) = (socket(&hub, "a", "1"), socket(&hub, "a", "2"), socket(&hub, "b", "3"));
        tell(&hub, notice(1, &["a"], Some("2")));
        assert_eq!((waiting(&phone), waiting(&laptop), waiting(&other)), (vec![1], vec![], vec![]));
    }

    #[test]
    fn what_was_told_before_is_missed_and_what_comes_after_is_live() {
        let hub = Hub::default();
        (1..=3).for_each(|position| tell(&hub, notice(position, &["a"], None)));
        let phone = socket(&hub, "a", "1");
        tell(&hub, notice(4, &["a"], None));
        let missed = hub.missed(&phone, Position(1), Position(3)).expect("it is remembered");
        assert_eq!(missed.iter().map(|message| message.position.0).collect::<Vec<_>>(), [2, 3]);
        assert_eq!(waiting(&phone), [4]);
    }

    #[test]
    fn what_is_older_than_the_node_is_not_remembered() {
        let hub = Hub::default();
        hub.start_at(Position(10));
        let phone = socket(&hub, "a", "1");
        assert!(hub.missed(&phone, Position(9), Position(10)).is_none());
        assert!(hub.missed(&phone, Position(10), Position(10)).is_some());
    }

    #[test]
    fn a_device_that_comes_back_is_not_given_up() {
        let hub = Hub::default();
        let first = socket(&hub, "a", "1");
        let second = socket(&hub, "a", "1");
        assert!(hub.detach(&first).is_none(), "it has another socket");
        let cut = hub.detach(&second).expect("that was the last one");
        let third = socket(&hub, "a", "1");
        assert!(!hub.give_up(&cut));
        let cut = hub.detach(&third).expect("that was the last one");
        assert!(hub.give_up(&cut));
        assert_eq!((hub.sockets(), hub.devices()), (0, vec![]));
    }

    #[test]
    fn the_oldest_socket_of_a_device_gives_way() {
        let hub = Hub::default();
        let sockets: Vec<_> = (0..=SOCKETS_PER_DEVICE_MAX).map(|_| socket(&hub, "a", "1")).collect();
        assert_eq!(sockets[0].outbox.closed(), Some(Close::TooManyRequests));
        assert_eq!(sockets[1].outbox.closed(), None);
    }
}
