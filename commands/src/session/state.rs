use wac_events::session::SessionContext;
use wac_events::{ClientId, DomainId, GrantKind, Role, Secret, SessionEvent, SessionId, Time, UserId};

/// Where a session is in its life.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum SessionStatus {
    /// There has never been one.
    #[default]
    Absent,
    /// In use.
    Open,
    /// Ended.
    Closed,
}

/// A session's state.
#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    /// Events so far.
    pub version: u64,
    /// Where it is in its life; the other fields keep their last values.
    pub status: SessionStatus,
    /// Its id; empty while absent.
    pub id: SessionId,
    /// Whose.
    pub user: UserId,
    /// The user's domain when it was opened.
    pub domain: DomainId,
    /// The user's role when it was opened.
    pub role: Role,
    /// How it was opened.
    pub grant: GrantKind,
    /// The client that asked.
    pub client: Option<ClientId>,
    /// Where from.
    pub context: SessionContext,
    /// What wakes the device, and the service that takes it.
    pub push: Option<(String, Secret)>,
    /// When it ends unless it is used.
    pub expires_at: Time,
    /// When it was opened.
    pub opened_at: Time,
}

impl Default for Session {
    fn default() -> Self {
        Self {
            version: 0,
            status: SessionStatus::Absent,
            id: SessionId::new(""),
            user: UserId::new(""),
            domain: DomainId::new(""),
            role: Role::Anonymous,
            grant: GrantKind::Password,
            client: None,
            context: SessionContext::default(),
            push: None,
            expires_at: Time::EPOCH,
            opened_at: Time::EPOCH,
        }
    }
}

impl Session {
    /// Whether it was opened and has not ended.
    pub fn is_open(&self) -> bool {
        self.status == SessionStatus::Open
    }
}

/// Folds one event.
#[must_use]
pub fn evolve(mut state: Session, event: &SessionEvent) -> Session {
    state.version += 1;
    match event {
        SessionEvent::Opened(opened) => {
            let opened = opened.clone();
            state.status = SessionStatus::Open;
            state.id = opened.id;
            state.user = opened.user;
            state.domain = opened.domain;
            state.role = opened.role;
            state.grant = opened.grant;
            state.client = opened.client;
            state.context = opened.context;
            state.expires_at = opened.expires_at;
            state.opened_at = opened.at;
        }
        SessionEvent::ContextChanged(changed) => state.context = changed.context.clone(),
        SessionEvent::Extended(extended) => state.expires_at = extended.expires_at,
        SessionEvent::PushTokenSet(set) => state.push = Some((set.token_type.clone(), set.token.clone())),
        SessionEvent::PushTokenRemoved(_) => state.push = None,
        SessionEvent::Closed(_) => {
            state.status = SessionStatus::Closed;
            state.push = None;
        }
    }
    state
}
