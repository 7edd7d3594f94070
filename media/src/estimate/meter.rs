//! How much of late: bytes per second, and the part that was lost.

/// Buckets of a meter, and how long each is, µs.
const BUCKETS: usize = 20;
const BUCKET_US: i64 = 25_000;
/// Over less than this nothing is said.
const SPAN_LEAST_US: i64 = 150_000;
/// A time so far before the last is of another clock.
const BACK_MOST_US: i64 = 5_000_000;

/// What passed in about the last half second.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Meter {
    buckets: [u32; BUCKETS],
    first: Option<i64>,
    last: i64,
}

impl Meter {
    /// So much passed at this time, µs.
    pub(super) fn add(&mut self, bytes: u16, at: i64) {
        let (bucket, newest) = (at.div_euclid(BUCKET_US), self.last.div_euclid(BUCKET_US));
        if self.first.is_none() || at < self.last - BACK_MOST_US || bucket - newest >= 2 * BUCKETS as i64 {
            *self = Self { first: Some(at), last: at, ..Self::default() };
        } else if bucket > newest {
            for gone in newest + 1..=bucket {
                self.buckets[place(gone)] = 0;
            }
        } else if bucket <= newest - BUCKETS as i64 {
            return;
        }
        self.last = self.last.max(at);
        // Times of arrival are what the other side says: all could be one.
        let bucket = &mut self.buckets[place(bucket)];
        *bucket = bucket.saturating_add(u32::from(bytes));
    }

    /// In the half second until then, bit/s. `None`: too little is known.
    pub(super) fn rate(&self, until: i64) -> Option<u64> {
        let (until_bucket, newest) = (until.div_euclid(BUCKET_US), self.last.div_euclid(BUCKET_US));
        let oldest = until_bucket - BUCKETS as i64 + 1;
        let span = until - self.first?.max(oldest * BUCKET_US);
        if span < SPAN_LEAST_US {
            return None;
        }
        let known = oldest.max(newest - BUCKETS as i64 + 1)..=newest;
        let bytes: u64 = known.map(|bucket| u64::from(self.buckets[place(bucket)])).sum();
        Some(bytes * 8_000_000 / span.unsigned_abs())
    }

    /// Until the last that passed.
    pub(super) fn rate_of_late(&self) -> Option<u64> {
        self.rate(self.last)
    }
}

fn place(bucket: i64) -> usize {
    bucket.rem_euclid(BUCKETS as i64) as usize
}

/// Buckets of what was lost: a second in all.
const LOSS_BUCKETS: usize = 8;
const LOSS_BUCKET_US: i64 = 125_000;

/// What was lost of what was reported on in about the last second.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Loss {
    /// Reported on, and missing.
    buckets: [(u32, u32); LOSS_BUCKETS],
    newest: i64,
}

impl Loss {
    fn pass(&mut self, now: i64) {
        let bucket = now.div_euclid(LOSS_BUCKET_US).max(self.newest);
        for gone in (self.newest + 1..=bucket).take(LOSS_BUCKETS) {
            self.buckets[loss_place(gone)] = (0, 0);
        }
        self.newest = bucket;
    }

    /// A packet was reported on for the first time.
    pub(super) fn told(&mut self, missing: bool, now: i64) {
        self.pass(now);
        let (told, lost) = &mut self.buckets[loss_place(self.newest)];
        *told += 1;
        *lost += u32::from(missing);
    }

    /// A packet that was said to be missing came late.
    pub(super) fn found(&mut self, now: i64) {
        self.pass(now);
        if let Some((_, lost)) = self.buckets.iter_mut().find(|(_, lost)| *lost > 0) {
            *lost -= 1;
        }
    }

    /// Reported on, and of these missing; in the last second, but after `since`.
    pub(super) fn counts(&mut self, since: Option<i64>, now: i64) -> (u32, u32) {
        self.pass(now);
        let after = since.map_or(i64::MIN, |at| at.div_euclid(LOSS_BUCKET_US));
        let counted = (self.newest - LOSS_BUCKETS as i64 + 1..=self.newest).filter(|bucket| *bucket > after);
        counted
            .map(|bucket| self.buckets[loss_place(bucket)])
            .fold((0, 0), |sum, (told, lost)| (sum.0 + told, sum.1 + lost))
    }
}

fn loss_place(bucket: i64) -> usize {
    bucket.rem_euclid(LOSS_BUCKETS as i64) as usize
}

/// The least of about the last `SPAN_US`: of this span and of the one before.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Least<const SPAN_US: i64> {
    began: i64,
    before: Option<i64>,
    present: Option<i64>,
}

impl<const SPAN_US: i64> Least<SPAN_US> {
    /// Takes in a value.
    pub(super) fn add(&mut self, value: i64, now: i64) {
        if now - self.began > SPAN_US {
            self.before = if now - self.began > 2 * SPAN_US { None } else { self.present };
            (self.present, self.began) = (None, now);
        }
        self.present = Some(self.present.map_or(value, |present| present.min(value)));
    }

    /// The least.
    pub(super) fn least(&self) -> Option<i64> {
        [self.before, self.present].into_iter().flatten().min()
    }
}
