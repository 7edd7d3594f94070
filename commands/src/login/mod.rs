//! Failed log-ins under one name, and the alarm when there are too many.

mod command;
mod state;
#[cfg(test)]
mod tests;

pub use command::{AcknowledgeLoginAlarm, NoteFailedLogin};
pub use state::{ACKNOWLEDGED_REMEMBERED, FAILURES_REMEMBERED, Login, LoginKey, evolve};

/// Longest name of a failed log-in, in characters.
pub const LOGIN_NAME_CHARS_MAX: usize = crate::names::USERNAME_CHARS_MAX;
/// Longest address of a failed log-in, in characters.
pub const LOGIN_SRC_CHARS_MAX: usize = 64;
