use std::time::Duration;

use wac_events::node::{NodeEnd, NodeStarted, NodeStopped};
use wac_events::{AnyEvent, NodeEvent, NodeId, StreamId};

use crate::{Command, Context, Fact, Rejection, World};

/// A process begins to serve sockets.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StartNode {
    /// Its id, new at every start.
    pub id: NodeId,
    /// The name it was given, for people.
    pub name: String,
}

/// A process serves no sockets any more. One that never began, or has ended, stays as it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StopNode {
    /// Which.
    pub id: NodeId,
    /// How it ended.
    pub reason: NodeEnd,
    /// How long its devices may take to come back, here or elsewhere.
    pub devices_kept: Duration,
}

fn fact(id: &NodeId, event: NodeEvent) -> Fact {
    Fact { stream: id.stream(), domain: None, event: AnyEvent::from(event) }
}

impl Command for StartNode {
    fn name(&self) -> &'static str {
        "start_node"
    }

    fn reads(&self, _: &World) -> Vec<StreamId> {
        vec![self.id.stream()]
    }

    fn decide(&self, world: &World, ctx: &Context) -> Result<Vec<Fact>, Rejection> {
        let node = world.node(&self.id);
        if node.devices_by.is_some() {
            return Err(Rejection::NodeStopped);
        }
        let started = NodeStarted { id: self.id.clone(), name: self.name.clone(), at: ctx.now };
        Ok(if node.started { Vec::new() } else { vec![fact(&self.id, started.into())] })
    }
}

impl Command for StopNode {
    fn name(&self) -> &'static str {
        "stop_node"
    }

    fn reads(&self, _: &World) -> Vec<StreamId> {
        vec![self.id.stream()]
    }

    fn decide(&self, world: &World, ctx: &Context) -> Result<Vec<Fact>, Rejection> {
        if !world.node(&self.id).is_running() {
            return Ok(Vec::new());
        }
        let devices_by = ctx.now.plus(self.devices_kept);
        let stopped = NodeStopped { id: self.id.clone(), reason: self.reason, devices_by, at: ctx.now };
        Ok(vec![fact(&self.id, stopped.into())])
    }
}
