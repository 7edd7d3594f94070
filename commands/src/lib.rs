//! Commands, deciders, the command handler and process managers.
//!
//! A [`Command`] names the streams its decision looks at and decides over their folded states
//! ([`World`]); the [`CommandHandler`] reads, folds, decides and appends. Pure: no clock but
//! [`Context::now`], no randomness but through `wac_events::Environment`, no runtime.

pub mod capability;
pub mod client;
mod command;
pub mod credential;
pub mod domain;
mod handler;
pub mod names;
pub mod process;
#[cfg(test)]
mod properties;
mod rejection;
pub mod reservation;
pub mod subject;
#[cfg(test)]
mod testing;
pub mod token;
pub mod user;
mod world;

pub use client::{ChangeClient, Client, ClientChanges, CreateClient, DeleteClient, RotateClientSecret};
pub use command::{Command, Context, Fact};
pub use credential::{
    ChangeCredential, CreateCredential, Credential, CredentialChanges, CredentialData, LeaseCredential, ReleaseLease,
    RevokeCredential,
};
pub use domain::{
    ChangeDomain, CreateDomain, DeleteDomain, Domain, DomainChanges, FinishDomainRemoval, InspectDomain,
    effective_services,
};
pub use handler::{CommandError, CommandHandler, Executed, Limits};
pub use names::{UserName, domain_name, name_key, sip_identity_key};
pub use rejection::{FieldError, Rejection, RejectionKind};
pub use reservation::Reservation;
pub use subject::Subject;
pub use token::{ExpireGuest, IssueToken, OpenGuest, Proof, RefreshToken, RevokeToken, Token};
pub use user::{ChangeUser, CreateUser, DeleteUser, User, UserChanges};
pub use world::{State, World};
