use wac_events::domain::{DomainObject, Services};
use wac_events::{DomainEvent, DomainId, Time};

/// Where a domain is in its life.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum DomainStatus {
    /// There has never been one.
    #[default]
    Absent,
    /// In use.
    Open,
    /// Being removed; nothing new is created in it.
    Closing,
    /// Gone.
    Deleted,
}

/// A domain's state.
#[derive(Clone, Debug, PartialEq)]
pub struct Domain {
    /// Events so far.
    pub version: u64,
    /// Where it is in its life; the other fields keep their last values.
    pub status: DomainStatus,
    /// Its id; empty while absent.
    pub id: DomainId,
    /// Its name, lower case.
    pub name: String,
    /// Its parent; `None` only for the base domain.
    pub parent: Option<DomainId>,
    /// Patterns that map an anonymous log-in to this domain.
    pub origins: Vec<Option<String>>,
    /// Whether guests may log in.
    pub enable_anonymous: bool,
    /// Lifetime of a guest's access token in milliseconds; 0: the default.
    pub anonymous_expiration_ms: u64,
    /// Forced and pruned capabilities of guests.
    pub anonymous_capabilities: Vec<String>,
    /// The services given; `None` inherits.
    pub services: Option<Services>,
    /// When it was created.
    pub created_at: Time,
}

impl Default for Domain {
    fn default() -> Self {
        Self {
            version: 0,
            status: DomainStatus::Absent,
            id: DomainId::new(""),
            name: String::new(),
            parent: None,
            origins: Vec::new(),
            enable_anonymous: false,
            anonymous_expiration_ms: 0,
            anonymous_capabilities: Vec::new(),
            services: None,
            created_at: Time::EPOCH,
        }
    }
}

impl Domain {
    /// All that is told of it.
    pub(super) fn object(&self) -> DomainObject {
        DomainObject {
            id: self.id.clone(),
            name: self.name.clone(),
            parent: self.parent.clone(),
            origins: self.origins.clone(),
            enable_anonymous: self.enable_anonymous,
            anonymous_expiration_ms: self.anonymous_expiration_ms,
            anonymous_capabilities: self.anonymous_capabilities.clone(),
            services: self.services.clone(),
            created_at: self.created_at,
        }
    }

    /// Whether it is there, closing or not.
    pub fn exists(&self) -> bool {
        matches!(self.status, DomainStatus::Open | DomainStatus::Closing)
    }

    /// Whether it is the base domain.
    pub fn is_base(&self) -> bool {
        self.exists() && self.parent.is_none()
    }
}

/// Folds one event.
#[must_use]
pub fn evolve(mut state: Domain, event: &DomainEvent) -> Domain {
    state.version += 1;
    match event {
        DomainEvent::Created(created) => {
            let created = created.clone();
            state.status = DomainStatus::Open;
            state.id = created.id;
            state.name = created.name;
            state.parent = created.parent;
            state.origins = created.origins;
            state.enable_anonymous = created.enable_anonymous;
            state.anonymous_expiration_ms = created.anonymous_expiration_ms;
            state.anonymous_capabilities = created.anonymous_capabilities;
            state.services = created.services;
            state.created_at = created.at;
        }
        DomainEvent::Changed(changed) => {
            let changed = changed.clone();
            changed.name.apply(&mut state.name);
            changed.parent.apply(&mut state.parent);
            changed.origins.apply(&mut state.origins);
            changed.enable_anonymous.apply(&mut state.enable_anonymous);
            changed.anonymous_expiration_ms.apply(&mut state.anonymous_expiration_ms);
            changed.anonymous_capabilities.apply(&mut state.anonymous_capabilities);
            changed.services.apply(&mut state.services);
        }
        DomainEvent::Closing(_) => state.status = DomainStatus::Closing,
        DomainEvent::Deleted(_) => state.status = DomainStatus::Deleted,
    }
    state
}
