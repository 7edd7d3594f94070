//! Whether a queue builds up on the way: the delay gradient between groups of packets, its trend, and when that is too
//! much (draft-ietf-rmcat-gcc-02 §5; the trend is a line through the last delays in place of a Kalman filter).

use super::meter::Least;

/// Packets sent within this are one group.
const GROUP_US: i64 = 5_000;
/// Packets that arrive within this of each other faster than they were sent were held up together: one group as well,
const BURST_US: i64 = 5_000;
/// unless it has grown so long.
const BURST_MOST_US: i64 = 100_000;
/// After a pause, or a leap of a clock, the trend begins anew.
const PAUSE_US: i64 = 2_000_000;

/// So many groups make a trend.
const POINTS: usize = 20;
/// How much of a smoothed delay is the former one.
const SMOOTHING: f64 = 0.9;
/// A trend counts for more the more groups there were, up to so many; times a gain.
const GROUPS_COUNTED: f64 = 60.0;
const GAIN: f64 = 4.0;

/// What a trend is compared with adapts within these bounds, ms (§5.4), by so much per ms.
const THRESHOLD_START: f64 = 12.5;
const THRESHOLD_LEAST: f64 = 6.0;
const THRESHOLD_MOST: f64 = 600.0;
const THRESHOLD_RISES: f64 = 0.0087;
const THRESHOLD_FALLS: f64 = 0.039;
/// What exceeds it by more does not adapt it.
const THRESHOLD_LEAP: f64 = 15.0;
/// The trend must be above it for so long, ms.
const OVER_LEAST: f64 = 10.0;

/// A queue that stands for so long is too much also when it no longer grows, µs.
pub(super) const STANDING_US: i64 = 200_000;
/// When it has not become less for so many reports, it is the way that has become longer.
const STANDING_REPORTS: u32 = 12;

/// What the delays of late say.
/// Of several, the last of these counts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Signal {
    Normal,
    /// A queue drains, or it is not certain yet that one builds up: nothing is to be changed.
    Hold,
    /// A queue builds up.
    Over,
}

#[derive(Clone, Copy, Debug)]
struct Group {
    first_sent: i64,
    last_sent: i64,
    first_arrival: i64,
    last_arrival: i64,
}

impl Group {
    fn takes(&self, sent: i64, arrival: i64) -> bool {
        let apart = arrival - self.last_arrival;
        let held_up = apart < sent - self.last_sent;
        sent - self.first_sent <= GROUP_US
            || (held_up && apart <= BURST_US && arrival - self.first_arrival < BURST_MOST_US)
    }
}

/// The delays of what arrived.
#[derive(Debug)]
pub(super) struct Delay {
    group: Option<Group>,
    before: Option<Group>,
    trend: Trend,
    /// Between clocks that are not the same: only differences mean something.
    least: Least<20_000_000>,
    of_late: Least<150_000>,
    /// The least since it is too long, and for how many reports it has not become less.
    standing: Option<(i64, u32)>,
}

impl Delay {
    pub(super) fn new() -> Self {
        let (least, of_late) = (Least::default(), Least::default());
        Self { group: None, before: None, trend: Trend::new(), least, of_late, standing: None }
    }

    /// Takes in a packet that arrived, in the order of sending; both times in µs, each of its own clock.
    /// Says something whenever a group is complete.
    pub(super) fn arrived(&mut self, sent: i64, arrival: i64) -> Option<Signal> {
        if let Some(group) = &self.group {
            if sent < group.first_sent {
                return None;
            }
            let (apart, sent_apart) = (arrival - group.last_arrival, sent - group.last_sent);
            if sent_apart > PAUSE_US || (apart - sent_apart).abs() > PAUSE_US {
                *self = Self { trend: self.trend.anew(), ..Self::new() };
            }
        }
        self.least.add(arrival - sent, arrival);
        self.of_late.add(arrival - sent, arrival);
        let group = match &mut self.group {
            Some(group) if group.takes(sent, arrival) => {
                group.last_sent = group.last_sent.max(sent);
                group.last_arrival = group.last_arrival.max(arrival);
                return None;
            }
            group => group.replace(Group {
                first_sent: sent,
                last_sent: sent,
                first_arrival: arrival,
                last_arrival: arrival,
            })?,
        };
        let before = self.before.replace(group)?;
        let sent_apart = (group.last_sent - before.last_sent) as f64 / 1_000.0;
        let apart = (group.last_arrival - before.last_arrival) as f64 / 1_000.0;
        Some(self.trend.add(apart, sent_apart, group.last_arrival as f64 / 1_000.0))
    }

