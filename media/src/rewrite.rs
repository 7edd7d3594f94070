//! What a subscriber receives is one unbroken stream, whatever feeds it: sequence numbers,
//! timestamps and VP8 picture ids go on where they were when the source changes.

use std::time::Instant;

/// The first sequence number of every stream. It must be below 2^16, since a receiver assumes a
/// rollover counter of zero (RFC 3711 §3.3.1).
const FIRST_SEQUENCE: u64 = 1;

/// A packet as the source numbered it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Numbers {
    /// Identifies the source: another value is another numbering.
    pub source: u64,
    /// Extended sequence number.
    pub sequence: u64,
    /// RTP timestamp.
    pub timestamp: u32,
    /// VP8 picture id, 15 bits.
    pub picture_id: Option<u16>,
    /// VP8 index of the frame on temporal layer zero.
    pub tl0: Option<u8>,
}

/// A packet as the subscriber sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Rewritten {
    pub sequence: u64,
    pub timestamp: u32,
    pub picture_id: Option<u16>,
    pub tl0: Option<u8>,
}

/// The numbering of one outgoing stream.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rewriter {
    anchor: Option<Anchor>,
    last: Option<Last>,
}

/// How the present source's numbers map to ours.
#[derive(Clone, Copy, Debug)]
struct Anchor {
    source: u64,
    from_sequence: u64,
    to_sequence: u64,
    timestamp_shift: u32,
    picture_shift: u16,
    tl0_shift: u8,
}

/// The foremost of what has been sent.
#[derive(Clone, Copy, Debug)]
struct Last {
    sequence: u64,
    timestamp: u32,
    picture_id: u16,
    tl0: u8,
    at: Instant,
}

impl Rewriter {
    /// Renumbers a packet. `None`: it is from before the place where its source was taken up.
    /// `clock_hz`: RTP clock, for the time that has passed between two sources.
    pub(crate) fn rewrite(&mut self, packet: Numbers, clock_hz: u32, now: Instant) -> Option<Rewritten> {
        let anchor = match self.anchor {
            Some(anchor) if anchor.source == packet.source => anchor,
            _ => *self.anchor.insert(self.anchored(packet, clock_hz, now)),
        };
        let sequence = packet.sequence.checked_sub(anchor.from_sequence)? + anchor.to_sequence;
        let timestamp = packet.timestamp.wrapping_add(anchor.timestamp_shift);
        let picture_id = packet.picture_id.map(|id| id.wrapping_add(anchor.picture_shift) & 0x7fff);
        let tl0 = packet.tl0.map(|index| index.wrapping_add(anchor.tl0_shift));
        if self.last.is_none_or(|last| sequence > last.sequence) {
            let before = self.last.map_or((0, 0), |last| (last.picture_id, last.tl0));
            self.last = Some(Last {
                sequence,
                timestamp,
                picture_id: picture_id.unwrap_or(before.0),
                tl0: tl0.unwrap_or(before.1),
                at: now,
            });
        }
        Some(Rewritten { sequence, timestamp, picture_id, tl0 })
    }

    /// The next packet is taken up as from a new source: nothing was sent for a while.
    pub(crate) fn interrupt(&mut self) {
        self.anchor = None;
    }

    fn anchored(&self, packet: Numbers, clock_hz: u32, now: Instant) -> Anchor {
        let (sequence, timestamp, picture_id, tl0) = match self.last {
            None => (FIRST_SEQUENCE, packet.timestamp, packet.picture_id.unwrap_or(0), packet.tl0.unwrap_or(0)),
            Some(last) => {
                let passed = now.saturating_duration_since(last.at).as_secs_f64() * f64::from(clock_hz);
                // As whole numbers of the clock; wraps as RTP timestamps do.
                let passed = (passed as u64).max(1) as u32;
                let picture = last.picture_id.wrapping_add(1) & 0x7fff;
                (last.sequence + 1, last.timestamp.wrapping_add(passed), picture, last.tl0.wrapping_add(1))
            }
        };
        Anchor {
            source: packet.source,
            from_sequence: packet.sequence,
            to_sequence: sequence,
            timestamp_shift: timestamp.wrapping_sub(packet.timestamp),
            picture_shift: picture_id.wrapping_sub(packet.picture_id.unwrap_or(0)) & 0x7fff,
            tl0_shift: tl0.wrapping_sub(packet.tl0.unwrap_or(0)),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "a test begins its simulated time somewhere")]

    use std::time::Duration;

    use super::*;

    fn packet(source: u64, sequence: u64, timestamp: u32, picture: u16) -> Numbers {
        Numbers { source, sequence, timestamp, picture_id: Some(picture), tl0: Some(picture as u8) }
    }

    #[test]
    fn a_stream_begins_below_a_rollover_whatever_its_source_has_counted() {
        let mut rewriter = Rewriter::default();
        let out = rewriter.rewrite(packet(1, 9_000_000, 5, 6), 90_000, Instant::now()).unwrap();
        assert_eq!(out, Rewritten { sequence: 1, timestamp: 5, picture_id: Some(6), tl0: Some(6) });
    }

    #[test]
    fn a_change_of_source_leaves_no_gap() {
        let (mut rewriter, start) = (Rewriter::default(), Instant::now());
        for n in 0..10u32 {
            rewriter.rewrite(packet(1, 500 + u64::from(n), 1_000 + n * 3_000, 100 + n as u16), 90_000, start).unwrap();
        }
        let later = start + Duration::from_millis(100);
        let out = rewriter.rewrite(packet(2, 70_000, 4_000_000_000, 7), 90_000, later).unwrap();
        assert_eq!(out, Rewritten { sequence: 11, timestamp: 28_000 + 9_000, picture_id: Some(110), tl0: Some(110) });
        let next = rewriter.rewrite(packet(2, 70_001, 4_000_003_000, 8), 90_000, later).unwrap();
        assert_eq!((next.sequence, next.timestamp, next.picture_id), (12, 40_000, Some(111)));
    }

    #[test]
    fn loss_and_disorder_of_the_source_are_kept_so_that_they_can_be_mended() {
        let (mut rewriter, now) = (Rewriter::default(), Instant::now());
        let mut out = |sequence| rewriter.rewrite(packet(1, sequence, 0, 0), 90_000, now).map(|out| out.sequence);
        assert_eq!([out(100), out(103), out(101)], [Some(1), Some(4), Some(2)]);
        assert_eq!(out(99), None, "from before the key frame");
    }

    #[test]
    fn picture_ids_wrap_at_fifteen_bits() {
        let (mut rewriter, now) = (Rewriter::default(), Instant::now());
        rewriter.rewrite(packet(1, 1, 0, 0x7fff), 90_000, now).unwrap();
        assert_eq!(rewriter.rewrite(packet(1, 2, 0, 0), 90_000, now).unwrap().picture_id, Some(0));
        assert_eq!(rewriter.rewrite(packet(2, 2, 0, 0x7ffe), 90_000, now).unwrap().picture_id, Some(1));
    }
}
