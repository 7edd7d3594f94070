//! A packet of a publisher's goes to everybody who is sent its track.

use std::time::Instant;

use str0m::format::{Codec, PayloadParams};
use str0m::media::{KeyframeRequestKind, Mid};
use str0m::rtp::{ExtensionValues, RtpPacket, Vp8Descriptor};

use super::facts::PeerFact;
use super::seating::is_muted;
use super::{Output, Sfu};
use crate::egress::Packet;
use crate::keyframe::{Picture, picture};
use crate::peer::{Peer, Slot, Spoken};
use crate::rewrite::Numbers;
use crate::wire::Kind;
use crate::{PeerId, TrackId, Way};

/// A publisher's packet and what has been found out about it.
struct Parcel<'a> {
    packet: &'a RtpPacket,
    params: PayloadParams,
    track: TrackId,
    layer: usize,
    kind: Kind,
    level: Option<u8>,
    orientation: Option<u8>,
    picture: Picture,
    numbers: Numbers,
}

impl Sfu {
    pub(super) fn forward(&mut self, from: PeerId, packet: &RtpPacket, now: Instant) {
        if let Some(peer) = self.peers.get_mut(&from) {
            peer.taken += 1;
        }
        let Some((track_id, layer)) = self.belongs(from, packet, now) else { return };
        let Some(parcel) = self.parcel(from, packet, track_id, layer) else { return };
        self.observe(from, &parcel, now);
        self.note_sent(from);
        if self.is_withheld(from, parcel.kind) {
            return;
        }
        let Some(track) = self.tracks.get_mut(&track_id) else { return };
        let subscribers = std::mem::take(&mut track.subscribers);
        for (subscriber, mid) in &subscribers {
            self.deliver(*subscriber, *mid, &parcel, now);
        }
        if let Some(track) = self.tracks.get_mut(&track_id) {
            track.subscribers = subscribers;
        }
    }

    /// The track and layer of a packet.
    fn belongs(&mut self, from: PeerId, packet: &RtpPacket, now: Instant) -> Option<(TrackId, usize)> {
        let peer = self.peers.get_mut(&from)?;
        let ssrc = packet.header.ssrc;
        if let Some(known) = peer.incoming.get(&ssrc) {
            return Some(*known);
        }
        let (mid, rid) = {
            let mut api = peer.rtc.direct_api();
            let stream = api.stream_rx(&ssrc)?;
            (stream.mid(), stream.rid())
        };
        let track_id = *peer.uplinks.get(&mid)?;
        let track = self.tracks.get_mut(&track_id)?;
        let (layer, is_new) = track.layer(rid, ssrc, now)?;
        peer.incoming.insert(ssrc, (track_id, layer));
        if is_new {
            self.layers_changed(track_id, now);
        }
        Some((track_id, layer))
    }

