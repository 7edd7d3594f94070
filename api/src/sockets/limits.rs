//! Every bound of a socket, by name.

use std::time::Duration;

use wac_signaling::Settings;

/// Most sockets a node holds at once. An idle one takes less than 30 kB, so about 3 GB at most.
pub const SOCKETS_MAX: usize = 100_000;
/// Most sockets of one device; the oldest gives way to one more.
pub const SOCKETS_PER_DEVICE_MAX: usize = 8;
/// Frames in a row that cannot be read before the socket is closed.
pub const MALFORMED_FRAMES_MAX: u32 = 3;
/// Most notices one resume brings; who missed more asks for the present state.
pub const RESUME_NOTICES_MAX: usize = 10_000;
/// Most resumes that read the log at once; others wait.
pub const RESUMES_PARALLEL_MAX: usize = 16;
/// Positions that are read from the log for all who come back together; who has been away for longer
/// has them read for himself.
pub const PAST_POSITIONS_MAX: u64 = 200_000;
/// How long what was read for all is kept after somebody needed it.
pub const PAST_KEPT: Duration = Duration::from_secs(60);
/// Changes of presence a node remembers, so that a reconnect misses none.
pub const RECENT_PRESENCE_MAX: usize = 10_000;
/// Most users one socket follows the presence of by name.
pub const PRESENCE_USERS_MAX: usize = 1_000;

/// How long one message may take to leave before the reader counts as too slow.
pub(super) const SEND_PATIENCE: Duration = Duration::from_secs(20);
/// How long a close frame may take to leave, and the peer to answer it.
pub(super) const CLOSE_PATIENCE: Duration = Duration::from_secs(3);
/// What is still read, and thrown away, of a frame that was too large: so that its sender hears why.
pub(super) const DISCARDED_BYTES_MAX: usize = 16 * 1024 * 1024;
/// How long notices wait for the answer of a request, so that positions never fall.
pub(super) const HOLD_BACK_MAX: Duration = Duration::from_secs(2);
/// How long an answer waits until this node has seen what it tells of.
pub(super) const TAIL_PATIENCE: Duration = Duration::from_secs(5);
/// How long a device may take to be registered.
pub(super) const REGISTER_PATIENCE: Duration = Duration::from_secs(15);
/// First buffer for what is read; grows with the frame.
pub(super) const READ_BUFFER_BYTES: usize = 1_024;

/// How often a session that is in use is made to last longer.
pub const EXTEND_EVERY: Duration = Duration::from_secs(3600);

/// How long a device whose last socket was cut is waited for before it is removed.
pub(super) fn grace(settings: &Settings) -> Duration {
    settings.rooms.remove_after.min(settings.invites.remove_after)
}
