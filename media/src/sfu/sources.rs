//! The sources of what is sent: the connection makes them and names them in its answers, and has none between offers.

use str0m::media::Mid;

use crate::egress::Ids;
use crate::peer::Peer;

/// What the extensions of a media section are numbered by the client.
pub(super) fn ids_of(peer: &Peer, mid: Mid) -> Ids {
    peer.rtc.media(mid).map(|media| Ids::of(media.remote_extmap())).unwrap_or_default()
}

/// Gives the connection the sources of what is sent, for the answer to name them.
pub(super) fn lend_sources(peer: &mut Peer) {
    for (mid, (source, again)) in &peer.sources_out {
        if peer.rtc.media(*mid).is_some() {
            peer.rtc.direct_api().declare_stream_tx((*source).into(), again.map(Into::into), *mid, None);
        }
    }
}

/// Takes them back, with those that it has made: it sends nothing itself, and is not to report on it.
pub(super) fn take_sources(peer: &mut Peer) {
    for mid in &peer.mids {
        let mut api = peer.rtc.direct_api();
        let Some(stream) = api.stream_tx_by_mid(*mid, None) else { continue };
        let (source, again) = (stream.ssrc(), stream.rtx());
        peer.sources_out.insert(*mid, (*source, again.map(|again| *again)));
        api.remove_stream_tx(source);
    }
}
