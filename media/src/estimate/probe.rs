//! Whether the way bears more is found out by sending more for a moment: a cluster of packets at a higher rate, made up
//! to it with padding, and how fast it arrives.

use super::history::next_probe;

/// A cluster is sent at so many times the rate, at most at so much more than is desired, and never above this, bit/s.
const TIMES: u64 = 2;
const DESIRED_PERCENT: u64 = 105;
const RATE_MOST: u64 = 10_000_000;
/// It is not worth a probe to find out less, in percent of the rate.
const WORTH_PERCENT: u64 = 105;
/// So near to what is desired is enough, in percent of the rate.
const ENOUGH_PERCENT: u64 = 102;

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
const STEPS_AT_ONCE: i64 = 3;
const PACKETS_LEAST: u32 = 5;

/// What is sent so long after a cluster may stand in the queue it has made, µs.
const WAKE_US: i64 = 100_000;
/// So long after a cluster nothing more is expected to be reported, µs, and a round trip.
const REPORTED_US: i64 = 1_000_000;
/// This part of a cluster must have arrived.
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

/// After a failure, a change for the worse, or a success so long until the next, µs.
const RETRY_US: i64 = 1_000_000;
const RETRY_MOST_US: i64 = 10_000_000;
const CALM_US: i64 = 2_000_000;
const NEXT_US: i64 = 100_000;
/// A success is refuted when the way proves full within this, µs.
const REFUTED_US: i64 = 5_000_000;
/// What failed so long ago no longer counts, µs.
const FORGIVEN_US: i64 = 30_000_000;

/// Packets within this were sent, or arrived, at once, µs.
const AT_ONCE_US: i64 = 1_000;

/// Send and arrival of the part of a cluster that has arrived.
#[derive(Clone, Copy, Debug, Default)]
struct Arrived {
    packets: u32,
    bytes: u64,
    first_sent: i64,
    /// The last to be sent, all at once: how long that took is not known.
    last_sent: i64,
    last_sent_bytes: u64,
    /// The first to arrive, all at once: how long that took is not known either.
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
        let sent_rate = rate(self.bytes.saturating_sub(self.last_sent_bytes), sent);
        let arrival_rate = rate(self.bytes.saturating_sub(self.first_bytes), self.last_arrival - self.first_arrival);
        (sent >= SPAN_LEAST_US && arrival_rate > 0).then_some((sent_rate, arrival_rate))
    }
}

#[derive(Clone, Copy, Debug)]
struct Cluster {
    number: u8,
    /// bit/s.
    rate: u64,
    began: i64,
    lasts: i64,
    step_us: i64,
    step: i64,
    packets: u32,
    bytes: u64,
    told: u32,
    arrived: Arrived,
}

impl Cluster {
    fn new(number: u8, rate: u64, least_us: i64, now: i64) -> Self {
        let bits = rate.max(1) as i64;
        let step_us = STEP_US.max(STEP_BYTES * 8_000_000 / bits);
        let lasts = least_us.max(STEPS * step_us);
        let arrived = Arrived::default();
        Self { number, rate, began: now, lasts, step_us, step: now, packets: 0, bytes: 0, told: 0, arrived }
    }

    fn bytes_in(&self, time_us: i64) -> u64 {
        self.rate * time_us.max(0).unsigned_abs() / 8_000_000
    }

    fn is_sent(&self, now: i64) -> bool {
        let passed = now - self.began;
        let full = self.packets >= PACKETS_LEAST && self.bytes >= self.bytes_in(self.lasts);
        (passed >= self.lasts && full) || passed >= LATE_TIMES * self.lasts
    }

    /// What must be sent now to keep the rate.
    fn due(&self, now: i64) -> u64 {
        let due = self.bytes_in(now - self.began + self.step_us).saturating_sub(self.bytes);
        due.min(self.bytes_in(STEPS_AT_ONCE * self.step_us))
    }

    fn found(&self) -> Found {
        let enough = |part: u64, of: u64| part * 100 >= of * ARRIVED_PERCENT;
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
                Found::Full(arrival * FULL_USED_PERCENT / 100)
            }
            Some((sent, arrival)) => Found::Bears(sent.min(arrival).min(self.rate)),
            None => Found::Unclear,
        }
    }
}

/// What a probe has found, bit/s.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Found {
    /// The way bears at least this,
    Bears(u64),
    /// this and no more.
    Full(u64),
    Unclear,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Idle,
    Sending(Cluster),
    /// Until then.
    Sent(Cluster, i64),
}

