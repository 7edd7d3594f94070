//! The objects of the platform, each as the caller may see it at one moment.

mod client;
mod credential;
mod domain;
mod me;
mod user;

pub(super) use client::Client;
pub(super) use credential::Credential;
pub(super) use domain::Domain;
pub(super) use me::Me;
pub(super) use user::User;
