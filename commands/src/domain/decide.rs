use wac_events::domain::{DomainChanged, DomainClosing, DomainCreated, DomainDeleted, Services};
use wac_events::{DomainEvent, DomainId, Patch, Reserved};

use super::*;
use crate::rejection::{Checks, check_version};
use crate::{Context, Fact, Rejection, World, capability, domain_name, reservation};

/// `start` and everything above it as far as it has been read, at most [`DOMAIN_DEPTH_MAX`] + 1.
pub(crate) fn ancestors(world: &World, start: &DomainId) -> Vec<DomainId> {
    let mut chain = vec![start.clone()];
    while chain.len() <= DOMAIN_DEPTH_MAX {
        match chain.last().and_then(|last| world.domain(last).parent.clone()) {
            Some(parent) if !chain.contains(&parent) => chain.push(parent),
            _ => break,
        }
    }
    chain
}

/// The domain something is created in: there and not closing. `pointer`: the field that names it.
pub(crate) fn open_domain<'a>(world: &'a World, id: &DomainId, pointer: &str) -> Result<&'a Domain, Rejection> {
    let domain = world.domain(id);
    match domain.status {
        DomainStatus::Open => Ok(domain),
        DomainStatus::Closing => Err(Rejection::DomainClosing),
        DomainStatus::Absent | DomainStatus::Deleted => {
            Err(Rejection::invalid("domain_unknown", pointer, "the domain does not exist"))
        }
    }
}

/// What a user or child domain that moves into `domain` adds to its append: the end of an
/// inspection under way, see [`InspectDomain`].
pub(crate) fn moved_in(world: &World, domain: &DomainId) -> Option<Fact> {
    let vacancy = Reserved::Vacancy(domain.clone());
    let holder = world.reservation(&vacancy).holder.as_deref()?;
    Some(reservation::released(domain, &vacancy, holder))
}

fn existing<'a>(world: &'a World, id: &DomainId) -> Result<&'a Domain, Rejection> {
    let domain = world.domain(id);
    if domain.exists() { Ok(domain) } else { Err(Rejection::NotFound { what: "domain", id: id.to_string() }) }
}

/// The parent is open, not below `child`, and not too deep.
fn check_parent(world: &World, child: &DomainId, parent: &DomainId) -> Result<(), Rejection> {
    let chain = ancestors(world, parent);
    if chain.contains(child) {
        return Err(Rejection::DomainCycle);
    }
    open_domain(world, parent, "/parent")?;
    if chain.len() > DOMAIN_DEPTH_MAX {
        return Err(Rejection::DomainTooDeep { max: DOMAIN_DEPTH_MAX });
    }
    Ok(())
}

fn check_origins(checks: &mut Checks, origins: &[Option<String>]) {
    checks.require(origins.len() <= ORIGINS_MAX, "origin_invalid", "/origins", "a domain has at most 100 origins");
    for (index, pattern) in origins.iter().enumerate().take(ORIGINS_MAX) {
        if let Err(detail) = origin::check(pattern.as_deref()) {
            checks.require(false, "origin_invalid", &format!("/origins/{index}"), &detail);
        }
    }
}

fn check_services(checks: &mut Checks, services: &Services) {
    let named = |name: &String| {
        !name.is_empty()
            && name.len() <= SERVICE_CHARS_MAX
            && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))
    };
    let detail = "names of services and backends have 1 to 64 letters, digits, dots, hyphens and underscores; \
                  at most 100 services with 32 backends each";
    let holds = services.len() <= SERVICES_MAX
        && services
            .iter()
            .all(|(name, backends)| named(name) && backends.len() <= BACKENDS_MAX && backends.iter().all(named));
    checks.require(holds, "services_invalid", "/services", detail);
    // A misspelt service would be off without a word.
    for name in services.keys().filter(|name| named(name) && !SERVICES.contains(&name.as_str())).take(SERVICES_MAX) {
        checks.require(false, "service_unknown", &format!("/services/{name}"), "there is no service of that name");
    }
}

