//! The read model `login_alarms`: one row each time log-ins failed too often.

use wac_events::{AnyEvent, CodecError, DomainId, Event, LoginEvent, Recorded, Time, UserId};

use crate::fields::{Changes, Fields, int, time};
use crate::{Column, Projection, Row, RowChange, Table};

/// One row for each alarm, under its event's id; `login` is the keyed hash of the name that was tried.
pub static LOGIN_ALARMS: Table = Table {
    name: "login_alarms",
    columns: &[
        Column::text("id"),
        Column::text("domain"),
        Column::text("user"),
        Column::int("failures"),
        Column::int("window_s"),
        Column::int("at"),
        Column::text("login"),
        Column::text("acknowledged_by"),
        Column::int("acknowledged_at"),
    ],
    indexed: &["domain", "user"],
};

/// Builds [`LOGIN_ALARMS`].
pub struct LoginAlarmsProjection;

impl Projection for LoginAlarmsProjection {
    fn name(&self) -> &'static str {
        "login_alarms"
    }

    fn version(&self) -> u32 {
        2
    }

    fn tables(&self) -> &'static [&'static Table] {
        const { &[&LOGIN_ALARMS] }
    }

    fn wants(&self) -> &'static [&'static str] {
        &["login.alarm_raised", "login.alarm_acknowledged"]
    }

    fn apply(&self, event: &Recorded) -> Result<Vec<RowChange>, CodecError> {
        Ok(change(event, &LoginEvent::decode_recorded(event)?).into_iter().collect())
    }

    fn apply_decoded(&self, event: &Recorded, decoded: &AnyEvent) -> Result<Vec<RowChange>, CodecError> {
        match decoded {
            AnyEvent::Login(decoded) => Ok(change(event, decoded).into_iter().collect()),
            _ => Ok(Vec::new()),
        }
    }
}

fn change(event: &Recorded, decoded: &LoginEvent) -> Option<RowChange> {
    match decoded {
        LoginEvent::Failed(_) => None,
        LoginEvent::AlarmRaised(alarm) => Some(
            Changes::none()
                .column("domain", alarm.domain.as_str())
                .column("user", alarm.user.as_ref().map(UserId::as_str))
                .column("failures", i64::from(alarm.failures))
                .column("window_s", int(alarm.window_s))
                .column("at", time(alarm.at))
                .column("login", event.stream.id())
                .upsert(&LOGIN_ALARMS, event.event_id.0.to_string()),
        ),
        LoginEvent::AlarmAcknowledged(noticed) => Some(
            Changes::none()
                .column("acknowledged_by", noticed.by.as_ref().map(UserId::as_str))
                .column("acknowledged_at", time(noticed.at))
                .patch(&LOGIN_ALARMS, noticed.alarm.0.to_string()),
        ),
    }
}

/// An alarm about log-ins as the read model holds it.
#[derive(Clone, Debug, PartialEq)]
pub struct LoginAlarmRow {
    /// Id of its event.
    pub id: String,
    /// The domain tried.
    pub domain: DomainId,
    /// The user, if there is one of that name.
    pub user: Option<UserId>,
    /// Failures within the window.
    pub failures: u64,
    /// The window.
    pub window_s: u64,
    /// When.
    pub at: Time,
    /// The keyed hash of the name that was tried: its stream is `login-<this>`.
    pub login: String,
    /// Who took notice of it; `None` with a time: an OAuth2 client.
    pub acknowledged_by: Option<UserId>,
    /// When; `None`: nobody has.
    pub acknowledged_at: Option<Time>,
}

impl LoginAlarmRow {
    /// Reads a row of [`LOGIN_ALARMS`]; `None` if it is not one.
    pub fn from_row(row: &Row) -> Option<Self> {
        let fields = Fields(row);
        Some(Self {
            id: fields.text("id")?,
            domain: fields.id("domain")?,
            user: fields.optional("user", Fields::id)?,
            failures: fields.number("failures")?,
            window_s: fields.number("window_s")?,
            at: fields.time("at")?,
            login: fields.text("login")?,
            acknowledged_by: fields.optional("acknowledged_by", Fields::id)?,
            acknowledged_at: fields.optional("acknowledged_at", Fields::time)?,
        })
    }
}
