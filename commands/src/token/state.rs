use std::collections::VecDeque;

use wac_events::{ClientId, DomainId, GrantKind, Role, Time, TokenEvent, TokenId, UserId};

use super::USED_REFRESH_MAX;

/// Where a token family is in its life.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum TokenStatus {
    /// There has never been one.
    #[default]
    Absent,
    /// Issued; whether it has expired is a question of the clock.
    Issued,
    /// Ended.
    Revoked,
}

/// A token family's state.
#[derive(Clone, Debug, PartialEq)]
pub struct Token {
    /// Events so far.
    pub version: u64,
    /// Where it is in its life; the other fields keep their last values.
    pub status: TokenStatus,
    /// Its id; empty while absent.
    pub id: TokenId,
    /// How it was obtained.
    pub grant: GrantKind,
    /// Whose it is.
    pub user: Option<UserId>,
    /// The client that asked; `None`: the built-in first-party client.
    pub client: Option<ClientId>,
    /// The domain it acts in.
    pub domain: DomainId,
    /// The role it acts in.
    pub role: Role,
    /// SHA-256 of the access token, hex.
    pub access_hash: String,
    /// When the access token ends.
    pub access_expires_at: Time,
    /// SHA-256 of the refresh token, hex.
    pub refresh_hash: Option<String>,
    /// When the refresh token ends.
    pub refresh_expires_at: Option<Time>,
    /// Used-up refresh tokens, the newest last, at most [`USED_REFRESH_MAX`].
    pub used_refresh_hashes: VecDeque<String>,
    /// When it was issued.
    pub issued_at: Time,
}

impl Default for Token {
    fn default() -> Self {
        Self {
            version: 0,
            status: TokenStatus::Absent,
            id: TokenId::new(""),
            grant: GrantKind::Password,
            user: None,
            client: None,
            domain: DomainId::new(""),
            role: Role::Anonymous,
            access_hash: String::new(),
            access_expires_at: Time::EPOCH,
            refresh_hash: None,
            refresh_expires_at: None,
            used_refresh_hashes: VecDeque::new(),
            issued_at: Time::EPOCH,
        }
    }
}

impl Token {
    /// Whether it was issued and not revoked.
    pub fn exists(&self) -> bool {
        self.status == TokenStatus::Issued
    }

    /// When nothing of it works any more, if nobody does anything.
    pub fn ends_at(&self) -> Time {
        self.refresh_expires_at.map_or(self.access_expires_at, |refresh| refresh.max(self.access_expires_at))
    }

    /// Whether any of its tokens works at `now`.
    pub fn is_live(&self, now: Time) -> bool {
        self.exists() && now < self.ends_at()
    }
}

/// Folds one event.
#[must_use]
pub fn evolve(mut state: Token, event: &TokenEvent) -> Token {
    state.version += 1;
    match event {
        TokenEvent::Issued(issued) => {
            let issued = issued.clone();
            state.status = TokenStatus::Issued;
            state.id = issued.id;
            state.grant = issued.grant;
            state.user = issued.user;
            state.client = issued.client;
            state.domain = issued.domain;
            state.role = issued.role;
            state.access_hash = issued.access_hash;
            state.access_expires_at = issued.access_expires_at;
            state.refresh_hash = issued.refresh_hash;
            state.refresh_expires_at = issued.refresh_expires_at;
            state.issued_at = issued.at;
        }
        TokenEvent::Refreshed(refreshed) => {
            let refreshed = refreshed.clone();
            state.access_hash = refreshed.access_hash;
            state.access_expires_at = refreshed.access_expires_at;
            state.refresh_hash = Some(refreshed.refresh_hash);
            state.refresh_expires_at = Some(refreshed.refresh_expires_at);
            if state.used_refresh_hashes.len() == USED_REFRESH_MAX {
                state.used_refresh_hashes.pop_front();
            }
            state.used_refresh_hashes.push_back(refreshed.used_refresh_hash);
        }
        TokenEvent::Revoked(_) => state.status = TokenStatus::Revoked,
    }
    state
}
