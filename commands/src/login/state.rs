use std::collections::VecDeque;

use wac_events::login::login_stream;
use wac_events::{LoginEvent, StreamId, Time};

/// Most failures remembered; no alarm can count more.
pub const FAILURES_REMEMBERED: usize = 100;

/// The name somebody tried: its keyed hash in its domain, see [`crate::name_key`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LoginKey(pub String);

impl LoginKey {
    /// `login-<key>`.
    pub fn stream(&self) -> StreamId {
        login_stream(&self.0)
    }
}

/// Failed log-ins under one name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Login {
    /// Events so far.
    pub version: u64,
    /// When the last ones failed, oldest first, at most [`FAILURES_REMEMBERED`].
    pub failures: VecDeque<Time>,
    /// When the last alarm was raised.
    pub alarm_at: Option<Time>,
}

/// Folds one event.
#[must_use]
pub fn evolve(mut state: Login, event: &LoginEvent) -> Login {
    state.version += 1;
    match event {
        LoginEvent::Failed(failed) => {
            if state.failures.len() == FAILURES_REMEMBERED {
                state.failures.pop_front();
            }
            state.failures.push_back(failed.at);
        }
        LoginEvent::AlarmRaised(raised) => state.alarm_at = Some(raised.at),
    }
    state
}
