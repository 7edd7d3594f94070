//! What the log must say after all that nodes and clients went through.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use wac_events::CommandId;

use super::nodes::Node;

/// A request that was answered as done, and what the answer said.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Acknowledged {
    /// Whose.
    pub(crate) user: String,
    /// Its name.
    pub(crate) request: String,
    /// Its id.
    pub(crate) id: String,
    /// Where the change stands, by its answer; `None`: it changed nothing.
    pub(crate) position: Option<u64>,
}

/// The fact that a request becomes, whatever else follows from it.
fn fact_of(request: &str) -> &'static str {
    match request {
        "createRoom" => "room.created",
        "updateRoom" => "room.updated",
        "joinRoom" => "room.participant_joined",
        "leaveRoom" => "room.participant_left",
        "closeRoom" => "room.closed",
        "invite" => "invite.created",
        "accept" => "invite.accepted",
        "hold" => "room.participant_held",
        "unhold" => "room.participant_unheld",
        "mute" => "room.participant_muted",
        other => panic!("say what becomes of {other}"),
    }
}

/// Every acknowledged step is in the log, not behind what its answer said, under its own command and once; versions and
/// positions have no gaps; and each invitation has exactly one end.
pub(crate) async fn audit(node: &Node, acknowledged: &BTreeSet<Acknowledged>) {
    let events = node.events().await;
    for (place, event) in (1..).zip(&events) {
        assert_eq!(event["position"], place, "positions have no gaps");
    }
    let mut versions: BTreeMap<&str, u64> = BTreeMap::new();
    for event in &events {
        let version = versions.entry(event["stream"].as_str().unwrap()).or_default();
        *version += 1;
        assert_eq!(event["version"], *version, "{}", event["stream"]);
    }
    assert!(acknowledged.len() > 3, "there is something to look for");
    for step in acknowledged {
        let command = CommandId::derived(&format!("user:{}", step.user), &step.id).to_string();
        let facts: Vec<&Value> = events.iter().filter(|event| event["commandId"] == command.as_str()).collect();
        let Some(position) = step.position else { continue };
        let of_it: Vec<&&Value> = facts.iter().filter(|event| event["type"] == fact_of(&step.request)).collect();
        assert_eq!(of_it.len(), 1, "{step:?} happened once: {facts:#?}");
        let first = facts[0]["position"].as_u64().unwrap();
        // What was told between the change and its answer raises the answer's position.
        assert!(first <= position, "{step:?} stands elsewhere: {facts:#?}");
        let together = (first..).zip(&facts).all(|(place, event)| event["position"] == place);
        assert!(together, "{step:?} was one append: {facts:#?}");
    }
    let ends = ["invite.accepted", "invite.declined", "invite.cancelled", "invite.expired", "invite.ended"];
    let mut sent = 0;
    for created in events.iter().filter(|event| event["type"] == "invite.created") {
        let stream = &created["stream"];
        let over =
            events.iter().filter(|event| event["stream"] == *stream && ends.iter().any(|end| event["type"] == *end));
        assert_eq!(over.count(), 1, "the invitation {stream} has one outcome");
        sent += 1;
    }
    assert!(sent > 0, "somebody was called");
}
