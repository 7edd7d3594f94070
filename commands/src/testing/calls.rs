//! Who is where, by folding the whole log.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use wac_events::*;

use super::*;
use crate::invite::Candidate;
use crate::process::Heartbeats;

/// The port over a log in memory.
pub(crate) struct TestCalls(pub(crate) Arc<TestLog>);

impl TestCalls {
    fn all<T>(&self, pick: impl Fn(State) -> Option<T>) -> Vec<T> {
        self.0.states().into_values().filter_map(pick).collect()
    }

    fn serves(&self, id: &NodeId) -> bool {
        matches!(self.0.states().get(&id.stream()), Some(State::Node(node)) if node.serves_media())
    }

    fn load(&self, id: &NodeId, sessions_max: u32) -> MediaNodeLoad {
        let seats: Vec<u64> = self.all(|state| match state {
            State::Room(room) if room.open && room.media_node.as_ref() == Some(id) => Some(room.seats.len() as u64),
            _ => None,
        });
        MediaNodeLoad { id: id.clone(), sessions_max, rooms: seats.len() as u64, seats: seats.iter().sum() }
    }
}

fn ready<T: Send + 'static>(value: T) -> BoxFuture<'static, Result<T, StoreError>> {
    async move { Ok(value) }.boxed()
}

impl Calls for TestCalls {
    fn invites<'a>(&'a self, of: &'a InvitesOf, _: Position) -> BoxFuture<'a, Result<Vec<InviteId>, StoreError>> {
        ready(self.all(|state| {
            match state {
                State::Invite(invite) if invite.is_ringing() => match of {
                    InvitesOf::Opening(opening) => invite.opening.as_ref() == Some(opening),
                    InvitesOf::Caller(user) => invite.from == *user,
                    InvitesOf::Candidate(user) => {
                        matches!(invite.candidates.get(user), Some(Candidate::Ringing | Candidate::Absent))
                    }
                }
                .then_some(invite.id),
                _ => None,
            }
        }))
    }

    fn rooms<'a>(&'a self, of: &'a RoomsOf, _: Position) -> BoxFuture<'a, Result<Vec<RoomRef>, StoreError>> {
        ready(self.all(|state| {
            match state {
                State::Room(room) if room.open => match of {
                    RoomsOf::Session(session) => room.seats.contains_key(session),
                    RoomsOf::User(user) => room.has(user),
                    RoomsOf::Domain(domain) => room.domain == *domain,
                    RoomsOf::Media(node) => room.media_node.as_ref() == Some(node),
                    RoomsOf::WithoutMedia => !room.media_node.as_ref().is_some_and(|node| self.serves(node)),
                }
                .then(|| RoomRef { domain: room.domain.clone(), id: room.id.clone() }),
                _ => None,
            }
        }))
    }

    fn transfers<'a>(
        &'a self,
        opening: &'a OpeningId,
        _: Position,
    ) -> BoxFuture<'a, Result<Vec<TransferId>, StoreError>> {
        ready(self.all(|state| match state {
            State::Transfer(transfer) if transfer.is_pending() && transfer.opening == *opening => Some(transfer.id),
            _ => None,
        }))
    }

    fn groups<'a>(&'a self, of: &'a GroupsOf, _: Position) -> BoxFuture<'a, Result<Vec<GroupId>, StoreError>> {
        ready(self.all(|state| {
            match state {
                State::Group(group) if group.exists() => match of {
                    GroupsOf::User(user) => group.has(user),
                    GroupsOf::Domain(domain) => group.domain == *domain,
                }
                .then_some(group.id),
                _ => None,
            }
        }))
    }

    fn sessions<'a>(&'a self, user: &'a UserId, _: Position) -> BoxFuture<'a, Result<Vec<SessionId>, StoreError>> {
        let mut open = self.all(|state| match state {
            State::Session(session) if session.is_open() && session.user == *user => {
                Some((session.opened_at, session.id))
            }
            _ => None,
        });
        open.sort();
        ready(open.into_iter().map(|(_, id)| id).collect())
    }

    fn devices<'a>(&'a self, node: &'a NodeId, _: Position) -> BoxFuture<'a, Result<Vec<Device>, StoreError>> {
        let devices = self.all(|state| match state {
            State::Presence(presence) => {
                let held = presence.devices.iter().filter(|(_, device)| device.node == *node);
                Some(
                    held.map(|(session, _)| Device { user: presence.user.clone(), session: session.clone() }).collect(),
                )
            }
            _ => None::<Vec<Device>>,
        });
        ready(devices.into_iter().flatten().collect())
    }

    fn agents<'a>(&'a self, _: &'a DomainId, _: Position) -> BoxFuture<'a, Result<Vec<UserId>, StoreError>> {
        ready(Vec::new())
    }

    /// Those of sessions; whoever needs others lets them come in events.
    fn deadlines(&self) -> BoxFuture<'_, Result<(Position, Vec<(Time, Deadline)>), StoreError>> {
        let open = self.all(|state| match state {
            State::Session(session) if session.is_open() => Some((session.expires_at, Deadline::Session(session.id))),
            _ => None,
        });
        ready((Position::START, open))
    }

    fn nodes(&self, _: Position) -> BoxFuture<'_, Result<Vec<NodeId>, StoreError>> {
        let states = self.0.states().into_iter();
        let running = states.filter(|(_, state)| matches!(state, State::Node(node) if node.is_running()));
        ready(running.map(|(stream, _)| NodeId::from(stream.id())).collect())
    }

    fn media_nodes(&self, _: Position) -> BoxFuture<'_, Result<MediaNodes, StoreError>> {
        let mut nodes = MediaNodes::default();
        for (stream, state) in self.0.states() {
            let State::Node(node) = state else { continue };
            let (id, Some(media)) = (NodeId::from(stream.id()), &node.media) else { continue };
            if node.takes_rooms() {
                nodes.taking.push(self.load(&id, media.sessions_max));
            } else if node.serves_media() {
                nodes.draining.push(id);
            }
        }
        ready(nodes)
    }
}

/// Signs of life in memory.
pub(crate) struct TestHeartbeats {
    pub(crate) env: Arc<TestEnv>,
    pub(crate) last: Mutex<std::collections::BTreeMap<NodeId, Time>>,
    pub(crate) alone: bool,
}

impl Heartbeats for TestHeartbeats {
    fn beat<'a>(&'a self, node: &'a NodeId) -> BoxFuture<'a, Result<(), StoreError>> {
        self.last.lock().unwrap().insert(node.clone(), self.env.now());
        ready(())
    }

    fn expect<'a>(&'a self, nodes: &'a [NodeId]) -> BoxFuture<'a, Result<(), StoreError>> {
        let mut last = self.last.lock().unwrap();
        for node in nodes {
            last.entry(node.clone()).or_insert(self.env.now());
        }
        ready(())
    }

    fn silent(&self, longer_than: Duration) -> BoxFuture<'_, Result<Vec<NodeId>, StoreError>> {
        let (last, now) = (self.last.lock().unwrap(), self.env.now());
        let silent = last.iter().filter(|(_, at)| now.since(**at) > longer_than);
        ready(silent.map(|(node, _)| node.clone()).collect())
    }

    fn alone(&self) -> bool {
        self.alone
    }

    fn forget<'a>(&'a self, node: &'a NodeId) -> BoxFuture<'a, Result<(), StoreError>> {
        self.last.lock().unwrap().remove(node);
        ready(())
    }
}
