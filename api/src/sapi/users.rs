//! `/users`.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, ETAG};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wac_commands::credential::{FOLLOWERS_MAX, Follower};
use wac_commands::{ChangeUser, CreateUser, DeleteUser, State as Folded, UserChanges, UserName, name_key};
use wac_events::{AnyEvent, DomainId, Role, UserEvent, UserId};

use super::common::{IdInPath, user_id, wrong};
use super::user_input::{UserInput, changes_of_own};
use super::user_json::{full, limited, of_state};
use super::{UserCache, lists, schemas};
use crate::body::JsonBody;
use crate::policy::{Action, Decision, Target, allows};
use crate::reading::Query;
use crate::reads::{CredentialFilter, CredentialView, PageOf, UserFilter, UserView};
use crate::write::{Done, Write, nothing_here};
use crate::{Caller, Platform, Problem};

/// Tables a read of users needs.
const TABLES: [&str; 2] = ["users", "domains"];
/// How often a PATCH is decided anew because somebody else changed the same user.
const PATCH_ATTEMPTS_MAX: usize = 5;

/// The routes.
pub(super) fn routes() -> OpenApiRouter<Platform> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(read, replace, patch, remove))
}

/// Users the caller may see: all for administrators, those of his domain for a user, himself for a guest.
#[utoipa::path(get, path = "/users", tag = "users", operation_id = "listUsers",
    params(
        ("domain" = Option<String>, Query, description = "Only users of this domain (name or id)"),
        ("role" = Option<schemas::Role>, Query, description = "Only users of this role"),
        ("username" = Option<String>, Query, description = "Only the user of this name in `domain` (or the caller's own), or `name@domain`"),
        ("limit" = Option<u64>, Query, description = "At most this many", minimum = 1, maximum = 1000),
        ("cursor" = Option<String>, Query, description = "Where the page starts, from a `Link` header"),
    ),
    responses((status = 200, description = "The users", body = Vec<schemas::User>)))]
async fn list(State(platform): State<Platform>, caller: Caller, mut query: Query) -> Result<Response, Problem> {
    let original = query.clone();
    let page = query.page()?;
    let mut filter = UserFilter::default();
    if let Some(role) = query.take("role")? {
        let unknown = || Problem::parameter("role", "role_unknown", "`role` is admin, user or anonymous.");
        filter.role = Some(Role::parse(&role).ok_or_else(unknown)?);
    }
    let domain = query.take("domain")?;
    let username = query.take("username")?;
    query.settle(&platform, &TABLES).await?;
    let mut empty = false;
    if let Some(domain) = domain {
        filter.domain = platform.find_domain(&domain).await?;
        empty = filter.domain.is_none();
    }
    let username = match username.as_deref().map(|name| name.rsplit_once('@').ok_or(name)) {
        Some(Ok((name, domain))) => {
            let named = platform.find_domain_by_name(domain).await?;
            empty |= named.is_none() || (filter.domain.is_some() && filter.domain != named);
            filter.domain = named;
            Some(name)
        }
        Some(Err(name)) => {
            filter.domain.get_or_insert_with(|| caller.domain.clone());
            Some(name)
        }
        None => None,
    };
    match caller.role {
        Role::Admin => {}
        Role::User => {
            empty |= filter.domain.as_ref().is_some_and(|domain| *domain != caller.domain);
            filter.domain = Some(caller.domain.clone());
        }
        Role::Anonymous => {
            empty |= filter.domain.as_ref().is_some_and(|domain| *domain != caller.domain);
            filter.id.clone_from(&caller.user);
        }
    }
    if let (Some(username), Some(domain)) = (username, &filter.domain) {
        match name_key(&*platform.keys, domain, username) {
            Ok(key) => filter.name_key = Some(key),
            Err(_) => empty = true,
        }
    }
    let users = if empty { Vec::new() } else { platform.reads.users(&filter, &page).await? };
    let last = users.last().map(|user| user.id.to_string());
    let shown = users.iter().filter_map(|user| match sight(&caller, user) {
        Decision::Full => Some(full(user)),
        Decision::Limited => Some(limited(user)),
        Decision::Hidden | Decision::Forbidden => None,
    });
    Ok(lists::answer(shown.collect(), users.len(), last, &page, &original))
}

fn sight(caller: &Caller, user: &UserView) -> Decision {
    allows(caller, Action::Read, &Target::User { id: &user.id, domain: &user.domain })
}

/// One user: in full for administrators and the user, else the public fields.
#[utoipa::path(get, path = "/users/{id}", tag = "users", operation_id = "readUser",
    params(("id" = String, Path, description = "The user's id")),
    responses((status = 200, description = "The user", body = schemas::User)))]
