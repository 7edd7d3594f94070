//! A client made of `str0m`, sending made-up Opus and VP8.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime};

use str0m::bwe::BweKind;
use str0m::change::{SdpAnswer, SdpPendingOffer};
use str0m::channel::ChannelId;
use str0m::format::Codec;
use str0m::media::{Direction, MediaKind, Mid, Rid, Simulcast, SimulcastLayer};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{ExtensionValues, RtpWrite, Vp8Descriptor};
use str0m::{Candidate, Event, Input, Output, Rtc, RtcConfig};
use wac_media::wire::{ByeReason, NodeFrame, OfferedTrack, Source};
use wac_media::{PeerFact, PeerId};

const FRAME: Duration = Duration::from_millis(33);
const SOUND: Duration = Duration::from_millis(20);

/// A packet that has arrived.
#[derive(Clone, Debug)]
pub(crate) struct Got {
    pub sequence: u64,
    pub timestamp: u32,
    pub picture_id: Option<u16>,
    pub key: bool,
    /// What the sender wrote into it: its layer.
    pub tag: u8,
    pub at: Instant,
    pub source: u32,
    /// As the last sender report says: a time, and the timestamp of it.
    pub clock: Option<(SystemTime, u32)>,
}

struct Sending {
    mid: Mid,
    rid: Option<Rid>,
    video: bool,
    tag: u8,
    width: u16,
    packets_a_frame: u64,
    sequence: u64,
    timestamp: u32,
    picture: u16,
    key_wanted: bool,
    next: Instant,
    pub paused: bool,
}

pub(crate) struct Client {
    pub peer: PeerId,
    pub address: SocketAddr,
    pub rtc: Rtc,
    pub frames: Vec<NodeFrame>,
    pub ended: Option<ByeReason>,
    /// What the node told of it.
    pub facts: Vec<PeerFact>,
    pub connected: bool,
    pub got: HashMap<Mid, Vec<Got>>,
    pub keyframes_asked: usize,
    pub messages: Vec<String>,
    /// The last REMB, bit/s.
    pub limit: Option<u64>,
    channels: Vec<String>,
    open: HashMap<String, ChannelId>,
    pub level: i8,
    sources: Vec<OfferedTrack>,
    sending: Vec<Sending>,
    slots: Vec<(Mid, MediaKind)>,
    unoffered: Vec<(MediaKind, Direction, Option<Simulcast>, Source)>,
    pending: Option<SdpPendingOffer>,
    /// Which way sections are to go from the next offer on.
    turned: Vec<(Mid, Direction)>,
    /// Offer anew with new ICE credentials.
    pub restart_ice: bool,
    start: Instant,
}

impl Client {
    pub(crate) fn new(peer: PeerId, address: SocketAddr, now: Instant) -> Self {
        let mut rtc =
            RtcConfig::new().clear_codecs().enable_opus(true, false).enable_vp8(true).set_rtp_mode(true).build(now);
        rtc.add_local_candidate(Candidate::host(address, "udp").unwrap());
        Self {
            peer,
            address,
            rtc,
            frames: Vec::new(),
            ended: None,
            facts: Vec::new(),
            connected: false,
            got: HashMap::new(),
            keyframes_asked: 0,
            messages: Vec::new(),
            limit: None,
            channels: Vec::new(),
            open: HashMap::new(),
            level: -30,
            sources: Vec::new(),
            sending: Vec::new(),
            slots: Vec::new(),
            unoffered: Vec::new(),
            pending: None,
            turned: Vec::new(),
            restart_ice: false,
            start: now,
        }
    }

    pub(crate) fn microphone(&mut self) -> &mut Self {
        self.unoffered.push((MediaKind::Audio, Direction::SendOnly, None, Source::Microphone));
        self
    }

    pub(crate) fn camera(&mut self) -> &mut Self {
        self.unoffered.push((MediaKind::Video, Direction::SendOnly, None, Source::Camera));
        self
    }

    pub(crate) fn screen(&mut self) -> &mut Self {
        self.unoffered.push((MediaKind::Video, Direction::SendOnly, None, Source::Screen));
        self
    }

    /// A camera with three layers: q, h, f.
    pub(crate) fn simulcast(&mut self) -> &mut Self {
        let mut layers = Simulcast::new();
        for rid in ["q", "h", "f"] {
            layers.add_send_layer(SimulcastLayer::new(rid));
        }
        self.unoffered.push((MediaKind::Video, Direction::SendOnly, Some(layers), Source::Camera));
        self
    }

