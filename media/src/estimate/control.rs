//! The rate: lowered when a queue builds up or much is lost, raised otherwise, as far as there is evidence
//! (draft-ietf-rmcat-gcc-02 §5.5, §6).

use super::delay::{STANDING_US, Signal};

/// The rate is never less, nor more, bit/s.
const RATE_LEAST: f64 = 30_000.0;
const RATE_MOST: f64 = 100_000_000.0;

/// This much of what was delivered is left when a queue builds up, and when a long one must drain.
const LOWERED: f64 = 0.85;
const LOWERED_STANDING: f64 = 0.7;
/// Who sends less than this part of the rate has less to send, and may not be who fills the queue: then the rate falls
const LIMITED: f64 = 0.7;
/// by no more than to this part of it at a time.
const LOWERED_MOST: f64 = 0.5;
/// After a change its effect is awaited: a round trip and so long, µs.
const EFFECT_US: i64 = 100_000;

/// So much a second is added far from what the way is known to bear.
const RAISED_A_SECOND: f64 = 0.08;
/// Near it a packet is added for each round trip, bits.
const PACKET_BITS: f64 = 9_600.0;
/// It is near from this part of it on, and no longer known when so much more was delivered.
const NEAR: f64 = 0.8;
const BEYOND: f64 = 1.15;
/// Steps are at most so long, µs.
const STEP_MOST_US: i64 = 500_000;
/// Without a probe the rate rises to so many times what was delivered, and so much more, bit/s.
const UNPROVEN: f64 = 1.5;
const UNPROVEN_MARGIN: f64 = 100_000.0;
/// What is delivered while there is next to no queue, µs, can also be sent, but for what varies of it.
const PROVEN: f64 = 0.95;
const QUEUE_LITTLE_US: i64 = 50_000;

/// Less loss than this lets the rate rise; more than this lowers it.
const LOSS_RAISES: f64 = 0.02;
const LOSS_LOWERS: f64 = 0.1;
/// How far what is lost may lie above what must be expected, in deviations.
const CHANCE: f64 = 1.5;

/// When nothing is heard of what was sent the rate falls to this part, at most once a second.
const SILENCE_LOWERED: f64 = 0.7;
const SILENCE_US: i64 = 1_000_000;

/// What is known when a report has been taken in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    pub now: i64,
    /// bit/s.
    pub delivered: Option<u64>,
    pub sending: Option<u64>,
    /// Of the last second, but since the rate was lowered for loss: reported on, and missing.
    pub told: u32,
    pub lost: u32,
    pub round_trip: i64,
    pub queue_us: i64,
}

impl Known {
    /// How much is lost at least: a few packets lost by chance prove nothing.
    fn certain_loss(&self) -> f64 {
        let lost = f64::from(self.lost);
        (lost - CHANCE * lost.sqrt()) / f64::from(self.told.max(1))
    }

    fn loss(&self) -> f64 {
        f64::from(self.lost) / f64::from(self.told.max(1))
    }

    /// Less is sent than the rate allows.
    fn is_limited(&self, rate: f64) -> bool {
        self.sending.is_some_and(|sending| (sending as f64) < rate * LIMITED)
    }
}

/// The rate and how it came to be.
#[derive(Debug)]
pub(super) struct Control {
    rate: f64,
    /// This much of it is not just assumed.
    proven: f64,
    /// What was delivered when queues built up.
    capacity: Option<f64>,
    lowered: Option<i64>,
    lowered_for_loss: Option<i64>,
    silent: Option<i64>,
    stepped: i64,
}

impl Control {
    pub(super) fn new(start_rate: u64) -> Self {
        let rate = (start_rate as f64).clamp(RATE_LEAST, RATE_MOST);
        let (capacity, lowered, lowered_for_loss, silent) = (None, None, None, None);
        Self { rate, proven: 0.0, capacity, lowered, lowered_for_loss, silent, stepped: 0 }
    }

    /// bit/s.
    pub(super) fn rate(&self) -> u64 {
        self.rate as u64
    }

    /// When.
    pub(super) fn lowered_for_loss(&self) -> Option<i64> {
        self.lowered_for_loss
    }