async fn read(
    State(platform): State<Platform>,
    caller: Caller,
    IdInPath(id): IdInPath,
    query: Query,
) -> Result<Response, Problem> {
    let id = user_id(&id);
    let min = query.settle(&platform, &TABLES).await?;
    let Some(user) = platform.cached_user(&id, min).await? else { return Err(nothing_here()) };
    let body = match allows(&caller, Action::Read, &Target::User { id: &user.id, domain: &user.domain }) {
        Decision::Full => user.full.clone(),
        Decision::Limited => user.limited.clone(),
        Decision::Hidden | Decision::Forbidden => return Err(nothing_here()),
    };
    let json = axum::http::HeaderValue::from_static("application/json");
    Ok(([(CONTENT_TYPE, json), (ETAG, user.etag.clone())], body).into_response())
}

/// Creates a user.
#[utoipa::path(post, path = "/users", tag = "users", operation_id = "createUser",
    request_body = schemas::UserInput,
    responses((status = 201, description = "The user", body = schemas::User)))]
async fn create(State(platform): State<Platform>, write: Write, body: JsonBody) -> Result<Response, Problem> {
    write.require(Action::Create, &Target::Users)?;
    let input = UserInput::read(body.value)?;
    let domain = platform.domain_in_body(&write, input.domain.as_deref(), "/domain").await?;
    let name_key = name_key(&*platform.keys, &domain, &input.username)?;
    let command = CreateUser {
        id: platform.env.new_uuid().into(),
        domain,
        username: input.username,
        name_key,
        role: input.role.unwrap_or_default(),
        email: input.email,
        mobile_phones: input.mobile_phones,
        land_line_number: input.land_line_number,
        alias: input.alias.unwrap_or_else(|| platform.env.new_uuid().to_string()),
        display_name: input.display_name,
        capabilities: input.capabilities.unwrap_or_default(),
    };
    let done = write.run(&platform, &command, &body.bytes).await?;
    let stream = done.stream_of(|event| matches!(event, AnyEvent::User(UserEvent::Created(_))));
    let id: UserId = stream.map_or(command.id, |stream| stream.id().into());
    let user = platform.user_as_of(&done, &id).await?;
    Ok(done.created(&full(&user), user.version, "users", id.as_str()))
}

/// Replaces a user: what is left out falls back to its default; `alias` is kept.
#[utoipa::path(put, path = "/users/{id}", tag = "users", operation_id = "replaceUser",
    params(("id" = String, Path, description = "The user's id")),
    request_body = schemas::UserInput,
    responses((status = 200, description = "The user", body = schemas::User)))]
async fn replace(
    State(platform): State<Platform>,
    write: Write,
    IdInPath(id): IdInPath,
    body: JsonBody,
) -> Result<Response, Problem> {
    let id = user_id(&id);
    let current = platform.user_for_change(&write, &id).await?;
    let input = UserInput::read(body.value)?;
    let Some(reference) = input.domain.as_deref().filter(|domain| !domain.is_empty()) else {
        return Err(wrong("/domain", "required", "`domain` is required."));
    };
    let domain = platform.domain_in_body(&write, Some(reference), "/domain").await?;
    let limited = write.caller.role != Role::Admin;
    let name = UserName::new(&*platform.keys, domain, input.username.clone())?;
    let credentials = platform.followers(&current, &name.domain).await?;
    let changes = if limited { changes_of_own(&current, &input, &name)? } else { input.into_changes(name) };
    let changes = UserChanges { credentials, ..changes };
    let command = ChangeUser { id: id.clone(), changes, expected_version: write.expected_version(current.version)? };
    let done = write.run(&platform, &command, &body.bytes).await?;
    let user = platform.user_as_of(&done, &id).await?;
    Ok(done.changed(&full(&user), user.version))
}

/// Changes some fields of a user (JSON Merge Patch, RFC 7396).
#[utoipa::path(patch, path = "/users/{id}", tag = "users", operation_id = "patchUser",
    params(("id" = String, Path, description = "The user's id")),
    request_body(content((schemas::UserInput = "application/merge-patch+json"), (schemas::UserInput = "application/json"))),
    responses((status = 200, description = "The user", body = schemas::User)))]
