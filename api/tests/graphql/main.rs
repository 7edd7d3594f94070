//! GraphQL and the event stream, in process and over real sockets.

#[path = "../api/harness.rs"]
#[allow(dead_code)]
mod harness;

mod calls;
mod client;
mod event_pages;
mod history;
mod limits;
mod live;
mod mutations;
mod past;
mod queries;
mod records;
mod schema;
mod sockets;
mod tenancy;
