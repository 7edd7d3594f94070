//! Messages between participants over data channels: the node puts the sender's id on.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use str0m::channel::{ChannelData, ChannelId};
use wac_events::UserId;

use super::Sfu;
use crate::PeerId;

/// Longest message, in bytes.
const MESSAGE_BYTES_MAX: usize = 16 * 1024;
/// Most messages of one peer in a second.
const MESSAGES_A_SECOND_MAX: u32 = 100;

/// Which of the two channels.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Way {
    /// `wac`: in order, nothing is lost.
    Reliable,
    /// `wac-lossy`: as the client has opened it.
    Lossy,
}

/// The channels of one peer, and how much it has said of late.
#[derive(Default)]
pub(crate) struct Channels {
    open: HashMap<Way, ChannelId>,
    second: Option<(Instant, u32)>,
}

/// A message as its sender sends it.
#[derive(Deserialize)]
struct Sent<'a> {
    /// Only to this person; absent: to everybody else.
    #[serde(default)]
    to: Option<UserId>,
    /// Any JSON.
    #[serde(borrow)]
    data: &'a RawValue,
}

/// The same as the others get it.
#[derive(Serialize)]
struct Delivered<'a> {
    from: &'a UserId,
    data: &'a RawValue,
}

/// What a sender hears of a message that did not go out.
#[derive(Serialize)]
struct Refused {
    error: &'static str,
}

impl Channels {
    /// Takes a channel the client has opened; of others than the two nothing is heard.
    pub(crate) fn opened(&mut self, id: ChannelId, label: &str) {
        match label {
            "wac" => _ = self.open.insert(Way::Reliable, id),
            "wac-lossy" => _ = self.open.insert(Way::Lossy, id),
            _ => {}
        }
    }

    /// A channel is gone.
    pub(crate) fn closed(&mut self, id: ChannelId) {
        self.open.retain(|_, open| *open != id);
    }

    fn way(&self, id: ChannelId) -> Option<Way> {
        self.open.iter().find(|(_, open)| **open == id).map(|(way, _)| *way)
    }

    /// Whether one more message may be sent now.
    fn may_send(&mut self, now: Instant) -> bool {
        let within = |since: Instant| now.saturating_duration_since(since) < Duration::from_secs(1);
        let (since, count) = self.second.filter(|(since, _)| within(*since)).unwrap_or((now, 0));
        self.second = Some((since, count + 1));
        count < MESSAGES_A_SECOND_MAX
    }
}

impl Sfu {
    /// A message of a peer's.
    pub(super) fn messaged(&mut self, from: PeerId, message: &ChannelData, now: Instant) {
        let Some(peer) = self.peers.get_mut(&from).filter(|peer| peer.ticket.rights.data) else { return };
        let Some(way) = peer.channels.way(message.id) else { return };
        let error = if message.data.len() > MESSAGE_BYTES_MAX {
            "too_long"
        } else if !peer.channels.may_send(now) {
            "too_many"
        } else {
            match serde_json::from_slice::<Sent<'_>>(&message.data) {
                Ok(sent) => return self.deliver_message(from, way, &sent, now),
                Err(_) => "malformed",
            }
        };
        let text = serde_json::to_string(&Refused { error }).expect("it is plain JSON");
        self.write_message(from, way, &text, now);
    }

    fn deliver_message(&mut self, from: PeerId, way: Way, sent: &Sent<'_>, now: Instant) {
        let Some(user) = self.peers.get(&from).map(|peer| peer.ticket.user.clone()) else { return };
        let delivered = Delivered { from: &user, data: sent.data };
        let text = serde_json::to_string(&delivered).expect("it is plain JSON");
        let others: Vec<PeerId> = match self.venue_of(from) {
            Some(venue) => venue.peers.iter().copied().filter(|other| *other != from).collect(),
            None => return,
        };
        let mut missed = false;
        for other in others {
            let concerned = |peer: &crate::peer::Peer| sent.to.as_ref().is_none_or(|to| *to == peer.ticket.user);
            if self.peers.get(&other).is_some_and(|peer| concerned(peer)) {
                missed |= !self.write_message(other, way, &text, now);
            }
        }
        if missed && way == Way::Reliable {
            let text = serde_json::to_string(&Refused { error: "undelivered" }).expect("it is plain JSON");
            self.write_message(from, way, &text, now);
        }
    }

    /// False: the peer has the channel, and its buffer is full.
    fn write_message(&mut self, to: PeerId, way: Way, text: &str, now: Instant) -> bool {
        let Some(peer) = self.peers.get_mut(&to) else { return true };
        let Some(id) = peer.channels.open.get(&way).copied() else { return true };
        let Some(mut channel) = peer.rtc.channel(id) else { return true };
        let written = channel.write(false, text.as_bytes()).unwrap_or(false);
        self.settle_one(to, now);
        written
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_of_any_kind_is_passed_on_as_it_is_or_not_at_all() {
        let from = UserId::from("alice");
        bolero::check!().for_each(|bytes: &[u8]| {
            // As it is, and as what is said in one.
            let wrapped = [br#"{"data":"#, bytes, b"}"].concat();
            for message in [bytes, &wrapped] {
                let Ok(sent) = serde_json::from_slice::<Sent<'_>>(message) else { continue };
                let text = serde_json::to_string(&Delivered { from: &from, data: sent.data }).unwrap();
                let read: HashMap<String, &RawValue> = serde_json::from_str(&text).unwrap();
                assert_eq!((read.len(), read["from"].get()), (2, r#""alice""#));
                assert_eq!(read["data"].get(), sent.data.get());
            }
        });
    }
}
