//! Nodes: one id for each start of a process that holds sockets.

mod command;
mod media;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use wac_events::node::NodeEnd;
use wac_events::{NodeEvent, Time};

pub use command::{StartNode, StopNode};
pub use media::{DrainMedia, OfferMedia, SESSIONS_MAX, WithdrawMedia};

/// What a node offers to rooms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaOffer {
    /// Its addresses by protocol, as clients are told.
    pub server: BTreeMap<String, String>,
    /// Most media sessions it takes.
    pub sessions_max: u32,
    /// Whether it takes no new rooms.
    pub draining: bool,
}

/// A node's state.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Node {
    /// Events so far.
    pub version: u64,
    /// Whether it was started.
    pub started: bool,
    /// Whether it has ended, and when its devices are removed.
    pub devices_by: Option<Time>,
    /// Whether it was given up: it had not been heard of any more.
    pub lost: bool,
    /// The name it was given, for people.
    pub name: String,
    /// What it offers to rooms, if it does.
    pub media: Option<MediaOffer>,
}

impl Node {
    /// Whether it serves sockets.
    pub fn is_running(&self) -> bool {
        self.started && self.devices_by.is_none()
    }

    /// Whether the media of rooms that it has goes through it.
    pub fn serves_media(&self) -> bool {
        self.is_running() && self.media.is_some()
    }

    /// Whether it takes further rooms.
    pub fn takes_rooms(&self) -> bool {
        self.is_running() && self.media.as_ref().is_some_and(|media| !media.draining)
    }
}

/// Folds one event.
#[must_use]
pub fn evolve(mut state: Node, event: &NodeEvent) -> Node {
    state.version += 1;
    match event {
        NodeEvent::Started(started) => {
            state.started = true;
            state.name.clone_from(&started.name);
        }
        NodeEvent::Stopped(stopped) => {
            state.devices_by = Some(stopped.devices_by);
            state.lost = stopped.reason == NodeEnd::Lost;
        }
        NodeEvent::MediaOffered(offered) => {
            let (server, sessions_max) = (offered.server.clone(), offered.sessions_max);
            state.media = Some(MediaOffer { server, sessions_max, draining: false });
        }
        NodeEvent::MediaDraining(_) => state.media.iter_mut().for_each(|media| media.draining = true),
        NodeEvent::MediaWithdrawn(_) => state.media = None,
    }
    state
}
