//! Where the media of a room is: asked of whoever runs media nodes.

use std::collections::BTreeMap;

use futures::FutureExt;
use futures::future::BoxFuture;
use wac_commands::{Device, Room};

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
    /// The door of a room for a device that is in it, of the node the room is assigned to. A room without a node
    /// that serves gets one, if `assign` and there is any. The error says why there is no door.
    fn door<'a>(&'a self, room: &'a Room, device: &'a Device, assign: bool)
    -> BoxFuture<'a, Result<MediaDoor, String>>;

    /// A media node has come, gone, or is being drained: what is remembered of them is out of date.
    fn nodes_changed(&self) {}
}

/// As long as no media node runs.
pub(crate) struct NoMedia;

impl MediaNodes for NoMedia {
    fn door<'a>(&'a self, _: &'a Room, _: &'a Device, _: bool) -> BoxFuture<'a, Result<MediaDoor, String>> {
        futures::future::ready(Err("no media node is running".to_owned())).boxed()
    }
}
