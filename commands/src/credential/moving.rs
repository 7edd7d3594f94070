//! Credentials follow their owner when he moves to another domain.

use wac_events::credential::{CredentialMoved, CredentialRevoked, RevocationReason};
use wac_events::{CredentialEvent, CredentialId, CredentialKind, DomainId, KeyStore, Reserved, StreamId, UserId};

use super::Credential;
use crate::{Command, Context, Fact, Rejection, World, reservation, sip_identity_key};

/// Most credentials that move in the same append as their owner; a process manager moves the rest.
pub const FOLLOWERS_MAX: usize = 100;

/// A credential that moves with its owner.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Follower {
    /// Which.
    pub id: CredentialId,
    /// Of a `sip-mapping`: [`sip_identity_key`] of the new domain and its identity.
    pub identity_key: Option<String>,
}

impl Follower {
    /// A credential on its way into `domain`; `data` is its secret as it is kept, clear.
    pub fn new(
        keys: &dyn KeyStore,
        domain: &DomainId,
        id: CredentialId,
        kind: CredentialKind,
        data: Option<&str>,
    ) -> Self {
        let data: Option<serde_json::Value> = data.and_then(|data| serde_json::from_str(data).ok());
        let identity = data.as_ref().and_then(|data| data["username"].as_str());
        let identity_key = identity.filter(|_| kind == CredentialKind::SipMapping);
        Self { id, identity_key: identity_key.map(|identity| sip_identity_key(keys, domain, identity)) }
    }

    /// What it would keep others from having in the new domain.
    fn reserved(&self, domain: &DomainId) -> Option<Reserved> {
        self.identity_key.as_ref().map(|key| Reserved::SipIdentity(domain.clone(), key.clone()))
    }

    /// The streams its move looks at.
    pub(crate) fn reads(&self, world: &World, domain: &DomainId) -> Vec<StreamId> {
        let mut streams = vec![self.id.stream()];
        if world.credential(&self.id).kind == CredentialKind::SipMapping {
            let old = world.credential(&self.id).reserved();
            streams.extend(old.iter().chain(&self.reserved(domain)).map(Reserved::stream));
        }
        streams
    }

    /// Its move into the domain of its owner; nothing if it is there, or is not his (any more).
    ///
    /// Errors: [`Rejection::SipIdentityTaken`] if somebody has its identity there.
    pub(crate) fn facts(&self, world: &World, owner: &UserId, domain: &DomainId) -> Result<Vec<Fact>, Rejection> {
        let credential = world.credential(&self.id);
        if !credential.exists() || credential.user.as_ref() != Some(owner) || credential.domain == *domain {
            return Ok(Vec::new());
        }
        let mut facts = Vec::with_capacity(3);
        if credential.kind == CredentialKind::SipMapping {
            let new = self.reserved(domain).filter(|new| !world.reservation(new).exists());
            let new = new.ok_or(Rejection::SipIdentityTaken)?;
            facts.push(reservation::taken(domain, &new, self.id.as_str()));
            facts.extend(left(credential));
        }
        let moved = CredentialMoved {
            domain: domain.clone(),
            identity_key: self.identity_key.clone().filter(|_| credential.kind == CredentialKind::SipMapping),
        };
        facts.push(Fact::of(domain, self.id.stream(), CredentialEvent::from(moved)));
        Ok(facts)
    }
}

/// The fact that a SIP identity is free where it was.
fn left(credential: &Credential) -> Option<Fact> {
    let old = credential.reserved()?;
    Some(reservation::released(&credential.domain, &old, credential.id.as_str()))
}

/// Moves a credential into the domain its owner is in by now. If somebody has its SIP identity there,
/// it is revoked: no two have one.
#[derive(Clone, PartialEq, Debug)]
pub struct MoveCredential {
    /// Which.
    pub follower: Follower,
    /// The owner's new domain; if he has gone on, nothing happens.
    pub domain: DomainId,
}

impl Command for MoveCredential {
    fn name(&self) -> &'static str {
        "move_credential"
    }

    fn reads(&self, world: &World) -> Vec<StreamId> {
        let mut streams = self.follower.reads(world, &self.domain);
        streams.extend(world.credential(&self.follower.id).user.as_ref().map(UserId::stream));
        streams
    }

    fn decide(&self, world: &World, _: &Context) -> Result<Vec<Fact>, Rejection> {
        let credential = world.credential(&self.follower.id);
        let Some(owner) = &credential.user else { return Ok(Vec::new()) };
        let user = world.user(owner);
        if !user.exists() || user.domain != self.domain {
            return Ok(Vec::new());
        }
        match self.follower.facts(world, owner, &self.domain) {
            Err(Rejection::SipIdentityTaken) => {
                let revoked = CredentialRevoked { reason: RevocationReason::IdentityTaken };
                let revoked = Fact::of(&self.domain, credential.id.stream(), CredentialEvent::from(revoked));
                Ok(left(credential).into_iter().chain([revoked]).collect())
            }
            decided => decided,
        }
    }
}
