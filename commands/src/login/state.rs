use std::collections::VecDeque;

use wac_events::login::login_stream;
use wac_events::{EventId, LoginEvent, StreamId, Time};

/// Most failures remembered; no alarm can count more.
pub const FAILURES_REMEMBERED: usize = 100;

/// Most alarms of which it is remembered that somebody took notice; of an older one it may be noted once more.
pub const ACKNOWLEDGED_REMEMBERED: usize = 100;

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
    /// The alarms somebody has taken notice of last, the oldest first, at most [`ACKNOWLEDGED_REMEMBERED`].
    pub acknowledged: VecDeque<EventId>,
}

/// Folds one event.
#[must_use]
pub fn evolve(mut state: Login, event: &LoginEvent) -> Login {
    state.version += 1;
    match event {
        LoginEvent::Failed(failed) => {
            let count = usize::try_from(failed.count).unwrap_or(FAILURES_REMEMBERED).min(FAILURES_REMEMBERED);
            state.failures.extend(std::iter::repeat_n(failed.at, count));
            let forgotten = state.failures.len().saturating_sub(FAILURES_REMEMBERED);
            state.failures.drain(..forgotten);
        }
        LoginEvent::AlarmRaised(raised) => state.alarm_at = Some(raised.at),
        LoginEvent::AlarmAcknowledged(noticed) => {
            state.acknowledged.push_back(noticed.alarm);
            let forgotten = state.acknowledged.len().saturating_sub(ACKNOWLEDGED_REMEMBERED);
            state.acknowledged.drain(..forgotten);
        }
    }
    state
}
