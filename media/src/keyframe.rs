//! Key frames: recognised in RTP payloads, asked for no oftener than useful.

use std::time::{Duration, Instant};

use str0m::format::Codec;
use str0m::rtp::Vp8Descriptor;

/// A layer is asked for a key frame at most so often.
pub(crate) const KEYFRAME_INTERVAL: Duration = Duration::from_millis(500);

/// What one RTP payload says about the picture it belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Picture {
    /// Whether a key frame begins here.
    pub starts_keyframe: bool,
    /// Width in pixels, where the payload tells it.
    pub width: Option<u16>,
}

/// Looks into a payload. `vp8`: its descriptor, if it has been read.
pub(crate) fn picture(codec: Codec, payload: &[u8], vp8: Option<&Vp8Descriptor>) -> Picture {
    match (codec, vp8) {
        (Codec::Vp8, Some(descriptor)) if descriptor.starts_keyframe(payload) => {
            Picture { starts_keyframe: true, width: vp8_width(payload) }
        }
        (Codec::H264, _) => Picture { starts_keyframe: h264_starts_keyframe(payload), width: None },
        _ => Picture::default(),
    }
}

/// The width of a VP8 key frame: 14 bits after its start code (RFC 6386 §9.1). The start code is
/// searched for, because the length of the payload descriptor before it varies.
fn vp8_width(payload: &[u8]) -> Option<u16> {
    const START_CODE: [u8; 3] = [0x9d, 0x01, 0x2a];
    const DESCRIPTOR_AND_TAG_BYTES_MAX: usize = 12;
    let head = &payload[..payload.len().min(DESCRIPTOR_AND_TAG_BYTES_MAX)];
    let at = head.windows(3).position(|window| window == START_CODE)? + 3;
    let width = payload.get(at..at + 2)?;
    Some(u16::from_le_bytes([width[0], width[1]]) & 0x3fff)
}

/// Whether an H.264 payload (RFC 6184) begins an IDR picture or brings its parameter sets.
fn h264_starts_keyframe(payload: &[u8]) -> bool {
    const IDR: u8 = 5;
    const SPS: u8 = 7;
    const STAP_A: u8 = 24;
    const FU_A: u8 = 28;
    let Some(first) = payload.first() else { return false };
    match first & 0x1f {
        IDR | SPS => true,
        STAP_A => stap_types(&payload[1..]).any(|kind| kind == IDR || kind == SPS),
        FU_A => payload.get(1).is_some_and(|fu| fu & 0x80 != 0 && fu & 0x1f == IDR),
        _ => false,
    }
}

/// The types of the units in a STAP-A.
fn stap_types(mut rest: &[u8]) -> impl Iterator<Item = u8> {
    std::iter::from_fn(move || {
        let (length, units) = rest.split_first_chunk::<2>()?;
        let kind = units.first()? & 0x1f;
        rest = units.get(usize::from(u16::from_be_bytes(*length))..).unwrap_or_default();
        Some(kind)
    })
}

/// When a layer may be asked again.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct KeyframeLimiter {
    asked: Option<Instant>,
}

impl KeyframeLimiter {
    /// Whether to ask now; if so, it has been.
    pub(crate) fn ask(&mut self, now: Instant) -> bool {
        let free = self.asked.is_none_or(|asked| now.saturating_duration_since(asked) >= KEYFRAME_INTERVAL);
        if free {
            self.asked = Some(now);
        }
        free
    }

    /// A key frame has come: the next may be asked for at once.
    pub(crate) fn came(&mut self) {
        self.asked = None;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "a test begins its simulated time somewhere")]

    use super::*;

    #[test]
    fn an_h264_key_frame_is_known_in_every_packing() {
        assert!(h264_starts_keyframe(&[0x65, 0]));
        assert!(h264_starts_keyframe(&[0x67, 0]));
        assert!(h264_starts_keyframe(&[0x78, 0, 2, 0x68, 1, 0, 1, 0x65]));
        assert!(h264_starts_keyframe(&[0x7c, 0x85]));
        assert!(!h264_starts_keyframe(&[0x7c, 0x05]), "the middle of one");
        assert!(!h264_starts_keyframe(&[0x61, 0]));
        assert!(!h264_starts_keyframe(&[0x78, 0xff]), "cut short");
        assert!(!h264_starts_keyframe(&[]));
    }

    #[test]
    fn a_vp8_key_frame_tells_its_width() {
        let payload = [0x90, 0x80, 0x81, 0x02, 0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01];
        let descriptor = Vp8Descriptor::parse(&payload).unwrap();
        let seen = picture(Codec::Vp8, &payload, Some(&descriptor));
        assert_eq!(seen, Picture { starts_keyframe: true, width: Some(640) });
    }

    #[test]
    fn no_payload_from_outside_brings_the_looking_for_key_frames_down() {
        bolero::check!().for_each(|bytes: &[u8]| {
            let descriptor = Vp8Descriptor::parse(bytes).ok();
            for codec in [Codec::Vp8, Codec::H264, Codec::Opus] {
                let seen = picture(codec, bytes, descriptor.as_ref());
                assert!(seen.width.is_none_or(|width| width < 1 << 14));
                assert!(!seen.starts_keyframe || codec != Codec::Opus);
            }
        });
    }

    #[test]
    fn a_layer_is_asked_at_most_twice_a_second() {
        let start = std::time::Instant::now();
        let mut limiter = KeyframeLimiter::default();
        let asked = (0..100u64).filter(|n| limiter.ask(start + Duration::from_millis(n * 10))).count();
        assert_eq!(asked, 2);
    }
}
