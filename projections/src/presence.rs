//! The read model `presence`: whether each user is online and what he says of himself, and, until
//! they are back, the devices that were lost.

use wac_events::presence::DeviceRemoved;
use wac_events::{
    Activity, AnyEvent, CodecError, DomainId, OpenError, Patch, Personal, PresenceEvent, Recorded, SessionId,
    SubjectId, SubjectKey, Time, UserEvent, UserId,
};

use crate::fields::{Changes, Fields, json_or_null, time, word};
use crate::{Column, Projection, Row, RowChange, Table};

/// One row for each user of whom anything was ever known; `note` is JSON text, sealed.
pub static PRESENCE: Table = Table {
    name: "presence",
    columns: &[
        Column::text("user"),
        Column::text("domain"),
        Column::bool("online"),
        Column::text("activity"),
        Column::text("note"),
        Column::text("mood"),
        Column::int("since"),
        Column::int("version"),
    ],
    indexed: &["domain"],
};

/// One row for each device that was removed, until it registers again or its session ends.
///
/// Who sits where is in [`crate::PARTICIPANTS`] and who rings in [`crate::CANDIDATES`]; of a seat
/// whose device is neither registered nor here the session has ended, and its time is up.
pub static LOST_DEVICES: Table = Table {
    name: "lost_devices",
    columns: &[Column::text("session"), Column::text("user"), Column::int("leave_by"), Column::int("unring_by")],
    indexed: &["user"],
};

/// Builds [`PRESENCE`] and [`LOST_DEVICES`].
pub struct PresenceProjection;

impl Projection for PresenceProjection {
    fn name(&self) -> &'static str {
        "presence"
    }

    fn version(&self) -> u32 {
        1
    }

    fn tables(&self) -> &'static [&'static Table] {
        const { &[&PRESENCE, &LOST_DEVICES] }
    }

    fn wants(&self) -> &'static [&'static str] {
        &["presence.*", "user.changed", "user.deleted"]
    }

    fn apply(&self, event: &Recorded) -> Result<Vec<RowChange>, CodecError> {
        self.apply_decoded(event, &AnyEvent::decode_recorded(event)?)
    }

    fn apply_decoded(&self, event: &Recorded, decoded: &AnyEvent) -> Result<Vec<RowChange>, CodecError> {
        Ok(match decoded {
            AnyEvent::Presence(decoded) => changes(event, decoded),
            AnyEvent::User(decoded) => of_user(event, decoded).into_iter().collect(),
            _ => Vec::new(),
        })
    }
}

/// What an event of a user's presence does to the rows.
fn changes(event: &Recorded, decoded: &PresenceEvent) -> Vec<RowChange> {
    let mut rows = Vec::with_capacity(2);
    if event.version == 1 {
        rows.push(unknown(event));
    }
    let changes = Changes::to_version(event.version);
    let changes = match decoded {
        PresenceEvent::LoggedIn(_)
        | PresenceEvent::FirstLogin(_)
        | PresenceEvent::LastLogout(_)
        | PresenceEvent::CallEntered(_) => changes,
        PresenceEvent::LoggedOut(logout) => {
            rows.push(found(&logout.session));
            changes
        }
        PresenceEvent::DeviceRegistered(registered) => {
            rows.push(found(&registered.session));
            changes
        }
        PresenceEvent::DeviceRemoved(removed) => {
            rows.push(lost(removed));
            changes
        }
        PresenceEvent::Online(online) => changes.column("online", true).column("since", time(online.at)),
        PresenceEvent::Offline(offline) => changes.column("online", false).column("since", time(offline.at)),
        PresenceEvent::Changed(changed) => changes
            .field("activity", &changed.activity, word)
            .field("note", &changed.note, |note| json_or_null(note.as_ref()))
            .field("mood", &changed.mood, |mood| mood.as_deref().into()),
    };
    rows.push(changes.patch(&PRESENCE, event.stream.id()));
    rows
}

/// The first event of a stream makes the row.
fn unknown(event: &Recorded) -> RowChange {
    Changes::to_version(event.version)
        .column("domain", event.domain.as_ref().map(DomainId::as_str))
        .column("online", false)
        .column("activity", word(&Activity::Unknown))
        .upsert(&PRESENCE, event.stream.id())
}

fn lost(removed: &DeviceRemoved) -> RowChange {
    Changes::none()
        .column("user", removed.user.as_str())
        .column("leave_by", time(removed.leave_by))
        .column("unring_by", time(removed.unring_by))
        .upsert(&LOST_DEVICES, removed.session.as_str())
}

fn found(session: &SessionId) -> RowChange {
    RowChange::Delete { table: &LOST_DEVICES, key: session.as_str().to_owned() }
}

/// A user who moves takes his presence along; of one who is gone nothing stays.
fn of_user(event: &Recorded, decoded: &UserEvent) -> Option<RowChange> {
    let key = event.stream.id();
    match decoded {
        UserEvent::Changed(changed) => match &changed.domain {
            Patch::Set(domain) => Some(Changes::none().column("domain", domain.as_str()).patch(&PRESENCE, key)),
            Patch::Keep => None,
        },
        UserEvent::Deleted(_) => Some(RowChange::Delete { table: &PRESENCE, key: key.to_owned() }),
        UserEvent::Created(_) => None,
    }
}

/// A user's presence as the read model holds it.
#[derive(Clone, Debug, PartialEq)]
pub struct PresenceRow {
    /// Whose.
    pub user: UserId,
    /// His domain.
    pub domain: DomainId,
    /// Whether any device of his can be reached.
    pub online: bool,
    /// What he is doing.
    pub activity: Activity,
    /// A free text.
    pub note: Option<Personal>,
    /// How he feels.
    pub mood: Option<String>,
    /// When he went online or offline; `None`: he has never been online.
    pub since: Option<Time>,
    /// Version of his presence's stream.
    pub version: u64,
}

impl PresenceRow {
    /// Reads a row of [`PRESENCE`]; `None` if it is not one.
    pub fn from_row(row: &Row) -> Option<Self> {
        let fields = Fields(row);
        Some(Self {
            user: fields.id("user")?,
            domain: fields.id("domain")?,
            online: fields.bool("online")?,
            activity: fields.word("activity")?,
            note: fields.optional_personal("note")?,
            mood: fields.optional("mood", Fields::text)?,
            since: fields.optional("since", Fields::time)?,
            version: fields.number("version")?,
        })
    }

    /// Whose key opens this row.
    pub fn subject(&self) -> SubjectId {
        SubjectId::of_user(&self.user)
    }

    /// Opens the note with the subject's key; without one it becomes erased.
    pub fn open(&mut self, key: Option<&SubjectKey>) -> Result<(), OpenError> {
        self.note.as_mut_slice().iter_mut().try_for_each(|note| note.0.open("note", key))
    }
}

/// A device that was removed and is not back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LostDeviceRow {
    /// The device.
    pub session: SessionId,
    /// Whose.
    pub user: UserId,
    /// When it loses its seats.
    pub leave_by: Time,
    /// When it ceases to ring, and what it sent is cancelled.
    pub unring_by: Time,
}

impl LostDeviceRow {
    /// Reads a row of [`LOST_DEVICES`]; `None` if it is not one.
    pub fn from_row(row: &Row) -> Option<Self> {
        let fields = Fields(row);
        Some(Self {
            session: fields.id("session")?,
            user: fields.id("user")?,
            leave_by: fields.time("leave_by")?,
            unring_by: fields.time("unring_by")?,
        })
    }
}
