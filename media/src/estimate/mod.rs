//! What the way to a peer bears, from his reports on what he was sent: transport-wide feedback
//! (draft-holmer-rmcat-transport-wide-cc-extensions-01) in, a rate out (draft-ietf-rmcat-gcc-02).
//!
//! It is its own, since the pure `Gcc` of `rtc-interceptor` takes neither probes nor senders that have less to send
//! than the way bears into account, and both are the rule here. The feedback is read here too, since the parser of
//! `rtc-rtcp` allocates for every chunk.
//!
//! - [`feedback`] reads reports, [`history`] knows what was sent;
//! - [`delay`] sees queues build up, [`meter`] counts what is sent, arrives and is lost;
//! - [`control`] makes a rate of it; [`probe`] finds out whether there is more, by a [`cluster`].

mod cluster;
mod control;
mod delay;
mod feedback;
mod history;
mod meter;
mod probe;
#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use cluster::Found;
use control::{Control, Known};
use delay::{Delay, Signal};
use feedback::{Feedback, ReceiverClock, Status};
use history::{Fate, History, Part, Sent};
use meter::{Least, Loss, Meter};
use probe::Probes;

/// What a round trip is taken to be until one was measured, µs.
const ROUND_TRIP_US: i64 = 100_000;
/// `padding` is asked again no sooner, µs.
const ASKED_LEAST_US: i64 = 1_000;

/// The estimation of one way.
#[derive(Debug)]
pub(crate) struct Estimator {
    /// What all times count from.
    origin: Option<Instant>,
    history: History,
    receiver: ReceiverClock,
    sending: Meter,
    delivered: Meter,
    loss: Loss,
    delay: Delay,
    round_trip: Least<3_000_000>,
    control: Control,
    probes: Probes,
    /// When something was last reported.
    heard: Option<i64>,
    /// When `padding` was last asked.
    asked: i64,
}

impl Estimator {
    /// `start_rate`: what the way is taken to bear until it has been measured, bit/s.
    pub(crate) fn new(start_rate: u64) -> Self {
        Self {
            origin: None,
            history: History::default(),
            receiver: ReceiverClock::default(),
            sending: Meter::default(),
            delivered: Meter::default(),
            loss: Loss::default(),
            delay: Delay::new(),
            round_trip: Least::default(),
            control: Control::new(start_rate),
            probes: Probes::new(),
            heard: None,
            asked: 0,
        }
    }

    /// A packet of so many bytes (as on the wire, above UDP) goes out now: its transport-wide sequence number, for the
    /// header extension.
    pub(crate) fn sent(&mut self, bytes: usize, now: Instant) -> u16 {
        let now = self.time(now);
        let part = match self.probes.sent(bytes, now) {
            (Some(number), _) => Part::Probe(number),
            (None, true) => Part::Wake,
            (None, false) => Part::Plain,
        };
        self.sending.add(u16::try_from(bytes).unwrap_or(u16::MAX), now);
        let (sequence, unheard) = self.history.push(bytes, part, now);
        if unheard.zip(self.heard).is_some_and(|(sent, heard)| heard < sent) {
            self.control.silence(now);
            self.probes.disturbed(now);
        }
        sequence
    }

    /// Takes in one feedback packet: RTCP RTPFB FMT 15 from its RTCP header on (already authenticated, but from the
    /// other side: any bytes). True: it could be read and told something.
    pub(crate) fn reported(&mut self, packet: &[u8], now: Instant) -> bool {
        let Some(feedback) = Feedback::read(packet) else { return false };
        let now = self.time(now);
        let reference = self.receiver.reference(&feedback);
        let (mut told, mut signal, mut newest) = (false, None, None);
        for (sequence, status) in feedback.statuses() {
            let (fate, arrival) = match status {
                Status::Missing => (Fate::Missing, None),
                Status::Arrived(after) => (Fate::Arrived, Some(reference + after)),
                Status::Unknown => continue,
            };
            let Some(sent) = self.history.tell(sequence, fate, now) else { continue };
            told = true;
            if let Some(arrival) = arrival {
                newest = newest.max(Some(sent.at));
                signal = self.arrived(sent, arrival).into_iter().chain(signal).max();
            }
            self.told(sent, arrival, now);
        }
        if told {
            self.heard = Some(now);
            if let Some(sent) = newest {
                self.round_trip.add(now - sent, now);
            }
            self.conclude(signal, now);
        }
        told
    }

