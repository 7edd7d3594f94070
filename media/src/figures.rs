//! What passes a media node, and what is kept out, for those who watch it.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::delays::Delays;

/// What a node has only so much of.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Limit {
    /// Media sessions (`media.peersMax`).
    Sessions,
    /// Rooms with somebody in them (`media.roomsMax`).
    Rooms,
    /// Sessions in one room (`media.participantsMax`).
    Participants,
    /// What is sent (`media.bandwidthMax`).
    Bandwidth,
}

impl Limit {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Sessions, Self::Rooms, Self::Participants, Self::Bandwidth];

    /// What it is called outside.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sessions => "sessions",
            Self::Rooms => "rooms",
            Self::Participants => "participants",
            Self::Bandwidth => "bandwidth",
        }
    }
}

/// Why a datagram went no further.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Dropped {
    /// It came from where no client has proved to be.
    UnknownSender,
    /// A connectivity check without the right credentials, or one that had been seen before.
    ForgedCheck,
    /// Media of a source that was not offered.
    UnknownSource,
    /// Media that was replayed, not authentic, or empty.
    NotTaken,
    /// Beyond what one publisher may send (`media.publisherMax`).
    Flood,
    /// Of no protocol that is spoken here.
    Unreadable,
}

impl Dropped {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::UnknownSender, Self::ForgedCheck, Self::UnknownSource, Self::NotTaken, Self::Flood, Self::Unreadable];

    /// What it is called outside.
    pub fn name(self) -> &'static str {
        match self {
            Self::UnknownSender => "unknown_sender",
            Self::ForgedCheck => "forged_check",
            Self::UnknownSource => "unknown_source",
            Self::NotTaken => "not_taken",
            Self::Flood => "flood",
            Self::Unreadable => "unreadable",
        }
    }
}

/// Counted since the node began, but for the first two.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Figures {
    /// Rooms with somebody in them, now.
    pub rooms: u64,
    /// Media sessions, now.
    pub sessions: u64,
    /// Datagrams that have come.
    pub packets_received: u64,
    /// Their bytes.
    pub bytes_received: u64,
    /// Datagrams that went out.
    pub packets_sent: u64,
    /// Their bytes.
    pub bytes_sent: u64,
    /// How long media took through the node; counted by who has the sockets.
    pub forwarded: Delays,
    dropped: [u64; Dropped::ALL.len()],
    refused: [u64; Limit::ALL.len()],
}

impl Figures {
    /// Datagrams that went no further for this reason.
    pub fn dropped(&self, why: Dropped) -> u64 {
        self.dropped[why as usize]
    }

    /// Joins that were refused for want of this.
    pub fn refused(&self, limit: Limit) -> u64 {
        self.refused[limit as usize]
    }

    pub(crate) fn drop_one(&mut self, why: Dropped) {
        self.dropped[why as usize] += 1;
    }

    pub(crate) fn refuse(&mut self, limit: Limit) {
        self.refused[limit as usize] += 1;
    }
}

/// How much has been sent of late.
#[derive(Default, Debug)]
pub(crate) struct Pace {
    /// When and how many bytes had been sent in all, oldest first.
    marks: VecDeque<(Instant, u64)>,
}

impl Pace {
    /// Over how long it is measured.
    const WINDOW: Duration = Duration::from_secs(1);

    /// So many bytes have been sent until now.
    pub(crate) fn mark(&mut self, bytes_sent: u64, now: Instant) {
        self.marks.push_back((now, bytes_sent));
        let is_old = |mark: &(Instant, u64)| now.saturating_duration_since(mark.0) >= Self::WINDOW;
        while self.marks.get(1).is_some_and(is_old) {
            self.marks.pop_front();
        }
    }

    /// In bit/s.
    pub(crate) fn rate(&self) -> u64 {
        let (Some((began, before)), Some((ended, after))) = (self.marks.front(), self.marks.back()) else { return 0 };
        let time = ended.saturating_duration_since(*began).as_secs_f64();
        if time > 0.0 { ((after - before) as f64 * 8.0 / time) as u64 } else { 0 }
    }
}

/// What one publisher may still send: as much as a second brings may come at once.
#[derive(Debug)]
pub(crate) struct Allowance {
    bytes: f64,
    at: Instant,
}

impl Allowance {
    pub(crate) fn new(bits_per_second: u64, now: Instant) -> Self {
        Self { bytes: bits_per_second as f64 / 8.0, at: now }
    }

    /// Whether a datagram of so many bytes is within it; if so, it has been taken. 0 bit/s: there is no limit.
    pub(crate) fn takes(&mut self, bytes: usize, bits_per_second: u64, now: Instant) -> bool {
        if bits_per_second == 0 {
            return true;
        }
        let second = bits_per_second as f64 / 8.0;
        let passed = now.saturating_duration_since(std::mem::replace(&mut self.at, now)).as_secs_f64();
        self.bytes = (self.bytes + passed * second).min(second);
        let takes = self.bytes >= bytes as f64;
        if takes {
            self.bytes -= bytes as f64;
        }
        takes
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "a test begins its simulated time somewhere")]

    use super::*;

    #[test]
    fn what_is_counted_for_one_reason_is_not_for_another() {
        let mut figures = Figures::default();
        for (times, why) in Dropped::ALL.into_iter().enumerate() {
            (0..times).for_each(|_| figures.drop_one(why));
        }
        for (times, limit) in Limit::ALL.into_iter().enumerate() {
            (0..times).for_each(|_| figures.refuse(limit));
        }
        assert_eq!(Dropped::ALL.map(|why| figures.dropped(why)), [0, 1, 2, 3, 4, 5]);
        assert_eq!(Limit::ALL.map(|limit| figures.refused(limit)), [0, 1, 2, 3]);
    }

    #[test]
    fn the_pace_is_that_of_the_last_second() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        for quarter in 0..20_u32 {
            pace.mark(u64::from(quarter) * 1_000, start + Duration::from_millis(250) * quarter);
        }
        assert_eq!(pace.rate(), 32_000);
        for quarter in 20..25_u32 {
            pace.mark(19_000, start + Duration::from_millis(250) * quarter);
        }
        assert_eq!(pace.rate(), 0, "it has stopped");
    }

    #[test]
    fn a_publisher_may_send_his_rate_and_a_seconds_worth_of_it_at_once() {
        let start = Instant::now();
        let mut allowance = Allowance::new(80_000, start);
        let sent =
            |allowance: &mut Allowance, at: Instant| (0..20).filter(|_| allowance.takes(1_000, 80_000, at)).count();
        assert_eq!(sent(&mut allowance, start), 10);
        assert_eq!(sent(&mut allowance, start + Duration::from_millis(500)), 5);
        assert_eq!(sent(&mut allowance, start + Duration::from_secs(60)), 10, "what was not used is not kept");
        assert!(Allowance::new(0, start).takes(1 << 30, 0, start));
    }
}
