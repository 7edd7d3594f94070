//! Agents of the pools, and what each of them has.

use wac_events::{Activity, DomainId, InviteId, Time, UserId};
use wac_projections::{AGENTS, AgentRow, Select};

use super::{PageOf, PresenceView, ReadError, Reads, decoded};

/// What an agent is up to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AgentState {
    /// He can be given a contact (guide §6.3.1.4).
    Available,
    /// He has one.
    Busy,
    /// He is there, but says that he does something else.
    Away,
    /// He is not there.
    Offline,
}

impl AgentState {
    /// Its name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            AgentState::Available => "available",
            AgentState::Busy => "busy",
            AgentState::Away => "away",
            AgentState::Offline => "offline",
        }
    }
}

/// An agent.
#[derive(Clone, PartialEq, Debug)]
pub struct AgentView {
    /// Who.
    pub user: UserId,
    /// His domain, whose pool he belongs to.
    pub domain: DomainId,
    /// The domain's name.
    pub domain_name: String,
    /// What he has been given.
    pub invite: Option<InviteId>,
    /// Since when he has had nothing; `None`: he has something, or never had anything.
    pub idle_since: Option<Time>,
    /// Whether he is there, and what he says of himself.
    pub presence: PresenceView,
}

impl AgentView {
    /// What he is up to.
    pub fn state(&self) -> AgentState {
        match (&self.invite, self.presence.online, self.presence.activity) {
            (Some(_), ..) => AgentState::Busy,
            (None, false, _) => AgentState::Offline,
            (None, true, Activity::Available | Activity::Unknown) => AgentState::Available,
            (None, true, _) => AgentState::Away,
        }
    }
}

/// Which agents. Every condition given must hold.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct AgentFilter {
    /// Only this user.
    pub user: Option<UserId>,
    /// Only those of this domain.
    pub domain: Option<DomainId>,
}

impl Reads {
    /// Agents in the order of their users' ids.
    pub async fn agents(&self, filter: &AgentFilter, page: &PageOf) -> Result<Vec<AgentView>, ReadError> {
        let mut select = Select::from(&AGENTS).equals("agent", true).after(page.after.clone()).limit(page.limit);
        if let Some(user) = &filter.user {
            select = select.equals(AGENTS.key(), user.as_str());
        }
        if let Some(domain) = &filter.domain {
            select = select.equals("domain", domain.as_str());
        }
        let rows = self.rows.select(select).await?;
        let rows = rows.iter().map(|row| decoded(&AGENTS, row, AgentRow::from_row)).collect::<Result<Vec<_>, _>>()?;
        let names = self.domain_names(rows.iter().map(|row| &row.domain)).await?;
        let users: Vec<UserId> = rows.iter().map(|row| row.user.clone()).collect();
        let mut presence = self.presence_of(&users).await?;
        let view = |row: AgentRow| AgentView {
            domain_name: names.get(&row.domain).cloned().unwrap_or_else(|| row.domain.to_string()),
            presence: presence.remove(&row.user).unwrap_or_else(|| PresenceView::unknown(row.user.clone())),
            user: row.user,
            domain: row.domain,
            invite: row.invite,
            idle_since: row.idle_since,
        };
        Ok(rows.into_iter().map(view).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agent(online: bool, activity: Activity, invite: Option<&str>) -> AgentState {
        let presence = PresenceView { online, activity, ..PresenceView::unknown("a".into()) };
        let view = AgentView {
            user: "a".into(),
            domain: "d".into(),
            domain_name: "demo".to_owned(),
            invite: invite.map(Into::into),
            idle_since: None,
            presence,
        };
        view.state()
    }

    #[test]
    fn an_agent_is_available_while_he_is_there_has_nothing_and_says_nothing_else() {
        assert_eq!(agent(true, Activity::Unknown, None), AgentState::Available);
        assert_eq!(agent(true, Activity::Available, None), AgentState::Available);
        assert_eq!(agent(true, Activity::Lunch, None), AgentState::Away);
        assert_eq!(agent(false, Activity::Available, None), AgentState::Offline);
        assert_eq!(agent(true, Activity::Available, Some("i")), AgentState::Busy);
    }
}
