//! Tokens that have begun a session.

use std::collections::HashMap;

use wac_events::Time;

/// So many are remembered; a node that is asked to remember more takes no more for a while.
const SPENT_MAX: usize = 100_000;

/// The tokens that have been used and have not expired.
#[derive(Default)]
pub(crate) struct Spent {
    /// By `jti`; the value is when it ends, seconds since the epoch.
    tokens: HashMap<String, i64>,
}

impl Spent {
    /// Spends a token; false: it was spent before, or there is no room.
    pub(crate) fn spend(&mut self, jti: &str, exp: i64, now: Time) -> bool {
        if self.tokens.len() >= SPENT_MAX {
            // Somewhat longer than a token is taken.
            let over = now.millis() / 1_000 - 60;
            self.tokens.retain(|_, exp| *exp > over);
        }
        if self.tokens.len() >= SPENT_MAX || self.tokens.contains_key(jti) {
            return false;
        }
        self.tokens.insert(jti.to_owned(), exp);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_spent_once_and_memory_is_bounded() {
        let mut spent = Spent::default();
        assert!(spent.spend("a", 60, Time::EPOCH));
        assert!(!spent.spend("a", 60, Time::EPOCH));
        for n in 0..SPENT_MAX {
            spent.spend(&n.to_string(), 60, Time::EPOCH);
        }
        assert!(!spent.spend("b", 60, Time::EPOCH), "no room");
        assert!(spent.spend("b", 600, Time::from_millis(500_000)), "room again");
    }
}
