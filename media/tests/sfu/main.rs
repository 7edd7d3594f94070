//! The forwarding unit with clients in memory, on simulated time.

#![allow(clippy::unwrap_used)]
#![allow(clippy::disallowed_methods, reason = "a test begins its simulated time somewhere")]

mod client;
mod data;
mod egress;
mod hostile;
mod limits;
mod media;
mod obedience;
mod trust;
mod world;
