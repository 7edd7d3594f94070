//! One suite for every store: what `wac_events::EventLog` and `KeyStore` promise holds in memory,
//! on SQLite and on PostgreSQL alike.
//!
//! PostgreSQL is found through `WAC_TEST_DATABASE_URL`, the URL of a superuser on a server whose
//! files this machine holds; every test makes a database of its own there and drops it. `make test`
//! sets the variable.

#![allow(clippy::unwrap_used)]

mod appending;
mod cuts;
mod harness;
mod idempotency;
mod immutability;
mod keys;
mod opening;
mod order;
mod processes;
mod proxy;
mod reading;
mod waking;
