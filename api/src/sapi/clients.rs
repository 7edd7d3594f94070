//! `/clients`: OAuth2 clients, for administrators.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use bytes::Bytes;
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wac_commands::{
    ChangeClient, Client, ClientChanges, CreateClient, DeleteClient, RotateClientSecret, State as Folded,
};
use wac_events::{AnyEvent, ClientEvent, ClientId, GrantKind, Patch};

use super::common::{IdInPath, NUMBER_MAX, merge};
use super::user_input::given;
use super::{lists, schemas};
use crate::body::JsonBody;
use crate::fields::Fields;
use crate::oauth::{client_secret, secret_hash};
use crate::policy::{Action, Decision, Target, allows};
use crate::reading::Query;
use crate::reads::ClientView;
use crate::write::{Done, Write, not_for_you, nothing_here};
use crate::{Caller, Platform, Problem};

const TABLES: [&str; 2] = ["clients", "domains"];
/// The server's own fields, ignored in a body.
const OWN_FIELDS: [&str; 2] = ["id", "created"];

/// The routes.
pub(super) fn routes() -> OpenApiRouter<Platform> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(read, replace, patch, remove))
        .routes(routes!(rotate))
}

struct ClientInput {
    name: String,
    redirect_uris: Vec<String>,
    grants: Vec<GrantKind>,
    domain: Option<String>,
    trusted: bool,
    confidential: Option<bool>,
    access_token_expiration_s: Option<u64>,
    refresh_token_expiration_s: Option<u64>,
}

impl ClientInput {
    fn read(body: Value) -> Result<Self, Problem> {
        let mut fields = Fields::of_body(body, &OWN_FIELDS)?;
        let names = given(fields.texts("grants"));
        let mut grants = Vec::with_capacity(names.len());
        for (index, name) in names.iter().enumerate() {
            match GrantKind::parse(name) {
                Some(grant) => grants.push(grant),
                None => fields.wrong_entry("grants", index, "grant_unknown", "There is no such grant."),
            }
        }
        let input = Self {
            name: fields.required_text("name"),
            redirect_uris: given(fields.texts("redirectUris")),
            grants,
            domain: given(fields.optional_text("domain")),
            trusted: given(fields.boolean("trusted")),
            confidential: match fields.boolean("confidential") {
                Patch::Set(confidential) => Some(confidential),
                Patch::Keep => None,
            },
            access_token_expiration_s: given(fields.optional_number("accessTokenExpiration", NUMBER_MAX)),
            refresh_token_expiration_s: given(fields.optional_number("refreshTokenExpiration", NUMBER_MAX)),
        };
        fields.finish()?;
        Ok(input)
    }
}

fn object(client: &ClientView) -> Value {
    json!({
        "id": client.id,
        "name": client.name,
        "redirectUris": client.redirect_uris,
        "grants": client.grants,
        "domain": client.domain_name,
        "trusted": client.trusted,
        "confidential": client.confidential,
        "accessTokenExpiration": client.access_token_expiration_s,
        "refreshTokenExpiration": client.refresh_token_expiration_s,
        "created": client.created_at.millis(),
    })
}

/// The object with its secret, shown this once; a replay cannot show it again.
fn with_secret(client: &ClientView, secret: Option<String>, done: &Done) -> Value {
    let mut object = object(client);
    if let Some(secret) = secret.filter(|_| !done.executed.duplicate) {
        object["secret"] = secret.into();
    }
    object
}

/// A folded state as a view.
pub(crate) fn of_state(client: &Client, domain_name: String) -> ClientView {
    ClientView {
        id: client.id.clone(),
        name: client.name.clone(),
        redirect_uris: client.redirect_uris.clone(),
        grants: client.grants.clone(),
        domain: client.domain.clone(),
        domain_name,
        trusted: client.trusted,
        access_token_expiration_s: client.access_token_expiration_s,
        refresh_token_expiration_s: client.refresh_token_expiration_s,
        confidential: client.secret_hash.is_some(),
        created_at: client.created_at,
        version: client.version,
    }
}

fn check(caller: &Caller, action: Action) -> Result<(), Problem> {
    match allows(caller, action, &Target::Clients) {
        Decision::Full | Decision::Limited => Ok(()),
        Decision::Hidden => Err(nothing_here()),
        Decision::Forbidden => Err(not_for_you()),
    }
}

