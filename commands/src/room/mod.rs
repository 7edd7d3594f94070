//! Rooms: openings, seats, owners, holds and mutes.

mod command;
mod decide;
mod media;
mod seats;
mod state;
#[cfg(test)]
mod tests;

pub use command::{
    CloseRoom, CreateRoom, EnterQuickConference, ExpelParticipant, HoldParticipant, JoinRoom, LeaveRoom,
    MuteParticipant, RoomRules, UpdateRoom,
};
pub use media::AssignMedia;
pub(crate) use seats::{Seating, agents_in, seat_reads};
pub use state::{Person, Room, Seat, evolve};

/// Most entries of an access list.
pub const ROOM_ACL_MAX: usize = 1_000;
/// Most seats a room may be given: what closes it at once is one append.
pub const ROOM_SEATS_MAX: u32 = 900;
