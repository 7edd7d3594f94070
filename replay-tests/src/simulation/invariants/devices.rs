//! Of devices: each was told what it was to be told, once and in order, and believes what is.

use std::collections::BTreeSet;
use std::sync::Arc;

use wac_commands::invite::InviteStatus;
use wac_commands::{CommandHandler, Limits, Room, State};
use wac_events::{InviteId, Position, UserId};
use wac_signaling::{Follower, Notice};

use super::super::cluster::Cluster;
use super::super::records::{Chain, Records};
use super::Evidence;

pub(super) async fn check(evidence: &Evidence, cluster: &Arc<Cluster>, records: &Records, found: &mut Vec<String>) {
    let notices = match told_by_the_log(evidence, cluster).await {
        Ok(notices) => notices,
        Err(error) => return found.push(format!("the log cannot be followed: {error}")),
    };
    let chains = records.written().chains.clone();
    for chain in &chains {
        notices_once_in_order(evidence, chain, &notices, found);
        if chain.connected {
            believes_what_is(evidence, chain, found);
        }
    }
    registered(evidence, &chains, found);
}

async fn told_by_the_log(evidence: &Evidence, cluster: &Arc<Cluster>) -> Result<Vec<Notice>, wac_events::StoreError> {
    let handler =
        CommandHandler::new(cluster.log.clone(), cluster.keys.clone(), cluster.clock.clone(), Limits::default());
    let mut follower = Follower::new(handler);
    let mut notices = Vec::new();
    for (recorded, _) in &evidence.events {
        notices.extend(follower.follow(recorded).await?.into_iter().filter(|notice| !notice.is_push()));
    }
    Ok(notices)
}

fn notices_once_in_order(evidence: &Evidence, chain: &Chain, notices: &[Notice], found: &mut Vec<String>) {
    let upto = if chain.connected { evidence.head } else { chain.upto };
    let entitled = notices.iter().filter(|notice| {
        let reached = notice.position > chain.from && notice.position <= upto;
        reached && notice.to.reaches(&chain.device.user, &chain.device.session)
    });
    let entitled: Vec<(Position, String)> =
        entitled.map(|notice| (notice.position, notice.text(&chain.domain))).collect();
    if entitled == chain.told {
        return;
    }
    let positions = |some: &[(Position, String)]| some.iter().map(|(position, _)| position.0).collect::<Vec<_>>();
    let (expected, told) = (positions(&entitled), positions(&chain.told));
    let first = expected.iter().zip(&told).position(|(one, other)| one != other);
    let first = first.unwrap_or(expected.len().min(told.len()));
    let session = &chain.device.session;
    found.push(format!(
        "a device is told once and in order: {session} from {} to {upto}: expected {:?}, told {:?} (after {first} alike)",
        chain.from,
        &expected[first.min(expected.len())..],
        &told[first.min(told.len())..],
    ));
}

fn believes_what_is(evidence: &Evidence, chain: &Chain, found: &mut Vec<String>) {
    let (view, session) = (&chain.view, &chain.device.session);
    for invite in view.ringing.keys() {
        found.push(format!("both sides agree: {invite} still rings on {session}"));
    }
    for (invite, sent) in &view.sent {
        let state = evidence.states.get(&InviteId::from(invite.as_str()).stream());
        let Some(State::Invite(known)) = state else {
            found.push(format!("both sides agree: {session} has sent {invite}, which is none"));
            continue;
        };
        match sent.over.as_deref() {
            None => found.push(format!("both sides agree: {session} has not heard what came of {invite}")),
            Some(how) if (how == "accepted") != matches!(known.status, InviteStatus::Accepted(_)) => {
                found.push(format!("both sides agree: {session} heard {how} of {invite}, it is {:?}", known.status));
            }
            Some(_) => {}
        }
    }
    let rooms = evidence.states.values().filter_map(|state| match state {
        State::Room(room) if room.open => Some(room),
        _ => None,
    });
    let mut seated = BTreeSet::new();
    for room in rooms.filter(|room| room.seats.contains_key(session)) {
        let name = name_for(room, chain);
        match view.rooms.get(&name) {
            Some(known) if known.complete => {
                let people: BTreeSet<String> = room.people.keys().map(UserId::to_string).collect();
                if people != known.people {
                    found.push(format!(
                        "both sides agree: {session} sees {:?} in {name}, there are {people:?}",
                        known.people
                    ));
                }
            }
            None if chain.first => {
                found.push(format!("both sides agree: {session} does not know that it sits in {name}"))
            }
            _ => {}
        }
        seated.insert(name);
    }
    let sure = view.rooms.iter().filter(|(_, room)| !room.unsure);
    for (name, _) in sure.filter(|(name, _)| !seated.contains(*name)) {
        found.push(format!("both sides agree: {session} believes that it sits in {name}"));
    }
}

fn name_for(room: &Room, chain: &Chain) -> String {
    if room.domain == chain.domain { room.id.to_string() } else { format!("{}@{}", room.id, room.domain) }
}

/// A device is registered while it has a socket, and sits nowhere and rings nowhere when it has none.
fn registered(evidence: &Evidence, chains: &[Chain], found: &mut Vec<String>) {
    let connected: BTreeSet<_> =
        chains.iter().filter(|chain| chain.connected).map(|chain| &chain.device.session).collect();
    let mut known = BTreeSet::new();
    for state in evidence.states.values() {
        match state {
            State::Presence(presence) => known.extend(presence.devices.keys()),
            State::Room(room) => {
                for session in room.seats.keys().filter(|session| !connected.contains(session)) {
                    found.push(format!("who is gone sits nowhere: {session} has a seat in {}", room.id));
                }
            }
            _ => {}
        }
    }
    for session in known.difference(&connected) {
        found.push(format!("who is gone is gone: {session} is registered"));
    }
    for session in connected.difference(&known) {
        found.push(format!("who is there is there: {session} is not registered"));
    }
}