/// All clients, or those of one domain.
#[utoipa::path(get, path = "/clients", tag = "clients", operation_id = "listClients",
    params(
        ("domain" = Option<String>, Query, description = "Only of this domain (name or id)"),
        ("limit" = Option<u64>, Query, description = "At most this many", minimum = 1, maximum = 1000),
        ("cursor" = Option<String>, Query, description = "Where the page starts, from a `Link` header"),
    ),
    responses((status = 200, description = "The clients", body = Vec<schemas::Client>)))]
async fn list(State(platform): State<Platform>, caller: Caller, mut query: Query) -> Result<Response, Problem> {
    check(&caller, Action::List)?;
    let original = query.clone();
    let page = query.page()?;
    let reference = query.take("domain")?;
    query.settle(&platform, &TABLES).await?;
    let clients = match reference {
        None => platform.reads.clients(None, &page).await?,
        Some(reference) => match platform.find_domain(&reference).await? {
            Some(domain) => platform.reads.clients(Some(&domain), &page).await?,
            None => Vec::new(),
        },
    };
    let last = clients.last().map(|client| client.id.to_string());
    Ok(lists::answer(clients.iter().map(object).collect(), clients.len(), last, &page, &original))
}

/// One client.
#[utoipa::path(get, path = "/clients/{id}", tag = "clients", operation_id = "readClient",
    params(("id" = String, Path, description = "The client's id")),
    responses((status = 200, description = "The client", body = schemas::Client)))]
async fn read(
    State(platform): State<Platform>,
    caller: Caller,
    IdInPath(id): IdInPath,
    query: Query,
) -> Result<Response, Problem> {
    check(&caller, Action::Read)?;
    let id = ClientId::from(id);
    query.settle(&platform, &TABLES).await?;
    let mut found = platform.reads.client(&id).await?;
    if found.is_none() {
        platform.caught_up(&TABLES).await?;
        found = platform.reads.client(&id).await?;
    }
    let client = found.ok_or_else(nothing_here)?;
    Ok(super::common::shown(&object(&client), client.version))
}

/// Registers a client. Its secret is in this answer and nowhere else.
#[utoipa::path(post, path = "/clients", tag = "clients", operation_id = "createClient",
    request_body = schemas::ClientInput,
    responses((status = 201, description = "The client with its secret", body = schemas::Client)))]
async fn create(State(platform): State<Platform>, write: Write, body: JsonBody) -> Result<Response, Problem> {
    write.require(Action::Create, &Target::Clients)?;
    let input = ClientInput::read(body.value)?;
    let domain = platform.domain_in_body(&write, input.domain.as_deref(), "/domain").await?;
    let secret = input.confidential.unwrap_or(true).then(|| client_secret(&*platform.env));
    let command = CreateClient {
        id: platform.env.new_uuid().into(),
        name: input.name,
        redirect_uris: input.redirect_uris,
        grants: input.grants,
        domain,
        trusted: input.trusted,
        access_token_expiration_s: input.access_token_expiration_s,
        refresh_token_expiration_s: input.refresh_token_expiration_s,
        secret_hash: secret.as_deref().map(secret_hash),
    };
    let done = write.run(&platform, &command, &body.bytes).await?;
    let stream = done.stream_of(|event| matches!(event, AnyEvent::Client(ClientEvent::Created(_))));
    let id: ClientId = stream.map_or(command.id, |stream| stream.id().into());
    let client = platform.client_as_of(&done, &id).await?;
    Ok(done.created(&with_secret(&client, secret, &done), client.version, "clients", id.as_str()))
}

/// Replaces a client: what is left out falls back to its default; domain and secret stay.
#[utoipa::path(put, path = "/clients/{id}", tag = "clients", operation_id = "replaceClient",
    params(("id" = String, Path, description = "The client's id")),
    request_body = schemas::ClientInput,
    responses((status = 200, description = "The client", body = schemas::Client)))]
async fn replace(
    State(platform): State<Platform>,
    write: Write,
    IdInPath(id): IdInPath,
    body: JsonBody,
) -> Result<Response, Problem> {
    let id = ClientId::from(id);
    let current = platform.client_for_change(&write, &id).await?;
    platform.change_client(&write, &current, ClientInput::read(body.value)?, &body.bytes).await
}

/// Changes some fields of a client (JSON Merge Patch, RFC 7396).
#[utoipa::path(patch, path = "/clients/{id}", tag = "clients", operation_id = "patchClient",
    params(("id" = String, Path, description = "The client's id")),
    request_body(content((schemas::ClientInput = "application/merge-patch+json"), (schemas::ClientInput = "application/json"))),
    responses((status = 200, description = "The client", body = schemas::Client)))]
