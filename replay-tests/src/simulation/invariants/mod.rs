//! What must hold once everything has come to rest.

mod calls;
mod devices;
mod requests;
mod rules;
mod state;

use std::collections::BTreeMap;
use std::sync::Arc;

use wac_commands::State;
use wac_events::{AnyEvent, KeyState, PersonalFields, Position, Recorded, StreamId, Time};

use super::cluster::{Cluster, Phase};
use super::nodes::Nodes;
use super::records::Records;

/// The log and what it comes to.
pub(super) struct Evidence {
    /// Everything in it, oldest first, with protected fields open.
    pub(super) events: Vec<(Recorded, AnyEvent)>,
    /// Its streams.
    pub(super) states: BTreeMap<StreamId, State>,
    /// Its end.
    pub(super) head: Position,
    /// The common time.
    pub(super) now: Time,
    /// Everybody has gone.
    pub(super) over: bool,
}

/// What does not hold, each with its name.
pub(crate) async fn check(cluster: &Arc<Cluster>, nodes: &Nodes, records: &Records) -> Vec<String> {
    let evidence = match read(cluster).await {
        Ok(evidence) => evidence,
        Err(error) => return vec![format!("the log cannot be read: {error:#}")],
    };
    let mut found = Vec::new();
    calls::check(&evidence, &mut found);
    rules::check(&evidence, cluster, &mut found);
    requests::check(&evidence, records, &mut found);
    devices::check(&evidence, cluster, records, &mut found).await;
    state::check(&evidence, cluster, nodes, &mut found).await;
    found
}

async fn read(cluster: &Arc<Cluster>) -> anyhow::Result<Evidence> {
    let recorded = crate::story::read_all(&*cluster.log).await?;
    let mut states: BTreeMap<StreamId, State> = BTreeMap::new();
    let mut events = Vec::with_capacity(recorded.len());
    for one in recorded {
        let mut event = AnyEvent::decode_recorded(&one)?;
        if let Some(subject) = event.subject() {
            let keys = cluster.keys.find(&[subject]).await?;
            event.open(keys.first().and_then(KeyState::key))?;
        }
        let state = states.remove(&one.stream).or_else(|| State::empty(one.stream.aggregate()));
        let state = state.ok_or_else(|| anyhow::anyhow!("{} is of no known aggregate", one.stream))?;
        states.insert(one.stream.clone(), state.evolve(&event));
        events.push((one, event));
    }
    let head = events.last().map_or(Position::START, |(recorded, _)| recorded.position);
    let now = wac_events::Environment::now(&*cluster.clock);
    Ok(Evidence { events, states, head, now, over: cluster.phase() == Phase::Leaving })
}