    /// The queue that has been there for a while, µs.
    pub(super) fn queue(&self) -> i64 {
        self.of_late.least().zip(self.least.least()).map_or(0, |(of_late, least)| of_late - least)
    }

    /// Whether a queue stands that is too long; asked once for each report.
    pub(super) fn stands(&mut self) -> bool {
        let queue = self.queue();
        if queue < STANDING_US {
            self.standing = None;
            return false;
        }
        let (least, reports) = self.standing.unwrap_or((queue, 0));
        self.standing = Some(if queue < least { (queue, 0) } else { (least, reports + 1) });
        if reports >= STANDING_REPORTS {
            (self.least, self.standing) = (Least::default(), None);
        }
        true
    }
}

#[derive(Clone, Debug)]
struct Trend {
    /// When groups arrived after the first, and how late each was by then, ms.
    points: [(f64, f64); POINTS],
    groups: usize,
    began: f64,
    delay: f64,
    smoothed: f64,
    slope: f64,
    threshold: f64,
    adapted: f64,
    /// How long it has been above the threshold, and for how many groups.
    over: Option<(f64, u32)>,
}

impl Trend {
    fn new() -> Self {
        Self {
            points: [(0.0, 0.0); POINTS],
            groups: 0,
            began: 0.0,
            delay: 0.0,
            smoothed: 0.0,
            slope: 0.0,
            threshold: THRESHOLD_START,
            adapted: 0.0,
            over: None,
        }
    }

    /// As before any group; what jitter the way has is remembered.
    fn anew(&self) -> Self {
        Self { threshold: self.threshold, ..Self::new() }
    }

    fn add(&mut self, apart: f64, sent_apart: f64, arrival: f64) -> Signal {
        if self.groups == 0 {
            (self.began, self.adapted) = (arrival, arrival);
        }
        self.delay += apart - sent_apart;
        self.smoothed = SMOOTHING * self.smoothed + (1.0 - SMOOTHING) * self.delay;
        self.points[self.groups % POINTS] = (arrival - self.began, self.smoothed);
        self.groups += 1;
        let former = self.slope;
        if self.groups >= POINTS {
            self.slope = slope(&self.points).unwrap_or(former);
        }
        let trend = self.slope * GAIN * (self.groups as f64).min(GROUPS_COUNTED);
        let signal = self.judge(trend, self.slope >= former, sent_apart);
        self.adapt(trend.abs(), arrival);
        signal
    }

    fn judge(&mut self, trend: f64, grows: bool, sent_apart: f64) -> Signal {
        if trend <= self.threshold {
            self.over = None;
            return if trend < -self.threshold { Signal::Hold } else { Signal::Normal };
        }
        let (passed, groups) =
            self.over.map_or((sent_apart / 2.0, 1), |(passed, groups)| (passed + sent_apart, groups + 1));
        let is_over = passed > OVER_LEAST && groups > 1 && grows;
        self.over = Some(if is_over { (0.0, 1) } else { (passed, groups) });
        if is_over { Signal::Over } else { Signal::Hold }
    }

    fn adapt(&mut self, trend: f64, arrival: f64) {
        let passed = (arrival - self.adapted).clamp(0.0, 100.0);
        self.adapted = arrival;
        if trend <= self.threshold + THRESHOLD_LEAP {
            let pace = if trend < self.threshold { THRESHOLD_FALLS } else { THRESHOLD_RISES };
            let threshold = self.threshold + pace * (trend - self.threshold) * passed;
            self.threshold = threshold.clamp(THRESHOLD_LEAST, THRESHOLD_MOST);
        }
    }
}

/// The slope of the line that fits best; `None`: all at one time.
fn slope(points: &[(f64, f64); POINTS]) -> Option<f64> {
    let count = POINTS as f64;
    let (x, y) = points.iter().fold((0.0, 0.0), |sum, point| (sum.0 + point.0, sum.1 + point.1));
    let (x, y) = (x / count, y / count);
    let (above, below) = points
        .iter()
        .fold((0.0, 0.0), |sum, point| (sum.0 + (point.0 - x) * (point.1 - y), sum.1 + (point.0 - x) * (point.0 - x)));
    (below > 0.0).then(|| above / below)
}
