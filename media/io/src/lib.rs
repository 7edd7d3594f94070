//! The media node: sockets and threads around [`wac_media::Sfu`], the tokens that let clients in, and
//! what follows the log so that the node obeys it.
//!
//! [`MediaNode`] runs it; [`MediaNode::router`] is its media socket; [`TokenKey`] makes and checks
//! the tokens that signaling hands out.

mod desk;
mod node;
mod report;
mod shard;
mod socket;
mod spent;
mod token;

pub use node::{MediaConfig, MediaNode, StartError};
pub use token::{Claims, TokenError, TokenKey};
pub use wac_media::{Rights, VideoCodec};
