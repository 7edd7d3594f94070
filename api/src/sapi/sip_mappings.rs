//! `/sipMappings`: SIP identities of users (guide 5.1.3.5 and 6.3.5.5), kept as credentials of type
//! `sip-mapping`. Besides the ids there is the guide's own way: by the owner's URI.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use bytes::Bytes;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wac_events::{CredentialId, CredentialKind, Role, UserId};

use super::common::{IdInPath, wrong};
use super::credential_input::CredentialInput;
use super::credentials::{TABLES, owns, target};
use super::lists;
use crate::body::JsonBody;
use crate::fields::Fields;
use crate::policy::{Action, Target, allows};
use crate::reading::Query;
use crate::reads::{CredentialFilter, CredentialView, PageOf};
use crate::write::{Done, Write, nothing_here};
use crate::{Caller, Platform, Problem};

/// The server's own fields, ignored in a body.
const OWN_FIELDS: [&str; 3] = ["id", "domain", "created"];

/// The routes.
pub(super) fn routes() -> OpenApiRouter<Platform> {
    OpenApiRouter::new()
        .routes(routes!(list, create, replace_of_owner, remove_of_owner))
        .routes(routes!(read, replace, remove))
}

/// A SIP identity.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code)]
struct SipMapping {
    /// Its id.
    id: String,
    /// `wac-user:<id>`.
    owner_uri: String,
    /// The identity.
    credential: SipIdentity,
    /// Its domain's name.
    domain: String,
    /// When it was created, in milliseconds since the epoch.
    created: i64,
}

/// A SIP identity's names.
#[derive(ToSchema)]
#[allow(dead_code)]
struct SipIdentity {
    /// The identity in the SIP network. `null` once erased.
    username: Option<String>,
    /// Its password; shown to its owner only.
    #[schema(nullable = false)]
    password: Option<String>,
}

/// A SIP identity on its way in.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code)]
struct SipMappingInput {
    /// `wac-user:<id>`.
    owner_uri: String,
    /// The identity.
    credential: SipIdentityInput,
}

/// A SIP identity's names on their way in.
#[derive(ToSchema)]
#[allow(dead_code)]
struct SipIdentityInput {
    /// The identity in the SIP network.
    #[schema(min_length = 1)]
    username: String,
    /// Its password; may be empty or left out.
    #[schema(nullable = false)]
    password: Option<String>,
}

struct Input {
    owner: UserId,
    data: Map<String, Value>,
}

/// `wac-user:<id>`.
fn owner(uri: &str) -> Option<UserId> {
    uri.strip_prefix("wac-user:").filter(|id| !id.is_empty() && id.len() <= wac_events::ID_BYTES_MAX).map(UserId::from)
}

impl Input {
    fn read(body: Value) -> Result<Self, Problem> {
        let mut fields = Fields::of_body(body, &OWN_FIELDS)?;
        let uri = fields.required_text("ownerUri");
        let owner = owner(&uri);
        if owner.is_none() && !fields.is_wrong("ownerUri") {
            fields.wrong("ownerUri", "owner_invalid", "`ownerUri` is wac-user: and the id of a user.");
        }
        let data = fields.required_object("credential");
        fields.finish()?;
        let owner = owner.ok_or_else(|| wrong("/ownerUri", "owner_invalid", "`ownerUri` names no user."))?;
        let mut errors = Vec::new();
        for (name, value) in &data {
            if !matches!(name.as_str(), "username" | "password") || !value.is_string() {
                errors.push(name.clone());
            }
        }
        if let Some(name) = errors.first() {
            let pointer = format!("/credential/{name}");
            return Err(wrong(
                &pointer,
                "data_invalid",
                "A SIP identity has a `username` and a `password`, both texts.",
            ));
        }
        Ok(Self { owner, data })
    }

    /// The same as a credential.
    fn credential(self) -> CredentialInput {
        CredentialInput {
            kind: CredentialKind::SipMapping,
            source: None,
            context: None,
            domain: None,
            user: Some(Some(self.owner.to_string())),
            data: Some(self.data),
            lease_s: None,
        }
    }
}

fn object(mapping: &CredentialView, to_owner: bool) -> Value {
    let data = mapping.secret.as_deref().and_then(|secret| serde_json::from_str::<Map<String, Value>>(secret).ok());
    let mut identity = data.unwrap_or_default();
    identity.entry("username").or_insert(Value::Null);
    if !to_owner {
        identity.remove("password");
    }
    json!({
        "id": mapping.id,
        "ownerUri": mapping.user.as_ref().map(UserId::uri),
        "credential": identity,
        "domain": mapping.domain_name,
        "created": mapping.created_at.millis(),
    })
}

