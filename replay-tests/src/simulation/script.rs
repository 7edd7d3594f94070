//! What a device does next: anything it could sensibly do, and some of what it could not.

use serde_json::{Value, json};

use super::dice::Dice;
use super::view::View;

/// A request: its name and its payload.
pub(crate) type Ask = (&'static str, Value);

/// Whom one may call; people of another domain, nobody, a group and the agents among them.
const ADDRESSES: [&str; 9] = [
    "alice",
    "bob",
    "carol",
    "bob@quobis",
    "dave@other.example",
    "alice@quobis",
    "wac-group:team",
    "wac-agent",
    "nobody",
];
/// Users by id.
const USERS: [&str; 4] = ["alice", "bob", "carol", "dave"];

/// The next request.
pub(crate) fn next(dice: &Dice, view: &View) -> Ask {
    let rooms: Vec<&String> = view.rooms.keys().collect();
    let pending: Vec<&String> = view.sent.iter().filter(|(_, sent)| sent.over.is_none()).map(|(id, _)| id).collect();
    if let (Some(id), true) = (dice.pick(&pending), dice.chance(60)) {
        return ("cancel", json!({ "inviteId": id }));
    }
    let ringing: Vec<(&String, &bool)> = view.ringing.iter().collect();
    if let (Some((id, asks)), true) = (dice.pick(&ringing), dice.chance(550)) {
        return answer(dice, id, **asks, &rooms);
    }
    let offers: Vec<&String> = view.offers.keys().collect();
    if let (Some(id), true) = (dice.pick(&offers), dice.chance(700)) {
        let name = if dice.chance(750) { "acceptTransfer" } else { "declineTransfer" };
        return (name, json!({ "callTransferId": id }));
    }
    match dice.pick(&rooms) {
        Some(room) if dice.chance(900) => in_room(dice, room, &rooms),
        _ => outside(dice),
    }
}

/// To what rings.
fn answer(dice: &Dice, invite: &str, asks: bool, rooms: &[&String]) -> Ask {
    if dice.chance(250) {
        return ("decline", json!({ "inviteId": invite }));
    }
    match dice.pick(rooms) {
        Some(room) if asks => ("accept", json!({ "inviteId": invite, "roomId": room })),
        _ => ("accept", json!({ "inviteId": invite })),
    }
}

/// Without a room, or as if.
fn outside(dice: &Dice) -> Ask {
    match dice.below(20) {
        0..=11 => {
            let acl: Vec<&str> = dice.pick(&USERS).into_iter().copied().filter(|_| dice.chance(300)).collect();
            ("createRoom", json!({ "acl": acl }))
        }
        12..=14 => ("inviteRequest", json!({ "to": address(dice) })),
        15..=17 => ("joinQuickConference", json!({ "uri": format!("wac-conf{:020}", dice.below(2)) })),
        _ => ("currentInvitations", json!({})),
    }
}

fn address(dice: &Dice) -> &'static str {
    dice.pick(&ADDRESSES).copied().unwrap_or("alice")
}

fn user(dice: &Dice) -> &'static str {
    dice.pick(&USERS).copied().unwrap_or("alice")
}

/// In a room.
fn in_room(dice: &Dice, room: &str, rooms: &[&String]) -> Ask {
    let of_room = json!({ "roomId": room });
    match dice.below(40) {
        0..=13 => ("invite", json!({ "roomId": room, "to": address(dice) })),
        14..=16 => ("invite", json!({ "roomId": room, "to": [address(dice), user(dice)] })),
        17..=18 => ("hold", of_room),
        19 => ("unhold", of_room),
        20..=21 => ("mute", json!({ "roomId": room, "media": "audio", "muted": dice.chance(700) })),
        22..=23 => {
            let muted = dice.chance(700);
            ("muteParticipant", json!({ "roomId": room, "to": user(dice), "media": "audio", "muted": muted }))
        }
        24..=25 => ("expelParticipant", json!({ "roomId": room, "userId": user(dice) })),
        26..=28 => ("callTransfer", json!({ "roomId": room, "to": address(dice) })),
        29..=30 => match dice.pick(rooms) {
            Some(target) if *target != room => ("attendedTransfer", json!({ "roomId": room, "targetRoomId": target })),
            _ => ("createRoom", json!({})),
        },
        31..=34 => ("leaveRoom", of_room),
        35 => ("closeRoom", of_room),
        36 => ("listParticipants", of_room),
        37 => ("updateRoom", json!({ "roomId": room, "acl": [user(dice)] })),
        38 => ("joinRoom", of_room),
        _ => ("currentInvitations", json!({})),
    }
}
