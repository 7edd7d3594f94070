//! What an event of a call says, for people: who did what, when, on which node.

use std::collections::HashMap;
use std::sync::Arc;

use wac_events::media::{MediaLimit, MediaMeasured};
use wac_events::room::JoinReason;
use wac_events::{
    Actor, AgentEvent, AnyEvent, Callee, GroupId, InviteEvent, InviteKind, MediaEvent, NodeEvent, NodeId, Position,
    PresenceEvent, Recorded, RoomEvent, SessionId, StreamId, Time, TransferEvent, UserId,
};

/// A part of a sentence.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Word {
    Text(String),
    User(UserId),
    Group(GroupId),
}

/// Which device is, or was, on which node, and which node carries which media session. Fed with events in the log's
/// order, it knows the moment of each.
#[derive(Clone, Default, Debug)]
pub struct Whereabouts {
    devices: HashMap<SessionId, NodeId>,
    names: HashMap<NodeId, String>,
    media: HashMap<StreamId, String>,
}

impl Whereabouts {
    /// A device is on a node.
    pub fn device(&mut self, session: SessionId, node: NodeId) {
        self.devices.insert(session, node);
    }

    /// What people call a node.
    pub fn node(&mut self, id: NodeId, name: String) {
        self.names.insert(id, name);
    }

    /// Nodes that devices are on and that have no name yet.
    pub fn nameless(&self) -> Vec<NodeId> {
        self.devices.values().filter(|node| !self.names.contains_key(*node)).cloned().collect()
    }

    fn note(&mut self, stream: &StreamId, event: &AnyEvent) {
        match event {
            AnyEvent::Presence(PresenceEvent::DeviceRegistered(event)) => {
                self.device(event.session.clone(), event.node.clone());
            }
            AnyEvent::Node(NodeEvent::Started(event)) => self.node(event.id.clone(), event.name.clone()),
            AnyEvent::MediaSession(MediaEvent::Connected(event)) => {
                self.media.insert(stream.clone(), event.node.clone());
            }
            _ => {}
        }
    }

    /// The name of the node that a device is on, or its id.
    pub fn of_device(&self, session: &SessionId) -> Option<String> {
        self.devices.get(session).map(|node| self.name_of(node))
    }

    /// The name of a node, or its id.
    fn name_of(&self, node: &NodeId) -> String {
        self.names.get(node).cloned().unwrap_or_else(|| node.to_string())
    }
}

/// One step of a call: one event, told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Step {
    /// Where the event stands in the log.
    pub position: Position,
    /// Its stream.
    pub stream: StreamId,
    /// Its type, such as `invite.accepted`.
    pub event: Arc<str>,
    /// When it happened.
    pub at: Time,
    /// Who did it; `None`: its metadata cannot be read.
    pub by: Option<Actor>,
    /// On which device.
    pub session: Option<SessionId>,
    /// On which node: the one that held the device, or carried the media.
    pub node: Option<String>,
    /// Call code it came to.
    pub code: Option<u16>,
    words: Vec<Word>,
}

impl Step {
    /// What an event tells. `places` hears of it first, so it must be asked in the log's order.
    pub fn of(recorded: &Recorded, places: &mut Whereabouts) -> Self {
        let decoded = AnyEvent::decode_recorded(recorded).ok();
        let meta = recorded.meta().ok();
        if let Some(event) = &decoded {
            places.note(&recorded.stream, event);
        }
        let session = decoded.as_ref().and_then(device_of).or(meta.as_ref().and_then(|meta| meta.session.clone()));
        let of_media = places.media.get(&recorded.stream).cloned();
        let node = of_media.or_else(|| session.as_ref().and_then(|session| places.of_device(session)));
        let node = decoded.as_ref().and_then(media_node_of).map(|node| places.name_of(node)).or(node);
        let words = decoded.as_ref().and_then(words_of);
        Self {
            position: recorded.position,
            stream: recorded.stream.clone(),
            event: recorded.event_type.clone(),
            at: recorded.occurred_at,
            by: meta.map(|meta| meta.actor),
            session,
            node,
            code: decoded.as_ref().and_then(code_of),
            // What a newer program has written is told by its name.
            words: words.unwrap_or_else(|| vec![Word::Text(recorded.event_type.replace(['.', '_'], " "))]),
        }
    }

    /// The step as a sentence; `name` gives users the name they are to have in it.
    pub fn sentence(&self, name: impl Fn(&UserId) -> String) -> String {
        let text = |word: &Word| match word {
            Word::Text(text) => text.clone(),
            Word::User(user) => name(user),
            Word::Group(group) => group.uri(),
        };
        self.words.iter().map(text).collect::<Vec<_>>().join(" ")
    }

    /// The users its sentence names.
    pub fn users(&self) -> impl Iterator<Item = &UserId> {
        self.words.iter().filter_map(|word| if let Word::User(user) = word { Some(user) } else { None })
    }
}