    pub(crate) fn slots(&mut self, audio: usize, video: usize) -> &mut Self {
        for (kind, count) in [(MediaKind::Audio, audio), (MediaKind::Video, video)] {
            for _ in 0..count {
                self.unoffered.push((kind, Direction::RecvOnly, None, Source::Camera));
            }
        }
        self
    }

    /// Has a section go another way from the next offer on.
    pub(crate) fn turn(&mut self, mid: Mid, direction: Direction) {
        self.turned.push((mid, direction));
    }

    pub(crate) fn channel(&mut self, label: &str) -> &mut Self {
        self.channels.push(label.to_owned());
        self
    }

    pub(crate) fn send_message(&mut self, label: &str, text: &str) {
        let id = self.open[label];
        assert!(self.rtc.channel(id).unwrap().write(false, text.as_bytes()).unwrap());
    }

    pub(crate) fn has_channel(&self, label: &str) -> bool {
        self.open.contains_key(label)
    }

    pub(crate) fn offering(&self) -> bool {
        self.pending.is_some()
    }

    pub(crate) fn offer(&mut self) -> Option<(String, Vec<OfferedTrack>)> {
        let mut api = self.rtc.sdp_api();
        let mut added = Vec::new();
        for (kind, direction, simulcast, source) in self.unoffered.drain(..) {
            let rids = simulcast.clone();
            added.push((api.add_media(kind, direction, None, None, simulcast), kind, direction, rids, source));
        }
        for (mid, direction) in self.turned.drain(..) {
            api.set_direction(mid, direction);
        }
        for label in self.channels.drain(..) {
            api.add_channel(label);
        }
        if std::mem::take(&mut self.restart_ice) {
            api.ice_restart(true);
        }
        let (offer, pending) = api.apply()?;
        for (mid, kind, direction, rids, source) in added {
            match direction {
                Direction::RecvOnly => self.slots.push((mid, kind)),
                _ => {
                    self.sources.push(OfferedTrack { mid: mid.to_string(), source });
                    let rids =
                        rids.map_or(vec![None], |layers| layers.send.iter().map(|layer| Some(layer.rid)).collect());
                    for (tag, rid) in rids.into_iter().enumerate() {
                        self.sending.push(Sending::new(mid, rid, kind, tag as u8, self.start));
                    }
                }
            }
        }
        self.pending = Some(pending);
        Some((offer.to_sdp_string(), self.sources.clone()))
    }

    pub(crate) fn told(&mut self, frame: NodeFrame) {
        if let NodeFrame::Answer { sdp, .. } = &frame {
            let answer = SdpAnswer::from_sdp_string(sdp).unwrap();
            self.rtc.sdp_api().accept_answer(self.pending.take().unwrap(), answer).unwrap();
        }
        self.frames.push(frame);
    }

    /// Stops or resumes sending a layer.
    pub(crate) fn pause(&mut self, tag: u8, paused: bool) {
        self.sending.iter_mut().filter(|sending| sending.video && sending.tag == tag).for_each(|it| it.paused = paused);
    }

    pub(crate) fn handle_datagram(&mut self, from: SocketAddr, bytes: &[u8], now: Instant) {
        let receive = Receive::new(Protocol::Udp, from, self.address, bytes).unwrap();
        self.rtc.handle_input(Input::Receive(now, receive)).unwrap();
    }

    pub(crate) fn tick(&mut self, now: Instant) {
        if !self.rtc.is_alive() {
            return;
        }
        self.rtc.handle_input(Input::Timeout(now)).unwrap();
    }

    /// What it sends.
    pub(crate) fn drain(&mut self, now: Instant) -> Vec<Vec<u8>> {
        let mut datagrams = Vec::new();
        self.drain_into(&mut datagrams, now);
        if self.connected {
            for index in 0..self.sending.len() {
                while self.sending[index].next <= now {
                    self.send(index, now, &mut datagrams);
                }
            }
        }
        datagrams
    }

    fn drain_into(&mut self, datagrams: &mut Vec<Vec<u8>>, now: Instant) {
        let mut rounds = 0;
        while self.rtc.is_alive() {
            match self.rtc.poll_output().unwrap() {
                Output::Transmit(transmit) => datagrams.push(transmit.contents.into()),
                Output::Event(event) => self.on_event(event, now),
                Output::Timeout(at) if at > now || rounds > 10 => return,
                Output::Timeout(_) => {
                    rounds += 1;
                    self.rtc.handle_input(Input::Timeout(now)).unwrap();
                }
            }
        }
    }

