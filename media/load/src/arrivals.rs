//! What has arrived, and how long it took.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::made_up::{self, Part};
use crate::{Pictures, Shown};

/// Upper bounds of the delays that are counted, in microseconds: a quarter more each.
const BOUNDS: usize = 64;
const FIRST_BOUND_US: f64 = 20.0;
const STEP: f64 = 1.25;

/// What has arrived at any number of clients.
#[derive(Debug)]
pub struct Arrivals {
    packets: [AtomicU64; 2],
    bytes: AtomicU64,
    delays: [AtomicU64; BOUNDS],
    /// Only where pictures are looked at one by one.
    pictures: Option<Mutex<Pictures>>,
}

/// A reading of [`Arrivals`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// Packets of sound.
    pub audio: u64,
    /// Packets of pictures.
    pub video: u64,
    /// Payload bytes of both.
    pub bytes: u64,
    delays: [u64; BOUNDS],
}

impl Default for Arrivals {
    fn default() -> Self {
        Self {
            packets: Default::default(),
            bytes: AtomicU64::new(0),
            delays: std::array::from_fn(|_| AtomicU64::new(0)),
            pictures: None,
        }
    }
}

fn bound_us(place: usize) -> f64 {
    FIRST_BOUND_US * STEP.powi(i32::try_from(place).unwrap_or(i32::MAX))
}

impl Arrivals {
    /// Looks at pictures one by one; they are those of one sender.
    pub fn of_pictures() -> Self {
        Self { pictures: Some(Mutex::default()), ..Self::default() }
    }

    /// The pictures that have arrived whole.
    pub fn shown(&self) -> Vec<Shown> {
        let pictures = self.pictures.as_ref().map(|it| it.lock().unwrap_or_else(PoisonError::into_inner));
        pictures.map(|pictures| pictures.shown()).unwrap_or_default()
    }

    /// Takes in a packet's payload.
    pub(crate) fn take_in(&self, video: bool, payload: &[u8]) {
        self.note(video, payload.len(), made_up::age(payload));
        if let (true, Some(pictures)) = (video, &self.pictures) {
            let part: Option<Part> = made_up::part(payload);
            let mut pictures = pictures.lock().unwrap_or_else(PoisonError::into_inner);
            part.into_iter().for_each(|part| pictures.note(part, Instant::now()));
        }
    }

    pub(crate) fn note(&self, video: bool, bytes: usize, delay: Option<Duration>) {
        self.packets[usize::from(video)].fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        if let Some(delay) = delay {
            let micros = delay.as_secs_f64() * 1e6;
            let place = (0..BOUNDS).find(|place| micros <= bound_us(*place)).unwrap_or(BOUNDS - 1);
            self.delays[place].fetch_add(1, Ordering::Relaxed);
        }
    }

    /// What has arrived so far.
    pub fn read(&self) -> Counted {
        Counted {
            audio: self.packets[0].load(Ordering::Relaxed),
            video: self.packets[1].load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
            delays: std::array::from_fn(|place| self.delays[place].load(Ordering::Relaxed)),
        }
    }
}

impl Counted {
    /// Packets of both kinds.
    pub fn packets(&self) -> u64 {
        self.audio + self.video
    }

    /// What has arrived since an earlier reading.
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            audio: self.audio - earlier.audio,
            video: self.video - earlier.video,
            bytes: self.bytes - earlier.bytes,
            delays: std::array::from_fn(|place| self.delays[place] - earlier.delays[place]),
        }
    }

    /// The delay that so many of a thousand packets did not exceed, in milliseconds, from a client's
    /// `send` to another one's `receive`; to a quarter. `None`: nothing has arrived.
    pub fn delay_ms(&self, permille: u64) -> Option<f64> {
        let all: u64 = self.delays.iter().sum();
        let wanted = (all * permille).div_ceil(1_000).max(1);
        let mut seen = 0;
        let place = self.delays.iter().position(|count| {
            seen += count;
            seen >= wanted
        })?;
        Some(bound_us(place) / 1_000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_are_told_to_a_quarter() {
        let arrivals = Arrivals::default();
        assert_eq!(arrivals.read().delay_ms(500), None);
        (1..=100).for_each(|ms| arrivals.note(ms % 2 == 0, 10, Some(Duration::from_millis(ms))));
        let counted = arrivals.read();
        assert_eq!((counted.audio, counted.video, counted.bytes), (50, 50, 1_000));
        let median = counted.delay_ms(500).expect("something arrived");
        assert!((50.0..=62.5).contains(&median), "{median}");
        let most = counted.since(&Arrivals::default().read()).delay_ms(990).expect("something arrived");
        assert!((99.0..=124.0).contains(&most), "{most}");
    }
}
