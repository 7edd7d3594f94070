//! Of what is derived: read models equal a rebuild, and every node remembers what the log says.

use std::sync::Arc;

use wac_events::{Recorded, StreamId};
use wac_projections::MemTables;

use super::super::cluster::Cluster;
use super::super::nodes::Nodes;
use super::Evidence;
use crate::fold;

pub(super) async fn check(evidence: &Evidence, cluster: &Arc<Cluster>, nodes: &Nodes, found: &mut Vec<String>) {
    gapless(evidence, found);
    if let Err(error) = cluster.models.reach_all(evidence.head).await {
        found.push(format!("read models catch up: {error}"));
    }
    let recorded: Vec<Recorded> = evidence.events.iter().map(|(recorded, _)| recorded.clone()).collect();
    match fold::project(MemTables::default(), &recorded) {
        Ok(rebuilt) => {
            let (live, rebuilt) = (fold::rows_of(&cluster.models.tables()), fold::rows_of(&rebuilt));
            let differing = rebuilt.iter().filter(|(table, rows)| live.get(*table) != Some(rows));
            found.extend(differing.map(|(table, _)| format!("read models equal a rebuild: {table} does not")));
        }
        Err(error) => found.push(format!("read models can be rebuilt: {error:#}")),
    }
    let streams: Vec<StreamId> = evidence.states.keys().cloned().collect();
    for process in nodes.running() {
        let Ok(world) = process.handler.load(&streams).await else { continue };
        let differing = evidence.states.iter().filter(|(stream, state)| world.state(stream) != Some(state));
        found.extend(differing.map(|(stream, _)| format!("a node remembers what is: {stream} on {}", process.name)));
    }
}

fn gapless(evidence: &Evidence, found: &mut Vec<String>) {
    for (index, (recorded, _)) in evidence.events.iter().enumerate() {
        if recorded.position.0 != index as u64 + 1 {
            found.push(format!("positions are 1, 2, 3 …: {} is {}", recorded.position, index + 1));
        }
    }
}
