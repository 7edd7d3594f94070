//! Of invitations, transfers and rooms, by the log alone.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use wac_commands::State;
use wac_events::{AnyEvent, InviteEvent, OpeningId, RoomEvent, SessionId, StreamId, TransferEvent};

use super::Evidence;

/// How long after its deadline something may still be pending: the nodes' clocks differ, and one of them
/// must be there to look.
const LATE: Duration = Duration::from_secs(20);

pub(super) fn check(evidence: &Evidence, found: &mut Vec<String>) {
    outcomes(evidence, found);
    pending(evidence, found);
    seats(evidence, found);
    openings(evidence, found);
}

/// An invitation, and a transfer, has one outcome, and nothing happens to it afterwards.
fn outcomes(evidence: &Evidence, found: &mut Vec<String>) {
    let mut over: BTreeMap<&StreamId, &str> = BTreeMap::new();
    for (recorded, event) in &evidence.events {
        let ends = match event {
            AnyEvent::Invite(event) => match event {
                InviteEvent::Declined(declined) => declined.over,
                InviteEvent::Accepted(_)
                | InviteEvent::Cancelled(_)
                | InviteEvent::Expired(_)
                | InviteEvent::Ended(_) => true,
                InviteEvent::Created(_) | InviteEvent::CandidateAdded(_) | InviteEvent::CandidateRemoved(_) => false,
            },
            AnyEvent::Transfer(event) => match event {
                TransferEvent::Declined(_) | TransferEvent::Completed(_) | TransferEvent::Failed(_) => true,
                TransferEvent::Created(_) | TransferEvent::Accepted(_) => false,
            },
            _ => continue,
        };
        if let Some(outcome) = over.get(&recorded.stream) {
            found
                .push(format!("one outcome: {} was over by {outcome} before {}", recorded.stream, recorded.event_type));
        }
        if ends {
            over.insert(&recorded.stream, &recorded.event_type);
        }
    }
}

/// Nothing is pending that should be over.
fn pending(evidence: &Evidence, found: &mut Vec<String>) {
    for (stream, state) in &evidence.states {
        let deadline = match state {
            State::Invite(invite) if invite.is_ringing() => invite.ring_until,
            State::Transfer(transfer) if transfer.is_pending() => transfer.until,
            _ => continue,
        };
        if evidence.over || deadline.plus(LATE) < evidence.now {
            found.push(format!("no call without an end: {stream} is still pending, its deadline was {deadline}"));
        }
    }
}

/// A device has one seat in a room at a time, and gives back the one it has.
fn seats(evidence: &Evidence, found: &mut Vec<String>) {
    let mut taken: BTreeMap<(&StreamId, SessionId), u64> = BTreeMap::new();
    for (recorded, event) in &evidence.events {
        let AnyEvent::Room(event) = event else { continue };
        match event {
            RoomEvent::ParticipantJoined(joined) => {
                let twice = taken.insert((&recorded.stream, joined.session.clone()), joined.seat).is_some();
                if twice {
                    found.push(format!("a participant is in a room once: {} at {}", joined.session, recorded.position));
                }
            }
            RoomEvent::ParticipantLeft(left) => {
                let given_back = taken.remove(&(&recorded.stream, left.session.clone()));
                if given_back != Some(left.seat) {
                    found.push(format!("a seat is given back once: {} at {}", left.session, recorded.position));
                }
            }
            _ => {}
        }
    }
}

/// A room is opened and closed in turn; a closed one has nobody in it, and an open one somebody.
fn openings(evidence: &Evidence, found: &mut Vec<String>) {
    let (mut open, mut known): (BTreeMap<&StreamId, &OpeningId>, BTreeSet<&OpeningId>) = Default::default();
    for (recorded, event) in &evidence.events {
        match event {
            AnyEvent::Room(RoomEvent::Created(created)) => {
                let twice =
                    open.insert(&recorded.stream, &created.opening).is_some() || !known.insert(&created.opening);
                if twice {
                    found.push(format!("a room is opened once: {} at {}", recorded.stream, recorded.position));
                }
            }
            AnyEvent::Room(RoomEvent::Closed(closed)) => {
                let was_open = open.remove(&recorded.stream);
                if was_open != Some(&closed.opening) {
                    found.push(format!("a room is closed once: {} at {}", recorded.stream, recorded.position));
                }
            }
            _ => {}
        }
    }
    for (stream, state) in &evidence.states {
        let State::Room(room) = state else { continue };
        if room.open == room.seats.is_empty() || room.seats.is_empty() != room.people.is_empty() {
            found.push(format!("who is in a room: {stream} is open: {}, seats {:?}", room.open, room.seats));
        }
        if evidence.over && room.open {
            found.push(format!("no call without an end: {stream} is open, with {:?}", room.people.keys()));
        }
    }
}
