//! The nodes' signs of life.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, ready};
use wac_commands::process::Heartbeats;
use wac_events::{NodeId, StoreError};

use super::cluster::Cluster;
use super::executor::Executor;
use super::process::Pulse;

/// When each node was last heard of.
pub(crate) struct Beats {
    seen: Mutex<BTreeMap<NodeId, Duration>>,
    executor: Executor,
}

impl Beats {
    /// Of no node yet.
    pub(crate) fn new(executor: Executor) -> Self {
        Self { seen: Mutex::default(), executor }
    }

    fn with<T>(&self, act: impl FnOnce(&mut BTreeMap<NodeId, Duration>) -> T) -> T {
        act(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A node's way to them.
pub(crate) struct NodeBeats {
    pub(crate) cluster: Arc<Cluster>,
    pub(crate) pulse: Pulse,
    /// Of a node that is alone: its own, which go with it.
    own: Option<Arc<Beats>>,
}

impl NodeBeats {
    /// A node's way to the signs of life of its deployment.
    pub(crate) fn new(cluster: Arc<Cluster>, pulse: Pulse) -> Self {
        let own = cluster.alone.then(|| Arc::new(Beats::new(cluster.executor.clone())));
        Self { cluster, pulse, own }
    }

    fn answer<T: Send + 'static>(
        &self,
        act: impl FnOnce(&Beats, Duration) -> T,
    ) -> BoxFuture<'static, Result<T, StoreError>> {
        let beats = self.own.as_deref().unwrap_or(&self.cluster.heartbeats);
        ready(self.pulse.reach("heartbeats").map(|()| act(beats, beats.executor.now()))).boxed()
    }
}

impl Heartbeats for NodeBeats {
    fn beat<'a>(&'a self, node: &'a NodeId) -> BoxFuture<'a, Result<(), StoreError>> {
        self.answer(|beats, now| {
            beats.with(|seen| seen.insert(node.clone(), now));
        })
    }

    fn expect<'a>(&'a self, nodes: &'a [NodeId]) -> BoxFuture<'a, Result<(), StoreError>> {
        self.answer(|beats, now| {
            beats.with(|seen| {
                for node in nodes {
                    seen.entry(node.clone()).or_insert(now);
                }
            });
        })
    }

    fn silent(&self, longer_than: Duration) -> BoxFuture<'_, Result<Vec<NodeId>, StoreError>> {
        self.answer(|beats, now| {
            let silent = |at: &Duration| now - *at > longer_than;
            beats.with(|seen| seen.iter().filter(|(_, at)| silent(at)).map(|(node, _)| node.clone()).collect())
        })
    }

    fn alone(&self) -> bool {
        self.own.is_some()
    }

    fn forget<'a>(&'a self, node: &'a NodeId) -> BoxFuture<'a, Result<(), StoreError>> {
        self.answer(|beats, _| {
            beats.with(|seen| seen.remove(node));
        })
    }
}
