//! Sessions: opened by a grant, kept by use, ended with all their tokens.

mod command;
mod decide;
mod state;
#[cfg(test)]
mod tests;

pub use command::{
    ChangeSessionContext, CloseSession, ExpireSession, ExtendSession, OpenSession, RemovePushToken, SetPushToken,
};
pub(crate) use decide::{ended, extended, opened, reads_to_end};
pub use state::{Session, SessionStatus, evolve};

/// Longest field of a session's context, in characters; what is longer is refused.
pub const CONTEXT_CHARS_MAX: usize = 512;
/// Longest push token, in bytes.
pub const PUSH_TOKEN_BYTES_MAX: usize = 4_096;
/// The services a push token may be for.
pub const PUSH_TOKEN_TYPES: [&str; 4] = ["apns", "apns-voip", "fcm", "webpush"];
