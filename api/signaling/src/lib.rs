//! The signaling protocol without its sockets: frames become commands, events become notices.
//!
//! [`Signaling`] answers what a device asks; [`Follower`] turns the log into [`Notice`]s for the
//! devices concerned, [`Missed`] does the same for a device that comes back, and [`Recent`] keeps the
//! last ones at hand. [`wire`] is the protocol as types; `docs/signaling.md` is the protocol in words.
//! Pure: no runtime, no socket, no clock; sockets, limits and timers are the shell's.

mod address;
mod agents;
mod ask;
pub mod asyncapi;
mod calls;
mod failure;
mod follower;
mod media;
mod missed;
mod names;
mod notices;
mod peer;
mod pending;
mod reachability;
mod receive;
mod recent;
mod remembered;
mod requests;
mod rooms;
mod settings;
pub mod wire;

pub use agents::{AssignerError, Assignment, ExternalAssigner};
pub use calls::{CaughtUp, RowsCalls};
pub use failure::Refusal;
pub use follower::{FOLLOWED_STREAMS_MAX, Follower};
pub use media::{MediaDoor, MediaNodes};
pub use missed::{MISSED_PAGE_EVENTS, Missed, SIGNALING_TYPES};
pub use notices::{Notice, Recipients, Subscribers, notices};
pub use peer::Peer;
pub use reachability::{Addressee, Reachability, Reachable, Transport, Unreached};
pub use receive::{REQUEST_ID_BYTES_MAX, Received, Signaling};
pub use recent::{RECENT_NOTICES_MAX, Recent};

pub use settings::{
    AgentSettings, InviteSettings, LoginSettings, RESUME_WINDOW, RING_MAX, RoomSettings, Settings, SocketSettings,
    WatchdogSettings,
};
