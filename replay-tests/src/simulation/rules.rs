//! What a deployment has configured: each seed one of several.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use wac_commands::process::ProcessRules;
use wac_signaling::Settings;

/// What is configured otherwise than by default.
type Variant = fn(&mut Settings);

const VARIANTS: [Variant; 6] = [
    |_| {},
    |settings| settings.invites.only_one_device = true,
    |settings| settings.invites.allow_while_in_call = false,
    |settings| settings.rooms.not_in_a_call = true,
    |settings| settings.rooms.participants_limit = 3,
    |settings| {
        settings.rooms.update_room_when_owner_leaves = false;
        settings.rooms.hard_mute = true;
    },
];

static SETTINGS: LazyLock<Vec<Arc<Settings>>> = LazyLock::new(|| {
    let of = |variant: &Variant| {
        let mut settings = hasty();
        variant(&mut settings);
        Arc::new(settings)
    };
    VARIANTS.iter().map(of).collect()
});

/// Everything is over sooner than in life, so that much happens in a short run.
fn hasty() -> Settings {
    let mut settings = Settings::default();
    settings.rooms.remove_after = Duration::from_secs(4);
    settings.invites.remove_after = Duration::from_secs(3);
    settings.watchdog.expiration = Duration::from_secs(8);
    settings.watchdog.period = Duration::from_secs(2);
    settings
}

/// The settings of a seed.
pub(crate) fn settings(seed: u64) -> Arc<Settings> {
    let place = usize::try_from(seed % VARIANTS.len() as u64).unwrap_or_default();
    SETTINGS[place].clone()
}

/// Whether a seed's deployment is one node with a database of its own.
pub(crate) fn alone(seed: u64) -> bool {
    seed % 5 == 3
}

/// Whether at some moment every node of a seed's deployment dies.
pub(crate) fn all_die(seed: u64) -> bool {
    seed % 4 == 1
}

/// The rules of a seed's process managers. Where a log-in ends the user's others, his devices do little
/// but put each other out; some runs are enough of that.
pub(crate) fn managers(seed: u64) -> ProcessRules {
    ProcessRules { exclusive_login: seed.is_multiple_of(13), ..ProcessRules::default() }
}
