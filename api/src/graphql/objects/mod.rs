//! The objects of the platform, each as the caller may see it at one moment.

mod client;
mod conference;
mod credential;
mod domain;
mod group;
mod me;
mod pool;
mod session;
mod user;

pub(super) use client::Client;
pub(super) use conference::Conference;
pub(super) use credential::Credential;
pub(super) use domain::Domain;
pub(super) use group::UsersGroup;
pub(super) use me::Me;
pub(super) use pool::{Agent, CallAlarm, LoginAlarm, Reachability};
pub(super) use session::{DeviceSession, Presence};
pub(super) use user::User;
