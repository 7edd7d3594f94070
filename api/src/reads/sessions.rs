//! Open sessions, and where their devices can be reached.

use wac_events::session::SessionContext;
use wac_events::{ClientId, DomainId, GrantKind, NodeId, Role, SessionId, SubjectId, Time, UserId};
use wac_projections::{SESSIONS, Select, SessionRow};

use super::{PageOf, ReadError, Reads, decoded};

/// An open session, opened: parts of its context are erased once the person is.
#[derive(Clone, PartialEq, Debug)]
pub struct SessionView {
    /// Its id.
    pub id: SessionId,
    /// Whose.
    pub user: UserId,
    /// The user's domain.
    pub domain: DomainId,
    /// The domain's name.
    pub domain_name: String,
    /// The user's role at log-in.
    pub role: Role,
    /// How it was opened.
    pub grant: GrantKind,
    /// The client that asked; `None`: the built-in first-party client.
    pub client: Option<ClientId>,
    /// Where from.
    pub context: SessionContext,
    /// The service that can wake its device.
    pub push_type: Option<String>,
    /// When it ends unless it is used.
    pub expires_at: Time,
    /// When it was opened.
    pub opened_at: Time,
    /// The node that holds its sockets; `None`: it has none.
    pub node: Option<NodeId>,
    /// Whether its device can ring.
    pub ringable: bool,
    /// Version of its stream: its `ETag`.
    pub version: u64,
}

/// Which sessions. Every condition given must hold.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct SessionFilter {
    /// Only of this user.
    pub user: Option<UserId>,
    /// Only of users of this domain.
    pub domain: Option<DomainId>,
}

impl Reads {
    /// One open session.
    pub async fn session(&self, id: &SessionId) -> Result<Option<SessionView>, ReadError> {
        Ok(self.session_views(Select::key(&SESSIONS, id.as_str())).await?.pop())
    }

    /// Open sessions in the order of their ids.
    pub async fn sessions(&self, filter: &SessionFilter, page: &PageOf) -> Result<Vec<SessionView>, ReadError> {
        let mut select = Select::from(&SESSIONS).after(page.after.clone()).limit(page.limit);
        if let Some(user) = &filter.user {
            select = select.equals("live_user", user.as_str());
        }
        if let Some(domain) = &filter.domain {
            select = select.equals("domain", domain.as_str());
        }
        self.session_views(select).await
    }

    async fn session_views(&self, select: Select) -> Result<Vec<SessionView>, ReadError> {
        let rows = self.rows.select(select).await?;
        let mut rows =
            rows.iter().map(|row| decoded(&SESSIONS, row, SessionRow::from_row)).collect::<Result<Vec<_>, _>>()?;
        let subjects: Vec<SubjectId> = rows.iter().map(SessionRow::subject).collect();
        let keys = self.keys.find(&subjects).await?;
        for (row, key) in rows.iter_mut().zip(&keys) {
            row.open(key.key())?;
        }
        let names = self.domain_names(rows.iter().map(|row| &row.domain)).await?;
        let name = |id: &DomainId| names.get(id).cloned().unwrap_or_else(|| id.to_string());
        Ok(rows.into_iter().map(|row| view(name(&row.domain), row)).collect())
    }
}

fn view(domain_name: String, row: SessionRow) -> SessionView {
    SessionView {
        id: row.id,
        user: row.user,
        domain: row.domain,
        domain_name,
        role: row.role,
        grant: row.grant,
        client: row.client,
        context: row.context,
        push_type: row.push_type,
        expires_at: row.expires_at,
        opened_at: row.opened_at,
        node: row.node,
        ringable: row.ringable,
        version: row.version,
    }
}
