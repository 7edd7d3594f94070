//! Transfers: one participant moves another, to a target he is to call (blind) or into a room in
//! which the transferor already is with the target (attended).

mod command;
mod decide;
mod state;
#[cfg(test)]
mod tests;

pub use command::{AcceptTransfer, AttendedTransfer, BlindTransfer, DeclineTransfer, FailTransfer};
pub use state::{Transfer, TransferStatus, evolve};
