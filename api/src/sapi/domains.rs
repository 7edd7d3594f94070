//! `/domains`.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use bytes::Bytes;
use serde_json::Value;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wac_commands::domain::DomainStatus;
use wac_commands::{ChangeDomain, CreateDomain, DeleteDomain, Domain, InspectDomain, State as Folded};
use wac_events::{AnyEvent, DomainEvent, DomainId, Position, Role};

use super::common::{IdInPath, merge, shown};
use super::domain_json::{DomainInput, full, limited, of_state};
use super::{lists, schemas};
use crate::body::JsonBody;
use crate::policy::{Action, Decision, Target, allows};
use crate::reading::Query;
use crate::reads::{DOMAIN_DEPTH_MAX, DomainView, PageOf, UserFilter};
use crate::write::{Done, Write, nothing_here};
use crate::{Caller, Platform, Problem};

const TABLES: [&str; 1] = ["domains"];

/// The routes.
pub(super) fn routes() -> OpenApiRouter<Platform> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(read, replace, patch, remove))
}

fn shown_to(caller: &Caller, domain: &DomainView) -> Option<Value> {
    match allows(caller, Action::Read, &Target::Domain(&domain.id)) {
        Decision::Full => Some(full(domain)),
        Decision::Limited => Some(limited(domain)),
        Decision::Hidden | Decision::Forbidden => None,
    }
}

/// Domains the caller may see: all for administrators, his own for others.
#[utoipa::path(get, path = "/domains", tag = "domains", operation_id = "listDomains",
    params(
        ("domain" = Option<String>, Query, description = "Only the domain of this name"),
        ("limit" = Option<u64>, Query, description = "At most this many", minimum = 1, maximum = 1000),
        ("cursor" = Option<String>, Query, description = "Where the page starts, from a `Link` header"),
    ),
    responses((status = 200, description = "The domains", body = Vec<schemas::Domain>)))]
async fn list(State(platform): State<Platform>, caller: Caller, mut query: Query) -> Result<Response, Problem> {
    let original = query.clone();
    let page = query.page()?;
    let name = query.take("domain")?.map(|name| name.to_lowercase());
    query.settle(&platform, &TABLES).await?;
    let domains = if caller.role == Role::Admin {
        platform.reads.domains(name.as_deref(), &page).await?
    } else {
        let own = platform.reads.domain(&caller.domain).await?;
        let behind = |domain: &DomainView| page.after.as_deref().is_none_or(|after| domain.id.as_str() > after);
        let named = |domain: &DomainView| name.as_ref().is_none_or(|name| *name == domain.name);
        own.into_iter().filter(|domain| behind(domain) && named(domain)).collect()
    };
    let last = domains.last().map(|domain| domain.id.to_string());
    let objects = domains.iter().filter_map(|domain| shown_to(&caller, domain)).collect();
    Ok(lists::answer(objects, domains.len(), last, &page, &original))
}

/// One domain; its own users and guests may read it, too.
#[utoipa::path(get, path = "/domains/{id}", tag = "domains", operation_id = "readDomain",
    params(("id" = String, Path, description = "The domain's id")),
    responses((status = 200, description = "The domain", body = schemas::Domain)))]
async fn read(
    State(platform): State<Platform>,
    caller: Caller,
    IdInPath(id): IdInPath,
    query: Query,
) -> Result<Response, Problem> {
    let id = DomainId::from(id);
    query.settle(&platform, &TABLES).await?;
    let mut found = platform.reads.domain(&id).await?;
    if found.is_none() {
        platform.caught_up(&TABLES).await?;
        found = platform.reads.domain(&id).await?;
    }
    let domain = found.ok_or_else(nothing_here)?;
    let object = shown_to(&caller, &domain).ok_or_else(nothing_here)?;
    Ok(shown(&object, domain.version))
}

/// Creates a domain.
#[utoipa::path(post, path = "/domains", tag = "domains", operation_id = "createDomain",
    request_body = schemas::DomainInput,
    responses((status = 201, description = "The domain", body = schemas::Domain)))]
