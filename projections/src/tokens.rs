//! The read model `tokens`: one row for each token family, revoked ones included, and one for each
//! refresh token that was used up, so that its reuse is noticed.

use wac_events::{
    AnyEvent, ClientId, CodecError, DomainId, Event, GrantKind, Recorded, Role, Time, TokenEvent, TokenId, UserId,
};

use crate::fields::{Changes, Fields, time};
use crate::{Column, Projection, Row, RowChange, Table, Value};

/// One row for each token family.
pub static TOKENS: Table = Table {
    name: "tokens",
    columns: &[
        Column::text("id"),
        Column::text("grant"),
        Column::text("user"),
        Column::text("client"),
        Column::text("domain"),
        Column::text("role"),
        Column::text("access_hash"),
        Column::int("access_expires_at"),
        Column::text("refresh_hash"),
        Column::int("refresh_expires_at"),
        Column::int("issued_at"),
        Column::bool("revoked"),
        Column::int("version"),
    ],
    indexed: &["user", "access_hash", "refresh_hash", "client", "domain"],
};

/// One row for each used-up refresh token, by its hash; `token` is the family.
pub static USED_REFRESH_TOKENS: Table =
    Table { name: "used_refresh_tokens", columns: &[Column::text("hash"), Column::text("token")], indexed: &["token"] };

/// Builds [`TOKENS`] and [`USED_REFRESH_TOKENS`].
pub struct TokensProjection;

impl Projection for TokensProjection {
    fn name(&self) -> &'static str {
        "tokens"
    }

    fn version(&self) -> u32 {
        1
    }

    fn tables(&self) -> &'static [&'static Table] {
        const { &[&TOKENS, &USED_REFRESH_TOKENS] }
    }

    fn wants(&self) -> &'static [&'static str] {
        &["token.*"]
    }

    fn apply(&self, event: &Recorded) -> Result<Vec<RowChange>, CodecError> {
        Ok(changes(event, &TokenEvent::decode_recorded(event)?))
    }

    fn apply_decoded(&self, event: &Recorded, decoded: &AnyEvent) -> Result<Vec<RowChange>, CodecError> {
        match decoded {
            AnyEvent::Token(decoded) => Ok(changes(event, decoded)),
            _ => Ok(Vec::new()),
        }
    }
}

/// What a token family's event does to the rows.
fn changes(event: &Recorded, decoded: &TokenEvent) -> Vec<RowChange> {
    let table = &TOKENS;
    let key = event.stream.id().to_owned();
    match decoded {
        TokenEvent::Issued(issued) => vec![RowChange::Upsert {
            table,
            key: issued.id.as_str().to_owned(),
            set: Changes::row(table, event.version)
                .column("grant", issued.grant.as_str())
                .column("user", issued.user.as_ref().map(UserId::as_str))
                .column("client", issued.client.as_ref().map(ClientId::as_str))
                .column("domain", issued.domain.as_str())
                .column("role", issued.role.as_str())
                .column("access_hash", issued.access_hash.as_str())
                .column("access_expires_at", time(issued.access_expires_at))
                .column("refresh_hash", issued.refresh_hash.as_deref())
                .column("refresh_expires_at", issued.refresh_expires_at.map_or(Value::Null, time))
                .column("issued_at", time(issued.at))
                .column("revoked", false)
                .into_set(),
        }],
        TokenEvent::Refreshed(refreshed) => vec![
            RowChange::Upsert {
                table: &USED_REFRESH_TOKENS,
                key: refreshed.used_refresh_hash.clone(),
                set: vec![("token", Value::Text(key.clone()))],
            },
            RowChange::Patch {
                table,
                key,
                set: Changes::to_version(event.version)
                    .column("access_hash", refreshed.access_hash.as_str())
                    .column("access_expires_at", time(refreshed.access_expires_at))
                    .column("refresh_hash", refreshed.refresh_hash.as_str())
                    .column("refresh_expires_at", time(refreshed.refresh_expires_at))
                    .into_set(),
            },
        ],
        TokenEvent::Revoked(_) => {
            vec![RowChange::Patch {
                table,
                key,
                set: Changes::to_version(event.version).column("revoked", true).into_set(),
            }]
        }
    }
}

/// A token family as the read model holds it.
#[derive(Clone, Debug, PartialEq)]
pub struct TokenRow {
    /// Its id.
    pub id: TokenId,
    /// How it was obtained.
    pub grant: GrantKind,
    /// Whose it is; `None` for `client_credentials`.
    pub user: Option<UserId>,
    /// The client that asked; `None`: the built-in first-party client.
    pub client: Option<ClientId>,
    /// The domain it acts in.
    pub domain: DomainId,
    /// The role it acts in.
    pub role: Role,
    /// SHA-256 of the access token, hex.
    pub access_hash: String,
    /// When the access token ends.
    pub access_expires_at: Time,
    /// SHA-256 of the refresh token, hex; `None`: there is none.
    pub refresh_hash: Option<String>,
    /// When the refresh token ends.
    pub refresh_expires_at: Option<Time>,
    /// When the family was opened.
    pub issued_at: Time,
    /// Whether the family has ended; none of its tokens work then.
    pub revoked: bool,
    /// Version of its stream.
    pub version: u64,
}

impl TokenRow {
    /// Reads a row of [`TOKENS`]; `None` if it is not one.
    pub fn from_row(row: &Row) -> Option<Self> {
        let fields = Fields(row);
        Some(Self {
            id: fields.id("id")?,
            grant: GrantKind::parse(&fields.text("grant")?)?,
            user: fields.optional("user", Fields::id)?,
            client: fields.optional("client", Fields::id)?,
            domain: fields.id("domain")?,
            role: Role::parse(&fields.text("role")?)?,
            access_hash: fields.text("access_hash")?,
            access_expires_at: fields.time("access_expires_at")?,
            refresh_hash: fields.optional("refresh_hash", Fields::text)?,
            refresh_expires_at: fields.optional("refresh_expires_at", Fields::time)?,
            issued_at: fields.time("issued_at")?,
            revoked: fields.bool("revoked")?,
            version: fields.number("version")?,
        })
    }
}

/// A refresh token that was used up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsedRefreshTokenRow {
    /// SHA-256 of the refresh token, hex.
    pub hash: String,
    /// The family it belonged to.
    pub token: TokenId,
}

impl UsedRefreshTokenRow {
    /// Reads a row of [`USED_REFRESH_TOKENS`]; `None` if it is not one.
    pub fn from_row(row: &Row) -> Option<Self> {
        let fields = Fields(row);
        Some(Self { hash: fields.text("hash")?, token: fields.id("token")? })
    }
}
