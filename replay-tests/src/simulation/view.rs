//! What a device believes, from nothing but the frames it got.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// A room one sits in.
#[derive(Clone, Default, PartialEq, Debug)]
pub(crate) struct RoomView {
    pub(crate) people: BTreeSet<String>,
    /// Everybody in it is known: it was answered with its people.
    pub(crate) complete: bool,
    /// Whether one sits in it is not: the answer that says so was given again, and others may have
    /// been told of what came after it before.
    pub(crate) unsure: bool,
}

/// An invitation this device has sent.
#[derive(Clone, Default, PartialEq, Debug)]
pub(crate) struct Sent {
    /// It asks to be let in.
    asks: bool,
    /// How it ended, if it did.
    pub(crate) over: Option<String>,
}

/// An offer to be transferred.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Offer {
    room: String,
    accepted: bool,
}

/// What a device believes.
#[derive(Clone, Default, Debug)]
pub(crate) struct View {
    me: String,
    /// Rooms this device sits in, as it names them.
    pub(crate) rooms: BTreeMap<String, RoomView>,
    /// What rings: whether it asks to be let in.
    pub(crate) ringing: BTreeMap<String, bool>,
    /// What this device has sent.
    pub(crate) sent: BTreeMap<String, Sent>,
    /// How invitations ended that this device does not know, and where: their answer may still come.
    heard: BTreeMap<String, (String, String)>,
    /// Transfers that took somebody from one room to another: that this device agreed to one may still come.
    moves: BTreeMap<String, (String, String)>,
    /// Transfers one is asked to agree to.
    pub(crate) offers: BTreeMap<String, Offer>,
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

impl View {
    /// Of a device of this user.
    pub(crate) fn new(me: &str) -> Self {
        Self { me: me.to_owned(), ..Self::default() }
    }

    /// Takes a notice.
    pub(crate) fn hear(&mut self, name: &str, payload: &Value) {
        let (invite, room, user) = (text(&payload["inviteId"]), text(&payload["roomId"]), text(&payload["userId"]));
        match name {
            "invite" | "inviteRequest" => {
                self.ringing.insert(invite, name == "inviteRequest");
            }
            "inviteStopped" => drop(self.ringing.remove(&invite)),
            "inviteAccepted" => {
                self.is_over(&invite, "accepted", &room);
            }
            "inviteDeclined" | "inviteCancelled" | "inviteExpired" | "inviteEnded" => {
                self.ringing.remove(&invite);
                self.is_over(&invite, name, "");
            }
            "participantJoined" => {
                if let Some(known) = self.rooms.get_mut(&room) {
                    known.people.insert(user);
                }
            }
            "participantLeft" if user == self.me => drop(self.rooms.remove(&room)),
            "participantLeft" => {
                if let Some(known) = self.rooms.get_mut(&room) {
                    known.people.remove(&user);
                }
            }
            "roomClosed" => drop(self.rooms.remove(&room)),
            "callTransferStart" => {
                self.offers.insert(text(&payload["callTransferId"]), Offer { room, accepted: false });
            }
            "callTransferCompleted" => {
                let transfer = text(&payload["callTransferId"]);
                match self.offers.remove(&transfer).filter(|offer| offer.room != room) {
                    Some(offer) if offer.accepted => self.moves_on(&offer.room, &room, false),
                    Some(offer) => drop(self.moves.insert(transfer, (offer.room, room))),
                    None => {}
                }
            }
            "callTransferFailed" => drop(self.offers.remove(&text(&payload["callTransferId"]))),
            _ => {}
        }
    }

    /// What was sent is over; whoever was let in by it sits in `room`.
    fn is_over(&mut self, invite: &str, how: &str, room: &str) {
        let Some(sent) = self.sent.get_mut(invite) else {
            self.heard.insert(invite.to_owned(), (how.to_owned(), room.to_owned()));
            return;
        };
        sent.over.get_or_insert_with(|| how.to_owned());
        if sent.asks && !room.is_empty() {
            self.rooms.entry(room.to_owned()).or_default();
        }
    }

    /// Takes the answer to a request that was accepted. `again`: it was sent on an earlier socket, too.
    pub(crate) fn take(&mut self, request: &str, asked: &Value, answer: &Value, again: bool) {
        let (room, invite) = (text(&asked["roomId"]), text(&asked["inviteId"]));
        match request {
            "createRoom" | "joinRoom" | "joinQuickConference" => self.sits_in(answer, again),
            "accept" => {
                let lets_in = self.ringing.remove(&invite).unwrap_or(false);
                for declined in answer["declined"].as_array().into_iter().flatten() {
                    self.ringing.remove(&text(declined));
                }
                if !lets_in || self.rooms.contains_key(&text(&answer["id"])) {
                    self.sits_in(answer, again);
                }
            }
            "decline" => drop(self.ringing.remove(&invite)),
            "cancel" => self.is_over(&invite, "inviteCancelled", ""),
            "leaveRoom" | "closeRoom" => drop(self.rooms.remove(&room)),
            "expelParticipant" => {
                if let Some(known) = self.rooms.get_mut(&room) {
                    known.people.remove(asked["userId"].as_str().unwrap_or_default());
                }
            }
            "invite" | "inviteRequest" => {
                let several = answer["invites"].as_array().into_iter().flatten().map(|one| text(&one["inviteId"]));
                let one = answer["inviteId"].as_str().map(str::to_owned);
                for id in several.chain(one) {
                    let asks = request == "inviteRequest";
                    self.sent.entry(id.clone()).or_insert(Sent { asks, over: None });
                    if let Some((how, room)) = self.heard.remove(&id) {
                        self.is_over(&id, &how, &room);
                        if let Some(known) = self.rooms.get_mut(&room) {
                            known.unsure = true;
                        }
                    }
                }
            }
            "acceptTransfer" => {
                let transfer = text(&asked["callTransferId"]);
                if let Some((from, to)) = self.moves.remove(&transfer) {
                    self.moves_on(&from, &to, true);
                } else if let Some(offer) = self.offers.get_mut(&transfer) {
                    offer.accepted = true;
                }
            }
            "declineTransfer" => drop(self.offers.remove(asked["callTransferId"].as_str().unwrap_or_default())),
            _ => {}
        }
    }

    /// An attended transfer has taken this device from one room to another.
    fn moves_on(&mut self, from: &str, to: &str, unsure: bool) {
        self.rooms.remove(from);
        // Who has left it for that is not told to who has caused it.
        let room = self.rooms.entry(to.to_owned()).or_default();
        (room.unsure, room.complete) = (room.unsure || unsure, false);
    }

    fn sits_in(&mut self, room: &Value, again: bool) {
        let people = room["participants"].as_array().into_iter().flatten().map(text).collect();
        self.rooms.insert(text(&room["id"]), RoomView { people, complete: !again, unsure: again });
    }
}