    fn parcel<'a>(&self, from: PeerId, packet: &'a RtpPacket, track: TrackId, layer: usize) -> Option<Parcel<'a>> {
        let peer = self.peers.get(&from)?;
        let pt = packet.header.payload_type;
        let params = *peer.rtc.codec_config().params().iter().find(|params| params.pt() == pt)?;
        let codec = params.spec().codec;
        let vp8 = (codec == Codec::Vp8).then(|| Vp8Descriptor::parse(&packet.payload).ok()).flatten();
        let numbers = Numbers {
            source: track.0 << 8 | layer as u64,
            sequence: *packet.seq_no,
            timestamp: packet.header.timestamp,
            picture_id: vp8.as_ref().and_then(Vp8Descriptor::picture_id),
            tl0: vp8.as_ref().and_then(Vp8Descriptor::tl0_pic_idx),
        };
        let picture = picture(codec, &packet.payload, vp8.as_ref());
        let kind = self.tracks.get(&track)?.kind;
        let extensions = &packet.header.ext_vals;
        let (level, orientation) = (level(extensions), extensions.video_orientation.map(|way_up| way_up as u8));
        Some(Parcel { packet, params, track, layer, kind, level, orientation, picture, numbers })
    }

    /// Counts what passes: rates, widths, loudness.
    fn observe(&mut self, from: PeerId, parcel: &Parcel<'_>, now: Instant) {
        if let Some(track) = self.tracks.get_mut(&parcel.track) {
            track.clock_hz = parcel.params.spec().clock_rate.get();
            let has_changed = track.count(parcel.layer, parcel.packet.payload.len(), now);
            let layer = &mut track.layers[parcel.layer];
            if parcel.picture.starts_keyframe {
                layer.width = parcel.picture.width.or(layer.width);
                layer.keyframe.came();
            }
            if has_changed {
                self.layers_changed(parcel.track, now);
            }
        }
        let level = parcel.packet.header.ext_vals.audio_level;
        let Some(level) = level.filter(|_| !self.is_withheld(from, parcel.kind)) else { return };
        let Some(ticket) = self.peers.get(&from).map(|peer| &peer.ticket) else { return };
        if let Some(venue) = self.venues.get_mut(&ticket.opening) {
            venue.speakers.heard(&ticket.user, level, now);
        }
    }

    /// Whether nothing of this kind is forwarded of a peer: muted or held.
    fn is_withheld(&self, from: PeerId, kind: Kind) -> bool {
        let Some(peer) = self.peers.get(&from) else { return true };
        peer.standing.held || is_muted(peer.standing, kind)
    }

    fn deliver(&mut self, to: PeerId, mid: Mid, parcel: &Parcel<'_>, now: Instant) {
        let Some(peer) = self.peers.get_mut(&to) else { return };
        if peer.standing.held || !peer.connected {
            return;
        }
        let Some(index) = peer.slots.iter().position(|slot| slot.mid == mid) else { return };
        let switched = match parcel.kind {
            Kind::Audio => false,
            Kind::Video => match takes(&mut peer.slots[index], parcel) {
                None => return,
                Some(switched) => switched,
            },
        };
        let Some((way, bytes)) = sent(peer, index, parcel, now) else { return };
        let is_first = !std::mem::replace(&mut peer.meter.received, true);
        self.outputs.push_back(Output::Transmit { to: way, bytes });
        if is_first {
            self.tell(to, PeerFact::Received);
        }
        if switched {
            self.tell_layer(to, parcel.track, parcel.layer);
        }
    }

    /// A subscriber's decoder has lost its way.
    pub(super) fn keyframe_asked(&mut self, by: PeerId, mid: Mid, now: Instant) {
        let Some(slot) = self.peers.get(&by).and_then(|peer| peer.slots.iter().find(|slot| slot.mid == mid)) else {
            return;
        };
        if let (Some(track), Some(layer)) = (slot.track, slot.layer.or(slot.wanted)) {
            self.ask_keyframe(track, layer, now);
        }
    }

    /// Asks the publisher for a key frame of one layer, unless it has just been asked.
    pub(super) fn ask_keyframe(&mut self, track: TrackId, layer: usize, now: Instant) {
        let Some(track) = self.tracks.get_mut(&track) else { return };
        let Some(layer) = track.layers.get_mut(layer) else { return };
        if !layer.keyframe.ask(now) {
            return;
        }
        let Some(publisher) = self.peers.get_mut(&track.peer) else { return };
        if let Some(stream) = publisher.rtc.direct_api().stream_rx(&layer.ssrc) {
            stream.request_keyframe(KeyframeRequestKind::Pli);
            self.dirty.push(track.peer);
        }
    }
}

/// Whether a slot takes a video packet, and whether its layer changes with it.
fn takes(slot: &mut Slot, parcel: &Parcel<'_>) -> Option<bool> {
    let begins = parcel.picture.starts_keyframe;
    if slot.wanted == Some(parcel.layer) && slot.layer != slot.wanted && begins {
        slot.layer = slot.wanted;
        return Some(true);
    }
    (slot.layer == Some(parcel.layer)).then_some(false)
}

/// The packet as a subscriber gets it, and where.
fn sent(peer: &mut Peer, index: usize, parcel: &Parcel<'_>, now: Instant) -> Option<(Way, Vec<u8>)> {
    let (payload_type, again_type) = payload_types(peer, index, parcel)?;
    let clock_hz = parcel.params.spec().clock_rate.get();
    let slot = &mut peer.slots[index];
    let out = slot.rewriter.rewrite(parcel.numbers, clock_hz, now)?;
    let packet = Packet {
        payload: &parcel.packet.payload,
        payload_type: *payload_type,
        again_type: again_type.filter(|_| parcel.kind == Kind::Video).map(|again| *again),
        clock_hz,
        sequence: out.sequence,
        timestamp: out.timestamp,
        marker: parcel.packet.header.marker,
        level: parcel.level,
        orientation: parcel.orientation,
        picture_id: out.picture_id,
        tl0: out.tl0,
    };
    peer.egress.send(slot.stream.as_mut()?, &packet, now)
}

/// What the codec of a packet is called over a slot, and what of it is sent again.
fn payload_types(peer: &mut Peer, index: usize, parcel: &Parcel<'_>) -> Option<Spoken> {
    let source_type = parcel.packet.header.payload_type;
    let slot = &peer.slots[index];
    if let Some((_, here)) = slot.payload_types.iter().find(|(source, _)| *source == source_type) {
        return *here;
    }
    let here = peer.payload_type(slot.mid, parcel.params);
    peer.slots[index].payload_types.push((source_type, here));
    here
}

/// As in the header extension: how far below full loudness, and whether it is a voice.
fn level(extensions: &ExtensionValues) -> Option<u8> {
    let level = extensions.audio_level?.unsigned_abs() & 0x7f;
    Some(level | u8::from(extensions.voice_activity.unwrap_or(false)) << 7)
}
