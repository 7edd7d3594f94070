//! Users.

mod command;
mod decide;
mod state;
#[cfg(test)]
mod tests;

pub use command::{ChangeUser, CreateUser, DeleteUser, UserChanges};
pub(crate) use decide::removal;
pub use state::{User, UserStatus, evolve};

/// Longest e-mail address, in bytes (RFC 5321 §4.5.3.1.3).
pub const EMAIL_BYTES_MAX: usize = 254;
/// Longest phone number, in bytes.
pub const PHONE_BYTES_MAX: usize = 64;
/// Most mobile phones of a user.
pub const MOBILE_PHONES_MAX: usize = 20;
/// Longest alias or display name, in characters.
pub const DISPLAY_NAME_CHARS_MAX: usize = 256;
