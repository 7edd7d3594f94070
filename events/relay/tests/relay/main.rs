//! The relay against a real Kafka: what it promises, under the faults it promises it for.
#![allow(clippy::unwrap_used)]

mod calls;
mod consumer_example;
mod faults;
mod leases;
mod measuring;
mod records;
mod resuming;
mod support;
