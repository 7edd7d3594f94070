//! Of what a deployment has configured: one call at a time, and nodes that are alone.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use wac_events::node::NodeEnd;
use wac_events::room::RoomKind;
use wac_events::{AnyEvent, InviteEvent, NodeEvent, RoomEvent, SessionId, StreamId, Time, UserId};

use super::super::cluster::Cluster;
use super::Evidence;

/// How long a node that is alone takes at most to find out that its predecessor has ended: some attempts at a log
/// that does not always answer, but not the time that signs of life may take.
const BURIED: Duration = Duration::from_secs(4);

pub(super) fn check(evidence: &Evidence, cluster: &Cluster, found: &mut Vec<String>) {
    one_call(evidence, cluster, found);
    if cluster.alone {
        buried(evidence, found);
    }
}

/// Where one call is enough, who sits in a room opens no other one; where calls do not ring beside others, his
/// devices stay silent.
fn one_call(evidence: &Evidence, cluster: &Cluster, found: &mut Vec<String>) {
    let (rooms, invites) = (&cluster.settings.rooms, &cluster.settings.invites);
    let mut seats: BTreeMap<&UserId, BTreeSet<(&StreamId, &SessionId)>> = BTreeMap::new();
    for (recorded, event) in &evidence.events {
        let sits = |user: &UserId| seats.get(user).is_some_and(|seats| !seats.is_empty());
        match event {
            AnyEvent::Room(RoomEvent::Created(created))
                if rooms.not_in_a_call && created.kind != RoomKind::Quick && sits(&created.creator) =>
            {
                found.push(format!(
                    "one call is enough: {} opens another room at {}",
                    created.creator, recorded.position
                ));
            }
            AnyEvent::Invite(InviteEvent::Created(created)) if !invites.allow_while_in_call => {
                let busy = created.candidates.iter().filter(|user| sits(user));
                found.extend(
                    busy.map(|user| format!("who is in a call does not ring: {user} at {}", recorded.position)),
                );
            }
            AnyEvent::Room(RoomEvent::ParticipantJoined(joined)) => {
                seats.entry(&joined.user).or_default().insert((&recorded.stream, &joined.session));
            }
            AnyEvent::Room(RoomEvent::ParticipantLeft(left)) => {
                seats.entry(&left.user).or_default().remove(&(&recorded.stream, &left.session));
            }
            _ => {}
        }
    }
}

/// A node that is alone does not wait for signs of life of those before it.
fn buried(evidence: &Evidence, found: &mut Vec<String>) {
    let mut began: Option<Time> = None;
    for (recorded, event) in &evidence.events {
        match event {
            AnyEvent::Node(NodeEvent::Started(started)) => began = Some(started.at),
            AnyEvent::Node(NodeEvent::Stopped(stopped))
                if stopped.reason == NodeEnd::Lost && began.is_some_and(|began| stopped.at.since(began) > BURIED) =>
            {
                found.push(format!("a predecessor has ended: {} is waited for at {}", stopped.id, recorded.position));
            }
            _ => {}
        }
    }
}