/// Mappings the caller may see: all for administrators, his own for others.
#[utoipa::path(get, path = "/sipMappings", tag = "sipMappings", operation_id = "listSipMappings",
    params(
        ("ownerUri" = Option<String>, Query, description = "Only of this owner, `wac-user:<id>`"),
        ("limit" = Option<u64>, Query, description = "At most this many", minimum = 1, maximum = 1000),
        ("cursor" = Option<String>, Query, description = "Where the page starts, from a `Link` header"),
    ),
    responses((status = 200, description = "The mappings", body = Vec<SipMapping>)))]
async fn list(State(platform): State<Platform>, caller: Caller, mut query: Query) -> Result<Response, Problem> {
    let original = query.clone();
    let page = query.page()?;
    let uri = query.take("ownerUri")?;
    query.settle(&platform, &TABLES).await?;
    let asked = uri.as_deref().map(owner);
    let mut filter = CredentialFilter {
        kind: Some(CredentialKind::SipMapping),
        user: asked.clone().flatten().map(Some),
        ..CredentialFilter::default()
    };
    let mut empty = asked == Some(None);
    if caller.role != Role::Admin {
        empty |= caller.user.is_none() || filter.user.as_ref().is_some_and(|user| *user != caller.user);
        filter.user = Some(caller.user.clone());
    }
    let found = if empty { Vec::new() } else { platform.reads.credentials(&filter, &page).await? };
    let last = found.last().map(|mapping| mapping.id.to_string());
    let visible = |mapping: &&CredentialView| allows(&caller, Action::List, &target(mapping)).is_allowed();
    let objects = found.iter().filter(visible).map(|mapping| object(mapping, owns(&caller, mapping))).collect();
    Ok(lists::answer(objects, found.len(), last, &page, &original))
}

/// One mapping.
#[utoipa::path(get, path = "/sipMappings/{id}", tag = "sipMappings", operation_id = "readSipMapping",
    params(("id" = String, Path, description = "The mapping's id")),
    responses((status = 200, description = "The mapping", body = SipMapping)))]
async fn read(
    State(platform): State<Platform>,
    caller: Caller,
    IdInPath(id): IdInPath,
    query: Query,
) -> Result<Response, Problem> {
    let id = CredentialId::from(id);
    query.settle(&platform, &TABLES).await?;
    let mut found = platform.reads.credential(&id).await?;
    if found.is_none() {
        platform.caught_up(&TABLES).await?;
        found = platform.reads.credential(&id).await?;
    }
    let mapping = found.filter(|found| found.kind == CredentialKind::SipMapping).ok_or_else(nothing_here)?;
    if !allows(&caller, Action::Read, &target(&mapping)).is_allowed() {
        return Err(nothing_here());
    }
    Ok(super::common::shown(&object(&mapping, owns(&caller, &mapping)), mapping.version))
}

/// Maps a user to a SIP identity. The owner must exist.
#[utoipa::path(post, path = "/sipMappings", tag = "sipMappings", operation_id = "createSipMapping",
    request_body = SipMappingInput,
    responses((status = 201, description = "The mapping", body = SipMapping)))]
async fn create(State(platform): State<Platform>, write: Write, body: JsonBody) -> Result<Response, Problem> {
    write.require(Action::Create, &Target::Credentials)?;
    let input = Input::read(body.value)?;
    if !write.replay {
        platform.owner_exists(&input.owner).await?;
    }
    let (done, id) = platform.create_credential(&write, input.credential(), &body.bytes).await.map_err(in_mapping)?;
    let mapping = platform.credential_as_of(&done, &id).await?;
    let object = object(&mapping, owns(&write.caller, &mapping));
    Ok(done.created(&object, mapping.version, "sipMappings", id.as_str()))
}

/// Replaces the identity of a mapping, by its id. Its owner stays.
#[utoipa::path(put, path = "/sipMappings/{id}", tag = "sipMappings", operation_id = "replaceSipMapping",
    params(("id" = String, Path, description = "The mapping's id")),
    request_body = SipMappingInput,
    responses((status = 200, description = "The mapping", body = SipMapping)))]
async fn replace(
    State(platform): State<Platform>,
    write: Write,
    IdInPath(id): IdInPath,
    body: JsonBody,
) -> Result<Response, Problem> {
    let current = platform.mapping_for_change(&write, &CredentialId::from(id)).await?;
    platform.change_mapping(&write, &current, Input::read(body.value)?, &body.bytes).await
}

