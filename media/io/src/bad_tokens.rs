//! Whom his token did not let in, by why.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Why a token did not let its holder in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BadToken {
    /// There was none.
    Missing,
    /// It is malformed, or this deployment has not signed it.
    Forged,
    /// Its time is over.
    Expired,
    /// It has begun a session already.
    Spent,
    /// It is of another room or session, does not grant this, or its holder is not in the room.
    Foreign,
}

impl BadToken {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Missing, Self::Forged, Self::Expired, Self::Spent, Self::Foreign];

    /// What it is called outside.
    pub fn name(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Forged => "forged",
            Self::Expired => "expired",
            Self::Spent => "spent",
            Self::Foreign => "foreign",
        }
    }
}

/// Counted since the node began. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct BadTokens(Arc<[AtomicU64; BadToken::ALL.len()]>);

impl BadTokens {
    /// One more.
    pub(crate) fn count(&self, why: BadToken) {
        self.0[why as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// How many so far.
    pub(crate) fn counted(&self, why: BadToken) -> u64 {
        self.0[why as usize].load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_for_one_reason_is_not_for_another() {
        let counts = BadTokens::default();
        for (times, why) in BadToken::ALL.into_iter().enumerate() {
            (0..times).for_each(|_| counts.clone().count(why));
        }
        assert_eq!(BadToken::ALL.map(|why| counts.counted(why)), [0, 1, 2, 3, 4]);
    }
}