/// The device an event is about.
fn device_of(event: &AnyEvent) -> Option<SessionId> {
    Some(match event {
        AnyEvent::Room(RoomEvent::ParticipantJoined(event)) => event.session.clone(),
        AnyEvent::Room(RoomEvent::ParticipantLeft(event)) => event.session.clone(),
        AnyEvent::Invite(InviteEvent::Created(event)) => event.from_session.clone(),
        AnyEvent::Invite(InviteEvent::Accepted(event)) => event.session.clone(),
        AnyEvent::Invite(InviteEvent::CandidateAdded(event)) => event.session.clone(),
        AnyEvent::Transfer(TransferEvent::Created(event)) => event.by_session.clone(),
        AnyEvent::Transfer(TransferEvent::Accepted(event)) => event.session.clone(),
        AnyEvent::Presence(PresenceEvent::DeviceRegistered(event)) => event.session.clone(),
        AnyEvent::Presence(PresenceEvent::DeviceRemoved(event)) => event.session.clone(),
        AnyEvent::MediaSession(MediaEvent::Connected(event)) => event.session.clone(),
        _ => return None,
    })
}

/// The node that a room's media goes through from this event on.
pub fn media_node_of(event: &AnyEvent) -> Option<&NodeId> {
    if let AnyEvent::Room(RoomEvent::MediaAssigned(event)) = event { Some(&event.node) } else { None }
}

fn code_of(event: &AnyEvent) -> Option<u16> {
    Some(match event {
        AnyEvent::Invite(InviteEvent::Accepted(_)) => 200,
        AnyEvent::Invite(InviteEvent::Declined(event)) => event.code,
        AnyEvent::Invite(InviteEvent::Cancelled(event)) => event.code,
        AnyEvent::Invite(InviteEvent::Expired(_)) => 408,
        AnyEvent::Invite(InviteEvent::Ended(event)) => event.code,
        AnyEvent::Transfer(TransferEvent::Declined(event)) => event.code,
        AnyEvent::Transfer(TransferEvent::Failed(event)) => event.code,
        _ => return None,
    })
}

/// A sentence from texts and people.
macro_rules! say {
    ($($part:expr),+ $(,)?) => { vec![$( Word::from($part) ),+] };
}

impl From<&str> for Word {
    fn from(text: &str) -> Self {
        Word::Text(text.to_owned())
    }
}

impl From<String> for Word {
    fn from(text: String) -> Self {
        Word::Text(text)
    }
}

impl From<&UserId> for Word {
    fn from(user: &UserId) -> Self {
        Word::User(user.clone())
    }
}

impl From<&Callee> for Word {
    fn from(callee: &Callee) -> Self {
        match callee {
            Callee::User(user) | Callee::Agent(user) => Word::User(user.clone()),
            Callee::Group(group) => Word::Group(group.clone()),
        }
    }
}

fn words_of(event: &AnyEvent) -> Option<Vec<Word>> {
    Some(match event {
        AnyEvent::Room(event) => room(event),
        AnyEvent::Invite(event) => invite(event),
        AnyEvent::Transfer(event) => transfer(event),
        AnyEvent::MediaSession(event) => media(event),
        AnyEvent::Agent(AgentEvent::Assigned(event)) => say!["the call is given to the agent", &event.user],
        AnyEvent::Agent(AgentEvent::Released(event)) => say!["the agent", &event.user, "is idle again"],
        AnyEvent::Presence(PresenceEvent::DeviceRegistered(event)) => {
            say![&event.user, if event.resumed { "is back on a device" } else { "has a device" }]
        }
        AnyEvent::Presence(PresenceEvent::DeviceRemoved(event)) => {
            say!["a device of", &event.user, format!("is gone ({})", word(&event.reason))]
        }
        _ => return None,
    })
}

fn word<T: serde::Serialize>(variant: &T) -> String {
    crate::fields::word(variant).as_text().unwrap_or_default().replace('_', " ")
}

fn room(event: &RoomEvent) -> Vec<Word> {
    match event {
        RoomEvent::Created(event) => say![&event.creator, format!("opens the room {}", event.room)],
        RoomEvent::Updated(event) => say![format!("the settings of the room {} change", event.room)],
        RoomEvent::OwnerChanged(event) => match &event.owner {
            Some(owner) => say![owner, "owns the room now"],
            None => say!["the room has no owner any more"],
        },
        RoomEvent::ParticipantJoined(event) => {
            let how = match event.via {
                JoinReason::Created => "as who opened it",
                JoinReason::Accepted => "by an invitation",
                JoinReason::Joined => "by its access list",
                JoinReason::Transferred => "by a transfer",
                JoinReason::Assigned => "as the agent",
            };
            say![&event.user, format!("takes seat {} {how}", event.seat)]
        }
        RoomEvent::ParticipantLeft(event) => {
            let mut words = say![&event.user, format!("gives back seat {} ({})", event.seat, event.reason.as_str())];
            if let Some(by) = event.by.as_ref().filter(|by| **by != event.user) {
                words.extend(say!["on account of", by]);
            }
            words
        }
        RoomEvent::ParticipantHeld(event) => say![&event.user, "holds the call"],
        RoomEvent::ParticipantUnheld(event) => say![&event.user, "resumes the call"],
        RoomEvent::ParticipantMuted(event) => {
            let what = if event.muted { "is muted" } else { "is unmuted" };
            let mut words = say![&event.user, format!("{what} ({})", word(&event.media))];
            if event.by != event.user {
                words.extend(say!["by", &event.by]);
            }
            words
        }
        RoomEvent::MediaAssigned(event) if event.instead_of.is_some() => {
            say!["its media goes through another node from now on"]
        }
        RoomEvent::MediaAssigned(_) => say!["its media goes through this node"],
        RoomEvent::Closed(event) => match &event.by {
            Some(by) => say![by, "closes the room"],
            None => say![format!("the room is closed ({})", event.reason.as_str())],
        },
    }
}

