//! The lines of an exported log: a header, events in log order, keys, an end.
//!
//! Payloads and metadata are carried as they stand in the log: personal fields stay sealed.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;
use wac_events::{DomainId, EventId, Position, Recorded, StreamId, Time};

/// Version of this format.
pub(super) const FORMAT_VERSION: u32 = 1;

/// One line.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Line {
    /// The first.
    WacLog(Header),
    /// One event.
    Event(Box<Event>),
    /// One subject's key.
    Key(Key),
    /// The last; without it the file has been cut off.
    End(End),
}

/// What the file holds.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Header {
    /// [`FORMAT_VERSION`].
    pub(super) version: u32,
    /// Last position of the log when the export began.
    pub(super) head: Position,
    /// When that was.
    pub(super) exported_at: Time,
    /// Tells whether two deployments have one master key, without telling the key.
    pub(super) master_key_check: String,
    /// Whether keys are carried.
    pub(super) with_keys: bool,
}

/// One event.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Event {
    position: Position,
    stream: StreamId,
    version: u64,
    id: Uuid,
    #[serde(rename = "type")]
    event_type: String,
    schema_version: u32,
    domain: Option<DomainId>,
    occurred_at: Time,
    recorded_at: Time,
    meta: Box<RawValue>,
    data: Box<RawValue>,
}

/// One subject's key, or that there is none any more.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Key {
    /// Whose.
    pub(super) subject: String,
    /// The key under the deployment's master key, hexadecimal; left out: erased, or not carried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) wrapped: Option<String>,
}

/// How many lines there were.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct End {
    /// Events.
    pub(super) events: u64,
    /// Keys.
    pub(super) keys: u64,
}

/// Purpose and text whose keyed hash is [`Header::master_key_check`].
pub(super) const MASTER_KEY_CHECK: (&str, &str) = ("log-export", "master key");

impl Event {
    /// An event as a line; fails if its payload is no JSON.
    pub(super) fn of(recorded: &Recorded) -> serde_json::Result<Self> {
        Ok(Self {
            position: recorded.position,
            stream: recorded.stream.clone(),
            version: recorded.version,
            id: recorded.event_id.0,
            event_type: recorded.event_type.to_string(),
            schema_version: recorded.schema_version,
            domain: recorded.domain.clone(),
            occurred_at: recorded.occurred_at,
            recorded_at: recorded.recorded_at,
            meta: RawValue::from_string(recorded.meta.clone())?,
            data: RawValue::from_string(recorded.data.clone())?,
        })
    }

    /// The event a line stands for.
    pub(super) fn into_recorded(self) -> Recorded {
        Recorded {
            position: self.position,
            stream: self.stream,
            version: self.version,
            event_id: EventId(self.id),
            event_type: self.event_type.into(),
            schema_version: self.schema_version,
            domain: self.domain,
            data: self.data.get().to_owned(),
            meta: self.meta.get().to_owned(),
            occurred_at: self.occurred_at,
            recorded_at: self.recorded_at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_survives_its_line_to_the_byte() {
        let recorded = Recorded {
            position: Position(7),
            stream: StreamId::from("user-1"),
            version: 2,
            event_id: EventId(Uuid::from_u128(5)),
            event_type: "user.changed".into(),
            schema_version: 1,
            domain: Some(DomainId::from("d")),
            data: r#"{"a":1.50,"b":{"$personal":"1.x"}}"#.to_owned(),
            meta: r#"{"actor":{"kind":"system","id":"seed"}}"#.to_owned(),
            occurred_at: Time::from_micros(1_234_567),
            recorded_at: Time::from_micros(1_234_999),
        };
        let line = serde_json::to_string(&Line::Event(Box::new(Event::of(&recorded).unwrap()))).unwrap();
        let Line::Event(event) = serde_json::from_str(&line).unwrap() else { panic!("an event: {line}") };
        assert_eq!(event.into_recorded(), recorded);
    }
}
