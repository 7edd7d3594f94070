//! What goes out over one media section.

use std::sync::Arc;
use std::time::{Duration, Instant};

use str0m::media::Mid;

use super::cache::{Cache, Sent};
use super::feedback::Report;
use super::header::{HEADER_BYTES_MAX, Header, Ids};
use super::lock::{Lock, SEAL_BYTES_MAX};
use super::vp8;
use crate::estimate::Estimator;

/// A packet for one receiver, numbered for him.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Packet<'a> {
    pub payload: &'a Arc<[u8]>,
    pub payload_type: u8,
    /// What it has when it is sent again (RFC 4588); `None`: it is not.
    pub again_type: Option<u8>,
    pub clock_hz: u32,
    /// Extended sequence number.
    pub sequence: u64,
    pub timestamp: u32,
    pub marker: bool,
    pub level: Option<u8>,
    pub orientation: Option<u8>,
    pub picture_id: Option<u16>,
    pub tl0: Option<u8>,
}

/// Counted of a stream from its beginning.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Counted {
    /// Packets, and bytes of their payloads, those that were sent again among them.
    pub packets: u64,
    pub bytes: u64,
    /// As the receiver reports: lost, and jitter in units of the clock.
    pub lost: Option<i32>,
    pub jitter: u32,
}

/// The outgoing side of a media section.
pub(crate) struct Stream {
    pub mid: Mid,
    pub source: u32,
    /// The source of what is sent again (RFC 4588).
    pub again_source: Option<u32>,
    pub ids: Ids,
    pub counted: Counted,
    /// Whether the receiver knows by now that the source is this section's.
    is_bound: bool,
    cache: Cache,
    /// The payload type of what is sent again, of the last packet.
    again_type: Option<u8>,
    /// Of the next packet that is sent again.
    again_sequence: u64,
    /// Timestamp of the last packet, when it went, and the clock.
    last: Option<(u32, Instant, u32)>,
}

/// Who seals and numbers what goes out to one receiver.
pub(crate) struct Sealing<'a> {
    pub lock: &'a Lock,
    pub estimator: &'a mut Estimator,
    pub now: Instant,
}

impl Stream {
    pub(crate) fn new(mid: Mid, source: u32, again_source: Option<u32>, ids: Ids) -> Self {
        Self {
            mid,
            source,
            again_source,
            ids,
            counted: Counted::default(),
            is_bound: false,
            cache: Cache::default(),
            again_type: None,
            again_sequence: 1,
            last: None,
        }
    }

    /// The datagram of a packet.
    pub(crate) fn send(&mut self, packet: &Packet<'_>, by: &mut Sealing<'_>) -> Option<Vec<u8>> {
        let header = Header {
            payload_type: packet.payload_type,
            marker: packet.marker,
            padded: false,
            sequence: packet.sequence as u16,
            timestamp: packet.timestamp,
            source: self.source,
            mid: self.mid(),
            transport: 0,
            level: packet.level,
            orientation: packet.orientation,
        };
        let body = Body { prefix: &[], payload: packet.payload, picture_id: packet.picture_id, tl0: packet.tl0 };
        let datagram = self.seal(header, packet.sequence, body, by)?;
        self.last = Some((packet.timestamp, by.now, packet.clock_hz));
        if let (Some(again_type), Some(_)) = (packet.again_type, self.again_source) {
            self.again_type = Some(again_type);
            let sent = Sent {
                payload: packet.payload.clone(),
                timestamp: packet.timestamp,
                marker: packet.marker,
                payload_type: again_type,
                orientation: packet.orientation,
                picture_id: packet.picture_id,
                tl0: packet.tl0,
                at: by.now,
                again_at: None,
            };
            self.cache.keep(packet.sequence, sent);
        }
        Some(datagram)
    }

    /// The datagram of a packet that is missed, if it can be sent again. `pause`: how long it may have been on its way.
    pub(crate) fn send_again(&mut self, sequence: u16, pause: Duration, by: &mut Sealing<'_>) -> Option<Vec<u8>> {
        let (sequence, sent) = self.cache.again(sequence, pause, by.now)?;
        self.repeat(sequence, &sent, by)
    }