fn invite(event: &InviteEvent) -> Vec<Word> {
    match event {
        InviteEvent::Created(event) => {
            let asks = if event.kind == InviteKind::Invite { "calls" } else { "asks to be let in by" };
            let mut words = say![&event.from, asks, &event.to];
            if matches!(event.to, Callee::Group(_)) {
                words.push("which rings with".into());
                words.extend(event.candidates.iter().map(Word::from));
            }
            words
        }
        InviteEvent::CandidateAdded(event) => say![&event.user, "rings too"],
        InviteEvent::CandidateRemoved(event) => say![&event.user, "has no device left to ring"],
        InviteEvent::Accepted(event) => say![&event.by, "accepts"],
        InviteEvent::Declined(event) if event.over => say![&event.by, format!("declines ({})", event.code)],
        InviteEvent::Declined(event) => say![&event.by, format!("declines ({}), others ring on", event.code)],
        InviteEvent::Cancelled(event) => {
            say![format!("the invitation is cancelled ({}, {})", event.code, word(&event.reason))]
        }
        InviteEvent::Expired(_) => say!["nobody answers in time (408)"],
        InviteEvent::Ended(event) => say![format!("nobody is there, or left, to ring ({})", event.code)],
    }
}

fn transfer(event: &TransferEvent) -> Vec<Word> {
    match event {
        TransferEvent::Created(event) => {
            let mut words = say![&event.by, "transfers", &event.party];
            match (&event.to, &event.target_room) {
                (Some(to), _) => words.extend(say!["to", to]),
                (None, Some(room)) => words.extend(say![format!("into the room {}", room.id)]),
                (None, None) => {}
            }
            words
        }
        TransferEvent::Accepted(_) => say!["the party agrees to the transfer"],
        TransferEvent::Declined(event) => say![format!("the party does not agree to the transfer ({})", event.code)],
        TransferEvent::Completed(_) => say!["the transfer is done"],
        TransferEvent::Failed(event) => say![format!("the transfer has come to nothing ({})", event.code)],
    }
}

fn limit(limit: MediaLimit) -> &'static str {
    match limit {
        MediaLimit::Sessions => "sessions",
        MediaLimit::Rooms => "rooms",
        MediaLimit::Participants => "places in the room",
        MediaLimit::Bandwidth => "bandwidth",
    }
}

fn media(event: &MediaEvent) -> Vec<Word> {
    match event {
        MediaEvent::Connected(event) => say![&event.user, "is connected to the media node"],
        MediaEvent::Refused(event) => {
            say![&event.user, format!("is not let in by the media node: it has no more {} to give", limit(event.limit))]
        }
        MediaEvent::Flowed(event) => say![format!("the first media is {}", word(&event.direction))],
        MediaEvent::TrackPublished(event) => say![format!("track {} is sent: {}", event.track, word(&event.source))],
        MediaEvent::TrackEnded(event) => say![format!("track {} is no longer sent", event.track)],
        MediaEvent::Measured(event) => say![measured(event)],
        MediaEvent::Ended(event) => say![format!("the media session ends ({})", word(&event.reason))],
        MediaEvent::AlarmRaised(event) => {
            let rule = &event.rule;
            let what = format!("breaks the rule {} ({}.{} is {})", rule.id, rule.section, rule.value, event.value);
            say!["the media of", &event.user, what]
        }
        MediaEvent::AlarmAcknowledged(event) => match &event.by {
            Some(by) => say![by, format!("takes notice of the alarm {}", event.rule)],
            None => say![format!("the alarm {} is taken notice of", event.rule)],
        },
    }
}

fn measured(event: &MediaMeasured) -> String {
    let known = |value: Option<String>| value.unwrap_or_else(|| "unknown".to_owned());
    let millis = |value: Option<u32>| known(value.map(|ms| format!("{ms} ms")));
    let permille = |value: Option<u32>| known(value.map(|lost| format!("{}.{} %", lost / 10, lost % 10)));
    format!(
        "measured for {} s: lost {} of what was sent, {} of what was received, round trip {}, jitter {} and {}, spoke {} s",
        event.duration_ms / 1_000,
        permille(event.lost_sent_permille),
        permille(event.lost_received_permille),
        millis(event.round_trip_ms),
        millis(event.jitter_sent_ms),
        millis(event.jitter_received_ms),
        event.speaking_ms / 1_000,
    )
}
