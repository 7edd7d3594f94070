//! Users.

use std::collections::BTreeMap;

use wac_events::{DomainId, Personal, Role, SubjectId, Time, UserId};
use wac_projections::{Select, USERS, UserRow, Value};

use super::{PageOf, ReadError, Reads, decoded};

/// A user, opened. Personal fields are `None` once the person is erased.
#[derive(Clone, PartialEq, Debug)]
pub struct UserView {
    /// Its id.
    pub id: UserId,
    /// Its domain.
    pub domain: DomainId,
    /// Its domain's name.
    pub domain_name: String,
    /// Its name as typed.
    pub username: Option<String>,
    /// What it may do.
    pub role: Role,
    /// Where notices go.
    pub email: Option<String>,
    /// Where text messages go.
    pub mobile_phones: Vec<String>,
    /// A land line.
    pub land_line_number: Option<String>,
    /// Another name.
    pub alias: Option<String>,
    /// The name others see.
    pub display_name: Option<String>,
    /// Forced (`+name`) and pruned (`-name`) capabilities.
    pub capabilities: Vec<String>,
    /// When it came into being.
    pub created_at: Time,
    /// When a grant last opened a session for it.
    pub last_login: Option<Time>,
    /// Version of its stream: its `ETag`.
    pub version: u64,
    /// Whether its key is destroyed.
    pub erased: bool,
}

/// Which users. Every condition given must hold.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct UserFilter {
    /// Only this one.
    pub id: Option<UserId>,
    /// Only of this domain.
    pub domain: Option<DomainId>,
    /// Only this role.
    pub role: Option<Role>,
    /// Only this name, by its keyed hash.
    pub name_key: Option<String>,
}

impl Reads {
    /// One user.
    pub async fn user(&self, id: &UserId) -> Result<Option<UserView>, ReadError> {
        let rows = self.rows.select(Select::key(&USERS, id.as_str())).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let row = decoded(&USERS, row, UserRow::from_row)?;
        Ok(self.open_users(vec![row]).await?.pop())
    }

    /// Users in the order of their ids.
    pub async fn users(&self, filter: &UserFilter, page: &PageOf) -> Result<Vec<UserView>, ReadError> {
        let mut select = Select::from(&USERS).after(page.after.clone()).limit(page.limit);
        if let Some(id) = &filter.id {
            select = select.equals("id", id.as_str());
        }
        if let Some(domain) = &filter.domain {
            select = select.equals("domain", domain.as_str());
        }
        if let Some(role) = filter.role {
            select = select.equals("role", role.as_str());
        }
        if let Some(name_key) = &filter.name_key {
            select = select.equals("name_key", name_key.as_str());
        }
        let rows = self.rows.select(select).await?;
        let rows = rows.iter().map(|row| decoded(&USERS, row, UserRow::from_row)).collect::<Result<Vec<_>, _>>()?;
        self.open_users(rows).await
    }

    /// Several users at once, in no particular order; those that are not there are left out.
    pub async fn users_by_id(&self, ids: &[UserId]) -> Result<Vec<UserView>, ReadError> {
        let mut found = Vec::with_capacity(ids.len());
        for ids in ids.chunks(wac_projections::SELECT_ROWS_MAX) {
            let keys = ids.iter().map(|id| Value::from(id.as_str())).collect();
            let rows = self.rows.select(Select::from(&USERS).one_of("id", keys)).await?;
            found
                .extend(rows.iter().map(|row| decoded(&USERS, row, UserRow::from_row)).collect::<Result<Vec<_>, _>>()?);
        }
        self.open_users(found).await
    }

    async fn open_users(&self, mut rows: Vec<UserRow>) -> Result<Vec<UserView>, ReadError> {
        let subjects: Vec<SubjectId> = rows.iter().map(UserRow::subject).collect();
        let keys = self.keys.find(&subjects).await?;
        for (row, key) in rows.iter_mut().zip(&keys) {
            row.open(key.key())?;
        }
        let names = self.domain_names(rows.iter().map(|row| &row.domain)).await?;
        Ok(rows.into_iter().map(|row| view(row, &names)).collect())
    }
}

fn view(row: UserRow, names: &BTreeMap<DomainId, String>) -> UserView {
    let text = |personal: Personal| personal.clear().map(str::to_owned);
    UserView {
        domain_name: names.get(&row.domain).cloned().unwrap_or_else(|| row.domain.to_string()),
        erased: row.username.clear().is_none(),
        id: row.id,
        domain: row.domain,
        username: text(row.username),
        role: row.role,
        email: row.email.and_then(text),
        mobile_phones: row.mobile_phones.into_iter().filter_map(text).collect(),
        land_line_number: row.land_line_number.and_then(text),
        alias: text(row.alias),
        display_name: row.display_name.and_then(text),
        capabilities: row.capabilities,
        created_at: row.created_at,
        last_login: row.last_login,
        version: row.version,
    }
}
