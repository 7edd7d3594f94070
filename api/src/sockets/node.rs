//! This node's place among the others: an id for as long as they believe that it lives.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use futures::StreamExt;
use tokio::sync::Mutex;
use tokio::time::{sleep, timeout};
use wac_commands::node::{StartNode, StopNode};
use wac_commands::{Command, CommandError, Context};
use wac_events::node::NodeEnd;
use wac_events::{Actor, CommandId, NodeId};

use super::device::Registration;
use super::limits::grace;
use crate::Platform;

/// Registrations under way at once when a node has a new id.
const REGISTRATIONS_PARALLEL_MAX: usize = 32;
/// Pause between attempts while the store does not answer.
const RETRY_PAUSE: Duration = Duration::from_millis(500);
/// How long the sockets of a node that stops have to hear it.
const FAREWELL_PATIENCE: Duration = Duration::from_secs(4);
/// How long a stop may take to be written down; afterwards others find out by themselves.
const STOP_PATIENCE: Duration = Duration::from_secs(2);

/// This node's id, which changes when the others have given it up meanwhile.
pub(crate) struct NodeSeat {
    id: ArcSwap<NodeId>,
    name: String,
    renewing: Mutex<()>,
}

impl NodeSeat {
    /// A node of this name.
    pub(super) fn new(id: NodeId, name: String) -> Self {
        Self { id: ArcSwap::from_pointee(id), name, renewing: Mutex::new(()) }
    }

    /// Its id.
    pub(crate) fn id(&self) -> NodeId {
        NodeId::clone(&self.id.load())
    }
}

impl Platform {
    async fn execute_as_node(&self, command: &dyn Command) -> Result<(), CommandError> {
        let actor = Actor::System(format!("node {}", self.sockets.node.name));
        let ctx = Context::new(self.env.now(), actor, CommandId(self.env.new_uuid()));
        self.handler.execute(command, ctx).await.map(|executed| self.note(&executed))
    }

    /// This node's id among the others, as of now.
    pub fn node_id(&self) -> NodeId {
        self.sockets.node.id()
    }

    /// Says that this node serves sockets. Before it has, no device can be registered.
    pub async fn start_node(&self) -> Result<(), CommandError> {
        let node = &self.sockets.node;
        self.execute_as_node(&StartNode { id: node.id(), name: node.name.clone() }).await
    }

    /// The others have given this node up under `old`: it goes on under a new id.
    pub(super) async fn renew_node(&self, old: &NodeId) {
        let node = &self.sockets.node;
        let _alone = node.renewing.lock().await;
        if node.id() != *old || self.closing.is_cancelled() {
            return;
        }
        let id = NodeId::from(self.env.new_uuid());
        match self.execute_as_node(&StartNode { id: id.clone(), name: node.name.clone() }).await {
            Ok(()) => {
                tracing::warn!(node.old = %old, node.id = %id, "this node was given up by the others and goes on");
                node.id.store(Arc::new(id));
            }
            Err(error) => {
                tracing::warn!(%error, "this node cannot take a new id");
                sleep(RETRY_PAUSE).await;
            }
        }
    }

    /// Takes a new id and registers every device of this node under it.
    pub(super) fn start_anew(&self, old: NodeId) {
        let platform = self.clone();
        self.sockets.tasks.spawn(async move {
            while platform.node_id() == old && !platform.closing.is_cancelled() {
                platform.renew_node(&old).await;
            }
            let devices = platform.sockets.hub.devices();
            let registered = futures::stream::iter(devices).for_each_concurrent(REGISTRATIONS_PARALLEL_MAX, |device| {
                let platform = &platform;
                async move { platform.register_again(&device.0, &device.1).await }
            });
            registered.await;
        });
    }

    /// Registers a device that has sockets here, wherever others say it is.
    pub(super) async fn register_again(&self, user: &wac_events::UserId, session: &wac_events::SessionId) {
        let Some(standing) = self.sockets.hub.standing(user, session) else { return };
        let how = Registration { resumed: true, ringable: standing.ringable };
        if let Err(close) = self.register_device(user, session, how).await {
            self.sockets.hub.end(user, session, &close);
        }
    }

    /// Closes every socket with 1012, and says that this node serves none any more.
    pub async fn stop_node(&self) {
        self.closing.cancel();
        self.sockets.tasks.close();
        if timeout(FAREWELL_PATIENCE, self.sockets.tasks.wait()).await.is_err() {
            tracing::warn!(sockets = self.sockets.hub.sockets(), "some sockets did not end in time");
        }
        let devices_kept = grace(&self.config.signaling);
        let stop = StopNode { id: self.node_id(), reason: NodeEnd::Stopped, devices_kept };
        match timeout(STOP_PATIENCE, self.execute_as_node(&stop)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the end of this node was not written down"),
            Err(_) => tracing::warn!("the end of this node was not written down in time"),
        }
    }
}
