//! A cluster of packets that is sent faster than others, and what its arrival says of the way.

/// A cluster lasts so long at least, µs, and twice that after one that told nothing, so often at most;
/// if padding is late it lasts this many times as long at most.
const CLUSTER_US: i64 = 25_000;
const UNCLEAR_MOST: u32 = 2;
const LATE_TIMES: i64 = 4;
/// Steps of a cluster: so many at least, so long or of so many bytes.
const STEPS: i64 = 6;
const STEP_US: i64 = 4_000;
const STEP_BYTES: i64 = 400;
/// A step sends at most so many steps' worth when it is late.
const STEPS_AT_ONCE: i64 = 5;
const PACKETS_LEAST: u32 = 5;

/// This part of a cluster must have arrived, in percent.
const ARRIVED_PERCENT: u64 = 80;
/// What is measured over less says nothing, µs.
const SPAN_LEAST_US: i64 = 5_000;
/// What arrives so many times faster than it was sent was held up and says nothing of the way.
const HELD_UP_TIMES: u64 = 2;
/// When more of it than this arrives at once, in percent, the rest was measured over too little.
const FIRST_PERCENT: u64 = 40;
/// What arrives at less than this of the pace it was sent at has filled the way, in percent,
const FULL_PERCENT: u64 = 90;
/// which then is taken to bear this much of it.
const FULL_USED_PERCENT: u64 = 95;

/// Packets within this were sent, or arrived, at once, µs.
const AT_ONCE_US: i64 = 1_000;

/// Send and arrival of the part of a cluster that has arrived.
#[derive(Clone, Copy, Debug, Default)]
struct Arrived {
    packets: u32,
    bytes: u64,
    /// The first to be sent, and the last, each all at once: how long one of them took is not known.
    first_sent: i64,
    first_sent_bytes: u64,
    last_sent: i64,
    last_sent_bytes: u64,
    /// The first to arrive, all at once: how long that took is not known.
    first_arrival: i64,
    first_bytes: u64,
    last_arrival: i64,
}

impl Arrived {
    /// Takes in a packet, in the order of sending.
    fn add(&mut self, sent: i64, arrival: i64, bytes: u64) {
        if self.packets == 0 {
            (self.first_sent, self.last_sent) = (sent, sent);
            (self.first_arrival, self.last_arrival) = (arrival, arrival);
        }
        if sent - self.last_sent > AT_ONCE_US {
            (self.last_sent, self.last_sent_bytes) = (sent, bytes);
        } else {
            self.last_sent_bytes += bytes;
        }
        if sent - self.first_sent <= AT_ONCE_US {
            self.first_sent_bytes += bytes;
        }
        if arrival < self.first_arrival - AT_ONCE_US {
            (self.first_arrival, self.first_bytes) = (arrival, bytes);
        } else if arrival <= self.first_arrival + AT_ONCE_US {
            self.first_bytes += bytes;
        }
        self.last_arrival = self.last_arrival.max(arrival);
        self.packets += 1;
        self.bytes += bytes;
    }

    /// The rates of send and of arrival, bit/s.
    fn rates(&self) -> Option<(u64, u64)> {
        let rate = |bytes: u64, span: i64| bytes * 8_000_000 / span.max(1).unsigned_abs();
        let sent = self.last_sent - self.first_sent;
        // Steps that are late make up for it: then the last is the larger.
        let least = self.first_sent_bytes.min(self.last_sent_bytes);
        let sent_rate = rate(self.bytes.saturating_sub(least), sent);
        let arrival_rate = rate(self.bytes.saturating_sub(self.first_bytes), self.last_arrival - self.first_arrival);
        (sent >= SPAN_LEAST_US && arrival_rate > 0).then_some((sent_rate, arrival_rate))
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Cluster {
    pub number: u8,
    /// bit/s.
    rate: u64,
    began: i64,
    lasts: i64,
    step_us: i64,
    /// When the next is sent.
    pub step: i64,
    packets: u32,
    bytes: u64,
    /// Of so many packets something was reported.
    told: u32,
    arrived: Arrived,
}

impl Cluster {
    /// `unclear`: how many before told nothing.
    pub(super) fn new(number: u8, rate: u64, unclear: u32, now: i64) -> Self {
        let bits = rate.max(1) as i64;
        let step_us = STEP_US.max(STEP_BYTES * 8_000_000 / bits);
        let lasts = (CLUSTER_US << unclear.min(UNCLEAR_MOST)).max(STEPS * step_us);
        let arrived = Arrived::default();
        Self { number, rate, began: now, lasts, step_us, step: now, packets: 0, bytes: 0, told: 0, arrived }
    }

    fn bytes_in(&self, time_us: i64) -> u64 {
        self.rate * time_us.max(0).unsigned_abs() / 8_000_000
    }

    /// A packet is sent. False: it is too late to be part of this.
    pub(super) fn sent(&mut self, bytes: usize, now: i64) -> bool {
        let is_part = !self.is_late(now);
        if is_part {
            self.packets += 1;
            self.bytes += bytes as u64;
        }
        is_part
    }

    /// A packet of it was reported on; `anew`: for the first time; `arrival`: it arrived then.
    pub(super) fn told(&mut self, anew: bool, sent: i64, bytes: u16, arrival: Option<i64>) {
        self.told += u32::from(anew);
        if let Some(arrival) = arrival {
            self.arrived.add(sent, arrival, u64::from(bytes));
        }
    }

    /// All of it was reported on.
    pub(super) fn is_told(&self) -> bool {
        self.told >= self.packets
    }

    /// So much of it was that it can be judged.
    pub(super) fn is_mostly_told(&self) -> bool {
        enough(u64::from(self.told), u64::from(self.packets))
    }

    pub(super) fn is_sent(&self, now: i64) -> bool {
        let full = self.packets >= PACKETS_LEAST && self.bytes >= self.bytes_in(self.lasts);
        (now - self.began >= self.lasts && full) || self.is_late(now)
    }

    fn is_late(&self, now: i64) -> bool {
        now - self.began >= LATE_TIMES * self.lasts
    }

    /// What must be sent in a step to keep the rate.
    pub(super) fn step(&mut self, now: i64) -> u64 {
        if now < self.step {
            return 0;
        }
        self.step = now + self.step_us;
        let due = self.bytes_in(now - self.began + self.step_us).saturating_sub(self.bytes);
        due.min(self.bytes_in(STEPS_AT_ONCE * self.step_us))
    }

    pub(super) fn found(&self) -> Found {
        let arrived = &self.arrived;
        let told = arrived.packets >= PACKETS_LEAST - 1
            && enough(u64::from(arrived.packets), u64::from(self.packets))
            && enough(arrived.bytes, self.bytes);
        match arrived.rates().filter(|_| told) {
            Some((sent, arrival)) if arrival > sent * HELD_UP_TIMES => Found::Unclear,
            Some((sent, arrival)) if arrival * 100 < sent * FULL_PERCENT => {
                if arrived.first_bytes * 100 > arrived.bytes * FIRST_PERCENT {
                    return Found::Unclear;
                }
                Found::Full(self.rate.min(arrival * FULL_USED_PERCENT / 100))
            }
            Some((sent, arrival)) => Found::Bears(sent.min(arrival).min(self.rate)),
            None => Found::Unclear,
        }
    }
}

fn enough(part: u64, of: u64) -> bool {
    part * 100 >= of * ARRIVED_PERCENT
}

/// What a probe has found, bit/s.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Found {
    /// The way bears at least this,
    Bears(u64),
    /// this and no more.
    Full(u64),
    Unclear,
    /// The report on it was lost.
    Untold,
}
