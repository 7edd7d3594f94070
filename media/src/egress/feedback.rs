//! What a receiver says of what it is sent: the parts of RTCP (RFC 3550 §6, RFC 4585) that concern the sender.

/// Most packets in a compound that are looked at.
const PACKETS_MAX: usize = 64;

const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const GOODBYE: u8 = 203;
const TRANSPORT_FEEDBACK: u8 = 205;
const PAYLOAD_FEEDBACK: u8 = 206;
const EXTENDED_REPORT: u8 = 207;

/// One thing that is said.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Feedback<'a> {
    /// How a source arrives.
    Report(Report),
    /// Of this source packets are missed: sequence numbers, each with a mask of those after it (RFC 4585 §6.2.1).
    Lost(u32, &'a [u8]),
    /// A picture of this source cannot be shown without a key frame.
    Keyframe(u32),
    /// When what has been sent arrived: the whole packet.
    Arrivals(&'a [u8]),
}

/// A report block (RFC 3550 §6.4.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Report {
    /// Of which source.
    pub source: u32,
    /// Lost since the beginning; less than nothing, where packets came twice.
    pub lost: i32,
    /// Jitter, in units of its clock.
    pub jitter: u32,
    /// The middle of the last sender report's time, and how long ago that came, in 1/65536 s; 0: none has come.
    pub last_report: u32,
    pub delay: u32,
}

/// Reads a compound and says whether something in it concerns what the other side sends itself. What cannot be read
/// ends it.
pub(crate) fn read<'a>(mut compound: &'a [u8], mut said: impl FnMut(Feedback<'a>)) -> bool {
    let mut is_of_sender = false;
    for _ in 0..PACKETS_MAX {
        let Some((packet, rest)) = first(compound) else { break };
        compound = rest;
        is_of_sender |= matches!(packet[1], SENDER_REPORT | GOODBYE | EXTENDED_REPORT);
        let _ = of_packet(packet, &mut said);
    }
    is_of_sender
}

/// The first packet of a compound, and what is behind it.
fn first(compound: &[u8]) -> Option<(&[u8], &[u8])> {
    let words = u16::from_be_bytes(compound.get(2..4)?.try_into().ok()?);
    let is_known_version = compound.first()? >> 6 == 2;
    is_known_version.then(|| compound.split_at_checked((usize::from(words) + 1) * 4))?
}

fn of_packet<'a>(packet: &'a [u8], said: &mut impl FnMut(Feedback<'a>)) -> Option<()> {
    let kind = packet.first()? & 0x1f;
    match (*packet.get(1)?, kind) {
        (SENDER_REPORT, count) => reports(packet.get(28..)?, count, said),
        (RECEIVER_REPORT, count) => reports(packet.get(8..)?, count, said),
        (TRANSPORT_FEEDBACK, 1) => said(Feedback::Lost(number(packet, 8)?, packet.get(12..)?)),
        (TRANSPORT_FEEDBACK, 15) => said(Feedback::Arrivals(packet)),
        (PAYLOAD_FEEDBACK, 1) => said(Feedback::Keyframe(number(packet, 8)?)),
        (PAYLOAD_FEEDBACK, 4) => {
            // A full intra request names its sources one by one (RFC 5104 §4.3.1).
            for entry in packet.get(12..)?.chunks_exact(8) {
                said(Feedback::Keyframe(number(entry, 0)?));
            }
        }
        _ => {}
    }
    Some(())
}

fn reports<'a>(blocks: &[u8], count: u8, said: &mut impl FnMut(Feedback<'a>)) {
    for block in blocks.chunks_exact(24).take(usize::from(count)) {
        let field = |at| number(block, at).unwrap_or(0);
        // 24 bits with a sign.
        let lost = (field(4) << 8) as i32 >> 8;
        let report = Report { source: field(0), lost, jitter: field(12), last_report: field(16), delay: field(20) };
        said(Feedback::Report(report));
    }
}

/// The sequence numbers that entries of a negative acknowledgement name.
pub(crate) fn missing(entries: &[u8]) -> impl Iterator<Item = u16> {
    entries.chunks_exact(4).flat_map(|entry| {
        let first = u16::from_be_bytes([entry[0], entry[1]]);
        let mask = u16::from_be_bytes([entry[2], entry[3]]);
        let others = (0..16).filter(move |bit| mask >> bit & 1 == 1).map(move |bit| first.wrapping_add(bit + 1));
        std::iter::once(first).chain(others)
    })
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(kind: u8, of: u8, body: &[u8]) -> Vec<u8> {
        let words = (body.len() / 4) as u8;
        [&[0x80 | kind, of, 0, words], body].concat()
    }

    fn said(compound: &[u8]) -> (Vec<Feedback<'_>>, bool) {
        let mut all = Vec::new();
        let is_of_sender = read(compound, |feedback| all.push(feedback));
        (all, is_of_sender)
    }

    #[test]
    fn a_compound_is_read_packet_by_packet() {
        let block = [0, 0, 0, 7, 25, 0xff, 0xff, 0xfe, 0, 1, 2, 3, 0, 0, 0, 90, 1, 2, 3, 4, 0, 0, 0, 5];
        let report = packet(1, RECEIVER_REPORT, &[&[0, 0, 0, 1], &block[..]].concat());
        let lost = packet(1, TRANSPORT_FEEDBACK, &[0, 0, 0, 1, 0, 0, 0, 7, 0xff, 0xff, 0, 5]);
        let picture = packet(1, PAYLOAD_FEEDBACK, &[0, 0, 0, 1, 0, 0, 0, 8]);
        let intra = packet(4, PAYLOAD_FEEDBACK, &[0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9, 1, 0, 0, 0]);
        let arrivals = packet(15, TRANSPORT_FEEDBACK, &[0; 16]);
        let compound = [&report[..], &lost, &picture, &intra, &arrivals].concat();
        let expected = Report { source: 7, lost: -2, jitter: 90, last_report: 0x0102_0304, delay: 5 };
        let all = [
            Feedback::Report(expected),
            Feedback::Lost(7, &[0xff, 0xff, 0, 5]),
            Feedback::Keyframe(8),
            Feedback::Keyframe(9),
            Feedback::Arrivals(&arrivals),
        ];
        assert_eq!(said(&compound), (all.to_vec(), false));
        assert_eq!(missing(&[0xff, 0xff, 0, 5]).collect::<Vec<_>>(), [0xffff, 0, 2]);
        let sender = packet(1, SENDER_REPORT, &[&[0; 24], &block[..]].concat());
        assert_eq!(said(&sender), (vec![Feedback::Report(expected)], true));
        assert!(said(&[&report[..], &packet(1, GOODBYE, &[0; 4])].concat()).1);
    }

    #[test]
    fn bytes_from_outside_are_read_or_left() {
        bolero::check!().for_each(|bytes| {
            read(bytes, |feedback| {
                if let Feedback::Lost(_, entries) = feedback {
                    assert!(missing(entries).count() <= entries.len() / 4 * 17);
                }
            });
        });
    }
}
