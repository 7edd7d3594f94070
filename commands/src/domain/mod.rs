//! Domains (tenants): their names, their tree, what they allow.

mod command;
mod decide;
pub mod origin;
mod services;
mod state;
#[cfg(test)]
mod tests;

pub use command::{ChangeDomain, CreateDomain, DeleteDomain, DomainChanges, FinishDomainRemoval, InspectDomain};
pub(crate) use decide::{moved_in, open_domain};
pub use services::effective_services;
pub use state::{Domain, DomainStatus, evolve};

/// Most ancestors of a domain.
pub const DOMAIN_DEPTH_MAX: usize = 32;
/// Most origin patterns of a domain.
pub const ORIGINS_MAX: usize = 100;
/// The services there are: a domain has some of them, and what it does not name is off.
pub const SERVICES: [&str; 17] = [
    "callalarms",
    "callcontrol",
    "chat",
    "contacts",
    "datapipe",
    "filetransfer",
    "forms",
    "im",
    "ldap",
    "login",
    "meetings",
    "oauth2client",
    "presence",
    "recording",
    "remotelog",
    "stats",
    "usersettings",
];
/// Most services of a domain.
pub const SERVICES_MAX: usize = 100;
/// Most backends of a service.
pub const BACKENDS_MAX: usize = 32;
/// Longest name of a service or backend, in characters.
pub const SERVICE_CHARS_MAX: usize = 64;
/// Longest lifetime of a guest's access token, in milliseconds: ten years.
pub const ANONYMOUS_EXPIRATION_MS_MAX: u64 = 10 * 365 * 24 * 3600 * 1000;
