use std::convert::Infallible;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use wac_events::node::NodeEnd;
use wac_events::{Actor, CommandId, NodeId, Position, StoreError, Time};

use super::{Ports, ProcessError};
use crate::node::StopNode;
use crate::{CommandError, Context};

/// Name of the process, and of the actor of its commands.
const NAME: &str = "node_watch";

/// A node, how long ago it gave its last sign of life, and how many media sessions it had.
pub type LastSign = (NodeId, Duration, Option<u64>);

/// The nodes' signs of life. They are no events: only their absence becomes one.
pub trait Heartbeats: Send + Sync + 'static {
    /// This node is alive.
    fn beat<'a>(&'a self, node: &'a NodeId) -> BoxFuture<'a, Result<(), StoreError>>;

    /// This node is alive and has so many media sessions.
    fn beat_loaded<'a>(&'a self, node: &'a NodeId, sessions: u64) -> BoxFuture<'a, Result<(), StoreError>> {
        let _ = sessions;
        self.beat(node)
    }

    /// From now on a sign is expected of these nodes, those that have given one excepted.
    fn expect<'a>(&'a self, nodes: &'a [NodeId]) -> BoxFuture<'a, Result<(), StoreError>>;

    /// Nodes of which nothing was heard for longer than this.
    fn silent(&self, longer_than: Duration) -> BoxFuture<'_, Result<Vec<NodeId>, StoreError>>;

    /// Of every node of which something is expected: how long ago it gave its last sign, and how many media
    /// sessions it had, if it said so.
    fn last(&self) -> BoxFuture<'_, Result<Vec<LastSign>, StoreError>> {
        futures::future::ready(Ok(Vec::new())).boxed()
    }

    /// Whether no other process can give a sign: every other node ended before this process began.
    fn alone(&self) -> bool {
        false
    }

    /// Nothing is expected of this node any more.
    fn forget<'a>(&'a self, node: &'a NodeId) -> BoxFuture<'a, Result<(), StoreError>>;
}

/// How nodes watch one another.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NodeRules {
    /// How often a node gives a sign of life.
    pub beat_every: Duration,
    /// How long one may be silent before the others give it up (`nodes.heartbeat`).
    pub lost_after: Duration,
    /// How long its devices then have to come back: as in [`StopNode`].
    pub devices_kept: Duration,
}

impl Default for NodeRules {
    fn default() -> Self {
        Self {
            beat_every: Duration::from_secs(2),
            lost_after: Duration::from_secs(10),
            devices_kept: Duration::from_secs(10),
        }
    }
}

/// Gives signs of life and declares silent nodes lost, for ever; drop the future to stop it.
/// `node`: this node's id as of now.
pub async fn run_node_watch(
    ports: &Ports,
    heartbeats: &dyn Heartbeats,
    node: &(dyn Fn() -> NodeId + Send + Sync),
    rules: &NodeRules,
) -> Infallible {
    if heartbeats.alone() {
        bury(ports, node, rules).await;
    }
    // Who was out of touch himself does not judge: the others may not have been heard either. Who begins
    // gives them time for two signs, in case none of them could be given until now.
    let mut judge_from = ports.handler.environment().now().plus(rules.lost_after / 2);
    let mut last_beat = None;
    loop {
        match heartbeats.beat(&node()).await {
            Ok(()) => {
                let now = ports.handler.environment().now();
                if last_beat.is_some_and(|last: Time| now.since(last) > rules.lost_after) {
                    judge_from = now.plus(rules.lost_after);
                }
                last_beat = Some(now);
                if now >= judge_from
                    && let Err(error) = judge(ports, heartbeats, &node(), rules).await
                {
                    ports.watcher.failed(NAME, &error, rules.beat_every);
                }
            }
            Err(error) => ports.watcher.failed(NAME, &error.into(), rules.beat_every),
        }
        ports.timer.sleep(rules.beat_every).await;
    }
}

/// Declares every other node lost: all of them ended before this process began.
async fn bury(ports: &Ports, own: &(dyn Fn() -> NodeId + Send + Sync), rules: &NodeRules) {
    while let Err(error) = stop_others(ports, own, rules).await {
        ports.watcher.failed(NAME, &error, rules.beat_every);
        ports.timer.sleep(rules.beat_every).await;
    }
}

async fn stop_others(
    ports: &Ports,
    own: &(dyn Fn() -> NodeId + Send + Sync),
    rules: &NodeRules,
) -> Result<(), ProcessError> {
    let head = ports.handler.log().head().await?.position;
    let media = ports.calls.media_nodes(head).await?;
    // A media node may well be another process.
    let serves_media = |id: &NodeId| media.draining.contains(id) || media.taking.iter().any(|node| node.id == *id);
    for node in ports.calls.nodes(head).await? {
        if node != own() && !serves_media(&node) {
            stop(ports, &node, rules.devices_kept).await?;
        }
    }
    Ok(())
}

async fn judge(
    ports: &Ports,
    heartbeats: &dyn Heartbeats,
    own: &NodeId,
    rules: &NodeRules,
) -> Result<(), ProcessError> {
    heartbeats.expect(&ports.calls.nodes(Position::START).await?).await?;
    for node in heartbeats.silent(rules.lost_after).await? {
        if node != *own {
            stop(ports, &node, rules.devices_kept).await?;
            heartbeats.forget(&node).await?;
        }
    }
    Ok(())
}

/// Of nodes that find out at the same time one writes it down.
pub(super) async fn stop(ports: &Ports, node: &NodeId, devices_kept: Duration) -> Result<(), ProcessError> {
    let command = StopNode { id: node.clone(), reason: NodeEnd::Lost, devices_kept };
    let now = ports.handler.environment().now();
    let id = CommandId::derived(NAME, node.as_str());
    match ports.handler.execute(&command, Context::new(now, Actor::System(NAME.to_owned()), id)).await {
        Ok(_) => Ok(()),
        Err(CommandError::Rejected(rejection)) => {
            ports.watcher.rejected(NAME, "stop_node", &rejection);
            Ok(())
        }
        Err(source) => Err(ProcessError::Command { command: "stop_node", source }),
    }
}
