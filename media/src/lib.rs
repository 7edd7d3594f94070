//! The selective forwarding unit without its sockets: rooms as their events say, peer connections
//! (`str0m`, which does no I/O either), and what is forwarded from whom to whom.
//!
//! Pure: the time, the bytes, the frames and the facts come in; packets, frames and the time of
//! the next wake-up go out. `media/io/` holds the sockets and threads.

mod config;
mod delays;
mod egress;
mod estimate;
mod figures;
mod flows;
pub mod fragment;
mod ids;
mod keyframe;
mod limit;
pub mod offer;
mod peer;
mod replay;
mod rewrite;
mod room;
mod sfu;
mod speakers;
mod track;
mod way;
pub mod wire;

pub use config::{SfuConfig, VideoCodec};
pub use delays::Delays;
pub use figures::{Dropped, Figures, Limit};
pub use flows::{Direction, TrackSummary};
pub use ids::{PeerId, TrackId};
pub use peer::{Entrance, Rights, Ticket};
pub use room::{Room, Standing, opening_of};
pub use sfu::facts::{PeerFact, Summary};
pub use sfu::route::carries_media;
pub use sfu::{JoinRejection, Output, Sfu};
pub use str0m::config::DtlsCert;
pub use way::{Transport, Way};
