//! The read model `call_alarms`: one row each time a summary of media has broken a rule.

use wac_events::alarm::{AlarmRule, MediaAlarmAcknowledged, MediaAlarmRaised};
use wac_events::{
    AnyEvent, CodecError, DomainId, Event, MediaEvent, MediaSessionId, OpeningId, Recorded, Time, UserId,
};

use crate::fields::{Changes, Fields, int, json, time};
use crate::{Column, Projection, Row, RowChange, Table};

/// One row for each alarm, under its event's id; `rule` and `value` are JSON text.
pub static CALL_ALARMS: Table = Table {
    name: "call_alarms",
    columns: &[
        Column::text("id"),
        Column::text("domain"),
        Column::text("opening"),
        Column::text("user"),
        Column::text("media"),
        Column::text("rule"),
        Column::text("value"),
        Column::int("period"),
        Column::int("at"),
        Column::text("acknowledged_by"),
        Column::int("acknowledged_at"),
    ],
    indexed: &["domain", "user", "opening"],
};

/// Builds [`CALL_ALARMS`].
pub struct CallAlarmsProjection;

impl Projection for CallAlarmsProjection {
    fn name(&self) -> &'static str {
        "call_alarms"
    }

    fn version(&self) -> u32 {
        1
    }

    fn tables(&self) -> &'static [&'static Table] {
        const { &[&CALL_ALARMS] }
    }

    fn wants(&self) -> &'static [&'static str] {
        &["media.alarm_raised", "media.alarm_acknowledged"]
    }

    fn apply(&self, event: &Recorded) -> Result<Vec<RowChange>, CodecError> {
        Ok(change(event, &MediaEvent::decode_recorded(event)?).into_iter().collect())
    }

    fn apply_decoded(&self, event: &Recorded, decoded: &AnyEvent) -> Result<Vec<RowChange>, CodecError> {
        match decoded {
            AnyEvent::MediaSession(decoded) => Ok(change(event, decoded).into_iter().collect()),
            _ => Ok(Vec::new()),
        }
    }
}

fn change(event: &Recorded, decoded: &MediaEvent) -> Option<RowChange> {
    match decoded {
        MediaEvent::AlarmRaised(raised) => Some(row(event, raised)),
        MediaEvent::AlarmAcknowledged(noticed) => Some(notice(noticed)),
        _ => None,
    }
}

fn row(event: &Recorded, raised: &MediaAlarmRaised) -> RowChange {
    Changes::none()
        .column("domain", raised.domain.as_str())
        .column("opening", raised.opening.as_str())
        .column("user", raised.user.as_str())
        .column("media", event.stream.id())
        .column("rule", json(&raised.rule))
        .column("value", json(&raised.value))
        .column("period", int(raised.period.into()))
        .column("at", time(raised.at))
        .upsert(&CALL_ALARMS, event.event_id.0.to_string())
}

fn notice(noticed: &MediaAlarmAcknowledged) -> RowChange {
    Changes::none()
        .column("acknowledged_by", noticed.by.as_ref().map(UserId::as_str))
        .column("acknowledged_at", time(noticed.at))
        .patch(&CALL_ALARMS, noticed.alarm.0.to_string())
}

/// An alarm about a call as the read model holds it.
#[derive(Clone, Debug, PartialEq)]
pub struct CallAlarmRow {
    /// Id of its event.
    pub id: String,
    /// The domain of the room.
    pub domain: DomainId,
    /// The call.
    pub opening: OpeningId,
    /// Whose media was measured.
    pub user: UserId,
    /// The media session.
    pub media: MediaSessionId,
    /// The rule as it was.
    pub rule: AlarmRule,
    /// The value that broke it.
    pub value: f64,
    /// Of which summary.
    pub period: u64,
    /// When.
    pub at: Time,
    /// Who took notice of it; `None` with a time: an OAuth2 client.
    pub acknowledged_by: Option<UserId>,
    /// When; `None`: nobody has.
    pub acknowledged_at: Option<Time>,
}

impl CallAlarmRow {
    /// Reads a row of [`CALL_ALARMS`]; `None` if it is not one.
    pub fn from_row(row: &Row) -> Option<Self> {
        let fields = Fields(row);
        Some(Self {
            id: fields.text("id")?,
            domain: fields.id("domain")?,
            opening: fields.id("opening")?,
            user: fields.id("user")?,
            media: fields.id("media")?,
            rule: fields.json("rule")?,
            value: fields.json("value")?,
            period: fields.number("period")?,
            at: fields.time("at")?,
            acknowledged_by: fields.optional("acknowledged_by", Fields::id)?,
            acknowledged_at: fields.optional("acknowledged_at", Fields::time)?,
        })
    }
}
