//! RTP that is made up: sound that decodes to nothing much, VP8 and H.264 whose headers are right.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use bytes::{BufMut as _, Bytes, BytesMut};

/// Stands before the time of sending in a payload.
const MARK: [u8; 8] = *b"wac-sent";
/// Where it is looked for: behind the longest payload descriptor and frame header.
const SEARCHED_BYTES: usize = 48;
/// Smallest payload that has room for it.
pub(crate) const PAYLOAD_BYTES_MIN: usize = SEARCHED_BYTES;

/// What 20 ms of G.711 are, in bytes.
const G711_BYTES: usize = 160;

/// Picture of a key frame, in pixels.
const WIDTH: u16 = 640;
const HEIGHT: u16 = 360;

/// Which part of a picture a packet is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Part {
    /// Counts the pictures of a sender.
    pub(crate) picture: u16,
    /// Counts its packets, from 0.
    pub(crate) number: u8,
    /// How many packets it has.
    pub(crate) of: u8,
    /// Whether it is a key frame.
    pub(crate) key: bool,
}

fn epoch() -> Instant {
    static EPOCH: OnceLock<Instant> = OnceLock::new();
    *EPOCH.get_or_init(Instant::now)
}

fn stamp(payload: &mut BytesMut) {
    payload.put_slice(&MARK);
    payload.put_u64(u64::try_from(epoch().elapsed().as_nanos()).unwrap_or(u64::MAX));
}

/// How long ago this process sent the payload; `None`: it does not say.
pub(crate) fn age(payload: &[u8]) -> Option<Duration> {
    let end = after_stamp(payload)?;
    let sent = u64::from_be_bytes(payload.get(end - 8..end)?.try_into().ok()?);
    Some(epoch().elapsed().saturating_sub(Duration::from_nanos(sent)))
}

fn stamp_part(payload: &mut BytesMut, part: Part) {
    stamp(payload);
    payload.put_u16(part.picture);
    payload.put_slice(&[part.number, part.of, u8::from(part.key)]);
}

/// Where the stamp of a payload ends.
fn after_stamp(payload: &[u8]) -> Option<usize> {
    let head = &payload[..payload.len().min(SEARCHED_BYTES)];
    Some(head.windows(MARK.len()).position(|window| window == MARK)? + MARK.len() + 8)
}

/// Which part of a picture the payload is; `None`: it does not say.
pub(crate) fn part(payload: &[u8]) -> Option<Part> {
    let at = after_stamp(payload)?;
    let &[high, low, number, of, key] = payload.get(at..at + 5)? else { return None };
    Some(Part { picture: u16::from_be_bytes([high, low]), number, of, key: key == 1 })
}

/// An Opus packet (RFC 6716 §3.1: CELT, full band, 20 ms, stereo, one frame).
pub(crate) fn opus(bytes: usize) -> Bytes {
    let mut payload = BytesMut::with_capacity(bytes);
    payload.put_u8(0xfc);
    stamp(&mut payload);
    payload.resize(bytes.max(PAYLOAD_BYTES_MIN), 0);
    payload.freeze()
}

/// A packet of an H.264 picture that is one unit in fragments (RFC 6184 §5.8).
pub(crate) fn h264(bytes: usize, part: Part) -> Bytes {
    let mut payload = BytesMut::with_capacity(bytes);
    let ends = |place: u8, bit: u8| if part.number == place { bit } else { 0 };
    let (indicator, kind) = if part.key { (0x7c, 5) } else { (0x5c, 1) };
    payload.put_slice(&[indicator, ends(0, 0x80) | ends(part.of - 1, 0x40) | kind]);
    stamp_part(&mut payload, part);
    payload.resize(bytes.max(PAYLOAD_BYTES_MIN), 0);
    payload.freeze()
}

/// 20 ms of G.711 (RFC 3551 §4.5.14).
pub(crate) fn g711() -> Bytes {
    let mut payload = BytesMut::with_capacity(G711_BYTES);
    stamp(&mut payload);
    payload.resize(G711_BYTES, 0xff);
    payload.freeze()
}

/// The first packet of a VP8 picture (RFC 7741 §4.2, RFC 6386 §9.1), or a further one.
pub(crate) fn vp8(bytes: usize, part: Part) -> Bytes {
    let Part { picture, key, .. } = part;
    let first = part.number == 0;
    let mut payload = BytesMut::with_capacity(bytes);
    // Extended, start of a partition; a picture id of 15 bits.
    payload.put_slice(&[0x80 | if first { 0x10 } else { 0 }, 0x80]);
    payload.put_u16(0x8000 | (picture & 0x7fff));
    if first {
        // A frame tag: key frame or not, shown, the size of its first partition.
        payload.put_slice(&[0x10 | u8::from(!key), 0x02, 0x00]);
        if key {
            payload.put_slice(&[0x9d, 0x01, 0x2a]);
            payload.put_u16_le(WIDTH);
            payload.put_u16_le(HEIGHT);
        }
    }
    stamp_part(&mut payload, part);
    payload.resize(bytes.max(PAYLOAD_BYTES_MIN), 0);
    payload.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_says_when_it_was_sent() {
        let part = |number, key| Part { picture: 7, number, of: 2, key };
        for payload in [opus(80), g711(), vp8(1_180, part(0, true)), h264(1_180, part(1, false))] {
            assert!(age(&payload).expect("it says") < Duration::from_secs(5));
        }
        assert_eq!(age(b"wac"), None);
        assert_eq!(age(&MARK), None);
    }

    #[test]
    fn a_payload_says_which_part_of_a_picture_it_is() {
        for key in [true, false] {
            for number in [0, 1, 2] {
                let of = Part { picture: 40_000, number, of: 3, key };
                assert_eq!([part(&vp8(1_000, of)), part(&h264(1_000, of))], [Some(of); 2]);
            }
        }
        assert_eq!(part(b"wac"), None);
    }
}
