use std::collections::{BTreeMap, BTreeSet};

use wac_events::{Activity, NodeId, Personal, PresenceEvent, RoomRef, SessionId, Time, UserId};

/// A device that can be reached.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RegisteredDevice {
    /// The node that holds its sockets.
    pub node: NodeId,
    /// Whether it can ring.
    pub ringable: bool,
    /// When it registered.
    pub since: Time,
}

/// A user's presence.
#[derive(Clone, Debug, PartialEq)]
pub struct Presence {
    /// Events so far.
    pub version: u64,
    /// Whose; empty as long as nothing personal was said.
    pub user: UserId,
    /// His open sessions.
    pub sessions: BTreeSet<SessionId>,
    /// Those of them that can be reached.
    pub devices: BTreeMap<SessionId, RegisteredDevice>,
    /// The rooms that count as calls in which he sat when he last took a seat in one.
    pub rooms: Vec<RoomRef>,
    /// What he is doing.
    pub activity: Activity,
    /// A free text.
    pub note: Option<Personal>,
    /// How he feels.
    pub mood: Option<String>,
}

impl Default for Presence {
    fn default() -> Self {
        Self {
            version: 0,
            user: UserId::new(""),
            sessions: BTreeSet::new(),
            devices: BTreeMap::new(),
            rooms: Vec::new(),
            activity: Activity::Unknown,
            note: None,
            mood: None,
        }
    }
}

impl Presence {
    /// Whether any device can be reached: the user is online.
    pub fn has_device(&self) -> bool {
        !self.devices.is_empty()
    }

    /// Whether any device can ring.
    pub fn has_ringable(&self) -> bool {
        self.devices.values().any(|device| device.ringable)
    }
}

/// Folds one event.
#[must_use]
pub fn evolve(mut state: Presence, event: &PresenceEvent) -> Presence {
    state.version += 1;
    match event {
        PresenceEvent::LoggedIn(login) => {
            state.sessions.insert(login.session.clone());
        }
        PresenceEvent::LoggedOut(logout) => {
            state.sessions.remove(&logout.session);
        }
        PresenceEvent::DeviceRegistered(registered) => {
            state.user = registered.user.clone();
            let device =
                RegisteredDevice { node: registered.node.clone(), ringable: registered.ringable, since: registered.at };
            state.devices.insert(registered.session.clone(), device);
        }
        PresenceEvent::DeviceRemoved(removed) => {
            state.devices.remove(&removed.session);
        }
        PresenceEvent::CallEntered(entered) => state.rooms.clone_from(&entered.rooms),
        PresenceEvent::Changed(changed) => {
            state.user = changed.user.clone();
            changed.activity.clone().apply(&mut state.activity);
            changed.note.clone().apply(&mut state.note);
            changed.mood.clone().apply(&mut state.mood);
        }
        PresenceEvent::FirstLogin(_)
        | PresenceEvent::LastLogout(_)
        | PresenceEvent::Online(_)
        | PresenceEvent::Offline(_) => {}
    }
    state
}
