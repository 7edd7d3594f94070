//! Replay: golden stories, determinism, and read models that equal what a rebuild gives.

#![allow(clippy::unwrap_used)]

mod call;
mod determinism;
mod golden;
mod rebuilt;
mod simulation;
mod stories;
mod support;