    fn arrived(&mut self, sent: Sent, arrival: i64) -> Option<Signal> {
        self.delivered.add(sent.bytes, arrival);
        // The queue a probe makes is gone as soon as it.
        if sent.part == Part::Plain { self.delay.arrived(sent.at, arrival) } else { None }
    }

    fn told(&mut self, sent: Sent, arrival: Option<i64>, now: i64) {
        let anew = sent.was == Fate::Unknown;
        match anew {
            true => self.loss.told(arrival.is_none(), now),
            false => self.loss.found(now),
        }
        if let Part::Probe(number) = sent.part {
            self.probes.told(number, anew, sent.at, sent.bytes, arrival);
        }
    }

    /// What follows from a report for the rate.
    fn conclude(&mut self, signal: Option<Signal>, now: i64) {
        let (told, lost) = self.loss.counts(self.control.lowered_for_loss(), now);
        let (delivered, sending) = (self.delivered.rate_of_late(), self.sending.rate(now));
        let (round_trip, queue_us) = (self.trip(), self.delay.queue());
        let known = Known { now, delivered, sending, told, lost, round_trip, queue_us };
        let signal = if self.delay.stands() { Some(Signal::Over) } else { signal };
        if self.control.update(signal, &known) {
            self.probes.disturbed(now);
        }
        self.evaluate(now);
    }

    /// What follows from a probe, if one is over.
    fn evaluate(&mut self, now: i64) {
        let Some(found) = self.probes.found(self.heard, now) else { return };
        let rises = match found {
            Found::Bears(rate) => self.control.probed(rate, false),
            Found::Full(rate) => {
                self.control.probed(rate, true);
                false
            }
            Found::Unclear => false,
            Found::Untold => return self.probes.again(now),
        };
        if rises { self.probes.succeeded(now) } else { self.probes.failed(now) }
    }

    /// What the way bears, bit/s. `None`: not known, no feedback has come yet.
    pub(crate) fn rate(&self) -> Option<u64> {
        self.heard.map(|_| self.control.rate())
    }

    /// Of what was sent and reported on in about the last second, lost (0.0 to 1.0).
    pub(crate) fn lost(&mut self, now: Instant) -> Option<f32> {
        let now = self.time(now);
        let (told, lost) = self.loss.counts(None, now);
        (told > 0).then(|| lost as f32 / told as f32)
    }

    /// There and back: from a packet's send to the report of it, the least of the last seconds.
    pub(crate) fn round_trip(&self) -> Option<Duration> {
        self.round_trip.least().map(|us| Duration::from_micros(us.max(0).unsigned_abs()))
    }

    /// What could be used: `desired` for everything that could be sent, bit/s. While the rate is below it, and the way
    /// is not congested, it is found out by padding whether it bears more.
    pub(crate) fn desire(&mut self, desired: u64, now: Instant) {
        let now = self.time(now);
        self.probes.desire(desired, now);
    }

    /// Bytes of padding to send now (the caller makes packets of at most 1,000 bytes of it, each of which is told by
    /// `sent`); 0: none.
    pub(crate) fn padding(&mut self, now: Instant) -> usize {
        let now = self.time(now);
        self.asked = now;
        if self.heard.is_none() {
            return 0;
        }
        self.evaluate(now);
        self.probes.padding(self.control.rate(), self.trip(), now) as usize
    }

    /// When `padding` is to be asked next; `None`: not before something is reported or desired anew. It lies after the
    /// last time `padding` was asked. Steps are a few ms apart: who is late by more than 10 ms finds out less.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.heard?;
        let at = self.probes.deadline(self.control.rate())?.max(self.asked + ASKED_LEAST_US);
        Some(self.origin? + Duration::from_micros(at.max(0).unsigned_abs()))
    }

    fn trip(&self) -> i64 {
        self.round_trip.least().unwrap_or(ROUND_TRIP_US)
    }

    /// µs since the first time that was told.
    fn time(&mut self, now: Instant) -> i64 {
        let origin = *self.origin.get_or_insert(now);
        i64::try_from(now.saturating_duration_since(origin).as_micros()).unwrap_or(i64::MAX)
    }
}
