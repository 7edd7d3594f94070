//! Folded states: what deciders look at.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};

use wac_events::{
    Actor, AnyEvent, ClientId, CredentialId, DomainId, GroupId, InviteId, MediaSessionId, NodeId, Position, Reserved,
    RoomRef, SessionId, StreamId, SubjectId, TokenId, TransferId, UserId,
};

use crate::{
    Agent, Client, Credential, Domain, Group, Invite, Login, LoginKey, MediaSession, Node, Presence, Reservation, Room,
    Session, Subject, Token, Transfer, User,
};

macro_rules! states {
    ($($variant:ident = $aggregate:literal, $module:ident;)+) => {
        /// The folded state of one stream.
        #[derive(Clone, Debug, PartialEq)]
        pub enum State {
            $(
                #[doc = concat!("Of a `", $aggregate, "-…` stream.")]
                $variant($variant),
            )+
        }

        impl State {
            /// The state of a stream without events; `None` for an aggregate nobody knows.
            pub fn empty(aggregate: &str) -> Option<Self> {
                match aggregate {
                    $( $aggregate => Some(Self::$variant($variant::default())), )+
                    _ => None,
                }
            }

            /// Folds one more event. Never fails; an event of another aggregate only counts.
            #[must_use]
            pub fn evolve(self, event: &AnyEvent) -> Self {
                match (self, event) {
                    $(
                        (Self::$variant(state), AnyEvent::$variant(event)) =>
                            Self::$variant(crate::$module::evolve(state, event)),
                        (Self::$variant(mut state), _) => {
                            state.version += 1;
                            Self::$variant(state)
                        }
                    )+
                }
            }

            /// How many events have been folded: the stream's version.
            pub fn version(&self) -> u64 {
                match self { $( Self::$variant(state) => state.version, )+ }
            }
        }
    };
}

states! {
    Domain = "domain", domain;
    User = "user", user;
    Subject = "subject", subject;
    Credential = "credential", credential;
    Client = "client", client;
    Token = "token", token;
    Reservation = "reservation", reservation;
    Session = "session", session;
    Presence = "presence", presence;
    Login = "login", login;
    Room = "room", room;
    Invite = "invite", invite;
    Transfer = "transfer", transfer;
    Group = "group", group;
    Agent = "agent", agent;
    Node = "node", node;
    MediaSession = "media", media;
}

/// One stream as it was read.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) state: Arc<State>,
    /// At or behind the position of the last event folded.
    pub(crate) position: Position,
    /// Read from the log in this execution, not merely remembered.
    pub(crate) fresh: bool,
}

/// Folded states by stream. What was not read looks as if it did not exist, and is noted.
#[derive(Debug, Default)]
pub struct World {
    acting_user: Option<UserId>,
    streams: BTreeMap<StreamId, Seen>,
    missed: AtomicBool,
}

