use std::time::Duration;

use regex::Regex;
use wac_commands::room::RoomRules;

/// How far back a device may resume unless the deployment says otherwise (`signaling.resumeWindow`).
pub const RESUME_WINDOW: Duration = Duration::from_secs(24 * 3600);

/// How long an invitation rings at most, whoever governs it.
pub const RING_MAX: Duration = Duration::from_secs(24 * 3600);

/// Everything the signaling can be told, by the names of its configuration keys.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `rooms.*`.
    pub rooms: RoomSettings,
    /// `invites.*` and `conferenceState.*`.
    pub invites: InviteSettings,
    /// `watchdog.invites.*`.
    pub watchdog: WatchdogSettings,
    /// `sessions.expiration`: how long a session lasts that nobody uses. Default 24 h.
    pub session_expiration: Duration,
    /// `login.*`.
    pub login: LoginSettings,
    /// `signaling.*`.
    pub sockets: SocketSettings,
    /// `presence.autoSubscribe`: up to so many users of a domain every WAPI socket hears of all of
    /// them without asking. Default 100.
    pub presence_auto_subscribe: usize,
    /// `quickConference.uriRegex`: what a quick conference's URI looks like, matched as a whole.
    /// Default `^wac-conf\d{20}$`.
    pub quick_conference_uri: Regex,
    /// `agentassigner.*`.
    pub agents: AgentSettings,
}

/// `rooms.*`.
#[derive(Clone, Debug)]
pub struct RoomSettings {
    /// `setOwner`: the creator owns the room. Default true.
    pub set_owner: bool,
    /// `updateRoomWhenOwnerLeaves`: the participant of longest standing follows. Default true.
    pub update_room_when_owner_leaves: bool,
    /// `removeAfter`: how long a cut device keeps its seats. Default 10 s.
    pub remove_after: Duration,
    /// `participantsLimit`: most devices in a room. Default 100.
    pub participants_limit: u32,
    /// `notInACall`: who is in a room cannot open another. Default false.
    pub not_in_a_call: bool,
    /// `userIdAsRoomId`: a room is known by its creator's name. Default false.
    pub user_id_as_room_id: bool,
    /// `bitrateKbps`: greatest bit rate of one video, kbit/s. Default 1,024.
    pub bitrate_kbps: u32,
    /// `hardMute`: who was muted by somebody else cannot unmute himself. Default false.
    pub hard_mute: bool,
}

/// `invites.*` and `conferenceState.*`.
#[derive(Clone, Debug)]
pub struct InviteSettings {
    /// `conferenceState.allowInvitesWhileInCall`: who is in a room rings all the same. Default true.
    pub allow_while_in_call: bool,
    /// `invites.basic.removeAfter`: how long a cut device counts as ringing. Default 10 s.
    pub remove_after: Duration,
    /// `invites.onlyOneDeviceWithInvitations`: accepting declines all else. Default false.
    pub only_one_device: bool,
    /// `invites.pendingPerUser`: most invitations of one caller that ring at once. Default 50.
    pub pending_per_user: usize,
}

/// `watchdog.invites.*`.
#[derive(Clone, Debug)]
pub struct WatchdogSettings {
    /// `period`: how often it is looked for what is over. Default 5 s.
    pub period: Duration,
    /// `expiration`: how long an invitation rings. Default 30 s.
    pub expiration: Duration,
    /// `enabled`: false where somebody else governs how long it rings; it is over after [`RING_MAX`] all the
    /// same. Default true.
    pub enabled: bool,
}

impl WatchdogSettings {
    /// How long an invitation rings.
    pub fn rings_for(&self) -> Duration {
        if self.enabled { self.expiration } else { RING_MAX }
    }
}

/// `login.*`.
#[derive(Clone, Debug)]
pub struct LoginSettings {
    /// `exclusive`: a new session ends the user's others. Default false.
    pub exclusive: bool,
    /// `limitRateUnits`: so many failures raise the alarm. Default 5.
    pub limit_rate_units: u32,
    /// `limitRateSeconds`: within so long. Default 10 s.
    pub limit_rate: Duration,
}

