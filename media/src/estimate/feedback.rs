//! Reads transport-wide feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1): which packets arrived, and when.

/// Header, both SSRCs, base, count, reference time, number of the feedback.
const HEAD_BYTES: usize = 20;
/// RTP feedback (RFC 4585 §6.2), and its format.
const PAYLOAD_TYPE: u8 = 205;
const FORMAT: u8 = 15;
/// More statuses than these are not looked at: twice what is remembered of what was sent.
const STATUSES_MAX: usize = 8_192;
/// A delta and a reference time are multiples of these, µs.
const DELTA_US: i64 = 250;
const REFERENCE_US: i64 = 64_000;
/// Reference times have so many bits.
const REFERENCE_BITS: u32 = 24;
/// A clock that has come so far is not one: it begins anew.
const REFERENCES_MOST: i64 = 1 << 40;

/// What is said of one packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Status {
    Missing,
    /// Arrived so long after the reference time, µs.
    Arrived(i64),
    /// Arrived without a time, or a symbol of the future.
    Unknown,
}

/// A feedback packet that has been read to its end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Feedback<'a> {
    base: u16,
    count: usize,
    /// Multiples of 64 ms, 24 bits.
    reference: u32,
    chunks: &'a [u8],
    deltas: &'a [u8],
}

impl<'a> Feedback<'a> {
    /// `packet`: from its RTCP header on. `None`: it is not feedback, or does not hold what it says it does.
    pub(super) fn read(packet: &'a [u8]) -> Option<Self> {
        let head = packet.first_chunk::<HEAD_BYTES>()?;
        if head[0] >> 6 != 2 || head[0] & 0x1f != FORMAT || head[1] != PAYLOAD_TYPE {
            return None;
        }
        let length = (usize::from(u16::from_be_bytes([head[2], head[3]])) + 1) * 4;
        let body = packet.get(HEAD_BYTES..length)?;
        let count = usize::from(u16::from_be_bytes([head[14], head[15]]));
        if count == 0 || count > STATUSES_MAX {
            return None;
        }
        let (mut told, mut delta_bytes, mut place) = (0, 0, 0);
        while told < count {
            let chunk = body.get(place..)?.first_chunk::<2>()?;
            for symbol in Symbols::of(*chunk).take(count - told) {
                delta_bytes += bytes_of_delta(symbol);
                told += 1;
            }
            place += 2;
        }
        let (chunks, rest) = body.split_at(place);
        Some(Self {
            base: u16::from_be_bytes([head[12], head[13]]),
            count,
            reference: u32::from_be_bytes([0, head[16], head[17], head[18]]),
            chunks,
            deltas: rest.get(..delta_bytes)?,
        })
    }

    /// What is said of which transport-wide sequence number, in their order.
    pub(super) fn statuses(&self) -> impl Iterator<Item = (u16, Status)> + use<'a> {
        let (mut deltas, mut after_reference) = (self.deltas, 0);
        let symbols = self.chunks.as_chunks::<2>().0.iter().flat_map(|chunk| Symbols::of(*chunk)).take(self.count);
        let base = self.base;
        symbols.enumerate().map(move |(place, symbol)| {
            let delta = match (symbol, deltas) {
                (1, [delta, ..]) => Some(i64::from(*delta)),
                (2, [high, low, ..]) => Some(i64::from(i16::from_be_bytes([*high, *low]))),
                _ => None,
            };
            deltas = deltas.get(bytes_of_delta(symbol)..).unwrap_or_default();
            let status = match delta {
                Some(delta) => {
                    after_reference += delta * DELTA_US;
                    Status::Arrived(after_reference)
                }
                None if symbol == 0 => Status::Missing,
                None => Status::Unknown,
            };
            (base.wrapping_add(place as u16), status)
        })
    }
}

/// What follows the chunks for a packet with this symbol.
const fn bytes_of_delta(symbol: u8) -> usize {
    match symbol {
        1 => 1,
        2 => 2,
        _ => 0,
    }
}

/// The symbols of one chunk: 0 not received, 1 received with a small delta, 2 with a large or negative one.
struct Symbols {
    chunk: u16,
    place: u16,
    count: u16,
}

impl Symbols {
    fn of(chunk: [u8; 2]) -> Self {
        let chunk = u16::from_be_bytes(chunk);
        let count = match chunk >> 14 {
            0 | 1 => chunk & 0x1fff,
            2 => 14,
            _ => 7,
        };
        Self { chunk, place: 0, count }
    }
}

impl Iterator for Symbols {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        if self.place == self.count {
            return None;
        }
        let place = self.place;
        self.place += 1;
        Some(match self.chunk >> 14 {
            0 | 1 => (self.chunk >> 13 & 3) as u8,
            2 => (self.chunk >> (13 - place) & 1) as u8,
            _ => (self.chunk >> (12 - 2 * place) & 3) as u8,
        })
    }
}

/// The receiver's clock, from reference times that wrap every twelve days.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct ReceiverClock {
    last: Option<i64>,
}

impl ReceiverClock {
    /// When the reference time of a feedback packet was, µs. Only differences mean something.
    pub(super) fn reference(&mut self, feedback: &Feedback<'_>) -> i64 {
        let known = self.last.filter(|last| last.abs() < REFERENCES_MOST);
        let last = known.unwrap_or_else(|| i64::from(feedback.reference));
        let ahead = (feedback.reference as i32).wrapping_sub(last as i32) << (32 - REFERENCE_BITS);
        let reference = last + i64::from(ahead >> (32 - REFERENCE_BITS));
        self.last = Some(reference);
        reference * REFERENCE_US
    }
}
