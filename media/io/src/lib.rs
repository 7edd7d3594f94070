//! The media node: sockets and threads around [`wac_media::Sfu`], the tokens that let clients in, and
//! what follows the log so that the node obeys it.
//!
//! [`MediaNode`] runs it; [`MediaNode::router`] is its media socket, WHIP and WHEP; [`TokenKey`] makes and checks
//! the tokens that signaling hands out.

mod bad_tokens;
mod desk;
mod door;
mod feed;
mod http;
mod intake;
mod node;
mod orders;
mod outbox;
mod report;
mod shard;
mod socket;
mod sockets;
mod spent;
mod tcp;
mod token;

pub use bad_tokens::BadToken;
pub use feed::{MediaPorts, ReportError, ReportSink, RoomFacts, RoomFeed};
pub use node::{MediaConfig, MediaLoad, MediaNode, NodeIdentity, StartError};
pub use report::REPORTER;
pub use sockets::MediaSockets;
pub use token::{Claims, TokenChecker, TokenError, TokenKey};
pub use wac_media::{Dropped, Figures, Limit, Rights, VideoCodec, opening_of};