fn check_expiration(checks: &mut Checks, expiration_ms: u64) {
    let holds = expiration_ms <= ANONYMOUS_EXPIRATION_MS_MAX;
    checks.require(
        holds,
        "anonymous_expiration_invalid",
        "/anonymousExpiration",
        "guests' tokens last at most 10 years",
    );
}

impl CreateDomain {
    fn check(&self) -> Result<String, Rejection> {
        let mut checks = Checks::default();
        let name = checks.take(domain_name(&self.name));
        check_origins(&mut checks, &self.origins);
        check_expiration(&mut checks, self.anonymous_expiration_ms);
        capability::check(&mut checks, &self.anonymous_capabilities, "/anonymousCapabilities");
        if let Some(services) = &self.services {
            check_services(&mut checks, services);
        }
        checks.done()?;
        Ok(name.unwrap_or_default())
    }

    pub(super) fn facts(&self, world: &World, ctx: &Context) -> Result<Vec<Fact>, Rejection> {
        let name = self.check()?;
        if world.domain(&self.id).version > 0 {
            return Err(Rejection::AlreadyExists { what: "domain", id: self.id.to_string() });
        }
        let mut facts = Vec::with_capacity(3);
        match &self.parent {
            Some(parent) => {
                check_parent(world, &self.id, parent)?;
                facts.extend(moved_in(world, parent));
            }
            None if world.reservation(&Reserved::BaseDomain).exists() => {
                return Err(Rejection::invalid("parent_required", "/parent", "only the base domain has no parent"));
            }
            None => facts.push(reservation::taken(&self.id, &Reserved::BaseDomain, self.id.as_str())),
        }
        let reserved = Reserved::DomainName(name.clone());
        if world.reservation(&reserved).exists() {
            return Err(Rejection::DomainNameTaken);
        }
        facts.push(reservation::taken(&self.id, &reserved, self.id.as_str()));
        let created = DomainCreated {
            id: self.id.clone(),
            name,
            parent: self.parent.clone(),
            origins: self.origins.clone(),
            enable_anonymous: self.enable_anonymous,
            anonymous_expiration_ms: self.anonymous_expiration_ms,
            anonymous_capabilities: self.anonymous_capabilities.clone(),
            services: self.services.clone(),
            at: ctx.now,
        };
        facts.push(Fact::of(&self.id, self.id.stream(), DomainEvent::from(created)));
        Ok(facts)
    }
}

fn patch<T: Clone + PartialEq>(old: &T, new: Option<&T>) -> Patch<T> {
    new.map_or(Patch::Keep, |new| Patch::between(old, new.clone()))
}

impl DomainChanges {
    fn check(&self) -> Result<Option<String>, Rejection> {
        let mut checks = Checks::default();
        let name = self.name.as_deref().and_then(|name| checks.take(domain_name(name)));
        check_origins(&mut checks, self.origins.as_deref().unwrap_or_default());
        check_expiration(&mut checks, self.anonymous_expiration_ms.unwrap_or_default());
        let capabilities = self.anonymous_capabilities.as_deref().unwrap_or_default();
        capability::check(&mut checks, capabilities, "/anonymousCapabilities");
        if let Some(Some(services)) = &self.services {
            check_services(&mut checks, services);
        }
        checks.done()?;
        Ok(name)
    }
}

