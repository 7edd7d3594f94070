//! Time as a value: pure code gets it, it never asks for it.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use uuid::Uuid;

/// An instant, to the microsecond. RFC 3339 in UTC on the wire.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Time(Timestamp);

impl Time {
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Time = Time(Timestamp::UNIX_EPOCH);

    /// From a timestamp; what is finer than a microsecond is cut.
    pub fn new(timestamp: Timestamp) -> Self {
        Self::from_micros(timestamp.as_microsecond())
    }

    /// From microseconds since the epoch; out of range becomes the nearest representable instant.
    pub fn from_micros(micros: i64) -> Self {
        let fallback = if micros < 0 { Timestamp::MIN } else { Timestamp::MAX };
        Self(Timestamp::from_microsecond(micros).unwrap_or(fallback))
    }

    /// From milliseconds since the epoch, the unit of SAPI's times.
    pub fn from_millis(millis: i64) -> Self {
        Self::from_micros(millis.saturating_mul(1000))
    }

    /// Microseconds since the epoch.
    pub fn micros(self) -> i64 {
        self.0.as_microsecond()
    }

    /// Milliseconds since the epoch, the unit of SAPI's times.
    pub fn millis(self) -> i64 {
        self.0.as_millisecond()
    }

    /// This instant plus `duration`, at most the last representable instant.
    pub fn plus(self, duration: Duration) -> Self {
        let micros = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        Self::from_micros(self.micros().saturating_add(micros))
    }

    /// This instant less `duration`, at least the first representable instant.
    pub fn minus(self, duration: Duration) -> Self {
        let micros = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        Self::from_micros(self.micros().saturating_sub(micros))
    }

    /// How long after `earlier` this is; zero if it is not.
    pub fn since(self, earlier: Time) -> Duration {
        let micros = self.micros().saturating_sub(earlier.micros());
        Duration::from_micros(u64::try_from(micros).unwrap_or(0))
    }

    /// Reads RFC 3339.
    pub fn parse(text: &str) -> Option<Self> {
        text.parse::<Timestamp>().ok().map(Self::new)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TimeText)
    }
}

/// Reads a time on the wire: the form we write by the digit, every other RFC 3339 form by `jiff`.
struct TimeText;

impl Visitor<'_> for TimeText {
    type Value = Time;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a time in RFC 3339")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Time, E> {
        match own_form(text.as_bytes()).and_then(|micros| Timestamp::from_microsecond(micros).ok()) {
            Some(timestamp) => Ok(Time(timestamp)),
            None => text.parse().map(Time).map_err(E::custom),
        }
    }
}

/// Microseconds since the epoch of `2026-01-31T12:00:00Z`, with a fraction of up to six digits if
/// there is one; `None`: written in another way, or not a time.
fn own_form(text: &[u8]) -> Option<i64> {
    let (seconds, rest) = text.split_at_checked(19)?;
    let digits = |from: usize, to: usize| number(&seconds[from..to]);
    let marks = [4, 7, 10, 13, 16].map(|at| seconds[at]);
    let fraction = match rest {
        b"Z" => 0,
        [b'.', digits @ .., b'Z'] if (1..=6).contains(&digits.len()) => {
            number(digits)? * 10_i64.pow(u32::try_from(6 - digits.len()).ok()?)
        }
        _ => return None,
    };
    let (year, month, day) = (digits(0, 4)?, digits(5, 7)?, digits(8, 10)?);
    let (hour, minute, second) = (digits(11, 13)?, digits(14, 16)?, digits(17, 19)?);
    let in_range = (1..=12).contains(&month) && (1..=days_in(year, month)).contains(&day);
    if marks != *b"--T::" || !in_range || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let seconds = ((days_since_epoch(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
    Some(seconds * 1_000_000 + fraction)
}

fn number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0, |number, digit| digit.is_ascii_digit().then(|| number * 10 + i64::from(digit - b'0')))
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 in the Gregorian calendar. Years begin in March here, so that the leap day
/// comes last and every month begins `(153 m + 2) / 5` days after them.
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    const FROM_MARCH_OF_YEAR_0: i64 = 719_468;
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leap_days + (153 * month + 2) / 5 + day - 1 - FROM_MARCH_OF_YEAR_0
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl JsonSchema for Time {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Time".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date-time", "description": "RFC 3339, UTC." })
    }
}

/// What pure code needs from the outside: the clock and randomness. Simulations bring their own.
pub trait Environment: Send + Sync + 'static {
    /// The present.
    fn now(&self) -> Time;

    /// Fills `out` with unpredictable bytes.
    fn fill(&self, out: &mut [u8]);

    /// A new UUIDv7 of the present.
    fn new_uuid(&self) -> Uuid {
        let mut random = [0u8; 10];
        self.fill(&mut random);
        let millis = u64::try_from(self.now().millis()).unwrap_or(0);
        uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Both readings of one text: by the digit, and by `jiff`.
    fn both(text: &str) -> (Option<Time>, Option<Time>) {
        (own_form(text.as_bytes()).map(Time::from_micros), text.parse().map(Time).ok())
    }

    #[test]
    fn every_time_we_write_is_read_by_the_digit_and_comes_out_the_same() {
        let step_micros = 7_919_000_123_457;
        let (first, last) = (Time::parse("0000-01-01T00:00:00Z"), Time::parse("9999-12-30T00:00:00Z"));
        let (first, last) = (first.map_or(0, Time::micros), last.map_or(0, Time::micros));
        for micros in (first..=last).step_by(step_micros) {
            for unit in [1, 1_000, 1_000_000] {
                let time = Time::from_micros(micros / unit * unit);
                assert_eq!(both(&time.to_string()), (Some(time), Some(time)), "{time}");
            }
        }
        assert!(first < 0 && last > 0);
    }

    #[test]
    fn leap_days_and_the_ends_of_months_are_known() {
        for year in [1900, 1970, 2000, 2023, 2024, 2100] {
            for (month, day) in (1..=12).flat_map(|month| (27..=32).map(move |day| (month, day))) {
                let text = format!("{year}-{month:02}-{day:02}T23:59:59.5Z");
                let (ours, jiffs) = both(&text);
                assert_eq!(ours, jiffs, "{text}");
            }
        }
    }

    #[test]
    fn what_is_written_in_another_way_is_left_to_jiff() {
        let others = [
            "",
            "2026",
            "2026-01-31",
            "2026-01-31t12:00:00Z",
            "2026-01-31T12:00:00z",
            "2026-01-31T12:00:00+01:00",
            "2026-01-31T12:00:60Z",
            "2026-01-31T24:00:00Z",
            "2026-01-31T12:00:00.Z",
            "2026-01-31T12:00:00.1234567Z",
            "2026-01-31 12:00:00Z",
            "2026-1-31T12:00:00Z0",
            "+026-01-31T12:00:00Z",
            "2026-01-31T12:00:00\u{e9}Z",
        ];
        for text in others {
            assert_eq!(own_form(text.as_bytes()), None, "{text}");
        }
        let read = |text: &str| serde_json::from_str::<Time>(&format!("{text:?}")).ok();
        assert_eq!(read("2026-01-31T12:00:00+01:00"), Time::parse("2026-01-31T11:00:00Z"));
        assert_eq!(read("2026-01-32T12:00:00Z"), None);
    }
}
