//! The last notices of this node, so that thousands who come back at once do not each read the log.

use std::collections::VecDeque;
use std::sync::Arc;

use wac_events::Position;
use wac_signaling::{Notice, RECENT_NOTICES_MAX, Recent};

use super::limits::RECENT_PRESENCE_MAX;
use super::socket::{Kind, Socket};

/// The last notices, all of them from a position on.
pub(super) struct Memory {
    to_users: Recent,
    /// What is told to subscribers, whoever they are.
    presence: VecDeque<Arc<Notice>>,
    presence_from: Position,
}

impl Memory {
    /// Remembers nothing of what is up to `after`.
    pub(super) fn new(after: Position) -> Self {
        Self { to_users: Recent::new(after, RECENT_NOTICES_MAX), presence: VecDeque::new(), presence_from: after }
    }

    /// What was told of one event.
    pub(super) fn push(&mut self, position: Position, told: &[Arc<Notice>]) {
        self.to_users.push(position, told);
        self.presence.extend(told.iter().filter(|notice| notice.to.subscribers.is_some()).cloned());
        while self.presence.len() > RECENT_PRESENCE_MAX
            && let Some(oldest) = self.presence.pop_front()
        {
            self.presence_from = oldest.position;
        }
    }

    /// What was told to users after this position is remembered.
    pub(super) fn from(&self) -> Position {
        self.to_users.from()
    }

    /// What a socket has missed since `after`, oldest first; `None` if that is too far back.
    pub(super) fn missed(&self, socket: &Socket, after: Position) -> Option<Vec<Arc<Notice>>> {
        let mut missed = self.to_users.since(&socket.user, &socket.session, after)?;
        missed.retain(|notice| socket.hears(notice));
        if socket.kind == Kind::Wapi {
            if after < self.presence_from {
                return None;
            }
            let first = self.presence.partition_point(|notice| notice.position <= after);
            missed.extend(self.presence.range(first..).filter(|notice| socket.hears(notice)).cloned());
            missed.sort_by_key(|notice| notice.position);
        }
        Some(missed)
    }
}
