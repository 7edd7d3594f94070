use std::convert::Infallible;
use std::time::Duration;

use wac_events::{NodeId, Position, Time};

use super::node_watch::stop;
use super::{Heartbeats, Ports, ProcessError};

/// Name of the process in what it reports.
const NAME: &str = "media_watch";
/// Looks at the signs of life within the time a media node may be silent.
const LOOKS: u32 = 5;

/// How media nodes are watched: a call does not wait as long as a socket that may come back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MediaRules {
    /// How long a media node may be silent before its rooms go elsewhere (`media.lostAfter`).
    pub lost_after: Duration,
}

impl MediaRules {
    /// How often a media node gives a sign of life, and is looked at.
    pub fn beat_every(&self) -> Duration {
        self.lost_after / LOOKS
    }
}

impl Default for MediaRules {
    fn default() -> Self {
        Self { lost_after: Duration::from_millis(2_500) }
    }
}

/// Declares silent media nodes lost, for ever; drop the future to stop it. Several may do so at once.
pub async fn run_media_watch(ports: &Ports, heartbeats: &dyn Heartbeats, rules: &MediaRules) -> Infallible {
    let now = || ports.handler.environment().now();
    // Who was out of touch himself does not judge: nobody may have been heard meanwhile.
    let mut judge_from = now().plus(rules.lost_after);
    let mut last_look = now();
    loop {
        if now().since(last_look) > rules.lost_after {
            judge_from = now().plus(rules.lost_after);
        }
        match look(ports, heartbeats, rules, judge_from).await {
            Ok(()) => last_look = now(),
            Err(error) => ports.watcher.failed(NAME, &error, rules.beat_every()),
        }
        ports.timer.sleep(rules.beat_every()).await;
    }
}

async fn look(
    ports: &Ports,
    heartbeats: &dyn Heartbeats,
    rules: &MediaRules,
    judge_from: Time,
) -> Result<(), ProcessError> {
    let known = ports.calls.media_nodes(Position::START).await?;
    let mut serving: Vec<NodeId> = known.taking.into_iter().map(|node| node.id).collect();
    serving.extend(known.draining);
    heartbeats.expect(&serving).await?;
    let silent = heartbeats.silent(rules.lost_after).await?;
    if ports.handler.environment().now() < judge_from {
        return Ok(());
    }
    for node in silent.iter().filter(|node| serving.contains(node)) {
        stop(ports, node, Duration::ZERO).await?;
        heartbeats.forget(node).await?;
    }
    Ok(())
}
