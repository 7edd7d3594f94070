//! Alarms about log-ins and about calls.

use wac_events::{DomainId, UserId};
use wac_projections::{CALL_ALARMS, CallAlarmRow, LOGIN_ALARMS, LoginAlarmRow, Select, Table};

use super::{PageOf, ReadError, Reads, decoded};

/// Log-ins under one name have failed too often.
#[derive(Clone, PartialEq, Debug)]
pub struct LoginAlarmView {
    /// The alarm.
    pub row: LoginAlarmRow,
    /// The name of the domain that was tried.
    pub domain_name: String,
}

/// The media of a call has broken a rule.
#[derive(Clone, PartialEq, Debug)]
pub struct CallAlarmView {
    /// The alarm.
    pub row: CallAlarmRow,
    /// The domain's name.
    pub domain_name: String,
}

/// Which alarms. Every condition given must hold.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct AlarmFilter {
    /// Only about this user.
    pub user: Option<UserId>,
    /// Only of this domain.
    pub domain: Option<DomainId>,
}

impl Reads {
    /// One alarm.
    pub async fn login_alarm(&self, id: &str) -> Result<Option<LoginAlarmView>, ReadError> {
        Ok(self.login_alarm_views(Select::key(&LOGIN_ALARMS, id)).await?.pop())
    }

    /// Alarms about log-ins, newest first.
    pub async fn login_alarms(&self, filter: &AlarmFilter, page: &PageOf) -> Result<Vec<LoginAlarmView>, ReadError> {
        self.login_alarm_views(selected(&LOGIN_ALARMS, filter, page)).await
    }

    /// One alarm about a call.
    pub async fn call_alarm(&self, id: &str) -> Result<Option<CallAlarmView>, ReadError> {
        Ok(self.call_alarm_views(Select::key(&CALL_ALARMS, id)).await?.pop())
    }

    /// Alarms about calls, newest first.
    pub async fn call_alarms(&self, filter: &AlarmFilter, page: &PageOf) -> Result<Vec<CallAlarmView>, ReadError> {
        self.call_alarm_views(selected(&CALL_ALARMS, filter, page)).await
    }

    async fn call_alarm_views(&self, select: Select) -> Result<Vec<CallAlarmView>, ReadError> {
        let rows = self.rows.select(select).await?;
        let decode = |row| decoded(&CALL_ALARMS, row, CallAlarmRow::from_row);
        let rows = rows.iter().map(decode).collect::<Result<Vec<_>, _>>()?;
        let names = self.domain_names(rows.iter().map(|row| &row.domain)).await?;
        let name = |row: &CallAlarmRow| names.get(&row.domain).cloned().unwrap_or_else(|| row.domain.to_string());
        Ok(rows.into_iter().map(|row| CallAlarmView { domain_name: name(&row), row }).collect())
    }

    async fn login_alarm_views(&self, select: Select) -> Result<Vec<LoginAlarmView>, ReadError> {
        let rows = self.rows.select(select).await?;
        let decode = |row| decoded(&LOGIN_ALARMS, row, LoginAlarmRow::from_row);
        let rows = rows.iter().map(decode).collect::<Result<Vec<_>, _>>()?;
        let names = self.domain_names(rows.iter().map(|row| &row.domain)).await?;
        let name = |row: &LoginAlarmRow| names.get(&row.domain).cloned().unwrap_or_else(|| row.domain.to_string());
        Ok(rows.into_iter().map(|row| LoginAlarmView { domain_name: name(&row), row }).collect())
    }
}

fn selected(table: &'static Table, filter: &AlarmFilter, page: &PageOf) -> Select {
    let select = Select { descending: true, ..Select::from(table) };
    let mut select = select.after(page.after.clone()).limit(page.limit);
    if let Some(user) = &filter.user {
        select = select.equals("user", user.as_str());
    }
    if let Some(domain) = &filter.domain {
        select = select.equals("domain", domain.as_str());
    }
    select
}
