//! The read model `clients`: one row for each registered OAuth2 client.

use wac_events::{AnyEvent, ClientEvent, ClientId, CodecError, DomainId, Event, GrantKind, Recorded, Time};

use crate::fields::{Changes, Fields, int_or_null, json, time};
use crate::{Column, Projection, Row, RowChange, Table, Value};

/// One row for each client; `redirect_uris` and `grants` are JSON text.
pub static CLIENTS: Table = Table {
    name: "clients",
    columns: &[
        Column::text("id"),
        Column::text("name"),
        Column::text("redirect_uris"),
        Column::text("grants"),
        Column::text("domain"),
        Column::bool("trusted"),
        Column::int("access_token_expiration_s"),
        Column::int("refresh_token_expiration_s"),
        Column::text("secret_hash"),
        Column::int("created_at"),
        Column::int("version"),
    ],
    indexed: &["domain"],
};

/// Builds [`CLIENTS`].
pub struct ClientsProjection;

impl Projection for ClientsProjection {
    fn name(&self) -> &'static str {
        "clients"
    }

    fn version(&self) -> u32 {
        1
    }

    fn tables(&self) -> &'static [&'static Table] {
        const { &[&CLIENTS] }
    }

    fn wants(&self) -> &'static [&'static str] {
        &["client.*"]
    }

    fn apply(&self, event: &Recorded) -> Result<Vec<RowChange>, CodecError> {
        Ok(changes(event, &ClientEvent::decode_recorded(event)?))
    }

    fn apply_decoded(&self, event: &Recorded, decoded: &AnyEvent) -> Result<Vec<RowChange>, CodecError> {
        match decoded {
            AnyEvent::Client(decoded) => Ok(changes(event, decoded)),
            _ => Ok(Vec::new()),
        }
    }
}

/// What a client's event does to its row.
fn changes(event: &Recorded, decoded: &ClientEvent) -> Vec<RowChange> {
    let table = &CLIENTS;
    let key = event.stream.id().to_owned();
    vec![match decoded {
        ClientEvent::Created(created) => RowChange::Upsert {
            table,
            key: created.id.as_str().to_owned(),
            set: Changes::row(table, event.version)
                .column("name", created.name.as_str())
                .column("redirect_uris", json(&created.redirect_uris))
                .column("grants", json(&created.grants))
                .column("domain", created.domain.as_str())
                .column("trusted", created.trusted)
                .column("access_token_expiration_s", int_or_null(created.access_token_expiration_s))
                .column("refresh_token_expiration_s", int_or_null(created.refresh_token_expiration_s))
                .column("secret_hash", created.secret_hash.as_deref())
                .column("created_at", time(created.at))
                .into_set(),
        },
        ClientEvent::Changed(changed) => RowChange::Patch {
            table,
            key,
            set: Changes::to_version(event.version)
                .field("name", &changed.name, |name| name.as_str().into())
                .field("redirect_uris", &changed.redirect_uris, json)
                .field("grants", &changed.grants, json)
                .field("trusted", &changed.trusted, |trusted| Value::Bool(*trusted))
                .field("access_token_expiration_s", &changed.access_token_expiration_s, |s| int_or_null(*s))
                .field("refresh_token_expiration_s", &changed.refresh_token_expiration_s, |s| int_or_null(*s))
                .into_set(),
        },
        ClientEvent::SecretRotated(rotated) => RowChange::Patch {
            table,
            key,
            set: Changes::to_version(event.version).column("secret_hash", rotated.secret_hash.as_str()).into_set(),
        },
        ClientEvent::Deleted(_) => RowChange::Delete { table, key },
    }]
}

/// A client as the read model holds it.
#[derive(Clone, Debug, PartialEq)]
pub struct ClientRow {
    /// Its id.
    pub id: ClientId,
    /// Its name, for people.
    pub name: String,
    /// Where an authorization answer may go.
    pub redirect_uris: Vec<String>,
    /// How it may obtain tokens.
    pub grants: Vec<GrantKind>,
    /// The domain it belongs to.
    pub domain: DomainId,
    /// Whether users are not asked for consent.
    pub trusted: bool,
    /// Lifetime of its access tokens in seconds; `None`: the platform's default.
    pub access_token_expiration_s: Option<u64>,
    /// Lifetime of its refresh tokens in seconds; `None`: the platform's default.
    pub refresh_token_expiration_s: Option<u64>,
    /// SHA-256 of its secret, hex; `None`: a public client.
    pub secret_hash: Option<String>,
    /// When it was registered.
    pub created_at: Time,
    /// Version of its stream.
    pub version: u64,
}

impl ClientRow {
    /// Reads a row of [`CLIENTS`]; `None` if it is not one.
    pub fn from_row(row: &Row) -> Option<Self> {
        let fields = Fields(row);
        Some(Self {
            id: fields.id("id")?,
            name: fields.text("name")?,
            redirect_uris: fields.json("redirect_uris")?,
            grants: fields.json("grants")?,
            domain: fields.id("domain")?,
            trusted: fields.bool("trusted")?,
            access_token_expiration_s: fields.optional("access_token_expiration_s", Fields::number)?,
            refresh_token_expiration_s: fields.optional("refresh_token_expiration_s", Fields::number)?,
            secret_hash: fields.optional("secret_hash", Fields::text)?,
            created_at: fields.time("created_at")?,
            version: fields.number("version")?,
        })
    }
}