    /// A report has been taken in. True: more is sent than the way bears.
    pub(super) fn update(&mut self, signal: Option<Signal>, known: &Known) -> bool {
        match signal {
            Some(Signal::Over) => self.lower(known),
            Some(Signal::Normal) => self.raise(known),
            Some(Signal::Hold) | None => {}
        }
        if signal != Some(Signal::Normal) {
            self.stepped = known.now;
        }
        let lossy = known.certain_loss() > LOSS_LOWERS;
        if lossy {
            self.lose(known);
        }
        self.rate = self.rate.clamp(RATE_LEAST, RATE_MOST);
        lossy || signal == Some(Signal::Over)
    }

    fn lower(&mut self, known: &Known) {
        let Some(delivered) = known.delivered.map(|rate| rate as f64) else { return };
        if self.lowered.is_some_and(|at| known.now - at < known.round_trip + EFFECT_US) {
            return;
        }
        self.lowered = Some(known.now);
        let least = if known.is_limited(self.rate) { self.rate * LOWERED_MOST } else { 0.0 };
        self.capacity = Some(match self.capacity {
            Some(capacity) if (delivered / capacity - 1.0).abs() < 0.25 => 0.7 * capacity + 0.3 * delivered,
            _ => delivered,
        });
        let part = if known.queue_us < STANDING_US { LOWERED } else { LOWERED_STANDING };
        self.rate = self.rate.min((delivered * part).max(least));
        self.proven = self.rate;
    }

    fn raise(&mut self, known: &Known) {
        let passed = (known.now - self.stepped).clamp(0, STEP_MOST_US) as f64 / 1_000_000.0;
        self.stepped = known.now;
        let Some(delivered) = known.delivered.map(|rate| rate as f64) else { return };
        if known.loss() >= LOSS_RAISES {
            return;
        }
        if self.capacity.is_some_and(|capacity| delivered > capacity * BEYOND) {
            self.capacity = None;
        }
        let raised = match self.capacity {
            // Whether it bears more than it did is for a probe to find out, or for more that is sent.
            Some(_) if known.is_limited(self.rate) => self.rate,
            Some(capacity) if self.rate > capacity * NEAR => {
                let response = (known.round_trip + EFFECT_US) as f64 / 1_000_000.0;
                self.rate + PACKET_BITS * passed / response
            }
            _ => self.rate * (1.0 + RAISED_A_SECOND).powf(passed),
        };
        let most = (delivered * UNPROVEN + UNPROVEN_MARGIN).max(self.rate);
        self.rate = raised.min(most);
        if known.queue_us < QUEUE_LITTLE_US {
            // When it was held up on the way it arrives faster than it was sent.
            let proven = PROVEN * delivered.min(known.sending.map_or(0.0, |rate| rate as f64));
            self.proven = self.proven.max(proven);
            self.rate = self.rate.max(proven);
        }
    }

    fn lose(&mut self, known: &Known) {
        if self.lowered_for_loss.is_some_and(|at| known.now - at < known.round_trip + 2 * EFFECT_US) {
            return;
        }
        self.lowered_for_loss = Some(known.now);
        let least = known.delivered.map_or(0.0, |delivered| delivered as f64 * LOWERED);
        self.rate = self.rate.min((self.rate * (1.0 - 0.5 * known.loss())).max(least));
        self.proven = self.proven.min(self.rate);
    }

    /// A probe has found that the way bears this. `full`: and no more, so that what was only assumed no longer holds.
    /// True: the rate has risen.
    pub(super) fn probed(&mut self, rate: u64, full: bool) -> bool {
        let rate = (rate as f64).clamp(RATE_LEAST, RATE_MOST);
        let rises = rate > self.rate * 1.02;
        if full && !rises {
            self.rate = self.rate.min(rate.max(self.proven));
        } else {
            self.rate = self.rate.max(rate);
        }
        self.proven = self.proven.max(rate).min(self.rate);
        if full {
            self.capacity = Some(self.rate);
        }
        rises
    }

    /// What was sent a while ago has not been reported on, nor anything since.
    pub(super) fn silence(&mut self, now: i64) {
        if self.silent.is_none_or(|at| now - at >= SILENCE_US) {
            self.silent = Some(now);
            self.rate = (self.rate * SILENCE_LOWERED).max(RATE_LEAST);
            self.proven = self.proven.min(self.rate);
        }
    }
}
