//! How what is forwarded leaves the node, and how much of it is sent again.

use std::time::Duration;

use str0m::media::Mid;

use crate::peer::Peer;
use crate::wire::Kind;

/// So many packets of a section are kept to be sent again, and for so long.
const RESENT_PACKETS_MAX: usize = 1_024;
const RESENT_AGE_MAX: Duration = Duration::from_secs(1);
/// At most this part of what goes out over a section is sent again; beyond it everything that is asked for is
/// forgotten. Clients whose way loses one packet in twenty ask for one in ten, since what is lost on the way of the
/// publisher is missing here as well, and some ask for each several times, repaired or not.
const RESENT_PART_MAX: f32 = 0.5;

/// How pictures go out over a section. They have been paced by their publisher: to hold them back on top of that
/// while the estimate of a lossy way is low makes them late by seconds, and is no help to the way, since layers are
/// chosen by the same estimate.
pub(super) fn pass_on(peer: &mut Peer, mid: Mid, kind: Kind) {
    if kind != Kind::Video {
        return;
    }
    if let Some(stream) = peer.rtc.direct_api().stream_tx_by_mid(mid, None) {
        stream.set_unpaced(true);
        stream.set_rtx_cache(RESENT_PACKETS_MAX, RESENT_AGE_MAX, Some(RESENT_PART_MAX));
    }
}
