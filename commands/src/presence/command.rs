use std::time::Duration;

use wac_events::presence::DeviceEnd;
use wac_events::{Activity, NodeId, StreamId, Time, UserId};

use crate::{Command, Context, Device, Fact, Rejection, World};

/// A device has a socket on a node, after its `hello`.
#[derive(Clone, PartialEq, Debug)]
pub struct RegisterDevice {
    /// The device.
    pub device: Device,
    /// The node that holds its sockets.
    pub node: NodeId,
    /// Whether it has a signaling socket.
    pub ringable: bool,
    /// Whether it goes on where it was, or starts over while nothing rings for its user. A device that
    /// does so on its old node is not registered anew; one that was removed meanwhile is, and rings as
    /// a new one does.
    pub resumed: bool,
}

/// A device's last socket was cut and did not come back, or it said goodbye. Nothing happens if it
/// is registered with another node meanwhile, or again since.
#[derive(Clone, PartialEq, Debug)]
pub struct RemoveDevice {
    /// The device.
    pub device: Device,
    /// The node that held its sockets.
    pub node: NodeId,
    /// Why.
    pub reason: DeviceEnd,
    /// When its last socket was cut.
    pub lost_at: Time,
    /// How long after that its seats are kept (`rooms.removeAfter`).
    pub seats_kept: Duration,
    /// How long after that it counts as ringing (`invites.basic.removeAfter`).
    pub ringing_kept: Duration,
}

/// Changes what a user says of himself; `None` keeps the old value.
#[derive(Clone, Default, PartialEq, Debug)]
pub struct PresenceChanges {
    /// What he is doing.
    pub activity: Option<Activity>,
    /// A free text; `Some(None)` removes it.
    pub note: Option<Option<String>>,
    /// How he feels; `Some(None)` removes it.
    pub mood: Option<Option<String>>,
}

/// Changes what a user says of himself.
#[derive(Clone, PartialEq, Debug)]
pub struct ChangePresence {
    /// Who.
    pub user: UserId,
    /// What changes.
    pub changes: PresenceChanges,
}

impl Command for RegisterDevice {
    fn name(&self) -> &'static str {
        "register_device"
    }

    fn reads(&self, _: &World) -> Vec<StreamId> {
        vec![self.device.user.presence_stream(), self.device.session.stream(), self.node.stream()]
    }

    fn decide(&self, world: &World, ctx: &Context) -> Result<Vec<Fact>, Rejection> {
        self.facts(world, ctx)
    }
}

impl Command for RemoveDevice {
    fn name(&self) -> &'static str {
        "remove_device"
    }

    fn reads(&self, _: &World) -> Vec<StreamId> {
        vec![self.device.user.presence_stream(), self.device.session.stream(), self.node.stream()]
    }

    fn decide(&self, world: &World, ctx: &Context) -> Result<Vec<Fact>, Rejection> {
        Ok(self.facts(world, ctx))
    }
}

impl Command for ChangePresence {
    fn name(&self) -> &'static str {
        "change_presence"
    }

    fn reads(&self, _: &World) -> Vec<StreamId> {
        vec![self.user.presence_stream(), self.user.stream()]
    }

    fn decide(&self, world: &World, _: &Context) -> Result<Vec<Fact>, Rejection> {
        self.facts(world)
    }
}
