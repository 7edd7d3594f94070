//! Which datagrams make one message.

use super::Line;

/// So many datagrams make a message at most: what every kernel that divides messages takes.
const SEGMENTS_MAX: usize = 64;
/// Longest message, in bytes.
const MESSAGE_BYTES_MAX: usize = 65_000;
/// Longest datagram that goes with others in one message, in bytes: it must fit into a packet of an Ethernet.
const SEGMENT_BYTES_MAX: usize = 1_452;

/// Datagrams of one destination that follow one another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Message {
    /// Whose they are.
    pub(super) line: usize,
    first: usize,
    /// How many.
    pub(super) count: usize,
    /// How long each of them is but the last, which may be shorter; 0: there is one only.
    pub(super) segment: u16,
    /// How many messages to the same destination go before it.
    turn: usize,
}

impl Message {
    /// Messages with the same key go out in one call, those with a lower one before.
    pub(super) fn key(&self) -> (usize, u16) {
        (self.turn, self.segment)
    }

    /// What it is made of.
    pub(super) fn datagrams<'a>(&self, lines: &'a [Line]) -> &'a [Vec<u8>] {
        lines.get(self.line).and_then(|line| line.datagrams.get(self.first..self.first + self.count)).unwrap_or(&[])
    }
}

/// Makes messages of all that wait, in the order in which they are to be sent; of one datagram each unless `segmented`.
pub(super) fn divide(lines: &[Line], segmented: bool, messages: &mut Vec<Message>) {
    messages.clear();
    for (line, Line { datagrams, .. }) in lines.iter().enumerate() {
        let (mut first, mut turn) = (0, 0);
        while let Some(rest) = datagrams.get(first..).filter(|rest| !rest.is_empty()) {
            let count = if segmented { run(rest) } else { 1 };
            let length = rest.first().map_or(0, Vec::len);
            let segment = if count > 1 { u16::try_from(length).unwrap_or(0) } else { 0 };
            messages.push(Message { line, first, count, segment, turn });
            first += count;
            turn += 1;
        }
    }
    messages.sort_unstable_by_key(|message| (message.key(), message.line));
}

/// How many from the first on can be one message: of equal length, only the last one may be shorter.
fn run(datagrams: &[Vec<u8>]) -> usize {
    let segment = datagrams.first().map_or(0, Vec::len);
    if segment > SEGMENT_BYTES_MAX || segment == 0 {
        return 1;
    }
    let most = SEGMENTS_MAX.min(MESSAGE_BYTES_MAX / segment).min(datagrams.len());
    let equal = datagrams.iter().take(most).take_while(|bytes| bytes.len() == segment).count();
    let shorter = |bytes: &Vec<u8>| equal < most && !bytes.is_empty() && bytes.len() < segment;
    equal + usize::from(datagrams.get(equal).is_some_and(shorter))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(lengths: &[usize]) -> Line {
        let datagrams = lengths.iter().map(|length| vec![0; *length]).collect();
        Line { to: "127.0.0.1:9".parse().unwrap(), datagrams }
    }

    /// Line, how many, and length of each message.
    fn divided(lines: &[Line], segmented: bool) -> Vec<(usize, usize, u16)> {
        let mut messages = Vec::new();
        divide(lines, segmented, &mut messages);
        messages.iter().map(|message| (message.line, message.count, message.segment)).collect()
    }

    #[test]
    fn equal_ones_are_a_message_with_a_shorter_one_at_its_end() {
        assert_eq!(divided(&[line(&[9, 9, 9, 5, 5, 9])], true), [(0, 4, 9), (0, 1, 0), (0, 1, 0)]);
        assert_eq!(divided(&[line(&[5, 9, 9])], true), [(0, 1, 0), (0, 2, 9)]);
        assert_eq!(divided(&[line(&[9, 9, 0, 9])], true), [(0, 2, 9), (0, 1, 0), (0, 1, 0)]);
        assert_eq!(divided(&[line(&[9, 9])], false), [(0, 1, 0), (0, 1, 0)]);
    }

    #[test]
    fn a_message_is_no_longer_than_the_kernel_takes() {
        assert_eq!(divided(&[line(&[9; 130])], true), [(0, 64, 9), (0, 64, 9), (0, 2, 9)]);
        assert_eq!(divided(&[line(&[1_400; 50])], true), [(0, 46, 1_400), (0, 4, 1_400)]);
        assert_eq!(divided(&[line(&[2_000; 2])], true), [(0, 1, 0), (0, 1, 0)]);
    }

    #[test]
    fn what_is_alike_of_all_destinations_goes_out_together() {
        let lines = [line(&[9, 9, 10, 10]), line(&[7]), line(&[9, 9, 8])];
        assert_eq!(divided(&lines, true), [(1, 1, 0), (0, 2, 9), (2, 3, 9), (0, 2, 10)]);
    }
}
