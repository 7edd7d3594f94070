use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use wac_events::{Position, SessionId, UserId};

use crate::Notice;

/// Most notices kept at hand, about 1 kB each, and 100 bytes more for every recipient.
pub const RECENT_NOTICES_MAX: usize = 50_000;

/// The last notices by person, so that whoever comes back soon is told from memory what he has
/// missed: thousands who come back at once do not read the log.
pub struct Recent {
    /// Everything after this, up to `until`, is here.
    after: Position,
    until: Position,
    kept: VecDeque<Arc<Notice>>,
    by_user: HashMap<UserId, VecDeque<Arc<Notice>>>,
    max: usize,
}

impl Recent {
    /// Nothing yet, from a position on; at most `max` notices.
    pub fn new(after: Position, max: usize) -> Self {
        Self { after, until: after, kept: VecDeque::new(), by_user: HashMap::new(), max: max.max(1) }
    }

    /// Adds what was told of one event, or that nothing was told up to a position.
    pub fn push(&mut self, position: Position, notices: &[Arc<Notice>]) {
        for notice in notices.iter().filter(|notice| !notice.to.users.is_empty()) {
            for user in &notice.to.users {
                self.by_user.entry(user.clone()).or_default().push_back(notice.clone());
            }
            self.kept.push_back(notice.clone());
        }
        self.until = self.until.max(position);
        while self.kept.len() > self.max {
            self.forget_oldest();
        }
    }

    /// Everything after this, and up to [`Recent::position`], is here.
    pub fn from(&self) -> Position {
        self.after
    }

    /// Up to here everything has been added.
    pub fn position(&self) -> Position {
        self.until
    }

    /// A device's notices after a position, in order; `None` if that is too far back, or ahead of what
    /// has been added: then the log tells.
    pub fn since(&self, user: &UserId, session: &SessionId, after: Position) -> Option<Vec<Arc<Notice>>> {
        if after < self.after || after > self.until {
            return None;
        }
        let of_user = self.by_user.get(user).into_iter().flatten();
        let missed = of_user.filter(|notice| notice.position > after && notice.to.reaches(user, session));
        Some(missed.cloned().collect())
    }

    fn forget_oldest(&mut self) {
        let Some(oldest) = self.kept.pop_front() else { return };
        self.after = self.after.max(oldest.position);
        for user in &oldest.to.users {
            let Some(notices) = self.by_user.get_mut(user) else { continue };
            if notices.front().is_some_and(|first| Arc::ptr_eq(first, &oldest)) {
                notices.pop_front();
            }
            if notices.is_empty() {
                self.by_user.remove(user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Recipients;
    use crate::wire::{Event, InRoom, NoticeBody};

    fn notice(position: u64, user: &str) -> Arc<Notice> {
        let event = Event::ParticipantHeld(InRoom { room_id: "r".to_owned(), user_id: "x".into() });
        let to = Recipients { users: vec![user.into()], ..Recipients::default() };
        Arc::new(Notice { position: Position(position), to, body: NoticeBody::Event(event), room: None })
    }

    fn since(recent: &Recent, user: &str, after: u64) -> Option<Vec<u64>> {
        let missed = recent.since(&user.into(), &"s".into(), Position(after))?;
        Some(missed.iter().map(|notice| notice.position.0).collect())
    }

    #[test]
    fn who_comes_back_soon_gets_his_own_notices_in_order() {
        let mut recent = Recent::new(Position(10), 100);
        for (position, user) in [(11, "a"), (12, "b"), (14, "a")] {
            recent.push(Position(position), &[notice(position, user)]);
        }
        recent.push(Position(20), &[]);
        assert_eq!(since(&recent, "a", 10), Some(vec![11, 14]));
        assert_eq!(since(&recent, "a", 11), Some(vec![14]));
        assert_eq!(since(&recent, "b", 20), Some(vec![]));
        assert_eq!(since(&recent, "a", 9), None, "too far back");
        assert_eq!(since(&recent, "a", 21), None, "not added yet");
    }

    #[test]
    fn the_oldest_go_first_and_are_no_longer_promised() {
        let mut recent = Recent::new(Position(0), 2);
        for position in 1..=4 {
            recent.push(Position(position), &[notice(position, "a")]);
        }
        assert_eq!(since(&recent, "a", 1), None);
        assert_eq!(since(&recent, "a", 2), Some(vec![3, 4]));
        assert_eq!(recent.kept.len(), 2);
        assert_eq!(recent.by_user.values().map(VecDeque::len).sum::<usize>(), 2);
    }
}