/// Probes of one way.
#[derive(Debug)]
pub(super) struct Probes {
    desired: u64,
    state: State,
    number: u8,
    /// When the next may begin.
    next: i64,
    /// What is sent until then may stand in the queue of the last.
    wake: i64,
    failures: u32,
    failed: i64,
    /// How many told nothing.
    unclear: u32,
    /// When the last one succeeded that has not been refuted since.
    succeeded: Option<i64>,
}

impl Probes {
    pub(super) fn new() -> Self {
        Self {
            desired: 0,
            state: State::Idle,
            number: 0,
            next: 0,
            wake: 0,
            failures: 0,
            failed: 0,
            unclear: 0,
            succeeded: None,
        }
    }

    /// So much could be used from now on, bit/s.
    pub(super) fn desire(&mut self, desired: u64, now: i64) {
        self.desired = desired;
        self.next = self.next.max(now);
    }

    /// The rate to probe, if one is to be.
    fn goal(&self, rate: u64) -> Option<u64> {
        let goal = (rate * TIMES).min(self.desired / 100 * DESIRED_PERCENT).min(RATE_MOST);
        let worth = rate * ENOUGH_PERCENT / 100 < self.desired && goal >= rate * WORTH_PERCENT / 100;
        worth.then_some(goal)
    }

    /// A packet is sent: the probe it is part of; true: it may stand in the queue of the last one.
    pub(super) fn sent(&mut self, bytes: usize, now: i64) -> (Option<u8>, bool) {
        match &mut self.state {
            State::Sending(cluster) => {
                cluster.packets += 1;
                cluster.bytes += bytes as u64;
                (Some(cluster.number), false)
            }
            _ => (None, now < self.wake),
        }
    }

    /// A packet of a probe was reported on; `arrival`: it arrived then.
    /// `anew`: for the first time.
    pub(super) fn told(&mut self, number: u8, anew: bool, sent: i64, bytes: u16, arrival: Option<i64>) {
        let (State::Sending(cluster) | State::Sent(cluster, _)) = &mut self.state else { return };
        if cluster.number == number {
            cluster.told += u32::from(anew);
            if let Some(arrival) = arrival {
                cluster.arrived.add(sent, arrival, u64::from(bytes));
            }
        }
    }

    /// What the last probe has found, once, when all of it was reported on or no more will be.
    pub(super) fn found(&mut self, now: i64) -> Option<Found> {
        let State::Sent(cluster, until) = &self.state else { return None };
        if cluster.told < cluster.packets && now < *until {
            return None;
        }
        let found = cluster.found();
        if found == Found::Unclear {
            self.unclear = UNCLEAR_MOST.min(self.unclear + 1);
        }
        self.state = State::Idle;
        Some(found)
    }

    /// The last probe has raised the rate: there may be more.
    pub(super) fn succeeded(&mut self, now: i64) {
        self.succeeded = Some(now);
        self.next = now + NEXT_US;
    }

    /// The last probe has found nothing.
    pub(super) fn failed(&mut self, now: i64) {
        if now - self.failed > FORGIVEN_US {
            (self.failures, self.unclear) = (0, 0);
        }
        self.failures = (self.failures + 1).min(8);
        self.failed = now;
        self.next = now + (RETRY_US << (self.failures - 1)).min(RETRY_MOST_US);
    }

    /// More is sent than the way bears: what is being found out no longer holds, nor what was found out just before.
    pub(super) fn disturbed(&mut self, now: i64) {
        self.state = State::Idle;
        if self.succeeded.take().is_some_and(|at| now - at < REFUTED_US) {
            self.failed(now);
        }
        self.next = self.next.max(now + CALM_US);
    }

    /// Bytes of padding to send now.
    pub(super) fn padding(&mut self, rate: u64, round_trip: i64, now: i64) -> u64 {
        if matches!(self.state, State::Idle) && now >= self.next {
            let Some(goal) = self.goal(rate) else { return 0 };
            self.number = next_probe(self.number);
            self.state = State::Sending(Cluster::new(self.number, goal, CLUSTER_US << self.unclear, now));
        }
        let State::Sending(cluster) = &mut self.state else { return 0 };
        if cluster.is_sent(now) {
            self.wake = now + WAKE_US;
            self.state = State::Sent(*cluster, now + round_trip + REPORTED_US);
            return 0;
        }
        if now < cluster.step {
            return 0;
        }
        cluster.step = now + cluster.step_us;
        cluster.due(now)
    }

    /// When something is to be sent, begun or given up.
    pub(super) fn deadline(&self, rate: u64) -> Option<i64> {
        match &self.state {
            State::Idle => self.goal(rate).map(|_| self.next),
            State::Sending(cluster) => Some(cluster.step),
            State::Sent(_, until) => Some(*until),
        }
    }
}
