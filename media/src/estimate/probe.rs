//! Whether the way bears more is found out by sending more for a moment: a cluster of packets at a higher rate, made up
//! to it with padding, and how fast it arrives.

use super::cluster::{Cluster, Found};
use super::history::next_probe;

/// A cluster is sent at so many times the rate, at most at so much more than is desired, and never above this, bit/s.
const TIMES: u64 = 2;
const DESIRED_PERCENT: u64 = 105;
const RATE_MOST: u64 = 10_000_000;
/// It is not worth a probe to find out less, in percent of the rate.
const WORTH_PERCENT: u64 = 105;
/// So near to what is desired is enough, in percent of the rate.
const ENOUGH_PERCENT: u64 = 102;

/// What is sent so long after a cluster may stand in the queue it has made, µs.
const WAKE_US: i64 = 100_000;
/// So long after a cluster nothing more is expected to be reported, µs, and a round trip.
const REPORTED_US: i64 = 1_000_000;
/// After a failure, a change for the worse, or a success so long until the next, µs.
const RETRY_US: i64 = 1_000_000;
const RETRY_MOST_US: i64 = 10_000_000;
const CALM_US: i64 = 2_000_000;
const NEXT_US: i64 = 100_000;
/// A success is refuted when the way proves full within this, µs.
const REFUTED_US: i64 = 5_000_000;
const FAILURES_MOST: u32 = 8;
/// What failed so long ago no longer counts, µs.
const FORGIVEN_US: i64 = 30_000_000;

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

    /// A packet is sent: the probe it is part of; true: it may stand in the queue of the last.
    pub(super) fn sent(&mut self, bytes: usize, now: i64) -> (Option<u8>, bool) {
        let part = match &mut self.state {
            State::Sending(cluster) => cluster.sent(bytes, now).then_some(cluster.number),
            _ => None,
        };
        (part, now < self.wake)
    }

    /// A packet of a probe was reported on; `anew`: for the first time; `arrival`: it arrived then.
    pub(super) fn told(&mut self, number: u8, anew: bool, sent: i64, bytes: u16, arrival: Option<i64>) {
        match &mut self.state {
            State::Sending(cluster) | State::Sent(cluster, _) if cluster.number == number => {
                cluster.told(anew, sent, bytes, arrival);
            }
            _ => {}
        }
    }

    /// What the last probe has found, once, when all of it was reported on or no more will be.
    /// `heard`: when something was last reported.
    pub(super) fn found(&mut self, heard: Option<i64>, now: i64) -> Option<Found> {
        let State::Sent(cluster, until) = &self.state else { return None };
        if !cluster.is_told() && now < *until {
            return None;
        }
        let found = match heard {
            // Only the report on it is missing.
            Some(heard) if !cluster.is_mostly_told() && *until - heard < REPORTED_US => Found::Untold,
            _ => cluster.found(),
        };
        self.unclear += u32::from(found == Found::Unclear);
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
        self.failures = (self.failures + 1).min(FAILURES_MOST);
        self.failed = now;
        self.next = now + (RETRY_US << (self.failures - 1)).min(RETRY_MOST_US);
    }

    /// The last probe must be repeated.
    pub(super) fn again(&mut self, now: i64) {
        self.next = now + NEXT_US;
    }

    /// More is sent than the way bears: what is being found out no longer holds, nor what was found out just before.
    pub(super) fn disturbed(&mut self, now: i64) {
        if matches!(self.state, State::Sending(_)) {
            self.wake = now + WAKE_US;
        }
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
            self.state = State::Sending(Cluster::new(self.number, goal, self.unclear, now));
        }
        let State::Sending(cluster) = &mut self.state else { return 0 };
        if cluster.is_sent(now) {
            self.wake = now + WAKE_US;
            self.state = State::Sent(*cluster, now + round_trip + REPORTED_US);
            return 0;
        }
        cluster.step(now)
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
