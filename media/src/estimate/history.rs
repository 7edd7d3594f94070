//! What was sent of late, by transport-wide sequence number.

use std::collections::VecDeque;

/// What was sent longer ago is forgotten, µs: nobody reports so late.
const KEPT_US: i64 = 2_000_000;
/// At most so many packets are remembered: 32 kB.
const PACKETS_MAX: usize = 4_096;

/// What is known of a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fate {
    Unknown,
    Missing,
    Arrived,
}

/// What a packet was sent for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Part {
    /// Nothing that changes how it is seen.
    Plain,
    /// While a probe was sent.
    Probe(u8),
    /// Shortly after: in the queue that the probe may have made.
    Wake,
}

/// A packet that was sent; small, since thousands are kept.
#[derive(Clone, Copy, Debug)]
struct Entry {
    /// The low bits; none is kept for so long that they would wrap.
    at: u32,
    bytes: u16,
    fate: Fate,
    /// [`Part`] in a byte.
    part: u8,
}

/// A packet that was sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent {
    pub at: i64,
    pub bytes: u16,
    pub part: Part,
    /// What was known before.
    pub was: Fate,
}

const PLAIN: u8 = 0;
const WAKE: u8 = u8::MAX;

/// What was sent of late.
#[derive(Debug, Default)]
pub(super) struct History {
    entries: VecDeque<Entry>,
    next: u16,
    last: i64,
}

impl History {
    /// Remembers a packet. Also says when what is forgotten for it was sent without anything being said of it since.
    pub(super) fn push(&mut self, bytes: usize, part: Part, now: i64) -> (u16, Option<i64>) {
        let silent = self.forget(now);
        let bytes = u16::try_from(bytes).unwrap_or(u16::MAX);
        let part = match part {
            Part::Plain => PLAIN,
            Part::Probe(number) => number,
            Part::Wake => WAKE,
        };
        self.entries.push_back(Entry { at: now as u32, bytes, fate: Fate::Unknown, part });
        let sequence = self.next;
        self.next = sequence.wrapping_add(1);
        self.last = now;
        (sequence, silent)
    }

    fn forget(&mut self, now: i64) -> Option<i64> {
        let mut silent = None;
        if now - self.last > KEPT_US {
            self.entries.clear();
        }
        while let Some(entry) = self.entries.front() {
            let age = i64::from((now as u32).wrapping_sub(entry.at));
            if age <= KEPT_US && self.entries.len() < PACKETS_MAX {
                break;
            }
            if entry.fate == Fate::Unknown && age > KEPT_US {
                silent = Some(now - age);
            }
            self.entries.pop_front();
        }
        silent
    }

    /// What is known of a packet now; `None`: it was not sent of late, or no more was said than is known.
    pub(super) fn tell(&mut self, sequence: u16, fate: Fate, now: i64) -> Option<Sent> {
        let first = self.next.wrapping_sub(self.entries.len() as u16);
        let entry = self.entries.get_mut(usize::from(sequence.wrapping_sub(first)))?;
        // What has arrived does not go missing.
        if entry.fate == fate || entry.fate == Fate::Arrived {
            return None;
        }
        let was = std::mem::replace(&mut entry.fate, fate);
        let at = now - i64::from((now as u32).wrapping_sub(entry.at));
        let part = match entry.part {
            PLAIN => Part::Plain,
            WAKE => Part::Wake,
            number => Part::Probe(number),
        };
        Some(Sent { at, bytes: entry.bytes, part, was })
    }
}

/// The numbers of probes go round, past those of other packets.
pub(super) fn next_probe(number: u8) -> u8 {
    if number >= WAKE - 1 { PLAIN + 1 } else { number + 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sent_is_found_by_its_number_also_when_that_has_wrapped() {
        let mut history = History::default();
        for n in 0..70_000_i64 {
            let (sequence, _) = history.push(100, Part::Plain, n * 1_000);
            assert_eq!(sequence, n as u16);
        }
        let sent = history.tell(69_000_u32 as u16, Fate::Arrived, 70_000_000).unwrap();
        assert_eq!((sent.at, sent.bytes, sent.part, sent.was), (69_000_000, 100, Part::Plain, Fate::Unknown));
        assert!(history.tell(69_000_u32 as u16, Fate::Missing, 70_000_000).is_none(), "it has arrived");
        assert!(history.tell(70_000_u32 as u16, Fate::Arrived, 70_000_000).is_none(), "not sent yet");
        assert!(history.tell(67_000_u32 as u16, Fate::Arrived, 70_000_000).is_none(), "forgotten");
    }

    #[test]
    fn no_more_is_remembered_than_fits() {
        let mut history = History::default();
        for n in 0..50_000 {
            history.push(100, Part::Plain, n);
            assert!(history.entries.len() <= PACKETS_MAX);
        }
        assert!(size_of::<Entry>() * history.entries.capacity() <= 32 * 1_024);
    }

    #[test]
    fn what_is_not_reported_on_until_it_is_forgotten_is_said() {
        let mut history = History::default();
        assert_eq!(history.push(100, Part::Plain, 1_000).1, None);
        assert_eq!(history.push(100, Part::Plain, 1_501_000).1, None);
        history.tell(1, Fate::Arrived, 1_600_000);
        assert_eq!(history.push(100, Part::Plain, 3_001_001).1, Some(1_000));
        assert_eq!(history.push(100, Part::Plain, 4_000_000).1, None);
        assert_eq!(history.push(100, Part::Plain, 3_600_000_000_000).1, None, "a pause is no silence");
    }
}
