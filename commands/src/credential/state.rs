use serde_json::{Map, Value};
use wac_events::credential::read_free_data;
use wac_events::{CredentialEvent, CredentialId, CredentialKind, DomainId, Secret, SubjectId, Time, TokenId, UserId};

/// Where a credential is in its life.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum CredentialStatus {
    /// There has never been one.
    #[default]
    Absent,
    /// In use.
    Active,
    /// Gone.
    Revoked,
}

/// Who has a pool credential, and until when.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lease {
    /// The guest's token family.
    pub holder: TokenId,
    /// When it ends by itself.
    pub until: Time,
}

/// A credential's state. The secret is clear, or erased.
#[derive(Clone, Debug, PartialEq)]
pub struct Credential {
    /// Events so far.
    pub version: u64,
    /// Where it is in its life; the other fields keep their last values.
    pub status: CredentialStatus,
    /// Its id; empty while absent.
    pub id: CredentialId,
    /// What it opens.
    pub kind: CredentialKind,
    /// Who gave it out.
    pub source: String,
    /// Free data of the application; empty once erased.
    pub context: Map<String, Value>,
    /// Its domain.
    pub domain: DomainId,
    /// Its owner; `None`: the domain's anonymous pool.
    pub user: Option<UserId>,
    /// Reservation of a `sip-mapping`'s identity.
    pub identity_key: Option<String>,
    /// For `basic` the password's hash, else the JSON of `data`.
    pub data: Secret,
    /// Registration lifetime in seconds; 0 leaves it to the gateway.
    pub lease_s: u64,
    /// The lease given last, over or not.
    pub lease: Option<Lease>,
    /// When it was created.
    pub created_at: Time,
}

impl Default for Credential {
    fn default() -> Self {
        Self {
            version: 0,
            status: CredentialStatus::Absent,
            id: CredentialId::new(""),
            kind: CredentialKind::Basic,
            source: String::new(),
            context: Map::new(),
            domain: DomainId::new(""),
            user: None,
            identity_key: None,
            data: Secret::new(""),
            lease_s: 0,
            lease: None,
            created_at: Time::EPOCH,
        }
    }
}

impl Credential {
    /// Whether it is there.
    pub fn exists(&self) -> bool {
        self.status == CredentialStatus::Active
    }

    /// Whether it belongs to its domain's anonymous pool.
    pub fn is_pool(&self) -> bool {
        self.user.is_none() && self.kind == CredentialKind::Ims
    }

    /// Whose key seals its secret.
    pub fn subject(&self) -> SubjectId {
        self.user.as_ref().map_or_else(|| SubjectId::of_domain(&self.domain), SubjectId::of_user)
    }
}

/// Folds one event.
#[must_use]
pub fn evolve(mut state: Credential, event: &CredentialEvent) -> Credential {
    state.version += 1;
    match event {
        CredentialEvent::Created(created) => {
            let created = created.clone();
            state.status = CredentialStatus::Active;
            state.id = created.id;
            state.kind = created.kind;
            state.source = created.source;
            state.context = created.context.as_ref().map(read_free_data).unwrap_or_default();
            state.domain = created.domain;
            state.user = created.user;
            state.identity_key = created.identity_key;
            state.data = created.data;
            state.lease_s = created.lease_s;
            state.created_at = created.at;
        }
        CredentialEvent::Changed(changed) => {
            let changed = changed.clone();
            changed.source.apply(&mut state.source);
            if let Some(context) = changed.context.set() {
                state.context = read_free_data(context);
            }
            if let Some(key) = changed.identity_key.set() {
                state.identity_key = Some(key.clone());
            }
            changed.data.apply(&mut state.data);
            changed.lease_s.apply(&mut state.lease_s);
        }
        CredentialEvent::Revoked(_) => state.status = CredentialStatus::Revoked,
        CredentialEvent::Leased(leased) => {
            state.lease = Some(Lease { holder: leased.holder.clone(), until: leased.until });
        }
        CredentialEvent::LeaseReleased(_) => state.lease = None,
        CredentialEvent::Moved(moved) => {
            state.domain = moved.domain.clone();
            state.identity_key = moved.identity_key.clone().or(state.identity_key);
        }
    }
    state
}
