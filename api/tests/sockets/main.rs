//! QSS and WAPI over real sockets, in one process: a store in memory, read models kept up by a
//! small follower, two nodes where it takes two.

#![allow(clippy::unwrap_used)]

#[path = "../api/harness.rs"]
#[allow(dead_code)]
mod harness;

mod agents;
mod calls;
mod client;
mod closing;
mod connecting;
mod devices;
mod limits;
mod nodes;
mod resuming;
mod wapi;
