//! A way with a bottleneck, in simulated time, and a receiver that reports.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use super::report::feedback;
use crate::estimate::Estimator;

/// A packet of media.
const PACKET_BYTES: usize = 1_100;
/// The largest of padding.
const PADDING_BYTES: usize = 1_000;

/// Numbers that look like chance and are the same every time.
pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// True in so many of 10,000 cases.
    fn happens(&mut self, of_10_000: u64) -> bool {
        (self.next() >> 33) % 10_000 < of_10_000
    }
}

/// What the way is like.
#[derive(Clone, Copy)]
pub(super) struct Link {
    /// bit/s.
    pub rate: u64,
    /// One way, ms.
    pub delay_ms: i64,
    /// The longest queue, ms of the rate.
    pub queue_ms: i64,
    /// Of 10,000 packets.
    pub loss: u64,
    /// Of 10,000 reports.
    pub reports_lost: u64,
    /// Of 10,000 reports, those that come later than the next, and once more.
    pub reports_late: u64,
    /// Each packet is late by up to this.
    pub jitter_ms: i64,
    /// Packets are held up and arrive together, so often.
    pub held_up_ms: i64,
}

impl Default for Link {
    fn default() -> Self {
        Self {
            rate: 10_000_000,
            delay_ms: 25,
            queue_ms: 300,
            loss: 0,
            reports_lost: 0,
            reports_late: 0,
            jitter_ms: 0,
            held_up_ms: 0,
        }
    }
}

/// How the sender's media comes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    Even,
    /// Pictures: all packets of one at once.
    Frames,
}

/// A sender, his way and the receiver.
pub(super) struct World {
    pub estimator: Estimator,
    pub link: Link,
    pub pace: Pace,
    pub desired: u64,
    pub padded: usize,
    /// The longest wait in the queue, µs.
    pub queued: i64,
    pub report_every_ms: i64,
    /// How often somebody looks whether it is time to pad.
    pub pad_every_ms: i64,
    start_rate: u64,
    origin: Instant,
    now: i64,
    chance: Chance,
    credit: f64,
    free_at: i64,
    /// What the receiver's clock says at the beginning, µs.
    receiver_clock: i64,
    extended: u64,
    underway: VecDeque<(i64, u64)>,
    arrivals: BTreeMap<u64, i64>,
    reports: Vec<(i64, Vec<u8>)>,
    /// The first that has not been reported on.
    reported: u64,
    report_at: i64,
}

impl World {
    pub(super) fn new(start_rate: u64, desired: u64, link: Link) -> Self {
        Self {
            estimator: Estimator::new(start_rate),
            link,
            pace: Pace::Even,
            desired,
            padded: 0,
            queued: 0,
            report_every_ms: 70,
            pad_every_ms: 1,
            start_rate,
            origin: origin(),
            now: 0,
            chance: Chance::new(7),
            credit: 0.0,
            free_at: 0,
            // Its reference time wraps after some seconds.
            receiver_clock: ((1 << 24) - 60) * 64_000,
            extended: 0,
            underway: VecDeque::new(),
            arrivals: BTreeMap::new(),
            reports: Vec::new(),
            reported: 0,
            report_at: 0,
        }
    }

    pub(super) fn now(&self) -> Instant {
        self.origin + Duration::from_micros(self.now.unsigned_abs())
    }

    /// Packets, in all.
    pub(super) fn sent(&self) -> u64 {
        self.extended
    }

    /// bit/s.
    pub(super) fn rate(&self) -> u64 {
        self.estimator.rate().unwrap_or(self.start_rate)
    }

    /// Sends media at a rate that follows from what is estimated, for so long.
    pub(super) fn run(&mut self, ms: i64, media: impl Fn(u64) -> u64) {
        for _ in 0..ms {
            self.now += 1_000;
            self.send_media(media(self.rate()));
            self.pad();
            self.receive();
        }
    }

