//! A node's process, from its start to its end: everything it knows goes with it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use tokio_util::sync::CancellationToken;
use wac_commands::node::{StartNode, StopNode};
use wac_commands::process::{self, CallRules, KeyEraser, NodeRules, Ports, Silent, run_call_deadlines, run_node_watch};
use wac_commands::{Calls, Command, CommandError, CommandHandler, Context, Executed, Limits};
use wac_events::node::NodeEnd;
use wac_events::{Actor, CommandId, Environment, NodeId, Position, StoreError};
use wac_signaling::{RowsCalls, Signaling};

use super::beats::NodeBeats;
use super::clock::SimClock;
use super::cluster::Cluster;
use super::hub::Hub;
use super::log::NodeLog;
use super::models::Models;
use super::sabotage::Sabotage;

/// Pause before something is tried again.
pub(crate) const RETRY: Duration = Duration::from_millis(250);
/// How far a node's clock is ahead of the common time at most.
const AHEAD_MS: u64 = 200;

/// Whether a process lives.
#[derive(Clone)]
pub(crate) struct Pulse {
    name: &'static str,
    stopped: CancellationToken,
    /// Until when it does not reach what all share.
    alone_until: Arc<Mutex<Duration>>,
    cluster: Arc<Cluster>,
}

impl Pulse {
    /// Ends the process at once, wherever it is.
    pub(crate) fn stop(&self, why: &str) {
        if !self.stopped.is_cancelled() {
            self.cluster.tale.tell(self.name, format!("dies {why}"));
            self.stopped.cancel();
        }
    }

    /// Cuts it off from the log and from the others, for a while.
    pub(crate) fn cut_off(&self, lasts: Duration) {
        self.cluster.tale.tell(self.name, format!("is cut off for {lasts:.1?}"));
        *self.alone_until.lock().unwrap_or_else(PoisonError::into_inner) = self.cluster.executor.now() + lasts;
    }

    /// An error while it is cut off.
    pub(crate) fn reach(&self, operation: &'static str) -> Result<(), StoreError> {
        let until = *self.alone_until.lock().unwrap_or_else(PoisonError::into_inner);
        if self.cluster.executor.now() < until {
            return Err(StoreError::new(operation, "the network is down"));
        }
        Ok(())
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.is_cancelled()
    }

    pub(crate) async fn stopped(&self) {
        self.stopped.cancelled().await;
    }
}

/// A process.
pub(crate) struct Process {
    pub(crate) name: &'static str,
    pub(crate) cluster: Arc<Cluster>,
    pub(crate) handler: CommandHandler,
    pub(crate) signaling: Signaling,
    pub(crate) hub: Hub,
    pub(crate) clock: Arc<SimClock>,
    pub(crate) pulse: Pulse,
    id: Mutex<NodeId>,
    /// It takes nobody any more and says goodbye to those it has.
    pub(crate) closing: CancellationToken,
    ports: Ports,
}

impl Process {
    /// Starts one under a node's name; returns once it serves sockets, or has died on the way.
    pub(crate) async fn start(cluster: &Arc<Cluster>, name: &'static str) -> Option<Arc<Self>> {
        let (stopped, alone_until) = (CancellationToken::new(), Arc::default());
        let pulse = Pulse { name, stopped, alone_until, cluster: cluster.clone() };
        let ahead = cluster.dice.millis(0, AHEAD_MS);
        let clock = Arc::new(SimClock::new(cluster.executor.clone(), cluster.dice.clone(), ahead));
        let log = Arc::new(NodeLog::new(cluster.clone(), pulse.clone()));
        let handler = CommandHandler::new(log, cluster.keys.clone(), clock.clone(), Limits::default());
        let models: Arc<Models> = cluster.models.clone();
        let calls: Arc<dyn Calls> = Arc::new(RowsCalls::new(models.clone(), models.clone(), clock.clone()));
        let position = cluster.log.head().await.map_or(Position::START, |head| head.position);
        let ports = Ports {
            handler: handler.clone(),
            lookup: models.clone(),
            calls: calls.clone(),
            checkpoints: cluster.checkpoints.clone(),
            timer: Arc::new(cluster.executor.clone()),
            watcher: Arc::new(Silent),
        };
        let process = Arc::new(Self {
            name,
            cluster: cluster.clone(),
            signaling: Signaling::new(handler.clone(), calls, models, cluster.settings.clone()),
            handler,
            hub: Hub::new(position),
            id: Mutex::new(NodeId::from(clock.new_uuid())),
            clock,
            pulse,
            closing: CancellationToken::new(),
            ports,
        });
        process.run(process.clone().begin(position)).await?;
        Some(process)
    }

