//! Invitations that callers have sent through this node, until the read models know them: so that
//! their bound holds at any pace.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use wac_events::{InviteId, Position, UserId};

/// From this many callers on, those are forgotten whose invitations the read models know.
pub(crate) const CALLERS_KEPT_MAX: usize = 10_000;

/// What each caller has sent of late.
#[derive(Clone, Default)]
pub(crate) struct Pending(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    sent: HashMap<UserId, Vec<Sent>>,
    next: u64,
}

struct Sent {
    number: u64,
    invites: usize,
    /// Which, and where they stand in the log; none while they are being sent.
    done: Option<(Vec<InviteId>, Position)>,
}

impl Sent {
    fn is_in(&self, rows: Position) -> bool {
        self.done.as_ref().is_some_and(|(_, position)| *position <= rows)
    }

    /// How many of them are not among these.
    fn besides(&self, known: &BTreeSet<&InviteId>) -> usize {
        self.done.as_ref().map_or(self.invites, |(ids, _)| ids.iter().filter(|id| !known.contains(id)).count())
    }
}

/// Room for invitations that are being sent; given back when it is dropped.
pub(crate) struct Place {
    pending: Pending,
    caller: UserId,
    number: u64,
}

impl Pending {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes room for so many invitations of a caller, unless more than `max` would ring. `known`: what
    /// rings by the read models, which were built at least up to `rows`.
    pub(crate) fn take(
        &self,
        caller: &UserId,
        invites: usize,
        max: usize,
        known: &[InviteId],
        rows: Position,
    ) -> Option<Place> {
        let mut state = self.state();
        if state.sent.len() > CALLERS_KEPT_MAX {
            state.sent.retain(|_, sent| sent.iter().any(|sent| !sent.is_in(rows)));
        }
        state.next += 1;
        let number = state.next;
        let sent = state.sent.entry(caller.clone()).or_default();
        sent.retain(|sent| !sent.is_in(rows));
        let ids: BTreeSet<&InviteId> = known.iter().collect();
        let ringing = known.len() + sent.iter().map(|sent| sent.besides(&ids)).sum::<usize>();
        if ringing + invites > max {
            return None;
        }
        sent.push(Sent { number, invites, done: None });
        Some(Place { pending: self.clone(), caller: caller.clone(), number })
    }
}

impl Place {
    /// They have been sent.
    pub(crate) fn sent(self, invites: Vec<InviteId>, position: Position) {
        let mut state = self.pending.state();
        let of_caller = state.sent.get_mut(&self.caller).into_iter().flatten();
        if let Some(sent) = of_caller.into_iter().find(|sent| sent.number == self.number) {
            sent.done = Some((invites, position));
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.pending.state();
        let Some(sent) = state.sent.get_mut(&self.caller) else { return };
        sent.retain(|sent| sent.number != self.number || sent.done.is_some());
        if sent.is_empty() {
            state.sent.remove(&self.caller);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(names: &[&str]) -> Vec<InviteId> {
        names.iter().map(|name| InviteId::from(*name)).collect()
    }

    #[test]
    fn what_is_being_sent_counts_at_once_and_what_was_refused_does_not() {
        let (pending, alice) = (Pending::default(), UserId::from("alice"));
        let take = |invites| pending.take(&alice, invites, 3, &[], Position::START);
        let first = take(2);
        assert!(first.is_some() && take(2).is_none());
        drop(first);
        assert!(take(3).is_some());
        assert!(pending.state().sent.is_empty(), "nothing is kept of what came to nothing");
    }

    #[test]
    fn what_was_sent_counts_until_the_read_models_know_it_and_never_twice() {
        let (pending, alice) = (Pending::default(), UserId::from("alice"));
        let take = |known: &[&str], rows| pending.take(&alice, 1, 3, &ids(known), Position(rows));
        take(&[], 0).unwrap().sent(ids(&["i"]), Position(10));
        take(&[], 0).unwrap().sent(ids(&["j"]), Position(11));
        // The rows are further than they say: they have the first one already.
        take(&["i"], 5).unwrap().sent(ids(&["k"]), Position(12));
        assert!(take(&["i"], 9).is_none(), "three ring");
        assert!(take(&["i", "j", "k"], 12).is_none(), "three ring, as the rows say");
        assert!(take(&["k"], 12).is_some(), "two have ended, as the rows say");
    }

    #[test]
    fn callers_are_bounded_by_what_the_read_models_do_not_know() {
        let pending = Pending::default();
        for n in 0..=CALLERS_KEPT_MAX {
            let caller = UserId::from(format!("u{n}"));
            pending.take(&caller, 1, 3, &[], Position::START).unwrap().sent(ids(&["i"]), Position(1));
        }
        pending.take(&"one more".into(), 1, 3, &[], Position(1)).unwrap().sent(ids(&["j"]), Position(2));
        assert_eq!(pending.state().sent.len(), 1);
    }
}
