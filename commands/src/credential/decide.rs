use wac_events::credential::{
    CredentialChanged, CredentialCreated, CredentialLeaseReleased, CredentialLeased, CredentialRevoked, free_data,
};
use wac_events::{
    CredentialEvent, CredentialId, CredentialKind, Patch, Reserved, Secret, StreamId, SubjectId, Time, TokenId,
};

use super::data::json_bytes;
use super::*;
use crate::domain::open_domain;
use crate::rejection::{Checks, check_version};
use crate::{Context, Fact, Rejection, World, reservation};

fn existing<'a>(world: &'a World, id: &CredentialId) -> Result<&'a Credential, Rejection> {
    let credential = world.credential(id);
    if credential.exists() {
        Ok(credential)
    } else {
        Err(Rejection::NotFound { what: "credential", id: id.to_string() })
    }
}

fn check_common(checks: &mut Checks, source: Option<&str>, lease_s: Option<u64>, context_bytes: usize) {
    let named = source.is_none_or(|source| {
        (1..=SOURCE_CHARS_MAX).contains(&source.chars().count()) && !source.chars().any(char::is_control)
    });
    checks.require(named, "source_invalid", "/source", "a source has 1 to 64 characters and no control characters");
    checks.require(
        lease_s.unwrap_or_default() <= LEASE_S_MAX,
        "lease_invalid",
        "/lease",
        "a lease lasts at most one year",
    );
    checks.require(context_bytes <= DATA_BYTES_MAX, "context_invalid", "/context", "a context has at most 16384 bytes");
}

impl Credential {
    /// What it keeps others from having.
    pub(super) fn reserved(&self) -> Option<Reserved> {
        match (self.kind, &self.user, &self.identity_key) {
            (CredentialKind::Basic, Some(user), _) => Some(Reserved::BasicCredential(user.clone())),
            (CredentialKind::SipMapping, _, Some(key)) => Some(Reserved::SipIdentity(self.domain.clone(), key.clone())),
            _ => None,
        }
    }

    fn stream(&self) -> StreamId {
        self.id.stream()
    }
}

fn taken_already(reserved: &Reserved) -> Rejection {
    match reserved {
        Reserved::BasicCredential(_) => Rejection::BasicCredentialExists,
        Reserved::SipIdentity(..)
        | Reserved::DomainName(_)
        | Reserved::Username(_)
        | Reserved::BaseDomain
        | Reserved::Vacancy(_) => Rejection::SipIdentityTaken,
    }
}

impl CreateCredential {
    fn check(&self) -> Result<(), Rejection> {
        let mut checks = Checks::default();
        check_common(&mut checks, Some(&self.source), Some(self.lease_s), json_bytes(&self.context));
        checks.take(self.data.check(self.kind));
        let owned = self.user.is_some() || self.kind == CredentialKind::Ims;
        checks.require(owned, "user_required", "/user", "only an ims credential may be without a user");
        let keyed = self.kind != CredentialKind::SipMapping || self.identity_key.is_some();
        checks.require(keyed, "data_invalid", "/data/username", "a sip-mapping names its identity");
        checks.done()
    }

    pub(super) fn facts(&self, world: &World, ctx: &Context) -> Result<Vec<Fact>, Rejection> {
        self.check()?;
        if world.credential(&self.id).version > 0 {
            return Err(Rejection::AlreadyExists { what: "credential", id: self.id.to_string() });
        }
        open_domain(world, &self.domain, "/domain")?;
        if let Some(id) = &self.user {
            let user = world.user(id);
            if !user.exists() {
                return Err(Rejection::invalid("user_unknown", "/user", "the user does not exist"));
            }
            if user.domain != self.domain {
                return Err(Rejection::invalid("domain_not_the_users", "/domain", "the user is in another domain"));
            }
        }
        let mut facts = Vec::with_capacity(2);
        if let Some(reserved) = self.reserved() {
            if world.reservation(&reserved).exists() {
                return Err(taken_already(&reserved));
            }
            facts.push(reservation::taken(&self.domain, &reserved, self.id.as_str()));
        }
        let created = CredentialCreated {
            id: self.id.clone(),
            kind: self.kind,
            source: self.source.clone(),
            context: (!self.context.is_empty()).then(|| free_data(&self.context)),
            domain: self.domain.clone(),
            user: self.user.clone(),
            identity_key: self.identity_key.clone().filter(|_| self.kind == CredentialKind::SipMapping),
            data: Secret::new(self.data.text()),
            lease_s: self.lease_s,
            at: ctx.now,
        };
        facts.push(Fact::of(&self.domain, self.id.stream(), CredentialEvent::from(created)));
        Ok(facts)
    }
}