async fn create(State(platform): State<Platform>, write: Write, body: JsonBody) -> Result<Response, Problem> {
    write.require(Action::Create, &Target::Domains)?;
    let input = DomainInput::read(body.value)?;
    let parent = platform.domain_in_body(&write, input.parent.as_deref(), "/parent").await?;
    let command = CreateDomain {
        id: platform.env.new_uuid().into(),
        name: input.name,
        parent: Some(parent),
        origins: input.origins,
        enable_anonymous: input.enable_anonymous,
        anonymous_expiration_ms: input.anonymous_expiration_ms,
        anonymous_capabilities: input.anonymous_capabilities,
        services: input.services,
    };
    let done = write.run(&platform, &command, &body.bytes).await?;
    let stream = done.stream_of(|event| matches!(event, AnyEvent::Domain(DomainEvent::Created(_))));
    let id: DomainId = stream.map_or(command.id, |stream| stream.id().into());
    let domain = platform.domain_as_of(&done, &id).await?;
    Ok(done.created(&full(&domain), domain.version, "domains", id.as_str()))
}

/// Replaces a domain: what is left out falls back to its default.
#[utoipa::path(put, path = "/domains/{id}", tag = "domains", operation_id = "replaceDomain",
    params(("id" = String, Path, description = "The domain's id")),
    request_body = schemas::DomainInput,
    responses((status = 200, description = "The domain", body = schemas::Domain)))]
async fn replace(
    State(platform): State<Platform>,
    write: Write,
    IdInPath(id): IdInPath,
    body: JsonBody,
) -> Result<Response, Problem> {
    let id = DomainId::from(id);
    let current = platform.domain_for_change(&write, &id).await?;
    let input = DomainInput::read(body.value)?;
    let parent = platform.parent_in_body(&write, &current, input.parent.as_deref()).await?;
    let changes = input.into_changes(parent);
    let command = ChangeDomain { id: id.clone(), changes, expected_version: write.expected_version(current.version)? };
    let done = write.run(&platform, &command, &body.bytes).await?;
    let domain = platform.domain_as_of(&done, &id).await?;
    Ok(done.changed(&full(&domain), domain.version))
}

/// Changes some fields of a domain (JSON Merge Patch, RFC 7396).
#[utoipa::path(patch, path = "/domains/{id}", tag = "domains", operation_id = "patchDomain",
    params(("id" = String, Path, description = "The domain's id")),
    request_body(content((schemas::DomainInput = "application/merge-patch+json"), (schemas::DomainInput = "application/json"))),
    responses((status = 200, description = "The domain", body = schemas::Domain)))]
async fn patch(
    State(platform): State<Platform>,
    write: Write,
    IdInPath(id): IdInPath,
    body: JsonBody,
) -> Result<Response, Problem> {
    let id = DomainId::from(id);
    let current = platform.domain_for_change(&write, &id).await?;
    let mut merged = full(&current);
    merge(&mut merged, body.value);
    let input = DomainInput::read(merged)?;
    let parent = match input.parent.as_deref() {
        Some(name) if Some(name) == current.parent_name.as_deref() => current.parent.clone(),
        reference => platform.parent_in_body(&write, &current, reference).await?,
    };
    let changes = input.against(&current, parent);
    let command = ChangeDomain { id: id.clone(), changes, expected_version: write.expected_version(current.version)? };
    let done = write.run(&platform, &command, &body.bytes).await?;
    let domain = platform.domain_as_of(&done, &id).await?;
    Ok(done.changed(&full(&domain), domain.version))
}

/// Removes a domain: an empty one at once, with `cascade` one with all that is in it.
#[utoipa::path(delete, path = "/domains/{id}", tag = "domains", operation_id = "deleteDomain",
    params(
        ("id" = String, Path, description = "The domain's id"),
        ("cascade" = Option<bool>, Query, description = "Remove what is in it, too (default false)"),
    ),
    responses(
        (status = 204, description = "It is gone"),
        (status = 202, description = "It is closing; what is in it is removed one by one, last the domain"),
    ))]
