//! Nodes: one id for each start of a process that holds sockets.

mod command;
#[cfg(test)]
mod tests;

use wac_events::{NodeEvent, Time};

pub use command::{StartNode, StopNode};

/// A node's state.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Node {
    /// Events so far.
    pub version: u64,
    /// Whether it was started.
    pub started: bool,
    /// Whether it has ended, and when its devices are removed.
    pub devices_by: Option<Time>,
}

impl Node {
    /// Whether it serves sockets.
    pub fn is_running(&self) -> bool {
        self.started && self.devices_by.is_none()
    }
}

/// Folds one event.
#[must_use]
pub fn evolve(mut state: Node, event: &NodeEvent) -> Node {
    state.version += 1;
    match event {
        NodeEvent::Started(_) => state.started = true,
        NodeEvent::Stopped(stopped) => state.devices_by = Some(stopped.devices_by),
    }
    state
}
