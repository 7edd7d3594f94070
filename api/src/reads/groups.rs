//! Users groups and their participants.

use std::collections::BTreeMap;

use wac_events::{DomainId, GroupId, Time, UserId};
use wac_projections::{GROUP_USERS, GROUPS, GroupRow, GroupUserRow, SELECT_ROWS_MAX, Select, Value};

use super::{PageOf, ReadError, Reads, decoded};

/// A users group.
#[derive(Clone, PartialEq, Debug)]
pub struct GroupView {
    /// Its id.
    pub id: GroupId,
    /// Its domain.
    pub domain: DomainId,
    /// Its domain's name.
    pub domain_name: String,
    /// Its name.
    pub name: String,
    /// Who manages it.
    pub owner: UserId,
    /// Its participants, those of longest standing first.
    pub participants: Vec<UserId>,
    /// When it came into being.
    pub created_at: Time,
    /// Version of its stream: its `ETag`.
    pub version: u64,
}

/// Which groups. Every condition given must hold.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct GroupFilter {
    /// Only of this domain.
    pub domain: Option<DomainId>,
    /// Only those in which this user is.
    pub participant: Option<UserId>,
}

impl Reads {
    /// One group.
    pub async fn group(&self, id: &GroupId) -> Result<Option<GroupView>, ReadError> {
        Ok(self.group_views(Select::key(&GROUPS, id.as_str())).await?.pop())
    }

    /// Groups in the order of their ids.
    pub async fn groups(&self, filter: &GroupFilter, page: &PageOf) -> Result<Vec<GroupView>, ReadError> {
        let mut select = Select::from(&GROUPS).after(page.after.clone()).limit(page.limit);
        if let Some(domain) = &filter.domain {
            select = select.equals("domain", domain.as_str());
        }
        if let Some(user) = &filter.participant {
            let ids = self.groups_with(user).await?;
            select = select.one_of("id", ids.iter().map(|id| Value::from(id.as_str())).collect());
        }
        self.group_views(select).await
    }

    /// Ids of the groups in which a user is, at most [`SELECT_ROWS_MAX`]. Some may have been removed.
    pub async fn groups_with(&self, user: &UserId) -> Result<Vec<GroupId>, ReadError> {
        let rows = self.rows.select(Select::from(&GROUP_USERS).equals("user", user.as_str())).await?;
        rows.iter().map(|row| decoded(&GROUP_USERS, row, GroupUserRow::from_row).map(|row| row.group)).collect()
    }

    async fn group_views(&self, select: Select) -> Result<Vec<GroupView>, ReadError> {
        let rows = self.rows.select(select).await?;
        let rows = rows.iter().map(|row| decoded(&GROUPS, row, GroupRow::from_row)).collect::<Result<Vec<_>, _>>()?;
        let names = self.domain_names(rows.iter().map(|row| &row.domain)).await?;
        let mut participants = self.participants_of(&rows).await?;
        let name = |id: &DomainId| names.get(id).cloned().unwrap_or_else(|| id.to_string());
        let view = |row: GroupRow| GroupView {
            participants: participants.remove(&row.id).unwrap_or_default(),
            domain_name: name(&row.domain),
            id: row.id,
            domain: row.domain,
            name: row.name,
            owner: row.owner,
            created_at: row.created_at,
            version: row.version,
        };
        Ok(rows.into_iter().map(view).collect())
    }

    async fn participants_of(&self, groups: &[GroupRow]) -> Result<BTreeMap<GroupId, Vec<UserId>>, ReadError> {
        let mut found: Vec<GroupUserRow> = Vec::new();
        for groups in groups.chunks(SELECT_ROWS_MAX) {
            let ids: Vec<Value> = groups.iter().map(|group| Value::from(group.id.as_str())).collect();
            let mut after = None;
            loop {
                let select = Select::from(&GROUP_USERS).one_of("group", ids.clone()).after(after.take());
                let rows = self.rows.select(select).await?;
                for row in &rows {
                    found.push(decoded(&GROUP_USERS, row, GroupUserRow::from_row)?);
                }
                let last = rows.last().and_then(|row| row.get(GROUP_USERS.key())?.as_text().map(str::to_owned));
                match last.filter(|_| rows.len() >= SELECT_ROWS_MAX) {
                    Some(last) => after = Some(last),
                    None => break,
                }
            }
        }
        found.sort_by_key(|row| row.place);
        let mut participants = BTreeMap::<GroupId, Vec<UserId>>::new();
        for row in found {
            participants.entry(row.group).or_default().push(row.user);
        }
        Ok(participants)
    }
}
