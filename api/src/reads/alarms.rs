//! Alarms about log-ins.

use wac_events::{DomainId, Time, UserId};
use wac_projections::{LOGIN_ALARMS, LoginAlarmRow, Select};

use super::{PageOf, ReadError, Reads, decoded};

/// Log-ins under one name have failed too often.
#[derive(Clone, PartialEq, Debug)]
pub struct LoginAlarmView {
    /// Its id: that of its event.
    pub id: String,
    /// The domain tried.
    pub domain: DomainId,
    /// The domain's name.
    pub domain_name: String,
    /// The user, if there is one of that name.
    pub user: Option<UserId>,
    /// Failures within the window.
    pub failures: u64,
    /// The window.
    pub window_s: u64,
    /// When.
    pub at: Time,
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

    /// Alarms, newest first.
    pub async fn login_alarms(&self, filter: &AlarmFilter, page: &PageOf) -> Result<Vec<LoginAlarmView>, ReadError> {
        let select = Select { descending: true, ..Select::from(&LOGIN_ALARMS) };
        let mut select = select.after(page.after.clone()).limit(page.limit);
        if let Some(user) = &filter.user {
            select = select.equals("user", user.as_str());
        }
        if let Some(domain) = &filter.domain {
            select = select.equals("domain", domain.as_str());
        }
        self.login_alarm_views(select).await
    }

    async fn login_alarm_views(&self, select: Select) -> Result<Vec<LoginAlarmView>, ReadError> {
        let rows = self.rows.select(select).await?;
        let decode = |row| decoded(&LOGIN_ALARMS, row, LoginAlarmRow::from_row);
        let rows = rows.iter().map(decode).collect::<Result<Vec<_>, _>>()?;
        let names = self.domain_names(rows.iter().map(|row| &row.domain)).await?;
        let view = |row: LoginAlarmRow| LoginAlarmView {
            domain_name: names.get(&row.domain).cloned().unwrap_or_else(|| row.domain.to_string()),
            id: row.id,
            domain: row.domain,
            user: row.user,
            failures: row.failures,
            window_s: row.window_s,
            at: row.at,
        };
        Ok(rows.into_iter().map(view).collect())
    }
}
