//! One socket as the hub sees it.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use wac_events::{DomainId, SessionId, UserId};
use wac_signaling::wire::{Event, NoticeBody};
use wac_signaling::{Notice, Subscribers};

use super::Outbox;

/// Which protocol a socket speaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// Calls: requests, answers and notices.
    Qss,
    /// Resources: REST over a socket.
    Wapi,
}

impl Kind {
    /// The WebSocket subprotocol.
    pub(super) fn protocol(self) -> &'static str {
        match self {
            Kind::Qss => "jt",
            Kind::Wapi => "wapi",
        }
    }

    /// Its name in metrics and logs.
    pub(super) fn name(self) -> &'static str {
        match self {
            Kind::Qss => "qss",
            Kind::Wapi => "wapi",
        }
    }
}

/// Whose presence a socket is told of.
#[derive(Clone, Default, PartialEq, Debug)]
pub(super) struct Follows {
    /// Everybody's of its domain.
    pub(super) domain: bool,
    /// These users'.
    pub(super) users: BTreeSet<UserId>,
}

/// One socket.
pub(super) struct Socket {
    /// Tells it apart from others of this node.
    pub(super) id: u64,
    /// What it speaks.
    pub(super) kind: Kind,
    /// Whose.
    pub(super) user: UserId,
    /// His device.
    pub(super) session: SessionId,
    /// His domain when it connected.
    pub(super) domain: DomainId,
    /// What it is to be sent.
    pub(super) outbox: Outbox,
    follows: Mutex<Option<Box<Follows>>>,
}

impl Socket {
    /// A new one that follows nobody.
    pub(super) fn new(
        id: u64,
        kind: Kind,
        (user, session): (UserId, SessionId),
        domain: DomainId,
        outbox: Outbox,
    ) -> Self {
        Self { id, kind, user, session, domain, outbox, follows: Mutex::default() }
    }

    /// Follows these from now on, and nobody else.
    pub(super) fn follow(&self, follows: Follows) {
        *self.follows.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(follows));
    }

    /// Whether a notice is for it. The end of a session is told on all its sockets.
    pub(super) fn hears(&self, notice: &Notice) -> bool {
        let to = &notice.to;
        let speaks = match &notice.body {
            NoticeBody::Push(_) => self.kind == Kind::Wapi,
            NoticeBody::Event(Event::SessionClosed(_)) => true,
            NoticeBody::Event(_) => self.kind == Kind::Qss,
        };
        let follows = |of: &Subscribers| {
            self.domain == of.domain && self.follows(&of.of) && to.except.as_ref() != Some(&self.session)
        };
        speaks && (to.reaches(&self.user, &self.session) || to.subscribers.as_ref().is_some_and(follows))
    }

    /// Whether it is told of the presence of a user of its domain. One's own is always of interest.
    fn follows(&self, user: &UserId) -> bool {
        let follows = self.follows.lock().unwrap_or_else(PoisonError::into_inner);
        self.user == *user || follows.as_ref().is_some_and(|follows| follows.domain || follows.users.contains(user))
    }
}