async fn patch(
    State(platform): State<Platform>,
    write: Write,
    IdInPath(id): IdInPath,
    body: JsonBody,
) -> Result<Response, Problem> {
    let id = ClientId::from(id);
    let current = platform.client_for_change(&write, &id).await?;
    let mut merged = object(&current);
    merge(&mut merged, body.value);
    platform.change_client(&write, &current, ClientInput::read(merged)?, &body.bytes).await
}

/// Gives a client a new secret; the old one no longer works. It is in this answer and nowhere else.
#[utoipa::path(post, path = "/clients/{id}/secret", tag = "clients", operation_id = "rotateClientSecret",
    params(("id" = String, Path, description = "The client's id")),
    responses((status = 200, description = "The client with its new secret", body = schemas::Client)))]
async fn rotate(
    State(platform): State<Platform>,
    write: Write,
    IdInPath(id): IdInPath,
    query: Query,
) -> Result<Response, Problem> {
    query.finish()?;
    let id = ClientId::from(id);
    let current = platform.client_for_change(&write, &id).await?;
    let secret = client_secret(&*platform.env);
    let expected_version = write.expected_version(current.version)?;
    let command = RotateClientSecret { id: id.clone(), secret_hash: secret_hash(&secret), expected_version };
    let done = write.run(&platform, &command, &Bytes::new()).await?;
    let client = platform.client_as_of(&done, &id).await?;
    Ok(done.changed(&with_secret(&client, Some(secret), &done), client.version))
}

/// Removes a client; its tokens no longer work.
#[utoipa::path(delete, path = "/clients/{id}", tag = "clients", operation_id = "deleteClient",
    params(("id" = String, Path, description = "The client's id")),
    responses((status = 204, description = "It is gone")))]
async fn remove(
    State(platform): State<Platform>,
    write: Write,
    IdInPath(id): IdInPath,
    query: Query,
) -> Result<Response, Problem> {
    query.finish()?;
    let id = ClientId::from(id);
    let current = platform.client_for_change(&write, &id).await?;
    let command = DeleteClient { id, expected_version: write.expected_version(current.version)? };
    let done = write.run(&platform, &command, &Bytes::new()).await?;
    Ok(done.answer(StatusCode::NO_CONTENT))
}

impl Platform {
    async fn client_for_change(&self, write: &Write, id: &ClientId) -> Result<ClientView, Problem> {
        write.require(Action::Change, &Target::Clients)?;
        let world = self.handler.load(&[id.stream()]).await?;
        let client = world.client(id);
        write.admit(client.exists(), Action::Change, &Target::Clients)?;
        Ok(of_state(client, self.domain_name_of(&client.domain).await?))
    }

    async fn change_client(
        &self,
        write: &Write,
        current: &ClientView,
        input: ClientInput,
        body: &Bytes,
    ) -> Result<Response, Problem> {
        let moved = match input.domain.as_deref().filter(|domain| *domain != current.domain_name) {
            Some(reference) => self.find_domain(reference).await?.as_ref() != Some(&current.domain),
            None => false,
        };
        let fixed = |pointer: &str| {
            let detail = "Domain and kind of a client stay.";
            Problem::new(StatusCode::CONFLICT, "field_fixed", detail).at(pointer)
        };
        if moved {
            return Err(fixed("/domain"));
        }
        if input.confidential.is_some_and(|confidential| confidential != current.confidential) {
            return Err(fixed("/confidential"));
        }
        let changes = ClientChanges {
            name: Some(input.name),
            redirect_uris: Some(input.redirect_uris),
            grants: Some(input.grants),
            trusted: Some(input.trusted),
            access_token_expiration_s: Some(input.access_token_expiration_s),
            refresh_token_expiration_s: Some(input.refresh_token_expiration_s),
        };
        let expected_version = write.expected_version(current.version)?;
        let command = ChangeClient { id: current.id.clone(), changes, expected_version };
        let done = write.run(self, &command, body).await?;
        let client = self.client_as_of(&done, &current.id).await?;
        Ok(done.changed(&object(&client), client.version))
    }

    async fn client_as_of(&self, done: &Done, id: &ClientId) -> Result<ClientView, Problem> {
        let Folded::Client(client) = self.handler.load_at(&id.stream(), done.position()).await? else {
            return Err(nothing_here());
        };
        Ok(of_state(&client, self.domain_name_of(&client.domain).await?))
    }
}
