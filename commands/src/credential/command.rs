use serde_json::{Map, Value};
use wac_events::credential::RevocationReason;
use wac_events::{CredentialId, CredentialKind, DomainId, Reserved, StreamId, Time, TokenId, UserId};

use super::CredentialData;
use crate::{Command, Context, Fact, Rejection, World};

/// Creates a credential.
#[derive(Clone, Debug, PartialEq)]
pub struct CreateCredential {
    /// Its id, never used before.
    pub id: CredentialId,
    /// What it opens.
    pub kind: CredentialKind,
    /// Who gives it out; `wac` for this platform.
    pub source: String,
    /// Free data of the application.
    pub context: Map<String, Value>,
    /// Its domain; its owner's, if it has one.
    pub domain: DomainId,
    /// Its owner; `None` only for `ims`: the domain's anonymous pool.
    pub user: Option<UserId>,
    /// The secret.
    pub data: CredentialData,
    /// Registration lifetime in seconds; 0 leaves it to the gateway.
    pub lease_s: u64,
    /// Of a `sip-mapping`: [`crate::sip_identity_key`] of domain and `data.username`.
    pub identity_key: Option<String>,
}

/// New values of a credential's fields; `None` keeps the old one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CredentialChanges {
    /// New source.
    pub source: Option<String>,
    /// New context.
    pub context: Option<Map<String, Value>>,
    /// New secret.
    pub data: Option<CredentialData>,
    /// New lifetime in seconds.
    pub lease_s: Option<u64>,
    /// With new `data` of a `sip-mapping`: [`crate::sip_identity_key`] of domain and `data.username`.
    pub identity_key: Option<String>,
}

/// Changes a credential. Kind, domain and owner stay what they are.
#[derive(Clone, Debug, PartialEq)]
pub struct ChangeCredential {
    /// Which.
    pub id: CredentialId,
    /// What.
    pub changes: CredentialChanges,
    /// The version it must be at (`If-Match`).
    pub expected_version: Option<u64>,
}

/// Removes a credential.
#[derive(Clone, Debug, PartialEq)]
pub struct RevokeCredential {
    /// Which.
    pub id: CredentialId,
    /// Why.
    pub reason: RevocationReason,
    /// The version it must be at (`If-Match`).
    pub expected_version: Option<u64>,
}

/// Lends a pool credential to a guest's session.
#[derive(Clone, Debug, PartialEq)]
pub struct LeaseCredential {
    /// Which.
    pub id: CredentialId,
    /// The guest's token family.
    pub holder: TokenId,
    /// When the lease ends by itself.
    pub until: Time,
}

/// Gives a pool credential back.
#[derive(Clone, Debug, PartialEq)]
pub struct ReleaseLease {
    /// Which.
    pub id: CredentialId,
    /// Who has it; if somebody else does by now, nothing happens.
    pub holder: TokenId,
}

impl CreateCredential {
    pub(super) fn reserved(&self) -> Option<Reserved> {
        match (self.kind, &self.user, &self.identity_key) {
            (CredentialKind::Basic, Some(user), _) => Some(Reserved::BasicCredential(user.clone())),
            (CredentialKind::SipMapping, _, Some(key)) => Some(Reserved::SipIdentity(self.domain.clone(), key.clone())),
            _ => None,
        }
    }
}

impl Command for CreateCredential {
    fn name(&self) -> &'static str {
        "create_credential"
    }

    fn reads(&self, _: &World) -> Vec<StreamId> {
        let mut streams = vec![self.id.stream(), self.domain.stream()];
        streams.extend(self.user.as_ref().map(UserId::stream));
        streams.extend(self.reserved().as_ref().map(Reserved::stream));
        streams
    }

    fn decide(&self, world: &World, ctx: &Context) -> Result<Vec<Fact>, Rejection> {
        self.facts(world, ctx)
    }
}

impl Command for ChangeCredential {
    fn name(&self) -> &'static str {
        "change_credential"
    }

    fn reads(&self, world: &World) -> Vec<StreamId> {
        let old = world.credential(&self.id);
        let mut streams = vec![self.id.stream()];
        if let (Some(new), Some(old_key)) = (&self.changes.identity_key, &old.identity_key)
            && new != old_key
        {
            let reserved = |key: &String| Reserved::SipIdentity(old.domain.clone(), key.clone()).stream();
            streams.extend([reserved(new), reserved(old_key)]);
        }
        streams
    }

    fn decide(&self, world: &World, _: &Context) -> Result<Vec<Fact>, Rejection> {
        self.facts(world)
    }
}

impl Command for RevokeCredential {
    fn name(&self) -> &'static str {
        "revoke_credential"
    }

    fn reads(&self, world: &World) -> Vec<StreamId> {
        let mut streams = vec![self.id.stream()];
        streams.extend(world.credential(&self.id).reserved().as_ref().map(Reserved::stream));
        streams
    }

    fn decide(&self, world: &World, _: &Context) -> Result<Vec<Fact>, Rejection> {
        self.facts(world)
    }
}

impl Command for LeaseCredential {
    fn name(&self) -> &'static str {
        "lease_credential"
    }

    fn reads(&self, _: &World) -> Vec<StreamId> {
        vec![self.id.stream()]
    }

    fn decide(&self, world: &World, ctx: &Context) -> Result<Vec<Fact>, Rejection> {
        super::lease(world, ctx, &self.id, &self.holder, self.until).map(|fact| fact.into_iter().collect())
    }
}

impl Command for ReleaseLease {
    fn name(&self) -> &'static str {
        "release_lease"
    }

    fn reads(&self, _: &World) -> Vec<StreamId> {
        vec![self.id.stream()]
    }

    fn decide(&self, world: &World, _: &Context) -> Result<Vec<Fact>, Rejection> {
        self.facts(world)
    }
}