async fn patch(
    State(platform): State<Platform>,
    write: Write,
    IdInPath(id): IdInPath,
    body: JsonBody,
) -> Result<Response, Problem> {
    let id = user_id(&id);
    for attempt in 1.. {
        let current = platform.user_for_change(&write, &id).await?;
        let asked = write.expected_version(current.version)?;
        let mut merged = full(&current);
        super::common::merge(&mut merged, body.value.clone());
        let input = UserInput::read(merged)?;
        let domain = match input.domain.as_deref().filter(|domain| !domain.is_empty()) {
            Some(name) if name == current.domain_name => current.domain.clone(),
            Some(reference) => platform.domain_in_body(&write, Some(reference), "/domain").await?,
            None => return Err(wrong("/domain", "required", "`domain` cannot be removed.")),
        };
        let name = UserName::new(&*platform.keys, domain, input.username.clone())?;
        let limited = write.caller.role != Role::Admin;
        let renamed = name.domain != current.domain || Some(&name.username) != current.username.as_ref();
        let credentials = platform.followers(&current, &name.domain).await?;
        let changes = if limited { changes_of_own(&current, &input, &name)? } else { input.against(&current, name) };
        let changes = UserChanges { credentials, ..changes };
        let expected_version = asked.or(renamed.then_some(current.version));
        let command = ChangeUser { id: id.clone(), changes, expected_version };
        match write.run(&platform, &command, &body.bytes).await {
            Err(problem)
                if asked.is_none() && problem.code == "precondition_failed" && attempt < PATCH_ATTEMPTS_MAX => {}
            Err(problem) => return Err(problem),
            Ok(done) => {
                let user = platform.user_as_of(&done, &id).await?;
                return Ok(done.changed(&full(&user), user.version));
            }
        }
    }
    unreachable!("the loop returns at its last attempt at the latest")
}

/// Deletes a user with what belongs to it; `erase` makes its personal data unreadable for good.
#[utoipa::path(delete, path = "/users/{id}", tag = "users", operation_id = "deleteUser",
    params(
        ("id" = String, Path, description = "The user's id"),
        ("cascade" = Option<bool>, Query, description = "Remove what belongs to it, too (default true)"),
        ("erase" = Option<bool>, Query, description = "Destroy its personal data; also of a user deleted earlier"),
    ),
    responses((status = 204, description = "It is gone")))]
async fn remove(
    State(platform): State<Platform>,
    write: Write,
    IdInPath(id): IdInPath,
    mut query: Query,
) -> Result<Response, Problem> {
    let cascade = query.flag("cascade", true)?;
    let erase = query.flag("erase", false)?;
    query.finish()?;
    let id = user_id(&id);
    let world = platform.handler.load(&[id.stream()]).await?;
    let user = world.user(&id);
    let (there, version) = (user.exists() || (erase && user.version > 0), user.version);
    let action = if erase { Action::Erase } else { Action::Delete };
    write.admit(there, action, &Target::User { id: &id, domain: &user.domain })?;
    let command = DeleteUser { id, cascade, erase, expected_version: write.expected_version(version)? };
    let done = write.run(&platform, &command, &Bytes::new()).await?;
    Ok(done.answer(StatusCode::NO_CONTENT))
}

impl Platform {
    /// The user a change starts from, as the log has it now, if the caller may change it.
    async fn user_for_change(&self, write: &Write, id: &UserId) -> Result<UserView, Problem> {
        let world = self.handler.load(&[id.stream()]).await?;
        let user = world.user(id);
        write.admit(user.exists(), Action::Change, &Target::User { id, domain: &user.domain })?;
        Ok(of_state(user, self.domain_name_of(&user.domain).await?, None))
    }

    /// The credentials that move with a user if `domain` is another one than his.
    async fn followers(&self, user: &UserView, domain: &DomainId) -> Result<Vec<Follower>, Problem> {
        if user.domain == *domain {
            return Ok(Vec::new());
        }
        self.caught_up(&super::credentials::TABLES).await?;
        let filter = CredentialFilter { user: Some(Some(user.id.clone())), ..CredentialFilter::default() };
        let page = PageOf { limit: FOLLOWERS_MAX, ..PageOf::default() };
        let credentials = self.reads.credentials(&filter, &page).await?.into_iter();
        let follower = |credential: CredentialView| {
            Follower::new(&*self.keys, domain, credential.id, credential.kind, credential.secret.as_deref())
        };
        Ok(credentials.map(follower).collect())
    }

    /// The user as a write has left it.
    async fn user_as_of(&self, done: &Done, id: &UserId) -> Result<UserView, Problem> {
        let Folded::User(user) = self.handler.load_at(&id.stream(), done.position()).await? else {
            return Err(nothing_here());
        };
        let last_login = self.reads.user(id).await?.and_then(|user| user.last_login);
        Ok(of_state(&user, self.domain_name_of(&user.domain).await?, last_login))
    }

    /// A user from the cache, or from rows that are not older than `min`.
    async fn cached_user(
        &self,
        id: &UserId,
        min: Option<wac_events::Position>,
    ) -> Result<Option<std::sync::Arc<super::CachedUser>>, Problem> {
        if let Some(user) = self.users.find(self, id, min) {
            return Ok(Some(user));
        }
        if let Some(user) = UserCache::load(self, id).await? {
            return Ok(Some(user));
        }
        self.caught_up(&TABLES).await?;
        UserCache::load(self, id).await
    }
}
