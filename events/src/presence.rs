//! Events of a user's presence, stream `presence-<user>`: his log-ins, the devices that can be
//! reached now, and what he says of himself. Transitions only: a socket that comes back in time
//! leaves no trace.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::codec::aggregate_events;
use crate::{Cell, NodeId, Patch, Personal, PersonalFields, RoomRef, SessionId, StreamId, SubjectId, Time, UserId};

/// What somebody is doing (RFC 4480 §3.2, and `available`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "RFC 4480 §3.2 says what each means")]
pub enum Activity {
    #[default]
    Unknown,
    Available,
    Appointment,
    Away,
    Breakfast,
    Busy,
    Dinner,
    Holiday,
    InTransit,
    LookingForWork,
    Lunch,
    Meal,
    Meeting,
    OnThePhone,
    Other,
    Performance,
    PermanentAbsence,
    Playing,
    Presentation,
    Shopping,
    Sleeping,
    Spectator,
    Steering,
    Travel,
    Tv,
    Vacation,
    Working,
    Worship,
}

/// A session of the user has been opened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LoggedIn {
    /// Which.
    pub session: SessionId,
}

/// It is his only one: he was logged out everywhere before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FirstLogin {
    /// The session.
    pub session: SessionId,
}

/// A session of the user has ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LoggedOut {
    /// Which.
    pub session: SessionId,
}

/// It was his last one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LastLogout {
    /// The session.
    pub session: SessionId,
}

/// A device can be reached.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeviceRegistered {
    /// Whose.
    pub user: UserId,
    /// The device.
    pub session: SessionId,
    /// The node that holds its sockets.
    pub node: NodeId,
    /// Whether it has a signaling socket, so that it can ring.
    pub ringable: bool,
    /// Whether it goes on where it was: the log brings it what it missed.
    pub resumed: bool,
    /// When.
    pub at: Time,
}

/// Why a device can no longer be reached.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeviceEnd {
    /// Its sockets were cut and did not come back in time.
    Lost,
    /// It said goodbye, or its session ended.
    Closed,
}

/// A device can no longer be reached.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeviceRemoved {
    /// Whose.
    pub user: UserId,
    /// The device.
    pub session: SessionId,
    /// Why.
    pub reason: DeviceEnd,
    /// When its last socket was cut.
    pub lost_at: Time,
    /// When it loses its seats unless it is back.
    pub leave_by: Time,
    /// When it ceases to ring, and what it sent is cancelled, unless it is back.
    pub unring_by: Time,
    /// When.
    pub at: Time,
}

/// The user has a device again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WentOnline {
    /// When.
    pub at: Time,
}

/// The user's last device has gone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WentOffline {
    /// When.
    pub at: Time,
}

/// The user has taken a seat in a room that counts as a call (`rooms.notInACall`,
/// `conferenceState.allowInvitesWhileInCall`). What depends on where he sits reads and writes this
/// stream too, so that of two devices at the same moment one comes second. His leaving is told by the
/// rooms alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CallEntered {
    /// Who.
    pub user: UserId,
    /// Every such room in which he sits now.
    pub rooms: Vec<RoomRef>,
    /// When.
    pub at: Time,
}

/// What the user says of himself has changed; what has not is absent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PresenceChanged {
    /// Whose.
    pub user: UserId,
    /// What he is doing.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub activity: Patch<Activity>,
    /// A free text.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub note: Patch<Option<Personal>>,
    /// How he feels: a mood of RFC 4480 §3.5.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub mood: Patch<Option<String>>,
}

impl PersonalFields for PresenceChanged {
    fn subject(&self) -> Option<SubjectId> {
        Some(SubjectId::of_user(&self.user))
    }

    fn protected(&mut self, visit: &mut dyn FnMut(&'static str, &mut Cell)) {
        if let Patch::Set(Some(note)) = &mut self.note {
            visit("note", &mut note.0);
        }
    }
}

impl PersonalFields for LoggedIn {}
impl PersonalFields for FirstLogin {}
impl PersonalFields for LoggedOut {}
impl PersonalFields for LastLogout {}
impl PersonalFields for DeviceRegistered {}
impl PersonalFields for DeviceRemoved {}
impl PersonalFields for WentOnline {}
impl PersonalFields for WentOffline {}
impl PersonalFields for CallEntered {}

aggregate_events! {
    /// What happens to a user's presence.
    pub enum PresenceEvent in "presence" {
        /// See [`LoggedIn`].
        LoggedIn(LoggedIn) = "presence.logged_in", 1;
        /// See [`FirstLogin`].
        FirstLogin(FirstLogin) = "presence.first_login", 1;
        /// See [`LoggedOut`].
        LoggedOut(LoggedOut) = "presence.logged_out", 1;
        /// See [`LastLogout`].
        LastLogout(LastLogout) = "presence.last_logout", 1;
        /// See [`DeviceRegistered`].
        DeviceRegistered(DeviceRegistered) = "presence.device_registered", 1;
        /// See [`DeviceRemoved`].
        DeviceRemoved(DeviceRemoved) = "presence.device_removed", 1;
        /// See [`WentOnline`].
        Online(WentOnline) = "presence.online", 1;
        /// See [`WentOffline`].
        Offline(WentOffline) = "presence.offline", 1;
        /// See [`CallEntered`].
        CallEntered(CallEntered) = "presence.call_entered", 1;
        /// See [`PresenceChanged`].
        Changed(PresenceChanged) = "presence.changed", 1;
    }
}

impl UserId {
    /// `presence-<user>`.
    pub fn presence_stream(&self) -> StreamId {
        StreamId::of("presence", self.as_str())
    }
}
