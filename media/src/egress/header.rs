//! RTP headers (RFC 3550 §5.1) with one-byte header extensions (RFC 8285 §4.2).

use str0m::media::Mid;
use str0m::rtp::{Extension, ExtensionMap};

/// Most bytes of a header with all extensions that we write.
pub(crate) const HEADER_BYTES_MAX: usize = 12 + 4 + 3 + 2 + 2 + 17 + 3;
/// The one-byte form (RFC 8285 §4.2) has no greater numbers.
const ID_MAX: u8 = 14;
const FIXED_BYTES: usize = 12;

/// What the extensions of a media section are numbered.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Ids {
    /// Which media section it is (RFC 8843).
    pub mid: Option<u8>,
    /// The transport-wide sequence number.
    pub transport: Option<u8>,
    /// How loud it is (RFC 6464).
    pub level: Option<u8>,
    /// Which way up it is (3GPP TS 26.114).
    pub orientation: Option<u8>,
}

impl Ids {
    pub(crate) fn of(map: &ExtensionMap) -> Self {
        let of = |extension| map.id_of(extension).filter(|id| (1..=ID_MAX).contains(id));
        Self {
            mid: of(Extension::RtpMid),
            transport: of(Extension::TransportSequenceNumber),
            level: of(Extension::AudioLevel),
            orientation: of(Extension::VideoOrientation),
        }
    }
}

/// A header to be written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Header {
    pub payload_type: u8,
    pub marker: bool,
    /// The last bytes of the payload are padding.
    pub padded: bool,
    pub sequence: u16,
    pub timestamp: u32,
    pub source: u32,
    pub mid: Option<Mid>,
    pub transport: u16,
    /// -dBov, and whether it is a voice.
    pub level: Option<u8>,
    pub orientation: Option<u8>,
}

impl Header {
    /// How many bytes it has.
    pub(crate) fn length(&self, ids: Ids) -> usize {
        let extension = |id: Option<u8>, bytes: Option<usize>| id.and(bytes).map_or(0, |bytes| 1 + bytes);
        let extensions = extension(ids.transport, Some(2))
            + extension(ids.level, self.level.map(|_| 1))
            + extension(ids.orientation, self.orientation.map(|_| 1))
            + extension(ids.mid, self.mid.as_ref().map(|mid| mid.len()).filter(|length| (1..=16).contains(length)));
        FIXED_BYTES + if extensions > 0 { 4 + extensions.div_ceil(4) * 4 } else { 0 }
    }

    /// Appends it; it has as many bytes as were added.
    pub(crate) fn write(&self, ids: Ids, out: &mut Vec<u8>) {
        let begin = out.len();
        out.push(0x80 | u8::from(self.padded) << 5);
        out.push(u8::from(self.marker) << 7 | self.payload_type & 0x7f);
        out.extend_from_slice(&self.sequence.to_be_bytes());
        out.extend_from_slice(&self.timestamp.to_be_bytes());
        out.extend_from_slice(&self.source.to_be_bytes());
        out.extend_from_slice(&[0xbe, 0xde, 0, 0]);
        let first = out.len();
        put(out, ids.transport, &self.transport.to_be_bytes());
        put(out, ids.level.filter(|_| self.level.is_some()), &[self.level.unwrap_or(0)]);
        put(out, ids.orientation.filter(|_| self.orientation.is_some()), &[self.orientation.unwrap_or(0)]);
        if let Some(mid) = &self.mid {
            put(out, ids.mid, mid.as_bytes());
        }
        if out.len() == first {
            out.truncate(begin + FIXED_BYTES);
            return;
        }
        let words = (out.len() - first).div_ceil(4);
        out.resize(first + words * 4, 0);
        out[begin] |= 0x10;
        // At most seven words.
        out[first - 1] = words as u8;
    }
}

/// Appends an extension, if it has a number and a content that this form can carry.
fn put(out: &mut Vec<u8>, id: Option<u8>, content: &[u8]) {
    if let (Some(id), 1..=16) = (id, content.len()) {
        out.push(id << 4 | (content.len() - 1) as u8);
        out.extend_from_slice(content);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: Header = Header {
        payload_type: 96,
        marker: true,
        padded: false,
        sequence: 0x0102,
        timestamp: 0x0304_0506,
        source: 0x0708_090a,
        mid: None,
        transport: 0x0b0c,
        level: None,
        orientation: None,
    };

    fn written(header: Header, ids: Ids) -> Vec<u8> {
        let mut out = Vec::new();
        header.write(ids, &mut out);
        assert!(out.len() <= HEADER_BYTES_MAX);
        assert_eq!(out.len(), header.length(ids));
        out
    }

    #[test]
    fn a_header_without_extensions_is_the_fixed_one() {
        let fixed = [0x80, 0xe0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
        assert_eq!(written(HEADER, Ids::default()), fixed);
        let ids = Ids { level: Some(3), mid: Some(1), ..Ids::default() };
        assert_eq!(written(HEADER, ids), fixed, "it has nothing to say of these");
    }

    #[test]
    fn extensions_are_written_as_they_are_numbered_and_filled_up_to_whole_words() {
        let ids = Ids { mid: Some(4), transport: Some(3), level: Some(1), orientation: Some(13) };
        let header = Header { mid: Some("v1".into()), level: Some(0x95), ..HEADER };
        let expected = [0xbe, 0xde, 0, 2, 0x31, 11, 12, 0x10, 0x95, 0x41, b'v', b'1'];
        let out = written(header, ids);
        assert_eq!((out[0], &out[12..]), (0x90, &expected[..]));
        let turned = written(Header { orientation: Some(1), level: Some(7), ..header }, ids);
        assert_eq!(turned[12..], [0xbe, 0xde, 0, 3, 0x31, 11, 12, 0x10, 7, 0xd0, 1, 0x41, b'v', b'1', 0, 0]);
        let long = written(Header { mid: Some("0123456789abcdef".into()), ..header }, ids);
        assert_eq!(long.len() % 4, 0);
    }
}
