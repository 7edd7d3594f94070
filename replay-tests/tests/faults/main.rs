//! Faults: what was acknowledged is there once, in order, without a gap, whatever dies, is cut,
//! fills up or goes backwards; and whoever asks meanwhile gets a clear answer.

#![allow(clippy::unwrap_used)]

mod clock;
mod cut;
mod erasure;
mod full_disk;
mod killed;
mod proxy;
mod server_killed;
mod support;
