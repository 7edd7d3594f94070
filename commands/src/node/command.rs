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

#[cfg(test)]
mod tests {
    use wac_events::{Actor, CommandId, Time};

    use super::*;

    fn ctx() -> Context {
        Context::new(Time::from_millis(1_000), Actor::System("test".to_owned()), CommandId(uuid::Uuid::nil()))
    }

    fn after(events: &[Fact]) -> World {
        let actor = Actor::System("test".to_owned());
        let mut world = World::folded(&actor, events.iter().map(|fact| (&fact.stream, &fact.event)));
        world.assume_empty(NodeId::from("n").stream());
        world
    }

    #[test]
    fn a_node_starts_once_and_stops_once() {
        let start = StartNode { id: "n".into(), name: "one".to_owned() };
        let stop = StopNode { id: "n".into(), reason: NodeEnd::Lost, devices_kept: Duration::from_secs(10) };
        assert_eq!(stop.decide(&after(&[]), &ctx()), Ok(Vec::new()), "it has never begun");
        let mut facts = start.decide(&after(&[]), &ctx()).unwrap();
        assert_eq!(start.decide(&after(&facts), &ctx()), Ok(Vec::new()));
        facts.extend(stop.decide(&after(&facts), &ctx()).unwrap());
        assert_eq!(after(&facts).node(&"n".into()).devices_by, Some(Time::from_millis(11_000)));
        assert_eq!(stop.decide(&after(&facts), &ctx()), Ok(Vec::new()));
        assert_eq!(start.decide(&after(&facts), &ctx()), Err(Rejection::NodeStopped));
    }
}
