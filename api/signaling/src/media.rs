//! Where the media of a room is: asked of whoever runs media nodes.

use std::collections::BTreeMap;

use wac_commands::Room;

use crate::Peer;
use crate::wire::IceServer;

/// What lets a device into the media of a room.
#[derive(Clone, PartialEq, Debug)]
pub struct MediaDoor {
    /// The node.
    pub node: String,
    /// Its addresses by protocol: `wss` (or `ws`) of its media socket, `https` (or `http`) of its base.
    pub server: BTreeMap<String, String>,
    /// Lets this device in, once, soon.
    pub token: String,
    /// STUN and TURN servers.
    pub ice: Vec<IceServer>,
}

/// Knows the media nodes.
pub trait MediaNodes: Send + Sync {
    /// The door of a room for a device that is in it; the error says why there is none.
    fn door(&self, room: &Room, peer: &Peer) -> Result<MediaDoor, String>;
}

/// As long as no media node runs.
pub(crate) struct NoMedia;

impl MediaNodes for NoMedia {
    fn door(&self, _: &Room, _: &Peer) -> Result<MediaDoor, String> {
        Err("no media node is running".to_owned())
    }
}
