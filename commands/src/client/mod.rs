//! OAuth2 clients.

mod command;
mod decide;
mod state;
#[cfg(test)]
mod tests;

pub use command::{ChangeClient, ClientChanges, CreateClient, DeleteClient, RotateClientSecret};
pub use state::{Client, ClientStatus, evolve};

/// Longest client name, in characters.
pub const CLIENT_NAME_CHARS_MAX: usize = 200;
/// Most redirect URIs of a client.
pub const REDIRECT_URIS_MAX: usize = 20;
/// Longest redirect URI, in bytes.
pub const REDIRECT_URI_BYTES_MAX: usize = 2_000;
/// Longest lifetime of a token, in seconds: one year.
pub const TOKEN_EXPIRATION_S_MAX: u64 = 365 * 24 * 3600;
