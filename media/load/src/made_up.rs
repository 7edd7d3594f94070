//! RTP that is made up: Opus that decodes to nothing much, VP8 whose headers are right.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use bytes::{BufMut as _, Bytes, BytesMut};

/// Stands before the time of sending in a payload.
const MARK: [u8; 8] = *b"wac-sent";
/// Where it is looked for: behind the longest payload descriptor and frame header.
const SEARCHED_BYTES: usize = 48;
/// Smallest payload that has room for it.
pub(crate) const PAYLOAD_BYTES_MIN: usize = SEARCHED_BYTES;

/// Picture of a key frame, in pixels.
const WIDTH: u16 = 640;
const HEIGHT: u16 = 360;

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
    let head = &payload[..payload.len().min(SEARCHED_BYTES)];
    let at = head.windows(MARK.len()).position(|window| window == MARK)? + MARK.len();
    let sent = u64::from_be_bytes(payload.get(at..at + 8)?.try_into().ok()?);
    Some(epoch().elapsed().saturating_sub(Duration::from_nanos(sent)))
}

/// An Opus packet (RFC 6716 §3.1: CELT, full band, 20 ms, stereo, one frame).
pub(crate) fn opus(bytes: usize) -> Bytes {
    let mut payload = BytesMut::with_capacity(bytes);
    payload.put_u8(0xfc);
    stamp(&mut payload);
    payload.resize(bytes.max(PAYLOAD_BYTES_MIN), 0);
    payload.freeze()
}

/// The first packet of a VP8 picture (RFC 7741 §4.2, RFC 6386 §9.1), or a further one.
pub(crate) fn vp8(bytes: usize, picture: u16, first: bool, key: bool) -> Bytes {
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
    stamp(&mut payload);
    payload.resize(bytes.max(PAYLOAD_BYTES_MIN), 0);
    payload.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_says_when_it_was_sent() {
        for payload in [opus(80), vp8(1_180, 7, true, true), vp8(1_180, 7, false, false)] {
            assert!(age(&payload).expect("it says") < Duration::from_secs(5));
        }
        assert_eq!(age(b"wac"), None);
        assert_eq!(age(&MARK), None);
    }
}