async fn remove(
    State(platform): State<Platform>,
    write: Write,
    IdInPath(id): IdInPath,
    mut query: Query,
) -> Result<Response, Problem> {
    let cascade = query.flag("cascade", false)?;
    query.finish()?;
    let id = DomainId::from(id);
    let world = platform.handler.load(&[id.stream()]).await?;
    write.admit(world.domain(&id).exists(), Action::Delete, &Target::Domain(&id))?;
    let expected_version = write.expected_version(world.domain(&id).version)?;
    let inspection = if cascade || write.replay { None } else { platform.inspected(&write, &id).await? };
    let command = DeleteDomain { id, cascade, inspection, expected_version };
    let done = write.run(&platform, &command, &Bytes::new()).await?;
    let closing = |event: &AnyEvent| matches!(event, AnyEvent::Domain(DomainEvent::Closing(_)));
    let goes_on = done.stream_of(closing).is_some() || (cascade && done.executed.facts.is_empty());
    Ok(done.answer(if goes_on { StatusCode::ACCEPTED } else { StatusCode::NO_CONTENT }))
}

impl Platform {
    /// Marks the domain as inspected and looks whether anything is in it. The mark, if it is empty:
    /// whoever moves in meanwhile wipes it out.
    async fn inspected(&self, write: &Write, id: &DomainId) -> Result<Option<String>, Problem> {
        let inspection = self.env.new_uuid().to_string();
        let mark = InspectDomain { id: id.clone(), inspection: inspection.clone() };
        let marked = self.execute(&mark, write.context(self)).await?.position;
        self.waiter.wait_for(&["users", "domains"], marked, self.config.read_patience).await?;
        let one = PageOf { limit: 1, ..PageOf::default() };
        let users = UserFilter { domain: Some(id.clone()), ..UserFilter::default() };
        let occupied = !self.reads.users(&users, &one).await?.is_empty() || self.reads.has_children(id).await?;
        Ok((!occupied).then_some(inspection))
    }

    async fn domain_for_change(&self, write: &Write, id: &DomainId) -> Result<DomainView, Problem> {
        let world = self.handler.load(&[id.stream()]).await?;
        let domain = world.domain(id);
        write.admit(domain.exists(), Action::Change, &Target::Domain(id))?;
        self.domain_view(domain).await
    }

    /// The parent a changed domain gets: nothing means the base domain, but for that itself.
    async fn parent_in_body(
        &self,
        write: &Write,
        current: &DomainView,
        reference: Option<&str>,
    ) -> Result<Option<DomainId>, Problem> {
        match reference.filter(|reference| !reference.is_empty()) {
            None if current.parent.is_none() => Ok(None),
            reference => Ok(Some(self.domain_in_body(write, reference, "/parent").await?)),
        }
    }

    /// The domain as a write has left it.
    async fn domain_as_of(&self, done: &Done, id: &DomainId) -> Result<DomainView, Problem> {
        self.domain_at(id, done.position()).await
    }

    /// The domain as it was at a position.
    pub(crate) async fn domain_at(&self, id: &DomainId, position: Position) -> Result<DomainView, Problem> {
        let Folded::Domain(domain) = self.handler.load_at(&id.stream(), position).await? else {
            return Err(nothing_here());
        };
        self.domain_view(&domain).await
    }

    /// A folded domain with what it takes from its ancestors, as the log has them now.
    async fn domain_view(&self, domain: &Domain) -> Result<DomainView, Problem> {
        let mut known = BTreeMap::from([(domain.id.clone(), (domain.parent.clone(), domain.services.clone()))]);
        let mut parent_name = None;
        let mut next = domain.parent.clone();
        while let Some(id) = next.take().filter(|_| known.len() <= DOMAIN_DEPTH_MAX) {
            let world = self.handler.load(&[id.stream()]).await?;
            let parent = world.domain(&id);
            if parent.status == DomainStatus::Absent || known.contains_key(&id) {
                break;
            }
            parent_name.get_or_insert_with(|| parent.name.clone());
            known.insert(id, (parent.parent.clone(), parent.services.clone()));
            next.clone_from(&parent.parent);
        }
        let effective = self.reads.effective_services(&domain.id, |id| known.get(id).cloned());
        Ok(of_state(domain, parent_name, effective))
    }
}
