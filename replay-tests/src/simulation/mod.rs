//! The whole core under a simulated sky: several nodes, many devices, one seed.
//!
//! The real handler, deciders, process managers, read models and signaling run over the real log in
//! memory. Simulated is what is around them: the clock and the order of things (`executor`), the way to
//! the log (`log`), the sockets (`conversation`, `hub`), the machines (`nodes`), and the people
//! (`phone`, `talk`, `script`). A run is lively first: devices call each other, die and come back elsewhere, messages
//! are late and sent twice, nodes die between an append and its answer, checkpoints are lost. Then it is calm,
//! then everybody leaves. `invariants` says what must hold after each of these.
//!
//! Everything follows from the seed: the same seed gives the same log to the last byte.

mod beats;
mod clock;
mod cluster;
mod conversation;
mod device_life;
mod dice;
mod executor;
mod hub;
mod invariants;
mod link;
mod log;
mod models;
mod nodes;
mod people;
mod phone;
mod process;
mod records;
mod rules;
mod sabotage;
mod script;
mod signal;
mod tail;
mod tale;
mod talk;
mod view;

use std::sync::Arc;
use std::time::Duration;

use wac_events::Recorded;

use cluster::{Cluster, Phase};
use dice::Dice;
use nodes::Nodes;
use records::Records;

pub use sabotage::Sabotage;

/// How long a run is lively, in milliseconds.
const LIVELY_MS: (u64, u64) = (8_000, 30_000);
/// How long it takes at most until everything that is to happen has happened: the longest deadline of
/// the settings, a node's death before that, and its devices' time to come back.
const SETTLED: Duration = Duration::from_secs(40);

/// What came of a run.
pub struct Run {
    /// What did not hold.
    pub violations: Vec<String>,
    /// What happened, line by line.
    pub tale: Vec<String>,
    /// The log.
    pub log: Vec<Recorded>,
}

/// Runs one seed.
pub fn run(seed: u64, sabotage: Sabotage) -> Run {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime without I/O");
    runtime.block_on(async {
        let cluster = Cluster::new(seed, sabotage);
        let executor = cluster.executor.clone();
        executor.run(play(cluster, seed)).await
    })
}

async fn play(cluster: Arc<Cluster>, seed: u64) -> Run {
    cluster.models.start(&cluster);
    let (nodes, records) = (Nodes::default(), Records::default());
    let mut processes = Vec::new();
    for name in Nodes::names(&cluster) {
        processes.push(nodes.start(&cluster, name).await.expect("nothing fails yet"));
    }
    people::settle(&processes[0]).await;
    cluster.phase.set(|_| Phase::Lively);
    for process in processes {
        cluster.executor.spawn(nodes.clone().keep(cluster.clone(), process));
    }
    for phone in people::phones(&cluster, &nodes, &records, seed) {
        cluster.executor.spawn(phone.live());
    }
    let dice = Dice::new(seed, 5);
    if rules::all_die(seed) {
        cluster.executor.spawn(nodes.clone().all_die(cluster.clone(), dice.millis(1_000, LIVELY_MS.0)));
    }
    cluster.executor.sleep(dice.millis(LIVELY_MS.0, LIVELY_MS.1)).await;
    let mut violations = Vec::new();
    for (phase, name) in [(Phase::Calm, "calm"), (Phase::Leaving, "everybody leaves")] {
        cluster.tale.tell("world", name);
        cluster.phase.set(|_| phase);
        cluster.executor.sleep(SETTLED).await;
        let found = invariants::check(&cluster, &nodes, &records).await;
        violations.extend(found.into_iter().map(|violation| format!("{name}: {violation}")));
    }
    let log = crate::story::read_all(&*cluster.log).await.unwrap_or_default();
    Run { violations, tale: cluster.tale.take(), log }
}
