use wac_events::{ClientEvent, ClientId, DomainId, GrantKind, Time};

/// Where a client is in its life.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ClientStatus {
    /// There has never been one.
    #[default]
    Absent,
    /// In use.
    Active,
    /// Gone.
    Deleted,
}

/// A client's state.
#[derive(Clone, Debug, PartialEq)]
pub struct Client {
    /// Events so far.
    pub version: u64,
    /// Where it is in its life; the other fields keep their last values.
    pub status: ClientStatus,
    /// Its id; empty while absent.
    pub id: ClientId,
    /// Its name.
    pub name: String,
    /// Where an authorization answer may go.
    pub redirect_uris: Vec<String>,
    /// How it may obtain tokens.
    pub grants: Vec<GrantKind>,
    /// Its domain.
    pub domain: DomainId,
    /// Whether users are not asked for consent.
    pub trusted: bool,
    /// Lifetime of access tokens in seconds; `None`: the default.
    pub access_token_expiration_s: Option<u64>,
    /// Lifetime of refresh tokens in seconds; `None`: the default.
    pub refresh_token_expiration_s: Option<u64>,
    /// SHA-256 of its secret, hex; `None`: a public client.
    pub secret_hash: Option<String>,
    /// When it was created.
    pub created_at: Time,
}

impl Default for Client {
    fn default() -> Self {
        Self {
            version: 0,
            status: ClientStatus::Absent,
            id: ClientId::new(""),
            name: String::new(),
            redirect_uris: Vec::new(),
            grants: Vec::new(),
            domain: DomainId::new(""),
            trusted: false,
            access_token_expiration_s: None,
            refresh_token_expiration_s: None,
            secret_hash: None,
            created_at: Time::EPOCH,
        }
    }
}

impl Client {
    /// Whether it is there.
    pub fn exists(&self) -> bool {
        self.status == ClientStatus::Active
    }
}

/// Folds one event.
#[must_use]
pub fn evolve(mut state: Client, event: &ClientEvent) -> Client {
    state.version += 1;
    match event {
        ClientEvent::Created(created) => {
            let created = created.clone();
            state.status = ClientStatus::Active;
            state.id = created.id;
            state.name = created.name;
            state.redirect_uris = created.redirect_uris;
            state.grants = created.grants;
            state.domain = created.domain;
            state.trusted = created.trusted;
            state.access_token_expiration_s = created.access_token_expiration_s;
            state.refresh_token_expiration_s = created.refresh_token_expiration_s;
            state.secret_hash = created.secret_hash;
            state.created_at = created.at;
        }
        ClientEvent::Changed(changed) => {
            let changed = changed.clone();
            changed.name.apply(&mut state.name);
            changed.redirect_uris.apply(&mut state.redirect_uris);
            changed.grants.apply(&mut state.grants);
            changed.trusted.apply(&mut state.trusted);
            changed.access_token_expiration_s.apply(&mut state.access_token_expiration_s);
            changed.refresh_token_expiration_s.apply(&mut state.refresh_token_expiration_s);
        }
        ClientEvent::SecretRotated(rotated) => state.secret_hash = Some(rotated.secret_hash.clone()),
        ClientEvent::Deleted(_) => state.status = ClientStatus::Deleted,
    }
    state
}