macro_rules! lookup {
    ($(#[$doc:meta])* $name:ident($id:ty) -> $state:ident) => {
        lookup!($(#[$doc])* $name($id) -> $state by stream);
    };
    ($(#[$doc:meta])* $name:ident($id:ty) -> $state:ident by $stream:ident) => {
        $(#[$doc])*
        pub fn $name(&self, id: &$id) -> &$state {
            static ABSENT: LazyLock<$state> = LazyLock::new($state::default);
            match self.seen(&id.$stream()) {
                Some(State::$state(state)) => state,
                _ => &ABSENT,
            }
        }
    };
}

impl World {
    lookup!(
        /// A domain.
        domain(DomainId) -> Domain
    );
    lookup!(
        /// A user.
        user(UserId) -> User
    );
    lookup!(
        /// A person's data.
        subject(SubjectId) -> Subject
    );
    lookup!(
        /// A credential.
        credential(CredentialId) -> Credential
    );
    lookup!(
        /// An OAuth2 client.
        client(ClientId) -> Client
    );
    lookup!(
        /// A token family.
        token(TokenId) -> Token
    );
    lookup!(
        /// A reservation.
        reservation(Reserved) -> Reservation
    );
    lookup!(
        /// A session.
        session(SessionId) -> Session
    );
    lookup!(
        /// A user's presence.
        presence(UserId) -> Presence by presence_stream
    );
    lookup!(
        /// A room.
        room(RoomRef) -> Room
    );
    lookup!(
        /// An invitation.
        invite(InviteId) -> Invite
    );
    lookup!(
        /// A transfer.
        transfer(TransferId) -> Transfer
    );
    lookup!(
        /// A users group.
        group(GroupId) -> Group
    );
    lookup!(
        /// An agent of the pool.
        agent(UserId) -> Agent by agent_stream
    );
    lookup!(
        /// A node.
        node(NodeId) -> Node
    );
    lookup!(
        /// A media session.
        media_session(MediaSessionId) -> MediaSession
    );
    lookup!(
        /// Failed log-ins under one name.
        login(LoginKey) -> Login
    );

    /// An empty world in which `actor` acts.
    pub fn of(actor: &Actor) -> Self {
        let acting_user = match actor {
            Actor::User(id) => Some(UserId::from(id.as_str())),
            Actor::Client(_) | Actor::System(_) => None,
        };
        Self { acting_user, ..Self::default() }
    }

    /// Who acts, if it is a user.
    pub fn acting_user(&self) -> Option<&UserId> {
        self.acting_user.as_ref()
    }

    /// The state of a stream that was read.
    pub fn state(&self, stream: &StreamId) -> Option<&State> {
        self.streams.get(stream).map(|seen| &*seen.state)
    }

    /// The greatest position folded into any of the states.
    pub fn position(&self) -> Position {
        self.streams.values().map(|seen| seen.position).max().unwrap_or(Position::START)
    }

    /// A world from events, for tests and tools: every stream holds what is given, in order.
    pub fn folded<'a>(actor: &Actor, events: impl IntoIterator<Item = (&'a StreamId, &'a AnyEvent)>) -> Self {
        let mut world = Self::of(actor);
        for (stream, event) in events {
            let state = match world.streams.remove(stream) {
                Some(seen) => Some(Arc::unwrap_or_clone(seen.state)),
                None => State::empty(stream.aggregate()),
            };
            if let Some(state) = state {
                let seen = Seen { state: Arc::new(state.evolve(event)), position: Position::START, fresh: true };
                world.streams.insert(stream.clone(), seen);
            }
        }
        world
    }

    /// Notes a stream as read and without events, unless it is there; for tests and tools.
    pub fn assume_empty(&mut self, stream: StreamId) {
        if let (false, Some(state)) = (self.contains(&stream), State::empty(stream.aggregate())) {
            self.insert(stream, Seen { state: Arc::new(state), position: Position::START, fresh: true });
        }
    }

    fn seen(&self, stream: &StreamId) -> Option<&State> {
        let found = self.state(stream);
        if found.is_none() {
            self.missed.store(true, Ordering::Relaxed);
        }
        found
    }

    #[cfg(test)]
    pub(crate) fn put(&mut self, stream: StreamId, state: State) {
        self.insert(stream, Seen { state: Arc::new(state), position: Position::START, fresh: true });
    }

    pub(crate) fn insert(&mut self, stream: StreamId, seen: Seen) {
        self.streams.insert(stream, seen);
    }

    /// Folds one more event into a stream that was read.
    pub(crate) fn evolve(&mut self, stream: &StreamId, event: &AnyEvent) {
        if let Some(seen) = self.streams.remove(stream) {
            let state = Arc::new(Arc::unwrap_or_clone(seen.state).evolve(event));
            self.streams.insert(stream.clone(), Seen { state, ..seen });
        }
    }

    pub(crate) fn contains(&self, stream: &StreamId) -> bool {
        self.streams.contains_key(stream)
    }

    pub(crate) fn streams(&self) -> &BTreeMap<StreamId, Seen> {
        &self.streams
    }

    pub(crate) fn is_fresh(&self) -> bool {
        self.streams.values().all(|seen| seen.fresh)
    }

    /// Whether something was looked at that had not been read, since the last call.
    pub(crate) fn take_missed(&self) -> bool {
        self.missed.swap(false, Ordering::Relaxed)
    }
}
