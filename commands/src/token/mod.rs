//! Token families: one grant with the access and refresh tokens that followed from it.

mod command;
mod decide;
mod guest;
mod state;
#[cfg(test)]
mod tests;

pub use command::{IssueToken, Proof, RefreshToken, RevokeToken};
pub(crate) use decide::revocation;
pub use guest::{ExpireGuest, OpenGuest};
pub use state::{Token, TokenStatus, evolve};

/// How many used-up refresh tokens a family remembers, the newest ones; an older one is unknown.
pub const USED_REFRESH_MAX: usize = 256;

/// 64 lower-case hexadecimal digits.
pub(crate) fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}
