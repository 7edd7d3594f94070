//! Commands, deciders, the command handler and process managers.
//!
//! A [`Command`] names the streams its decision looks at and decides over their folded states
//! ([`World`]); the [`CommandHandler`] reads, folds, decides and appends. Pure: no clock but
//! [`Context::now`], no randomness but through `wac_events::Environment`, no runtime.

pub mod agent;
mod calls;
pub mod capability;
pub mod client;
mod command;
pub mod credential;
mod describe;
mod device;
pub mod dispatch;
pub mod domain;
pub mod group;
mod handler;
pub mod invite;
pub mod login;
pub mod media;
pub mod names;
pub mod node;
pub mod presence;
pub mod process;
#[cfg(test)]
mod properties;
mod refusals;
mod rejection;
pub mod reservation;
pub mod room;
pub mod session;
pub mod subject;
#[cfg(test)]
mod testing;
mod together;
pub mod token;
pub mod transfer;
pub mod user;
mod world;

pub use agent::Agent;
pub use calls::{CALLS_LISTED_MAX, Calls, Deadline, GroupsOf, InvitesOf, KnownDeadlines, MediaNodes, Nobody, RoomsOf};
pub use client::{ChangeClient, Client, ClientChanges, CreateClient, DeleteClient, RotateClientSecret};
pub use command::{Command, Context, Fact, Idempotency};
pub use credential::{
    ChangeCredential, CreateCredential, Credential, CredentialChanges, CredentialData, LeaseCredential, ReleaseLease,
    RevokeCredential,
};
pub use device::Device;
pub use dispatch::MediaNodeLoad;
pub use domain::{
    ChangeDomain, CreateDomain, DeleteDomain, Domain, DomainChanges, FinishDomainRemoval, InspectDomain,
    effective_services,
};
pub use group::Group;
pub use handler::{CommandError, CommandHandler, Executed, FOLD_OPERATION, Limits};
pub use invite::Invite;
pub use login::{Login, LoginKey};
pub use media::{MediaReport, MediaSession, MediaSessionRef, ReportMedia};
pub use names::{UserName, domain_name, fold, name_key, sip_identity_key};
pub use node::Node;
pub use presence::Presence;
pub use refusals::{Forgotten, REFUSALS_OF_CALL_MAX, Refusal, Refusals};
pub use rejection::{FieldError, Rejection, RejectionKind};
pub use reservation::Reservation;
pub use room::Room;
pub use session::{OpenSession, Session};
pub use subject::Subject;
pub use together::Together;
pub use token::{ExpireGuest, IssueToken, OpenGuest, Proof, RefreshToken, RevokeToken, Token};
pub use transfer::Transfer;
pub use user::{ChangeUser, CreateUser, DeleteUser, User, UserChanges};
pub use world::{State, World};
