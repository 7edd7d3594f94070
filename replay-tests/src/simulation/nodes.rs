//! The machines: processes on them die, stop, and are started again.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::cluster::{Cluster, Phase};
use super::dice::Dice;
use super::process::Process;

/// The machines' names.
const NAMES: [&str; 3] = ["north", "south", "west"];
/// How long it takes at most until a process is started again.
const RESTART_MS: u64 = 9_000;
/// How long a process is cut off at most: long enough to be given up by the others.
const CUT_OFF_MS: u64 = 9_000;
/// How long nothing happens to a process at most.
const SPARED_MS: u64 = 40_000;

/// The processes that run; clones share them.
#[derive(Clone, Default)]
pub(crate) struct Nodes(Arc<Mutex<Vec<Arc<Process>>>>);

impl Nodes {
    /// Those that take sockets now.
    pub(crate) fn running(&self) -> Vec<Arc<Process>> {
        let nodes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        nodes.iter().filter(|process| !process.pulse.is_stopped() && !process.closing.is_cancelled()).cloned().collect()
    }

    /// One of them.
    pub(crate) fn pick(&self, dice: &Dice) -> Option<Arc<Process>> {
        dice.pick(&self.running()).cloned()
    }

    /// The machines of a deployment.
    pub(crate) fn names(cluster: &Cluster) -> &'static [&'static str] {
        if cluster.alone { &NAMES[..1] } else { &NAMES }
    }

    /// Every process dies at once, at some moment.
    pub(crate) async fn all_die(self, cluster: Arc<Cluster>, within: Duration) {
        cluster.executor.sleep(within).await;
        if cluster.phase() == Phase::Lively {
            self.running().iter().for_each(|process| process.pulse.stop("with all others"));
        }
    }

    /// Starts a process on a machine.
    pub(crate) async fn start(&self, cluster: &Arc<Cluster>, name: &'static str) -> Option<Arc<Process>> {
        let process = Process::start(cluster, name).await?;
        let mut nodes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        nodes.retain(|one| one.name != name);
        nodes.push(process.clone());
        Some(process)
    }

    /// Keeps a machine going: whatever process dies is followed by another one.
    pub(crate) async fn keep(self, cluster: Arc<Cluster>, mut process: Arc<Process>) {
        let dice = cluster.dice.clone();
        loop {
            let doom = dice.millis(1_000, SPARED_MS);
            cluster.executor.within(doom, process.pulse.stopped()).await;
            if !process.pulse.is_stopped() {
                if cluster.phase() != Phase::Lively {
                    continue;
                }
                // Who is alone has the log with him.
                match dice.below(if cluster.alone { 2 } else { 3 }) {
                    0 => process.pulse.stop("without warning"),
                    1 => process.stop().await,
                    _ => {
                        process.pulse.cut_off(dice.millis(500, CUT_OFF_MS));
                        continue;
                    }
                }
            }
            // One machine never comes back, if it goes down once.
            if process.name == NAMES[2] {
                return;
            }
            process = loop {
                cluster.executor.sleep(dice.millis(500, RESTART_MS)).await;
                if let Some(process) = self.start(&cluster, process.name).await {
                    break process;
                }
            };
        }
    }
}
