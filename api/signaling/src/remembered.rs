//! States by stream, those used last.

use std::collections::HashMap;
use std::sync::Arc;

use wac_commands::State;
use wac_events::{StreamId, SubjectId, UserId};

/// At most `max` states: two generations of half as many, the older of which goes when the younger
/// is full.
pub(crate) struct Remembered {
    young: HashMap<StreamId, Arc<State>>,
    old: HashMap<StreamId, Arc<State>>,
    max: usize,
}

impl Remembered {
    pub(crate) fn new(max: usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), max: max.max(2) }
    }

    pub(crate) fn find(&mut self, stream: &StreamId) -> Option<Arc<State>> {
        if let Some(state) = self.young.get(stream) {
            return Some(state.clone());
        }
        let state = self.old.remove(stream)?;
        self.put(stream.clone(), state.clone());
        Some(state)
    }

    pub(crate) fn put(&mut self, stream: StreamId, state: Arc<State>) {
        if self.young.len() >= self.max / 2 && !self.young.contains_key(&stream) {
            self.old = std::mem::take(&mut self.young);
        }
        self.old.remove(&stream);
        self.young.insert(stream, state);
    }

    pub(crate) fn drop_stream(&mut self, stream: &StreamId) {
        self.young.remove(stream);
        self.old.remove(stream);
    }

    /// Drops what is held of a person.
    pub(crate) fn forget(&mut self, subject: &SubjectId) {
        let of = |user: &UserId| SubjectId::of_user(user) == *subject;
        let keep = |state: &Arc<State>| match &**state {
            State::User(user) => !of(&user.id),
            State::Invite(invite) => !of(&invite.from),
            _ => true,
        };
        self.young.retain(|_, state| keep(state));
        self.old.retain(|_, state| keep(state));
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_states_used_last_stay_and_there_are_never_too_many() {
        let mut remembered = Remembered::new(10);
        let state = Arc::new(State::empty("room").unwrap());
        for n in 0..100 {
            remembered.put(StreamId::from(format!("room-{n}")), state.clone());
            assert!(remembered.find(&"room-0".into()).is_some());
            assert!(remembered.len() <= 10);
        }
        assert!(remembered.find(&"room-99".into()).is_some());
        assert!(remembered.find(&"room-50".into()).is_none());
    }
}