/// `signaling.*`: what the shell that holds the sockets keeps to.
#[derive(Clone, Debug)]
pub struct SocketSettings {
    /// `pingInterval`. Default 20 s.
    pub ping_interval: Duration,
    /// `idleTimeout`: a socket that is silent for so long is closed (4408). Default 60 s.
    pub idle_timeout: Duration,
    /// `maxFrame`: longest frame, in bytes (4413). Default 64 KiB.
    pub frame_bytes_max: usize,
    /// `sendQueue`: most notices that wait for a slow reader (4409). Default 256.
    pub send_queue_notices: usize,
    /// `sendQueue`: most bytes that wait for a slow reader (4409). Default 1 MiB.
    pub send_queue_bytes: usize,
    /// `requestsPerSecond` of one socket (4429). Default 50.
    pub requests_per_second: u32,
    /// How many requests may come at once. Default 200.
    pub requests_burst: u32,
    /// `resumeWindow`: how far back a device may resume (4410). Default [`RESUME_WINDOW`].
    pub resume_window: Duration,
}

/// `agentassigner.*`.
#[derive(Clone, Debug)]
pub struct AgentSettings {
    /// `enabled`: `wac-agent` can be called. Default true.
    pub enabled: bool,
    /// `externalAssignerUrl`: who picks the agent; `None`: the one who has been idle longest.
    pub external_assigner_url: Option<String>,
    /// `allowPrivateAddresses`: that URL may lead into a private network. Default false.
    pub allow_private_addresses: bool,
    /// `timeout` of one question. Default 3 s.
    pub timeout: Duration,
}

impl Settings {
    /// What rooms are opened with.
    pub fn room_rules(&self) -> RoomRules {
        RoomRules {
            set_owner: self.rooms.set_owner,
            owner_succeeds: self.rooms.update_room_when_owner_leaves,
            participants_limit: self.rooms.participants_limit,
            bitrate_kbps: self.rooms.bitrate_kbps,
            hard_mute: self.rooms.hard_mute,
            counted: self.rooms.not_in_a_call || !self.invites.allow_while_in_call,
        }
    }

    /// Whether this is a quick conference's URI.
    pub fn is_quick_conference(&self, uri: &str) -> bool {
        self.quick_conference_uri.find(uri).is_some_and(|found| found.len() == uri.len())
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            rooms: RoomSettings::default(),
            invites: InviteSettings::default(),
            watchdog: WatchdogSettings {
                period: Duration::from_secs(5),
                expiration: Duration::from_secs(30),
                enabled: true,
            },
            session_expiration: Duration::from_secs(24 * 3600),
            login: LoginSettings { exclusive: false, limit_rate_units: 5, limit_rate: Duration::from_secs(10) },
            sockets: SocketSettings::default(),
            presence_auto_subscribe: 100,
            quick_conference_uri: Regex::new(r"^wac-conf\d{20}$").expect("the default expression is one"),
            agents: AgentSettings::default(),
        }
    }
}

impl Default for RoomSettings {
    fn default() -> Self {
        let rules = RoomRules::default();
        Self {
            set_owner: rules.set_owner,
            update_room_when_owner_leaves: rules.owner_succeeds,
            remove_after: Duration::from_secs(10),
            participants_limit: rules.participants_limit,
            not_in_a_call: false,
            user_id_as_room_id: false,
            bitrate_kbps: rules.bitrate_kbps,
            hard_mute: rules.hard_mute,
        }
    }
}

impl Default for InviteSettings {
    fn default() -> Self {
        let remove_after = Duration::from_secs(10);
        Self { allow_while_in_call: true, remove_after, only_one_device: false, pending_per_user: 50 }
    }
}

impl Default for SocketSettings {
    fn default() -> Self {
        Self {
            ping_interval: Duration::from_secs(20),
            idle_timeout: Duration::from_secs(60),
            frame_bytes_max: 64 * 1024,
            send_queue_notices: 256,
            send_queue_bytes: 1024 * 1024,
            requests_per_second: 50,
            requests_burst: 200,
            resume_window: RESUME_WINDOW,
        }
    }
}

impl Default for AgentSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            external_assigner_url: None,
            allow_private_addresses: false,
            timeout: Duration::from_secs(3),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quick_conference_is_known_by_the_whole_of_its_uri() {
        let settings = Settings::default();
        let uri = format!("wac-conf{}", "1".repeat(20));
        assert!(settings.is_quick_conference(&uri));
        assert!(!settings.is_quick_conference(&format!("{uri}1")));
        let loose = Settings { quick_conference_uri: Regex::new("conf").unwrap(), ..Settings::default() };
        assert!(!loose.is_quick_conference("my-conf"));
    }
}
