//! The interfaces in process: a store in memory, read models kept up by a small follower.

#![allow(clippy::unwrap_used)]

mod anonymous;
mod calls;
mod general;
mod harness;
mod logins;
mod matrix;
mod moving;
mod nodes;
mod oauth;
mod openapi;
mod phone;
mod platform_routes;
mod pool;
mod records;
mod replayed;
mod samples;
mod schemathesis;
mod tenancy;