/// Replaces the identity of the owner's mapping, the owner named in the body.
#[utoipa::path(put, path = "/sipMappings", tag = "sipMappings", operation_id = "replaceSipMappingOfOwner",
    request_body = SipMappingInput,
    responses((status = 200, description = "The mapping", body = SipMapping)))]
async fn replace_of_owner(State(platform): State<Platform>, write: Write, body: JsonBody) -> Result<Response, Problem> {
    write.require(Action::Create, &Target::Credentials)?;
    let input = Input::read(body.value)?;
    let id = platform.mapping_of(&write, &input.owner).await?;
    let current = platform.mapping_for_change(&write, &id).await?;
    platform.change_mapping(&write, &current, input, &body.bytes).await
}

/// Removes a mapping, by its id.
#[utoipa::path(delete, path = "/sipMappings/{id}", tag = "sipMappings", operation_id = "deleteSipMapping",
    params(("id" = String, Path, description = "The mapping's id")),
    responses((status = 204, description = "It is gone")))]
async fn remove(
    State(platform): State<Platform>,
    write: Write,
    IdInPath(id): IdInPath,
    query: Query,
) -> Result<Response, Problem> {
    query.finish()?;
    let id = CredentialId::from(id);
    platform.mapping_for_change(&write, &id).await?;
    let done: Done = platform.revoke_credential(&write, &id).await?;
    Ok(done.answer(StatusCode::NO_CONTENT))
}

/// Removes the owner's mapping.
#[utoipa::path(delete, path = "/sipMappings", tag = "sipMappings", operation_id = "deleteSipMappingOfOwner",
    params(("ownerUri" = String, Query, description = "The owner, `wac-user:<id>`")),
    responses((status = 204, description = "It is gone")))]
async fn remove_of_owner(
    State(platform): State<Platform>,
    write: Write,
    mut query: Query,
) -> Result<Response, Problem> {
    write.require(Action::Create, &Target::Credentials)?;
    let uri = query.take("ownerUri")?;
    query.finish()?;
    let unnamed = || Problem::parameter("ownerUri", "owner_invalid", "`ownerUri` is wac-user: and the id of a user.");
    let owner = uri.as_deref().and_then(owner).ok_or_else(unnamed)?;
    let id = platform.mapping_of(&write, &owner).await?;
    let done: Done = platform.revoke_credential(&write, &id).await?;
    Ok(done.answer(StatusCode::NO_CONTENT))
}

/// Pointers of a credential's fields as a mapping spells them.
fn in_mapping(mut problem: Problem) -> Problem {
    for error in &mut problem.errors {
        if let Some(rest) = error.pointer.strip_prefix("/data") {
            error.pointer = format!("/credential{rest}");
        }
    }
    problem
}

impl Platform {
    async fn owner_exists(&self, owner: &UserId) -> Result<(), Problem> {
        let world = self.handler.load(&[owner.stream()]).await?;
        let missing = || Problem::not_found("There is no user of this URI.").at("/ownerUri");
        if world.user(owner).exists() { Ok(()) } else { Err(missing()) }
    }

    /// The oldest mapping of an owner; in a replay the one it was about.
    async fn mapping_of(&self, write: &Write, owner: &UserId) -> Result<CredentialId, Problem> {
        if let Some(stream) = write.replayed_stream(self, "credential").await? {
            return Ok(stream.id().into());
        }
        self.caught_up(&TABLES).await?;
        let filter = CredentialFilter {
            kind: Some(CredentialKind::SipMapping),
            user: Some(Some(owner.clone())),
            ..CredentialFilter::default()
        };
        let found = self.reads.credentials(&filter, &PageOf { limit: 1, ..PageOf::default() }).await?;
        found.into_iter().next().map(|mapping| mapping.id).ok_or_else(nothing_here)
    }

    async fn mapping_for_change(&self, write: &Write, id: &CredentialId) -> Result<CredentialView, Problem> {
        let current = self.credential_for_change(write, id).await?;
        if current.kind == CredentialKind::SipMapping || write.replay { Ok(current) } else { Err(nothing_here()) }
    }

    /// Gives a mapping another identity; another owner is refused.
    async fn change_mapping(
        &self,
        write: &Write,
        current: &CredentialView,
        input: Input,
        body: &Bytes,
    ) -> Result<Response, Problem> {
        let mut input = input.credential();
        input.source = Some(current.source.clone());
        input.context = Some(current.context.clone());
        input.lease_s = Some(current.lease_s);
        let done = self.changed_credential(write, current, input, body).await.map_err(in_mapping)?;
        let mapping = self.credential_as_of(&done, &current.id).await?;
        Ok(done.changed(&object(&mapping, owns(&write.caller, &mapping)), mapping.version))
    }
}