    fn on_event(&mut self, event: Event, now: Instant) {
        match event {
            Event::Connected => {
                self.connected = true;
                self.sending.iter_mut().for_each(|sending| sending.next = now);
            }
            Event::EgressBitrateEstimate(BweKind::Remb { estimate, .. }) => self.limit = Some(estimate.as_u64()),
            Event::ChannelOpen(id, label) => _ = self.open.insert(label, id),
            Event::ChannelData(message) => self.messages.push(String::from_utf8(message.data).unwrap()),
            Event::KeyframeRequest(request) => {
                self.keyframes_asked += 1;
                let asked = |sending: &&mut Sending| sending.mid == request.mid && sending.rid == request.rid;
                self.sending.iter_mut().filter(asked).for_each(|sending| sending.key_wanted = true);
            }
            Event::RtpPacket(packet) => {
                let mid = self.rtc.direct_api().stream_rx(&packet.header.ssrc).unwrap().mid();
                let video = self.slots.iter().any(|(slot, kind)| *slot == mid && *kind == MediaKind::Video);
                let vp8 = video.then(|| Vp8Descriptor::parse(&packet.payload).unwrap());
                self.got.entry(mid).or_default().push(Got {
                    sequence: *packet.seq_no,
                    timestamp: packet.header.timestamp,
                    picture_id: vp8.and_then(|descriptor| descriptor.picture_id()),
                    key: vp8.is_some_and(|descriptor| descriptor.starts_keyframe(&packet.payload)),
                    tag: *packet.payload.last().unwrap(),
                    at: now,
                    source: *packet.header.ssrc,
                    clock: packet.last_sender_info.map(|info| (info.ntp_time, info.rtp_time.numer() as u32)),
                });
            }
            _ => {}
        }
    }

    fn send(&mut self, index: usize, now: Instant, datagrams: &mut Vec<Vec<u8>>) {
        let codec = if self.sending[index].video { Codec::Vp8 } else { Codec::Opus };
        let pt = self.rtc.codec_config().find(|params| params.spec().codec == codec).unwrap().pt();
        for (payload, marker) in self.sending[index].frame() {
            let sending = &mut self.sending[index];
            let (sequence, timestamp) = (sending.sequence, sending.timestamp);
            sending.sequence += 1;
            let (mid, rid, video) = (sending.mid, sending.rid, sending.video);
            let extensions = ExtensionValues {
                audio_level: (!video).then_some(self.level),
                voice_activity: (!video).then_some(true),
                ..ExtensionValues::default()
            };
            let write = RtpWrite::new(pt, sequence.into(), timestamp, now, payload)
                .marker(marker)
                .ext_vals(extensions)
                .nackable(video);
            if let Some(stream) = self.rtc.direct_api().stream_tx_by_mid(mid, rid) {
                stream.write_rtp(write);
            }
            self.drain_into(datagrams, now);
        }
    }
}

impl Sending {
    fn new(mid: Mid, rid: Option<Rid>, kind: MediaKind, tag: u8, start: Instant) -> Self {
        let video = kind == MediaKind::Video;
        Self {
            mid,
            rid,
            video,
            tag,
            width: 320 << tag,
            packets_a_frame: if video { 1 + 2 * u64::from(tag) } else { 1 },
            sequence: 1_000 * (u64::from(tag) + 1),
            timestamp: 1_000_000 * (u32::from(tag) + 1),
            picture: 100 * (u16::from(tag) + 1),
            key_wanted: true,
            next: start,
            paused: false,
        }
    }

    /// The next frame: payloads with their marker.
    fn frame(&mut self) -> Vec<(Vec<u8>, bool)> {
        self.next += if self.video { FRAME } else { SOUND };
        self.timestamp = self.timestamp.wrapping_add(if self.video { 2_970 } else { 960 });
        if self.paused {
            return Vec::new();
        }
        if !self.video {
            return vec![(vec![1, 2, 3, self.tag], false)];
        }
        self.picture += 1;
        let key = std::mem::take(&mut self.key_wanted);
        let count = self.packets_a_frame;
        (0..count).map(|n| (self.payload(key, n == 0), n + 1 == count)).collect()
    }

    fn payload(&self, key: bool, first: bool) -> Vec<u8> {
        let start = if first { 0x90 } else { 0x80 };
        let id = self.picture.to_be_bytes();
        let mut payload = vec![start, 0xe0, id[0] | 0x80, id[1], self.picture as u8, 0x20];
        if first && key {
            let width = self.width.to_le_bytes();
            payload.extend([0x10, 0, 0, 0x9d, 0x01, 0x2a, width[0], width[1], 0xb4, 0]);
        } else {
            payload.extend([0x11, 0, 0]);
        }
        payload.resize(600, 0xaa);
        payload.push(self.tag);
        payload
    }
}
