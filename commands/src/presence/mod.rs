//! A user's presence: his log-ins, the devices that can be reached, what he says of himself.

mod command;
mod decide;
mod state;
#[cfg(test)]
mod tests;

pub use command::{ChangePresence, PresenceChanges, RegisterDevice, RemoveDevice};
pub(crate) use decide::{call_entered, call_streams, device_gone, is_in_a_call, logged_in, logged_out};
pub use state::{Presence, RegisteredDevice, evolve};

/// Longest note, in characters.
pub const NOTE_CHARS_MAX: usize = 1_024;
/// Longest mood, in characters.
pub const MOOD_CHARS_MAX: usize = 64;
