//! Credentials: passwords, SIP identities, gateway accounts, and the pools guests lease from.

mod command;
mod data;
mod decide;
mod moving;
mod state;
#[cfg(test)]
mod tests;

pub use command::{
    ChangeCredential, CreateCredential, CredentialChanges, LeaseCredential, ReleaseLease, RevokeCredential,
};
pub use data::{CredentialData, check_data, password};
pub(crate) use decide::lease;
pub use moving::{FOLLOWERS_MAX, Follower, MoveCredential};
pub use state::{Credential, CredentialStatus, Lease, evolve};

/// Longest password, in bytes.
pub const PASSWORD_BYTES_MAX: usize = 1_024;
/// Longest text inside `data`, in bytes.
pub const DATA_TEXT_BYTES_MAX: usize = 4_096;
/// Largest `data` or `context`, in bytes of JSON.
pub const DATA_BYTES_MAX: usize = 16_384;
/// Most ICE servers of an `ims` credential.
pub const ICE_SERVERS_MAX: usize = 20;
/// Longest source, in characters.
pub const SOURCE_CHARS_MAX: usize = 64;
/// Longest registration lifetime, in seconds: one year.
pub const LEASE_S_MAX: u64 = 365 * 24 * 3600;