    /// A datagram of about so many bytes at most that says nothing new, to find out what the way bears.
    pub(crate) fn send_padding(&mut self, bytes: usize, by: &mut Sealing<'_>) -> Option<Vec<u8>> {
        let last = self.cache.last().filter(|(_, sent)| sent.payload.len() <= bytes * 2);
        if let Some((sequence, sent)) = last.map(|(sequence, sent)| (sequence, sent.clone())) {
            return self.repeat(sequence, &sent, by);
        }
        let (timestamp, ..) = self.last?;
        let header = Header { padded: true, ..self.again_header(self.again_type?, timestamp)? };
        let length = bytes.clamp(1, usize::from(u8::MAX));
        let mut padding = vec![0; length];
        padding[length - 1] = length as u8;
        self.seal_again(header, &[], &padding, (None, None), by)
    }

    /// Whether it can send padding.
    pub(crate) fn can_pad(&self) -> bool {
        self.again_type.is_some() && self.ids.transport.is_some()
    }

    fn repeat(&mut self, sequence: u64, sent: &Sent, by: &mut Sealing<'_>) -> Option<Vec<u8>> {
        let plain = self.again_header(sent.payload_type, sent.timestamp)?;
        let header = Header { marker: sent.marker, orientation: sent.orientation, ..plain };
        let original = (sequence as u16).to_be_bytes();
        self.seal_again(header, &original, &sent.payload, (sent.picture_id, sent.tl0), by)
    }

    /// The header of the next packet under the source of what is sent again.
    fn again_header(&self, payload_type: u8, timestamp: u32) -> Option<Header> {
        Some(Header {
            payload_type,
            marker: false,
            padded: false,
            sequence: self.again_sequence as u16,
            timestamp,
            source: self.again_source?,
            mid: self.mid(),
            transport: 0,
            level: None,
            orientation: None,
        })
    }

    fn seal_again(
        &mut self,
        header: Header,
        prefix: &[u8],
        payload: &[u8],
        (picture_id, tl0): (Option<u16>, Option<u8>),
        by: &mut Sealing<'_>,
    ) -> Option<Vec<u8>> {
        let index = self.again_sequence;
        self.again_sequence += 1;
        self.seal(header, index, Body { prefix, payload, picture_id, tl0 }, by)
    }

    fn seal(&mut self, mut header: Header, index: u64, body: Body<'_>, by: &mut Sealing<'_>) -> Option<Vec<u8>> {
        let length = body.prefix.len() + body.payload.len();
        let mut datagram = Vec::with_capacity(HEADER_BYTES_MAX + length + SEAL_BYTES_MAX);
        if self.ids.transport.is_some() {
            let bytes = header.length(self.ids) + length + by.lock.rtp_overhead();
            header.transport = by.estimator.sent(bytes, by.now);
        }
        header.write(self.ids, &mut datagram);
        let clear = datagram.len();
        datagram.extend_from_slice(body.prefix);
        datagram.extend_from_slice(body.payload);
        if body.picture_id.is_some() || body.tl0.is_some() {
            vp8::renumber(&mut datagram[clear + body.prefix.len()..], body.picture_id, body.tl0);
        }
        by.lock.seal_rtp(&mut datagram, clear, header.source, index)?;
        self.counted.packets += 1;
        self.counted.bytes += length as u64;
        Some(datagram)
    }

    /// Until the receiver has reported on a source, each packet says which section it is of (RFC 8843 §9.2).
    fn mid(&self) -> Option<Mid> {
        (!self.is_bound).then_some(self.mid)
    }

    /// The receiver has reported on it.
    pub(crate) fn reported(&mut self, report: &Report) {
        self.is_bound = true;
        (self.counted.lost, self.counted.jitter) = (Some(report.lost), report.jitter);
    }

    /// The RTP timestamp of this very time; `None`: nothing has been sent.
    pub(crate) fn timestamp(&self, now: Instant) -> Option<u32> {
        let (timestamp, at, clock_hz) = self.last?;
        let passed = now.saturating_duration_since(at).as_secs_f64() * f64::from(clock_hz);
        Some(timestamp.wrapping_add(passed as u64 as u32))
    }
}

/// What is behind a header.
struct Body<'a> {
    prefix: &'a [u8],
    payload: &'a [u8],
    picture_id: Option<u16>,
    tl0: Option<u8>,
}
