//! Credentials.

use wac_events::{CredentialId, CredentialKind, DomainId, SubjectId, Time, TokenId, UserId};
use wac_projections::{CREDENTIALS, CredentialRow, SELECT_ROWS_MAX, Select, Value};

use super::{PageOf, ReadError, Reads, decoded};

/// A credential, its secret opened.
#[derive(Clone, PartialEq)]
pub struct CredentialView {
    /// Its id.
    pub id: CredentialId,
    /// What it opens.
    pub kind: CredentialKind,
    /// Who gave it out.
    pub source: String,
    /// Free data of the application.
    pub context: serde_json::Map<String, serde_json::Value>,
    /// Its domain.
    pub domain: DomainId,
    /// Its domain's name.
    pub domain_name: String,
    /// Its owner; `None`: the domain's anonymous pool.
    pub user: Option<UserId>,
    /// The secret: JSON text, or for `basic` the password's hash. Show it to its owner only, and
    /// that of `basic` to nobody. `None` once erased.
    pub secret: Option<String>,
    /// Registration lifetime in seconds; 0 leaves it to the gateway.
    pub lease_s: u64,
    /// The guest session that has it.
    pub leased_by: Option<TokenId>,
    /// When that lease ends by itself.
    pub leased_until: Option<Time>,
    /// When it came into being.
    pub created_at: Time,
    /// Version of its stream: its `ETag`.
    pub version: u64,
}

/// Which credentials. Every condition given must hold.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct CredentialFilter {
    /// Only this one.
    pub id: Option<CredentialId>,
    /// Only this kind.
    pub kind: Option<CredentialKind>,
    /// Only of this user; `Some(None)`: only of anonymous pools.
    pub user: Option<Option<UserId>>,
    /// Only of this domain.
    pub domain: Option<DomainId>,
    /// Only those a guest session has leased.
    pub leased_by: Option<TokenId>,
}

impl Reads {
    /// One credential.
    pub async fn credential(&self, id: &CredentialId) -> Result<Option<CredentialView>, ReadError> {
        Ok(self.open_credentials(Select::key(&CREDENTIALS, id.as_str())).await?.pop())
    }

    /// Credentials in the order of their ids.
    pub async fn credentials(
        &self,
        filter: &CredentialFilter,
        page: &PageOf,
    ) -> Result<Vec<CredentialView>, ReadError> {
        self.open_credentials(select(filter).after(page.after.clone()).limit(page.limit)).await
    }

    /// The anonymous pool of a domain: its userless `ims` credentials, secrets sealed.
    pub async fn pool(&self, domain: &DomainId) -> Result<Vec<CredentialRow>, ReadError> {
        let filter = CredentialFilter {
            kind: Some(CredentialKind::Ims),
            user: Some(None),
            domain: Some(domain.clone()),
            ..CredentialFilter::default()
        };
        let rows = self.rows.select(select(&filter).limit(SELECT_ROWS_MAX)).await?;
        rows.iter().map(|row| decoded(&CREDENTIALS, row, CredentialRow::from_row)).collect()
    }

    async fn open_credentials(&self, select: Select) -> Result<Vec<CredentialView>, ReadError> {
        let rows = self.rows.select(select).await?;
        let mut rows = rows
            .iter()
            .map(|row| decoded(&CREDENTIALS, row, CredentialRow::from_row))
            .collect::<Result<Vec<_>, _>>()?;
        let subjects: Vec<SubjectId> = rows.iter().map(CredentialRow::subject).collect();
        let keys = self.keys.find(&subjects).await?;
        for (row, key) in rows.iter_mut().zip(&keys) {
            row.open(key.key())?;
        }
        let names = self.domain_names(rows.iter().map(|row| &row.domain)).await?;
        let name = |id: &DomainId| names.get(id).cloned().unwrap_or_else(|| id.to_string());
        Ok(rows.into_iter().map(|row| view(name(&row.domain), row)).collect())
    }
}

fn select(filter: &CredentialFilter) -> Select {
    let mut select = Select::from(&CREDENTIALS);
    if let Some(id) = &filter.id {
        select = select.equals("id", id.as_str());
    }
    if let Some(kind) = filter.kind {
        select = select.equals("kind", kind.as_str());
    }
    if let Some(user) = &filter.user {
        select = select.equals("user", user.as_ref().map_or(Value::Null, |user| user.as_str().into()));
    }
    if let Some(domain) = &filter.domain {
        select = select.equals("domain", domain.as_str());
    }
    if let Some(token) = &filter.leased_by {
        select = select.equals("leased_by", token.as_str());
    }
    select
}

fn view(domain_name: String, row: CredentialRow) -> CredentialView {
    CredentialView {
        secret: row.data.clear().map(str::to_owned),
        context: row.free_data(),
        id: row.id,
        kind: row.kind,
        source: row.source,
        domain: row.domain,
        domain_name,
        user: row.user,
        lease_s: row.lease_s,
        leased_by: row.leased_by,
        leased_until: row.leased_until,
        created_at: row.created_at,
        version: row.version,
    }
}
