//! Read models on both databases: exactly once, through crashes, rebuilds, upgrades and two nodes.
//!
//! PostgreSQL is found through `WAC_TEST_DATABASE_URL`, the URL of a superuser; every test makes a
//! database of its own.

#![allow(clippy::unwrap_used)]

mod call_rules;
mod crashes;
mod parking;
mod reading;
mod rebuilding;
mod support;
mod upgrades;
mod verifying;
