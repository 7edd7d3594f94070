use wac_events::domain::Services;
use wac_events::{DomainId, Reserved, StreamId};

use super::decide::ancestors;
use crate::{Command, Context, Fact, Rejection, World, domain_name};

/// Creates a domain. Without a parent it is the base domain, of which there is one.
#[derive(Clone, Debug, PartialEq)]
pub struct CreateDomain {
    /// Its id, never used before.
    pub id: DomainId,
    /// Its name; kept in lower case.
    pub name: String,
    /// Its parent.
    pub parent: Option<DomainId>,
    /// Patterns that map an anonymous log-in to it.
    pub origins: Vec<Option<String>>,
    /// Whether guests may log in.
    pub enable_anonymous: bool,
    /// Lifetime of a guest's access token in milliseconds; 0: the default.
    pub anonymous_expiration_ms: u64,
    /// `+name`, `-name`.
    pub anonymous_capabilities: Vec<String>,
    /// The services given; `None` inherits.
    pub services: Option<Services>,
}

/// New values of a domain's fields; `None` keeps the old one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DomainChanges {
    /// New name.
    pub name: Option<String>,
    /// New parent; `Some(None)` only for the base domain, which has none.
    pub parent: Option<Option<DomainId>>,
    /// New origins.
    pub origins: Option<Vec<Option<String>>>,
    /// Guests allowed or not.
    pub enable_anonymous: Option<bool>,
    /// New lifetime of guests' tokens in milliseconds.
    pub anonymous_expiration_ms: Option<u64>,
    /// New guest capabilities.
    pub anonymous_capabilities: Option<Vec<String>>,
    /// New services; `Some(None)` inherits.
    pub services: Option<Option<Services>>,
}

/// Changes a domain.
#[derive(Clone, Debug, PartialEq)]
pub struct ChangeDomain {
    /// Which.
    pub id: DomainId,
    /// What.
    pub changes: DomainChanges,
    /// The version it must be at (`If-Match`).
    pub expected_version: Option<u64>,
}

/// Marks the moment from which [`DeleteDomain`] without cascade wants nobody to have moved in.
///
/// Whether a domain is empty stands in no stream of bounded size, so a plain removal has three
/// steps ([`crate::process::delete_empty_domain`] does them): this inspection is appended; a read
/// model at or beyond its position is asked whether the domain is empty; [`DeleteDomain`] removes
/// it if the inspection still stands. Whoever moves in meanwhile ends the inspection in the same
/// append, so an occupant is seen either by the read model or by the decision. An inspection that
/// leads to nothing has no effect on anybody.
#[derive(Clone, Debug, PartialEq)]
pub struct InspectDomain {
    /// Which domain.
    pub id: DomainId,
    /// Names this inspection, never used before.
    pub inspection: String,
}

/// Removes a domain: with `cascade` everything in it too, by a process manager; without, only an
/// empty one.
#[derive(Clone, Debug, PartialEq)]
pub struct DeleteDomain {
    /// Which.
    pub id: DomainId,
    /// Remove what is inside, too. The domain is closing until that is done.
    pub cascade: bool,
    /// Without cascade: the inspection after which the domain was found empty.
    pub inspection: Option<String>,
    /// The version it must be at (`If-Match`).
    pub expected_version: Option<u64>,
}

/// Removes a closing domain once nothing is left in it; sent by the process manager.
#[derive(Clone, Debug, PartialEq)]
pub struct FinishDomainRemoval {
    /// Which.
    pub id: DomainId,
}

impl Command for CreateDomain {
    fn name(&self) -> &'static str {
        "create_domain"
    }

    fn reads(&self, world: &World) -> Vec<StreamId> {
        let mut streams = vec![self.id.stream()];
        streams.extend(domain_name(&self.name).map(|name| Reserved::DomainName(name).stream()));
        match &self.parent {
            Some(parent) => {
                streams.extend(ancestors(world, parent).iter().map(DomainId::stream));
                streams.push(Reserved::Vacancy(parent.clone()).stream());
            }
            None => streams.push(Reserved::BaseDomain.stream()),
        }
        streams
    }

    fn decide(&self, world: &World, ctx: &Context) -> Result<Vec<Fact>, Rejection> {
        self.facts(world, ctx)
    }
}

impl Command for ChangeDomain {
    fn name(&self) -> &'static str {
        "change_domain"
    }

    fn reads(&self, world: &World) -> Vec<StreamId> {
        let mut streams = vec![self.id.stream()];
        let old = world.domain(&self.id);
        if let Some(Ok(name)) = self.changes.name.as_deref().map(domain_name)
            && name != old.name
        {
            streams.extend([Reserved::DomainName(name).stream(), Reserved::DomainName(old.name.clone()).stream()]);
        }
        if let Some(Some(parent)) = &self.changes.parent
            && old.parent.as_ref() != Some(parent)
        {
            streams.extend(ancestors(world, parent).iter().map(DomainId::stream));
            streams.push(Reserved::Vacancy(parent.clone()).stream());
        }
        streams
    }

    fn decide(&self, world: &World, _: &Context) -> Result<Vec<Fact>, Rejection> {
        self.facts(world)
    }
}

impl Command for InspectDomain {
    fn name(&self) -> &'static str {
        "inspect_domain"
    }

    fn reads(&self, _: &World) -> Vec<StreamId> {
        vec![self.id.stream(), Reserved::Vacancy(self.id.clone()).stream()]
    }

    fn decide(&self, world: &World, _: &Context) -> Result<Vec<Fact>, Rejection> {
        self.facts(world)
    }
}

impl Command for DeleteDomain {
    fn name(&self) -> &'static str {
        "delete_domain"
    }

    fn reads(&self, world: &World) -> Vec<StreamId> {
        let name = Reserved::DomainName(world.domain(&self.id).name.clone());
        vec![self.id.stream(), Reserved::Vacancy(self.id.clone()).stream(), name.stream()]
    }

    fn decide(&self, world: &World, ctx: &Context) -> Result<Vec<Fact>, Rejection> {
        self.facts(world, ctx)
    }
}

impl Command for FinishDomainRemoval {
    fn name(&self) -> &'static str {
        "finish_domain_removal"
    }

    fn reads(&self, world: &World) -> Vec<StreamId> {
        let name = Reserved::DomainName(world.domain(&self.id).name.clone());
        vec![self.id.stream(), name.stream()]
    }

    fn decide(&self, world: &World, _: &Context) -> Result<Vec<Fact>, Rejection> {
        self.facts(world)
    }
}