    /// The least and most of what was estimated meanwhile.
    pub(super) fn watch(&mut self, ms: i64, media: impl Fn(u64) -> u64) -> (u64, u64) {
        let (mut least, mut most) = (u64::MAX, 0);
        for _ in 0..ms / 10 {
            self.run(10, &media);
            (least, most) = (least.min(self.rate()), most.max(self.rate()));
        }
        (least, most)
    }

    fn send_media(&mut self, rate: u64) {
        self.credit += rate as f64 / 8_000.0;
        if self.pace == Pace::Frames && self.now / 1_000 % 33 != 0 {
            return;
        }
        while self.credit >= PACKET_BYTES as f64 / 2.0 {
            let bytes = PACKET_BYTES.min(self.credit as usize);
            self.credit -= bytes as f64;
            self.send(bytes);
        }
    }

    fn pad(&mut self) {
        let now = self.now();
        self.estimator.desire(self.desired, now);
        let looks = self.now / 1_000 % self.pad_every_ms == 0;
        if !looks || self.estimator.deadline().is_none_or(|at| at > now) {
            return;
        }
        let mut bytes = self.estimator.padding(now);
        self.padded += bytes;
        while bytes > 0 {
            let part = bytes.min(PADDING_BYTES);
            self.send(part);
            bytes -= part;
        }
        assert!(self.estimator.deadline().is_none_or(|at| at > now));
    }

    fn send(&mut self, bytes: usize) {
        let sequence = self.estimator.sent(bytes, self.now());
        assert_eq!(sequence, self.extended as u16);
        self.extended += 1;
        let queued = (self.free_at - self.now).max(0);
        if self.chance.happens(self.link.loss) || queued > self.link.queue_ms * 1_000 {
            return;
        }
        self.queued = self.queued.max(queued);
        self.free_at = self.now + queued + (bytes as u64 * 8_000_000 / self.link.rate) as i64;
        let jitter = (self.chance.next() % (self.link.jitter_ms as u64 * 1_000 + 1)) as i64;
        let mut arrival = self.free_at + self.link.delay_ms * 1_000 + jitter;
        if self.link.held_up_ms > 0 {
            let together = self.link.held_up_ms * 1_000;
            arrival = (arrival + together - 1) / together * together;
        }
        self.underway.push_back((arrival, self.extended - 1));
    }

    fn receive(&mut self) {
        let (now, clock) = (self.now, self.receiver_clock);
        self.underway.retain(|(arrival, sequence)| {
            if *arrival <= now {
                self.arrivals.insert(*sequence, clock + arrival);
            }
            *arrival > now
        });
        if now >= self.report_at && !self.arrivals.is_empty() {
            self.report_at = now + self.report_every_ms * 1_000;
            // What comes later than what was sent after it is told of once more.
            let base = self.arrivals.first_key_value().map_or(0, |(first, _)| self.reported.min(*first));
            let packet = feedback(base, &self.arrivals);
            // The next begins after it, so that what is missing in between is told of.
            let last = self.arrivals.last_key_value().map_or(0, |(last, _)| *last);
            self.reported = self.reported.max(last + 1);
            self.arrivals.clear();
            let arrival = now + self.link.delay_ms * 1_000;
            if self.chance.happens(self.link.reports_late) {
                self.reports.extend([150_000, 170_000].map(|late| (arrival + late, packet.clone())));
            } else if !self.chance.happens(self.link.reports_lost) {
                self.reports.push((arrival, packet));
            }
        }
        let (arrived, underway): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.reports).into_iter().partition(|(at, _)| *at <= now);
        self.reports = underway;
        for (_, packet) in arrived {
            self.estimator.reported(&packet, self.now());
            assert!(!self.estimator.reported(&packet, self.now()), "what is repeated tells nothing");
        }
    }
}

#[allow(clippy::disallowed_methods, reason = "a test begins its simulated time somewhere")]
pub(super) fn origin() -> Instant {
    Instant::now()
}
