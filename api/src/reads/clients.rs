//! OAuth2 clients.

use wac_events::{ClientId, DomainId, GrantKind, Time};
use wac_projections::{CLIENTS, ClientRow, Select};

use super::{PageOf, ReadError, Reads, decoded};

/// An OAuth2 client. Its secret exists only as a hash, and that is not shown.
#[derive(Clone, PartialEq, Debug)]
pub struct ClientView {
    /// Its id.
    pub id: ClientId,
    /// Its name, for people.
    pub name: String,
    /// Where an authorization answer may go.
    pub redirect_uris: Vec<String>,
    /// How it may obtain tokens.
    pub grants: Vec<GrantKind>,
    /// Its domain.
    pub domain: DomainId,
    /// Its domain's name.
    pub domain_name: String,
    /// Whether users are not asked for consent.
    pub trusted: bool,
    /// Lifetime of its access tokens in seconds; `None`: the platform's default.
    pub access_token_expiration_s: Option<u64>,
    /// Lifetime of its refresh tokens in seconds; `None`: the platform's default.
    pub refresh_token_expiration_s: Option<u64>,
    /// Whether it has a secret.
    pub confidential: bool,
    /// When it came into being.
    pub created_at: Time,
    /// Version of its stream: its `ETag`.
    pub version: u64,
}

impl Reads {
    /// One client.
    pub async fn client(&self, id: &ClientId) -> Result<Option<ClientView>, ReadError> {
        Ok(self.client_views(Select::key(&CLIENTS, id.as_str())).await?.pop())
    }

    /// Clients in the order of their ids; with `domain`, only those of that domain.
    pub async fn clients(&self, domain: Option<&DomainId>, page: &PageOf) -> Result<Vec<ClientView>, ReadError> {
        let mut select = Select::from(&CLIENTS).after(page.after.clone()).limit(page.limit);
        if let Some(domain) = domain {
            select = select.equals("domain", domain.as_str());
        }
        self.client_views(select).await
    }

    async fn client_views(&self, select: Select) -> Result<Vec<ClientView>, ReadError> {
        let rows = self.rows.select(select).await?;
        let rows = rows.iter().map(|row| decoded(&CLIENTS, row, ClientRow::from_row)).collect::<Result<Vec<_>, _>>()?;
        let names = self.domain_names(rows.iter().map(|row| &row.domain)).await?;
        let name = |id: &DomainId| names.get(id).cloned().unwrap_or_else(|| id.to_string());
        Ok(rows.into_iter().map(|row| view(name(&row.domain), row)).collect())
    }
}

fn view(domain_name: String, row: ClientRow) -> ClientView {
    ClientView {
        id: row.id,
        name: row.name,
        redirect_uris: row.redirect_uris,
        grants: row.grants,
        domain: row.domain,
        domain_name,
        trusted: row.trusted,
        access_token_expiration_s: row.access_token_expiration_s,
        refresh_token_expiration_s: row.refresh_token_expiration_s,
        confidential: row.secret_hash.is_some(),
        created_at: row.created_at,
        version: row.version,
    }
}
