//! The OAuth2 provider (RFC 6749, guide 5.2): `/o/token`, `/o/revoke`, `/o/introspect`.

mod client_auth;
mod error;
mod failed_logins;
mod grants;
mod guests;
mod limiter;
mod pairing;
mod passwords;
mod request;
mod session;
mod token_endpoints;
mod tokens;

pub(crate) use failed_logins::FailedLogins;
pub(crate) use limiter::LoginLimiter;
pub(crate) use pairing::pair;
pub(crate) use passwords::Passwords;
pub(crate) use token_endpoints::routes;
pub use tokens::access_token;
pub(crate) use tokens::{TokenKind, TokenText, client_secret, secret_hash};

pub use guests::best_domain;
pub use limiter::{ADDRESS_FAILURES_MAX, FAILURE_WINDOW, NAME_FAILURES_MAX};
pub use pairing::Pairing;
pub use passwords::{HASHES_PARALLEL_MAX, HASHES_WAITING_MAX};
