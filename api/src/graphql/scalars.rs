//! Values GraphQL has no type of its own for.

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};
use wac_events::Time;

/// Largest whole number that every JSON reader keeps exactly.
const EXACT_MAX: u64 = 9_007_199_254_740_991;

/// A place in the log: 1, 2, 3 … in commit order, without gaps; 0 is before everything.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, serde::Deserialize)]
pub(super) struct Position(pub(super) u64);

/// A whole number from 0 to 2^53 - 1.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Deserialize)]
pub(super) struct Long(pub(super) u64);

/// An instant, RFC 3339.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct DateTime(pub(super) Time);

fn whole(value: &Value) -> Option<u64> {
    let number = match value {
        Value::Number(number) => number.as_u64()?,
        Value::String(text) => text.parse().ok()?,
        _ => return None,
    };
    (number <= EXACT_MAX).then_some(number)
}

/// A place in the log: 1, 2, 3 … in commit order, without gaps; 0 is before everything.
#[Scalar(name = "Position")]
impl ScalarType for Position {
    fn parse(value: Value) -> InputValueResult<Self> {
        whole(&value).map(Self).ok_or_else(|| InputValueError::custom("a position is a whole number from 0 on"))
    }

    fn to_value(&self) -> Value {
        Value::from(self.0)
    }
}

/// A whole number from 0 to 2^53 - 1.
#[Scalar(name = "Long")]
impl ScalarType for Long {
    fn parse(value: Value) -> InputValueResult<Self> {
        whole(&value).map(Self).ok_or_else(|| InputValueError::custom("a whole number from 0 to 2^53 - 1 is expected"))
    }

    fn to_value(&self) -> Value {
        Value::from(self.0)
    }
}

impl serde::Serialize for Long {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.0)
    }
}

/// An instant, RFC 3339: `2026-01-31T09:30:00Z`.
#[Scalar(name = "DateTime", specified_by_url = "https://www.rfc-editor.org/rfc/rfc3339")]
impl ScalarType for DateTime {
    fn parse(value: Value) -> InputValueResult<Self> {
        let time = if let Value::String(text) = &value { Time::parse(text) } else { None };
        time.map(Self).ok_or_else(|| InputValueError::custom("an instant is RFC 3339 text, 2026-01-31T09:30:00Z"))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

impl From<wac_events::Position> for Position {
    fn from(position: wac_events::Position) -> Self {
        Self(position.0)
    }
}

impl From<Position> for wac_events::Position {
    fn from(position: Position) -> Self {
        Self(position.0)
    }
}