impl ChangeDomain {
    pub(super) fn facts(&self, world: &World) -> Result<Vec<Fact>, Rejection> {
        let old = existing(world, &self.id)?;
        check_version(self.expected_version, old.version)?;
        let name = self.changes.check()?;
        let changed = DomainChanged {
            name: patch(&old.name, name.as_ref()),
            parent: patch(&old.parent, self.changes.parent.as_ref()),
            origins: patch(&old.origins, self.changes.origins.as_ref()),
            enable_anonymous: patch(&old.enable_anonymous, self.changes.enable_anonymous.as_ref()),
            anonymous_expiration_ms: patch(&old.anonymous_expiration_ms, self.changes.anonymous_expiration_ms.as_ref()),
            anonymous_capabilities: patch(&old.anonymous_capabilities, self.changes.anonymous_capabilities.as_ref()),
            services: patch(&old.services, self.changes.services.as_ref()),
        };
        if changed == DomainChanged::default() {
            return Ok(Vec::new());
        }
        if old.status == DomainStatus::Closing {
            return Err(Rejection::DomainClosing);
        }
        if old.is_base() && !(changed.name.is_keep() && changed.parent.is_keep()) {
            return Err(Rejection::BaseDomain);
        }
        let mut facts = Vec::with_capacity(4);
        match changed.parent.set() {
            Some(Some(parent)) => {
                check_parent(world, &self.id, parent)?;
                facts.extend(moved_in(world, parent));
            }
            Some(None) => {
                return Err(Rejection::invalid("parent_required", "/parent", "only the base domain has no parent"));
            }
            None => {}
        }
        if let Some(name) = changed.name.set() {
            let (taken, left) = (Reserved::DomainName(name.clone()), Reserved::DomainName(old.name.clone()));
            if world.reservation(&taken).exists() {
                return Err(Rejection::DomainNameTaken);
            }
            facts.push(reservation::taken(&self.id, &taken, self.id.as_str()));
            facts.push(reservation::released(&self.id, &left, self.id.as_str()));
        }
        facts.push(Fact::of(&self.id, self.id.stream(), DomainEvent::from(changed)));
        Ok(facts)
    }
}

fn removal(domain: &Domain) -> Vec<Fact> {
    let reserved = Reserved::DomainName(domain.name.clone());
    let deleted = DomainDeleted { name: domain.name.clone(), domain: Some(domain.object()) };
    vec![
        reservation::released(&domain.id, &reserved, domain.id.as_str()),
        Fact::of(&domain.id, domain.id.stream(), DomainEvent::from(deleted)),
    ]
}

impl InspectDomain {
    pub(super) fn facts(&self, world: &World) -> Result<Vec<Fact>, Rejection> {
        let domain = existing(world, &self.id)?;
        if domain.is_base() {
            return Err(Rejection::BaseDomain);
        }
        // A later inspection takes the place of an earlier one, which then finds itself ended.
        Ok(vec![reservation::taken(&self.id, &Reserved::Vacancy(self.id.clone()), &self.inspection)])
    }
}

impl DeleteDomain {
    pub(super) fn facts(&self, world: &World, ctx: &Context) -> Result<Vec<Fact>, Rejection> {
        let domain = existing(world, &self.id)?;
        check_version(self.expected_version, domain.version)?;
        if domain.is_base() {
            return Err(Rejection::BaseDomain);
        }
        if self.cascade {
            if domain.status == DomainStatus::Closing {
                return Ok(Vec::new());
            }
            let closing = DomainEvent::from(DomainClosing { at: ctx.now });
            return Ok(vec![Fact::of(&self.id, self.id.stream(), closing)]);
        }
        if domain.status == DomainStatus::Closing {
            return Err(Rejection::DomainClosing);
        }
        let standing = world.reservation(&Reserved::Vacancy(self.id.clone())).holder.as_ref();
        if standing.is_none() || standing != self.inspection.as_ref() {
            return Err(Rejection::DomainNotEmpty);
        }
        Ok(removal(domain))
    }
}

impl FinishDomainRemoval {
    pub(super) fn facts(&self, world: &World) -> Result<Vec<Fact>, Rejection> {
        let domain = existing(world, &self.id)?;
        match domain.status {
            DomainStatus::Closing => Ok(removal(domain)),
            DomainStatus::Absent | DomainStatus::Open | DomainStatus::Deleted => Err(Rejection::DomainNotEmpty),
        }
    }
}
