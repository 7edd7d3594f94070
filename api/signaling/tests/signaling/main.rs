//! The signaling protocol, spoken by devices on a platform in memory.

mod agents;
mod contracts;
mod frames;
mod harness;
mod invites;
mod repeats;
mod resume;
mod rooms;
mod transfers;
