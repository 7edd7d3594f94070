//! Domains, with the services that hold in them.

use std::collections::{BTreeMap, BTreeSet};

use wac_events::domain::Services;
use wac_events::{DomainId, Time};
use wac_projections::{DOMAINS, DomainRow, SELECT_ROWS_MAX, Select, Value};

use super::{DOMAIN_DEPTH_MAX, PageOf, ReadError, Reads, decoded};

/// A domain.
#[derive(Clone, PartialEq, Debug)]
pub struct DomainView {
    /// Its id.
    pub id: DomainId,
    /// Its name, lower case.
    pub name: String,
    /// Its parent; `None` only for the base domain.
    pub parent: Option<DomainId>,
    /// Its parent's name.
    pub parent_name: Option<String>,
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
    /// The services that hold.
    pub effective_services: Services,
    /// Whether it is being removed.
    pub closing: bool,
    /// When it came into being.
    pub created_at: Time,
    /// Version of its stream: its `ETag`.
    pub version: u64,
}

impl Reads {
    /// One domain.
    pub async fn domain(&self, id: &DomainId) -> Result<Option<DomainView>, ReadError> {
        Ok(self.domain_views(Select::key(&DOMAINS, id.as_str())).await?.pop())
    }

    /// One domain by its name, in lower case.
    pub async fn domain_by_name(&self, name: &str) -> Result<Option<DomainView>, ReadError> {
        Ok(self.domain_views(Select::from(&DOMAINS).equals("name", name).limit(1)).await?.pop())
    }

    /// Several domains at once, in no particular order; those that are not there are left out.
    pub async fn domains_by_id(&self, ids: &[DomainId]) -> Result<Vec<DomainView>, ReadError> {
        let mut found = Vec::with_capacity(ids.len());
        for ids in ids.chunks(SELECT_ROWS_MAX) {
            let keys = ids.iter().map(|id| Value::from(id.as_str())).collect();
            found.extend(self.domain_views(Select::from(&DOMAINS).one_of("id", keys)).await?);
        }
        Ok(found)
    }

    /// Domains in the order of their ids; with `name`, only the one of that name.
    pub async fn domains(&self, name: Option<&str>, page: &PageOf) -> Result<Vec<DomainView>, ReadError> {
        let mut select = Select::from(&DOMAINS).after(page.after.clone()).limit(page.limit);
        if let Some(name) = name {
            select = select.equals("name", name);
        }
        self.domain_views(select).await
    }

    /// Every domain that lets guests in, oldest first.
    pub async fn domains_with_guests(&self) -> Result<Vec<DomainRow>, ReadError> {
        let mut found: Vec<DomainRow> = Vec::new();
        let mut after = None;
        loop {
            let rows = self.rows.select(Select::from(&DOMAINS).equals("enable_anonymous", true).after(after)).await?;
            for row in &rows {
                found.push(decoded(&DOMAINS, row, DomainRow::from_row)?);
            }
            if rows.len() < SELECT_ROWS_MAX {
                found.sort_by_key(|row| row.created_at);
                return Ok(found);
            }
            after = found.last().map(|row| row.id.to_string());
        }
    }

    /// Whether another domain is below this one.
    pub async fn has_children(&self, id: &DomainId) -> Result<bool, ReadError> {
        let children = Select::from(&DOMAINS).equals("parent", id.as_str()).limit(1);
        Ok(!self.rows.select(children).await?.is_empty())
    }

    /// Names of domains by id. Those that are not there are left out.
    pub async fn domain_names<'a>(
        &self,
        ids: impl Iterator<Item = &'a DomainId>,
    ) -> Result<BTreeMap<DomainId, String>, ReadError> {
        let rows = self.domain_rows(ids.cloned().collect()).await?;
        Ok(rows.into_iter().map(|(id, row)| (id, row.name)).collect())
    }

    async fn domain_views(&self, select: Select) -> Result<Vec<DomainView>, ReadError> {
        let rows = self.rows.select(select).await?;
        let rows = rows.iter().map(|row| decoded(&DOMAINS, row, DomainRow::from_row)).collect::<Result<Vec<_>, _>>()?;
        let mut known: BTreeMap<DomainId, DomainRow> = rows.iter().map(|row| (row.id.clone(), row.clone())).collect();
        for _ in 0..DOMAIN_DEPTH_MAX {
            let parents = known.values().filter_map(|row| row.parent.clone());
            let missing: BTreeSet<DomainId> = parents.filter(|id| !known.contains_key(id)).collect();
            if missing.is_empty() {
                break;
            }
            let found = self.domain_rows(missing).await?;
            if found.is_empty() {
                break;
            }
            known.extend(found);
        }
        Ok(rows.into_iter().map(|row| view(self, row, &known)).collect())
    }

    async fn domain_rows(&self, ids: BTreeSet<DomainId>) -> Result<BTreeMap<DomainId, DomainRow>, ReadError> {
        let ids: Vec<Value> = ids.iter().map(|id| Value::from(id.as_str())).collect();
        let mut found = BTreeMap::new();
        for ids in ids.chunks(SELECT_ROWS_MAX) {
            let rows = self.rows.select(Select::from(&DOMAINS).one_of("id", ids.to_vec())).await?;
            for row in &rows {
                let row = decoded(&DOMAINS, row, DomainRow::from_row)?;
                found.insert(row.id.clone(), row);
            }
        }
        Ok(found)
    }
}

fn view(reads: &Reads, row: DomainRow, known: &BTreeMap<DomainId, DomainRow>) -> DomainView {
    let given = |id: &DomainId| known.get(id).map(|row| (row.parent.clone(), row.services.clone()));
    let effective_services = reads.effective_services(&row.id, given);
    let parent_name = row.parent.as_ref().and_then(|id| known.get(id)).map(|row| row.name.clone());
    DomainView {
        id: row.id,
        name: row.name,
        parent: row.parent,
        parent_name,
        origins: row.origins,
        enable_anonymous: row.enable_anonymous,
        anonymous_expiration_ms: row.anonymous_expiration_ms,
        anonymous_capabilities: row.anonymous_capabilities,
        services: row.services,
        effective_services,
        closing: row.closing,
        created_at: row.created_at,
        version: row.version,
    }
}
