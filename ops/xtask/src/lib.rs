//! The project's own checks, and the services its tests run against.
//!
//! As a library: [`services`], a private PostgreSQL and a real Apache Kafka for tests. As a binary
//! (`cargo xtask`): setup, tests, generated contracts and house rules.

pub mod services;