fn nothing(subject: SubjectId) -> CredentialChanged {
    CredentialChanged {
        subject,
        source: Patch::Keep,
        context: Patch::Keep,
        identity_key: Patch::Keep,
        data: Patch::Keep,
        lease_s: Patch::Keep,
    }
}

impl ChangeCredential {
    fn check(&self, kind: CredentialKind) -> Result<(), Rejection> {
        let changes = &self.changes;
        let mut checks = Checks::default();
        let context_bytes = changes.context.as_ref().map_or(0, json_bytes);
        check_common(&mut checks, changes.source.as_deref(), changes.lease_s, context_bytes);
        if let Some(data) = &changes.data {
            checks.take(data.check(kind));
            let keyed = kind != CredentialKind::SipMapping || changes.identity_key.is_some();
            checks.require(keyed, "data_invalid", "/data/username", "a sip-mapping names its identity");
        }
        checks.done()
    }

    pub(super) fn facts(&self, world: &World) -> Result<Vec<Fact>, Rejection> {
        let old = existing(world, &self.id)?;
        check_version(self.expected_version, old.version)?;
        self.check(old.kind)?;
        let changes = &self.changes;
        let mut changed = nothing(old.subject());
        if let Some(source) = &changes.source {
            changed.source = Patch::between(&old.source, source.clone());
        }
        if let Some(context) = &changes.context {
            changed.context = if *context == old.context { Patch::Keep } else { Patch::Set(free_data(context)) };
        }
        if let Some(lease_s) = changes.lease_s {
            changed.lease_s = Patch::between(&old.lease_s, lease_s);
        }
        if let Some(data) = &changes.data {
            changed.data = Patch::between(&old.data, Secret::new(data.text()));
        }
        let mut facts = Vec::with_capacity(3);
        if let (Some(_), Some(new), Some(old_key)) = (&changes.data, &changes.identity_key, &old.identity_key)
            && new != old_key
        {
            let reserved = |key: &String| Reserved::SipIdentity(old.domain.clone(), key.clone());
            if world.reservation(&reserved(new)).exists() {
                return Err(Rejection::SipIdentityTaken);
            }
            facts.push(reservation::taken(&old.domain, &reserved(new), self.id.as_str()));
            facts.push(reservation::released(&old.domain, &reserved(old_key), self.id.as_str()));
            changed.identity_key = Patch::Set(new.clone());
        }
        if changed == nothing(old.subject()) {
            return Ok(Vec::new());
        }
        facts.push(Fact::of(&old.domain, old.stream(), CredentialEvent::from(changed)));
        Ok(facts)
    }
}

impl RevokeCredential {
    pub(super) fn facts(&self, world: &World) -> Result<Vec<Fact>, Rejection> {
        let credential = existing(world, &self.id)?;
        check_version(self.expected_version, credential.version)?;
        let mut facts = Vec::with_capacity(2);
        if let Some(reserved) = credential.reserved() {
            facts.push(reservation::released(&credential.domain, &reserved, self.id.as_str()));
        }
        let revoked = CredentialEvent::from(CredentialRevoked { reason: self.reason });
        facts.push(Fact::of(&credential.domain, credential.stream(), revoked));
        Ok(facts)
    }
}

/// Lends a pool credential; nothing happens if the holder has it until then already.
pub(crate) fn lease(
    world: &World,
    ctx: &Context,
    id: &CredentialId,
    holder: &TokenId,
    until: Time,
) -> Result<Option<Fact>, Rejection> {
    let credential = existing(world, id)?;
    if !credential.is_pool() {
        return Err(Rejection::NotAPoolCredential);
    }
    match &credential.lease {
        Some(lease) if lease.holder == *holder && lease.until == until => return Ok(None),
        Some(lease) if lease.holder != *holder && lease.until > ctx.now => return Err(Rejection::CredentialLeased),
        _ => {}
    }
    if until <= ctx.now {
        return Err(Rejection::invalid("lease_invalid", "/until", "a lease ends in the future"));
    }
    let leased = CredentialEvent::from(CredentialLeased { holder: holder.clone(), until });
    Ok(Some(Fact::of(&credential.domain, id.stream(), leased)))
}

impl ReleaseLease {
    pub(super) fn facts(&self, world: &World) -> Result<Vec<Fact>, Rejection> {
        let credential = existing(world, &self.id)?;
        if credential.lease.as_ref().is_none_or(|lease| lease.holder != self.holder) {
            return Ok(Vec::new());
        }
        let released = CredentialEvent::from(CredentialLeaseReleased { holder: self.holder.clone() });
        Ok(vec![Fact::of(&credential.domain, credential.stream(), released)])
    }
}
