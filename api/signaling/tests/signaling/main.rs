//! The signaling protocol, spoken by devices on a platform in memory.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod agents;
mod contracts;
mod frames;
mod harness;
mod invites;
mod media;
mod reachability;
mod repeats;
mod resume;
mod rooms;
mod transfers;