    async fn begin(self: Arc<Self>, position: Position) {
        self.cluster.tale.tell(self.name, format!("starts as {}", self.id()));
        self.say_started(&self.id()).await;
        self.spawn(super::tail::follow(self.clone(), position));
        self.start_managers();
    }

    /// A future that ends, without a result, with the process.
    pub(crate) async fn run<T>(&self, future: impl Future<Output = T>) -> Option<T> {
        self.pulse.stopped.run_until_cancelled(future).await
    }

    /// A task that ends with the process.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let stopped = self.pulse.stopped.clone();
        self.cluster.executor.spawn(async move {
            stopped.run_until_cancelled(task).await;
        });
    }

    fn start_managers(self: &Arc<Self>) {
        for manager in process::all(Arc::new(KeyEraser(self.cluster.keys.clone())), self.cluster.managers.clone()) {
            let ports = self.ports.clone();
            self.spawn(async move { match process::run(&*manager, &ports).await {} });
        }
        if self.cluster.sabotage != Sabotage::IgnoreDeadlines {
            let (ports, rules) = (self.ports.clone(), self.call_rules());
            self.spawn(async move { match run_call_deadlines(&ports, &rules).await {} });
        }
        let process = self.clone();
        self.spawn(async move {
            let (ports, rules) = (process.ports.clone(), process.node_rules());
            let node = {
                let process = process.clone();
                move || process.id()
            };
            let beats = NodeBeats::new(process.cluster.clone(), process.pulse.clone());
            match run_node_watch(&ports, &beats, &node, &rules).await {}
        });
    }

    /// How long a device whose last socket was cut is waited for.
    pub(crate) fn grace(&self) -> Duration {
        let settings = &self.cluster.settings;
        settings.rooms.remove_after.min(settings.invites.remove_after)
    }

    fn call_rules(&self) -> CallRules {
        let settings = &self.cluster.settings;
        CallRules {
            period: settings.watchdog.period,
            devices_kept: self.grace(),
            seats_kept: settings.rooms.remove_after,
            ringing_kept: settings.invites.remove_after,
        }
    }

    fn node_rules(&self) -> NodeRules {
        NodeRules { beat_every: Duration::from_secs(1), lost_after: Duration::from_secs(3), devices_kept: self.grace() }
    }

    /// Its id among the others, as of now.
    pub(crate) fn id(&self) -> NodeId {
        self.id.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Executes a command of the sockets, or of the node itself.
    pub(crate) async fn execute(&self, actor: Actor, command: &dyn Command) -> Result<Executed, CommandError> {
        let ctx = Context::new(self.clock.now(), actor, CommandId(self.clock.new_uuid()));
        self.handler.execute(command, ctx).await
    }

    fn actor(&self) -> Actor {
        Actor::System(format!("node {}", self.name))
    }

    async fn say_started(&self, id: &NodeId) -> bool {
        loop {
            let start = StartNode { id: id.clone(), name: self.name.to_owned() };
            match self.execute(self.actor(), &start).await {
                Ok(_) => return true,
                Err(CommandError::Rejected(_)) => return false,
                Err(_) => self.cluster.executor.sleep(RETRY).await,
            }
        }
    }

    /// The others have given this node up under `old`: it goes on under a new id.
    pub(crate) async fn renew(&self, old: &NodeId) {
        let id = NodeId::from(self.clock.new_uuid());
        if self.id() == *old && self.say_started(&id).await && self.id() == *old {
            self.cluster.tale.tell(self.name, format!("was given up as {old}, goes on as {id}"));
            *self.id.lock().unwrap_or_else(PoisonError::into_inner) = id;
        }
    }

    /// Ends in good order: sockets are closed, and the others are told.
    pub(crate) async fn stop(&self) {
        self.cluster.tale.tell(self.name, "stops");
        self.closing.cancel();
        self.hub.devices().iter().for_each(|device| self.hub.end(device, super::link::Close::Restart));
        let stop = StopNode { id: self.id(), reason: NodeEnd::Stopped, devices_kept: self.grace() };
        let said = self.run(self.execute(self.actor(), &stop)).boxed();
        self.cluster.executor.within(Duration::from_secs(2), said).await;
        self.pulse.stop("in good order");
    }
}
