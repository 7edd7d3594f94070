//! What the signaling keeps to, from the configuration.

use std::time::Duration;

use anyhow::{Context as _, Result};
use regex::Regex;
use wac_signaling::{
    AgentSettings, InviteSettings, LoginSettings, RoomSettings, Settings, SocketSettings, WatchdogSettings,
};

use super::Configuration;

/// `rooms.*`, `invites.*`, `conferenceState.*`, `watchdog.*`, `sessions.*`, `login.*`, `signaling.*`,
/// `presence.*`, `quickConference.*` and `agentassigner.*`.
pub(super) fn settings(configuration: &Configuration) -> Result<Settings> {
    let uri = configuration.text("quickConference.uriRegex").unwrap_or_default();
    Ok(Settings {
        rooms: rooms(configuration),
        invites: invites(configuration),
        watchdog: WatchdogSettings {
            period: millis(configuration, "watchdog.invites.period"),
            expiration: millis(configuration, "watchdog.invites.expiration"),
            enabled: configuration.bool("watchdog.invites.enabled"),
        },
        session_expiration: millis(configuration, "sessions.expiration"),
        login: LoginSettings {
            exclusive: configuration.bool("login.exclusive"),
            limit_rate_units: small(configuration, "login.limitRateUnits"),
            limit_rate: Duration::from_secs(configuration.number("login.limitRateSeconds")),
        },
        sockets: sockets(configuration),
        presence_auto_subscribe: size(configuration, "presence.autoSubscribe"),
        quick_conference_uri: Regex::new(uri)
            .with_context(|| format!("quickConference.uriRegex: {uri:?} is no regular expression"))?,
        agents: AgentSettings {
            enabled: configuration.bool("agentassigner.enabled"),
            external_assigner_url: configuration.text("agentassigner.externalAssignerUrl").map(str::to_owned),
            allow_private_addresses: configuration.bool("agentassigner.allowPrivateAddresses"),
            timeout: millis(configuration, "agentassigner.timeout"),
        },
    })
}

fn rooms(configuration: &Configuration) -> RoomSettings {
    RoomSettings {
        set_owner: configuration.bool("rooms.setOwner"),
        update_room_when_owner_leaves: configuration.bool("rooms.updateRoomWhenOwnerLeaves"),
        remove_after: millis(configuration, "rooms.removeAfter"),
        participants_limit: small(configuration, "rooms.participantsLimit"),
        not_in_a_call: configuration.bool("rooms.notInACall"),
        user_id_as_room_id: configuration.bool("rooms.userIdAsRoomId"),
        bitrate_kbps: small(configuration, "rooms.bitrateKbps"),
        hard_mute: configuration.bool("rooms.hardMute"),
    }
}

fn invites(configuration: &Configuration) -> InviteSettings {
    InviteSettings {
        allow_while_in_call: configuration.bool("conferenceState.allowInvitesWhileInCall"),
        remove_after: millis(configuration, "invites.basic.removeAfter"),
        only_one_device: configuration.bool("invites.onlyOneDeviceWithInvitations"),
        pending_per_user: size(configuration, "invites.pendingPerUser"),
    }
}

fn sockets(configuration: &Configuration) -> SocketSettings {
    SocketSettings {
        ping_interval: millis(configuration, "signaling.pingInterval"),
        idle_timeout: millis(configuration, "signaling.idleTimeout"),
        frame_bytes_max: size(configuration, "signaling.maxFrame"),
        send_queue_notices: size(configuration, "signaling.sendQueue"),
        send_queue_bytes: size(configuration, "signaling.sendQueueBytes"),
        requests_per_second: small(configuration, "signaling.requestsPerSecond"),
        requests_burst: small(configuration, "signaling.requestsBurst"),
        resume_window: millis(configuration, "signaling.resumeWindow"),
    }
}

fn millis(configuration: &Configuration, key: &str) -> Duration {
    Duration::from_millis(configuration.number(key))
}

fn small(configuration: &Configuration, key: &str) -> u32 {
    u32::try_from(configuration.number(key)).unwrap_or(u32::MAX)
}

fn size(configuration: &Configuration, key: &str) -> usize {
    usize::try_from(configuration.number(key)).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{CommandLine, Configuration};

    #[test]
    fn what_the_keys_say_holds() {
        let mut line = CommandLine::default();
        line.option("--set", "rooms.hardMute", Some(true));
        line.option("--set", "rooms.bitrateKbps", Some(2_048));
        line.option("--set", "watchdog.invites.enabled", Some(false));
        let settings = settings(&Configuration::load(&line).unwrap()).unwrap();
        let rules = settings.room_rules();
        assert_eq!((rules.hard_mute, rules.bitrate_kbps), (true, 2_048));
        assert_eq!(settings.watchdog.rings_for(), wac_signaling::RING_MAX);
    }

    #[test]
    fn the_defaults_of_the_keys_are_those_of_the_signaling() {
        let configuration = Configuration::load(&CommandLine::default()).unwrap();
        let settings = settings(&configuration).unwrap();
        assert_eq!(format!("{settings:?}"), format!("{:?}", Settings::default()));
    }
}
