//! How well media went: means over time, and the opinion score one may expect from them.

use wac_events::estimated_mos;

/// A mean weighted by time; nothing has been known for no time at all.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Mean {
    sum: u64,
    weight_ms: u64,
}

impl From<(u64, u64)> for Mean {
    /// The sum of values times milliseconds, and the milliseconds.
    fn from((sum, weight_ms): (u64, u64)) -> Self {
        Self { sum, weight_ms }
    }
}

impl Mean {
    /// The mean; `None`: not known.
    pub fn value(&self) -> Option<f64> {
        // Sums of years of media are far from what a float cannot hold exactly.
        (self.weight_ms > 0).then(|| self.sum as f64 / self.weight_ms as f64)
    }

    fn and(self, other: Self) -> Self {
        Self { sum: self.sum.saturating_add(other.sum), weight_ms: self.weight_ms.saturating_add(other.weight_ms) }
    }
}

/// The sum of what is known.
fn both(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    one.into_iter().chain(other).reduce(u64::saturating_add)
}

/// What the summaries of one media session, or of several, come to.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Quality {
    /// How long was measured, milliseconds.
    pub measured_ms: u64,
    /// Bytes the participant sent.
    pub bytes_sent: u64,
    /// Bytes he was sent.
    pub bytes_received: u64,
    /// How long he spoke, milliseconds.
    pub speaking_ms: u64,
    /// Lost of what he sent, thousandths.
    pub lost_sent: Mean,
    /// Lost of what he was sent, thousandths.
    pub lost_received: Mean,
    /// To the media node and back, milliseconds.
    pub round_trip: Mean,
    /// Packets lost of what he sent; `None`: not known.
    pub packets_lost_sent: Option<u64>,
    /// Packets lost of what he was sent.
    pub packets_lost_received: Option<u64>,
    /// By how much the time between packets varied of what he sent, milliseconds.
    pub jitter_sent: Mean,
    /// By how much it varied of what he was sent, milliseconds.
    pub jitter_received: Mean,
}

impl Quality {
    /// Of several sessions together.
    pub fn of<'a>(all: impl IntoIterator<Item = &'a Self>) -> Self {
        all.into_iter().fold(Self::default(), |sum, one| Self {
            measured_ms: sum.measured_ms.saturating_add(one.measured_ms),
            bytes_sent: sum.bytes_sent.saturating_add(one.bytes_sent),
            bytes_received: sum.bytes_received.saturating_add(one.bytes_received),
            speaking_ms: sum.speaking_ms.saturating_add(one.speaking_ms),
            lost_sent: sum.lost_sent.and(one.lost_sent),
            lost_received: sum.lost_received.and(one.lost_received),
            round_trip: sum.round_trip.and(one.round_trip),
            packets_lost_sent: both(sum.packets_lost_sent, one.packets_lost_sent),
            packets_lost_received: both(sum.packets_lost_received, one.packets_lost_received),
            jitter_sent: sum.jitter_sent.and(one.jitter_sent),
            jitter_received: sum.jitter_received.and(one.jitter_received),
        })
    }

    /// What he heard, as people would have judged it, 1 to 4.5: an estimate, see [`estimated_mos`].
    pub fn mos(&self) -> Option<f64> {
        Some(estimated_mos(self.lost_received.value()? / 10.0, self.round_trip.value()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_measured_is_not_known() {
        assert_eq!((Quality::default().mos(), Mean::default().value()), (None, None));
        let heard = Quality { lost_received: (10_000, 1_000).into(), ..Quality::default() };
        assert_eq!((heard.lost_received.value(), heard.mos()), (Some(10.0), None));
    }

    #[test]
    fn means_are_weighted_by_time() {
        let long = Quality { round_trip: (100 * 3_000, 3_000).into(), ..Quality::default() };
        let short = Quality { round_trip: (20 * 1_000, 1_000).into(), ..Quality::default() };
        assert_eq!(Quality::of([&long, &short]).round_trip.value(), Some(80.0));
    }
}
