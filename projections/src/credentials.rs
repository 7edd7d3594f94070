//! The read model `credentials`: one row for each credential that has not been revoked.

use serde_json::Map;
use wac_events::credential::read_free_data;
use wac_events::{
    AnyEvent, CodecError, CredentialEvent, CredentialId, CredentialKind, DomainId, Event, OpenError, Personal,
    Recorded, Secret, SubjectId, SubjectKey, Time, TokenId, UserId,
};

use crate::fields::{Changes, Fields, int, personal, secret, time};
use crate::{Column, Projection, Row, RowChange, Table, Value};

/// One row for each credential; `context` and `data` are JSON text, both sealed, but for contexts that stand in the
/// log in clear (version 1) and empty ones.
pub static CREDENTIALS: Table = Table {
    name: "credentials",
    columns: &[
        Column::text("id"),
        Column::text("kind"),
        Column::text("source"),
        Column::text("context"),
        Column::text("domain"),
        Column::text("user"),
        Column::text("identity_key"),
        Column::text("data"),
        Column::int("lease_s"),
        Column::text("leased_by"),
        Column::int("leased_until"),
        Column::int("created_at"),
        Column::int("version"),
    ],
    indexed: &["user", "domain", "kind", "identity_key"],
};

/// Builds [`CREDENTIALS`].
pub struct CredentialsProjection;

impl Projection for CredentialsProjection {
    fn name(&self) -> &'static str {
        "credentials"
    }

    fn version(&self) -> u32 {
        2
    }

    fn tables(&self) -> &'static [&'static Table] {
        const { &[&CREDENTIALS] }
    }

    fn wants(&self) -> &'static [&'static str] {
        &["credential.*"]
    }

    fn apply(&self, event: &Recorded) -> Result<Vec<RowChange>, CodecError> {
        Ok(changes(event, &CredentialEvent::decode_recorded(event)?))
    }

    fn apply_decoded(&self, event: &Recorded, decoded: &AnyEvent) -> Result<Vec<RowChange>, CodecError> {
        match decoded {
            AnyEvent::Credential(decoded) => Ok(changes(event, decoded)),
            _ => Ok(Vec::new()),
        }
    }
}

/// What a credential's event does to its row.
fn changes(event: &Recorded, decoded: &CredentialEvent) -> Vec<RowChange> {
    let table = &CREDENTIALS;
    let key = event.stream.id().to_owned();
    vec![match decoded {
        CredentialEvent::Created(created) => RowChange::Upsert {
            table,
            key: created.id.as_str().to_owned(),
            set: Changes::row(table, event.version)
                .column("kind", created.kind.as_str())
                .column("source", created.source.as_str())
                .column("context", created.context.as_ref().map_or_else(|| "{}".into(), free_data))
                .column("domain", created.domain.as_str())
                .column("user", created.user.as_ref().map(UserId::as_str))
                .column("identity_key", created.identity_key.as_deref())
                .column("data", secret(&created.data))
                .column("lease_s", int(created.lease_s))
                .column("created_at", time(created.at))
                .into_set(),
        },
        CredentialEvent::Changed(changed) => RowChange::Patch {
            table,
            key,
            set: Changes::to_version(event.version)
                .field("source", &changed.source, |source| source.as_str().into())
                .field("context", &changed.context, free_data)
                .field("identity_key", &changed.identity_key, |identity_key| identity_key.as_str().into())
                .field("data", &changed.data, secret)
                .field("lease_s", &changed.lease_s, |seconds| int(*seconds))
                .into_set(),
        },
        CredentialEvent::Leased(leased) => RowChange::Patch {
            table,
            key,
            set: Changes::to_version(event.version)
                .column("leased_by", leased.holder.as_str())
                .column("leased_until", time(leased.until))
                .into_set(),
        },
        CredentialEvent::LeaseReleased(_) => RowChange::Patch {
            table,
            key,
            set: Changes::to_version(event.version)
                .column("leased_by", Value::Null)
                .column("leased_until", Value::Null)
                .into_set(),
        },
        CredentialEvent::Moved(moved) => RowChange::Patch {
            table,
            key,
            set: match &moved.identity_key {
                Some(identity_key) => Changes::to_version(event.version).column("identity_key", identity_key.as_str()),
                None => Changes::to_version(event.version),
            }
            .column("domain", moved.domain.as_str())
            .into_set(),
        },
        CredentialEvent::Revoked(_) => RowChange::Delete { table, key },
    }]
}

/// An application's free data: sealed, or as the log has it in clear.
fn free_data(context: &Personal) -> Value {
    context.clear().map_or_else(|| personal(context), Value::from)
}

/// A credential as the read model holds it.
#[derive(Clone, Debug, PartialEq)]
pub struct CredentialRow {
    /// Its id.
    pub id: CredentialId,
    /// What it opens.
    pub kind: CredentialKind,
    /// Who gave it out.
    pub source: String,
    /// Free data of the application, the JSON of an object.
    pub context: Personal,
    /// Its domain.
    pub domain: DomainId,
    /// Its owner; `None`: the domain's anonymous pool.
    pub user: Option<UserId>,
    /// Of a `sip-mapping`: keyed hash of its identity in the domain.
    pub identity_key: Option<String>,
    /// For `basic` the hash of the password (PHC string), else the JSON of `data`.
    pub data: Secret,
    /// Registration lifetime in seconds; 0 leaves it to the gateway.
    pub lease_s: u64,
    /// The token family of the guest it serves, until it is released or `leased_until` has passed.
    pub leased_by: Option<TokenId>,
    /// When the lease ends by itself.
    pub leased_until: Option<Time>,
    /// When it came into being.
    pub created_at: Time,
    /// Version of its stream.
    pub version: u64,
}

impl CredentialRow {
    /// Reads a row of [`CREDENTIALS`]; `None` if it is not one.
    pub fn from_row(row: &Row) -> Option<Self> {
        let fields = Fields(row);
        let mut row = Self {
            id: fields.id("id")?,
            kind: CredentialKind::parse(&fields.text("kind")?)?,
            source: fields.text("source")?,
            context: Personal::new(fields.text("context")?),
            domain: fields.id("domain")?,
            user: fields.optional("user", Fields::id)?,
            identity_key: fields.optional("identity_key", Fields::text)?,
            data: fields.json("data")?,
            lease_s: fields.number("lease_s")?,
            leased_by: fields.optional("leased_by", Fields::id)?,
            leased_until: fields.optional("leased_until", Fields::time)?,
            created_at: fields.time("created_at")?,
            version: fields.number("version")?,
        };
        // Only a field of its own subject is a sealed one: data in clear may look like anything.
        let sealed = fields.json::<Personal>("context");
        if let Some(sealed) = sealed.filter(|sealed| sealed.0.subject() == Some(row.subject())) {
            row.context = sealed;
        }
        Some(row)
    }

    /// Whose key opens this row: the owner's, or the domain's for the anonymous pool.
    pub fn subject(&self) -> SubjectId {
        self.user.as_ref().map_or_else(|| SubjectId::of_domain(&self.domain), SubjectId::of_user)
    }

    /// Opens what is sealed with the subject's key; without one it becomes erased.
    pub fn open(&mut self, key: Option<&SubjectKey>) -> Result<(), OpenError> {
        self.data.0.open("data", key)?;
        self.context.0.open("context", key)
    }

    /// The opened free data; empty once it has been erased.
    pub fn free_data(&self) -> Map<String, serde_json::Value> {
        read_free_data(&self.context)
    }
}
