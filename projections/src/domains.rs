//! The read model `domains`: one row for each domain there is.

use wac_events::domain::Services;
use wac_events::{AnyEvent, CodecError, DomainEvent, DomainId, Event, Recorded, Time};

use crate::fields::{Changes, Fields, int, json, json_or_null, time};
use crate::{Column, Projection, Row, RowChange, Table, Value};

/// One row for each domain; `origins`, `anonymous_capabilities` and `services` are JSON text.
pub static DOMAINS: Table = Table {
    name: "domains",
    columns: &[
        Column::text("id"),
        Column::text("name"),
        Column::text("parent"),
        Column::text("origins"),
        Column::bool("enable_anonymous"),
        Column::int("anonymous_expiration_ms"),
        Column::text("anonymous_capabilities"),
        Column::text("services"),
        Column::bool("closing"),
        Column::int("created_at"),
        Column::int("version"),
    ],
    indexed: &["name", "parent"],
};

/// Builds [`DOMAINS`].
pub struct DomainsProjection;

impl Projection for DomainsProjection {
    fn name(&self) -> &'static str {
        "domains"
    }

    fn version(&self) -> u32 {
        1
    }

    fn tables(&self) -> &'static [&'static Table] {
        const { &[&DOMAINS] }
    }

    fn wants(&self) -> &'static [&'static str] {
        &["domain.*"]
    }

    fn apply(&self, event: &Recorded) -> Result<Vec<RowChange>, CodecError> {
        Ok(changes(event, &DomainEvent::decode_recorded(event)?))
    }

    fn apply_decoded(&self, event: &Recorded, decoded: &AnyEvent) -> Result<Vec<RowChange>, CodecError> {
        match decoded {
            AnyEvent::Domain(decoded) => Ok(changes(event, decoded)),
            _ => Ok(Vec::new()),
        }
    }
}

/// What a domain's event does to its row.
fn changes(event: &Recorded, decoded: &DomainEvent) -> Vec<RowChange> {
    let key = event.stream.id().to_owned();
    let table = &DOMAINS;
    vec![match decoded {
        DomainEvent::Created(created) => RowChange::Upsert {
            table,
            key: created.id.as_str().to_owned(),
            set: Changes::row(table, event.version)
                .column("name", created.name.as_str())
                .column("parent", created.parent.as_ref().map(DomainId::as_str))
                .column("origins", json(&created.origins))
                .column("enable_anonymous", created.enable_anonymous)
                .column("anonymous_expiration_ms", int(created.anonymous_expiration_ms))
                .column("anonymous_capabilities", json(&created.anonymous_capabilities))
                .column("services", json_or_null(created.services.as_ref()))
                .column("closing", false)
                .column("created_at", time(created.at))
                .into_set(),
        },
        DomainEvent::Changed(changed) => RowChange::Patch {
            table,
            key,
            set: Changes::to_version(event.version)
                .field("name", &changed.name, |name| name.as_str().into())
                .field("parent", &changed.parent, |parent| parent.as_ref().map(DomainId::as_str).into())
                .field("origins", &changed.origins, json)
                .field("enable_anonymous", &changed.enable_anonymous, |enabled| Value::Bool(*enabled))
                .field("anonymous_expiration_ms", &changed.anonymous_expiration_ms, |millis| int(*millis))
                .field("anonymous_capabilities", &changed.anonymous_capabilities, json)
                .field("services", &changed.services, |services| json_or_null(services.as_ref()))
                .into_set(),
        },
        DomainEvent::Closing(_) => {
            RowChange::Patch { table, key, set: Changes::to_version(event.version).column("closing", true).into_set() }
        }
        DomainEvent::Deleted(_) => RowChange::Delete { table, key },
    }]
}

/// A domain as the read model holds it.
#[derive(Clone, Debug, PartialEq)]
pub struct DomainRow {
    /// Its id.
    pub id: DomainId,
    /// Its name, lower case.
    pub name: String,
    /// Its parent; `None` only for the base domain.
    pub parent: Option<DomainId>,
    /// Patterns that map an anonymous log-in to this domain; `None` among them matches nothing.
    pub origins: Vec<Option<String>>,
    /// Whether guests may log in.
    pub enable_anonymous: bool,
    /// How long a guest's access token lasts, in milliseconds; 0: the default lifetime.
    pub anonymous_expiration_ms: u64,
    /// Forced (`+name`) and pruned (`-name`) capabilities of guests.
    pub anonymous_capabilities: Vec<String>,
    /// The services given; `None` inherits the parent's.
    pub services: Option<Services>,
    /// Whether it is being removed.
    pub closing: bool,
    /// When it came into being.
    pub created_at: Time,
    /// Version of its stream.
    pub version: u64,
}

impl DomainRow {
    /// Reads a row of [`DOMAINS`]; `None` if it is not one.
    pub fn from_row(row: &Row) -> Option<Self> {
        let fields = Fields(row);
        Some(Self {
            id: fields.id("id")?,
            name: fields.text("name")?,
            parent: fields.optional("parent", Fields::id)?,
            origins: fields.json("origins")?,
            enable_anonymous: fields.bool("enable_anonymous")?,
            anonymous_expiration_ms: fields.number("anonymous_expiration_ms")?,
            anonymous_capabilities: fields.json("anonymous_capabilities")?,
            services: fields.optional("services", Fields::json)?,
            closing: fields.bool("closing")?,
            created_at: fields.time("created_at")?,
            version: fields.number("version")?,
        })
    }
}
