//! `/credentials`.

use std::net::IpAddr;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use bytes::Bytes;
use serde_json::{Map, Value};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wac_commands::{
    ChangeCredential, CreateCredential, Credential, CredentialChanges, CredentialData, RevokeCredential,
    State as Folded, credential, sip_identity_key,
};
use wac_events::credential::RevocationReason;
use wac_events::{AnyEvent, CredentialEvent, CredentialId, CredentialKind, DomainId, Role};

use super::common::{IdInPath, merge, user_id, wrong};
use super::credential_input::{CredentialInput, of_state, shown};
use super::{lists, schemas};
use crate::body::JsonBody;
use crate::policy::{Action, Decision, Target, allows};
use crate::problem::FieldError;
use crate::reading::Query;
use crate::reads::{CredentialFilter, CredentialView};
use crate::write::{Done, Write, nothing_here};
use crate::{Caller, Platform, Problem};

/// Tables a read of credentials needs.
pub(super) const TABLES: [&str; 2] = ["credentials", "domains"];

/// The routes.
pub(super) fn routes() -> OpenApiRouter<Platform> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(read, replace, patch, remove))
}

/// Whether the caller's token is one of the owner: the user, or the guest who has it leased.
pub(crate) fn owns(caller: &Caller, credential: &CredentialView) -> bool {
    (credential.user.is_some() && credential.user == caller.user)
        || credential.leased_by.as_ref() == Some(&caller.token)
}

pub(crate) fn target(credential: &CredentialView) -> Target<'_> {
    Target::Credential {
        owner: credential.user.as_ref(),
        leased_by: credential.leased_by.as_ref(),
        basic: credential.kind == CredentialKind::Basic,
    }
}

/// Credentials the caller may see: all for administrators, his own for others (for a guest the one
/// leased to his session). Secrets are shown to their owner only.
#[utoipa::path(get, path = "/credentials", tag = "credentials", operation_id = "listCredentials",
    params(
        ("id" = Option<String>, Query, description = "Only this credential"),
        ("type" = Option<schemas::CredentialType>, Query, description = "Only this type"),
        ("user" = Option<String>, Query, description = "Only of this user"),
        ("domain" = Option<String>, Query, description = "Only of this domain (name or id)"),
        ("limit" = Option<u64>, Query, description = "At most this many", minimum = 1, maximum = 1000),
        ("cursor" = Option<String>, Query, description = "Where the page starts, from a `Link` header"),
    ),
    responses((status = 200, description = "The credentials", body = Vec<schemas::Credential>)))]
async fn list(State(platform): State<Platform>, caller: Caller, mut query: Query) -> Result<Response, Problem> {
    let original = query.clone();
    let page = query.page()?;
    let mut filter = CredentialFilter { id: query.take("id")?.map(CredentialId::from), ..CredentialFilter::default() };
    if let Some(kind) = query.take("type")? {
        let unknown = || Problem::parameter("type", "type_unknown", "`type` is not a type of credential.");
        filter.kind = Some(CredentialKind::parse(&kind).ok_or_else(unknown)?);
    }
    filter.user = query.take("user")?.map(|user| Some(user_id(&user)));
    let domain = query.take("domain")?;
    query.settle(&platform, &TABLES).await?;
    let mut empty = false;
    if let Some(domain) = domain {
        match platform.find_domain(&domain).await? {
            Some(id) => filter.domain = Some(id),
            None => empty = true,
        }
    }
    if caller.role != Role::Admin {
        if caller.role == Role::Anonymous && filter.user.is_none() {
            filter.leased_by = Some(caller.token.clone());
            empty |= filter.domain.as_ref().is_some_and(|domain| *domain != caller.domain);
            filter.domain = Some(caller.domain.clone());
        } else {
            empty |= caller.user.is_none() || filter.user.as_ref().is_some_and(|user| *user != caller.user);
            filter.user = Some(caller.user.clone());
        }
    }
    let found = if empty { Vec::new() } else { platform.reads.credentials(&filter, &page).await? };
    let last = found.last().map(|credential| credential.id.to_string());
    let visible = |credential: &&CredentialView| allows(&caller, Action::List, &target(credential)).is_allowed();
    let objects = found.iter().filter(visible).map(|credential| shown(credential, owns(&caller, credential)));
    Ok(lists::answer(objects.collect(), found.len(), last, &page, &original))
}

/// One credential; its secret only for its owner.
#[utoipa::path(get, path = "/credentials/{id}", tag = "credentials", operation_id = "readCredential",
    params(("id" = String, Path, description = "The credential's id")),
    responses((status = 200, description = "The credential", body = schemas::Credential)))]
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
    let credential = found.ok_or_else(nothing_here)?;
    if !allows(&caller, Action::Read, &target(&credential)).is_allowed() {
        return Err(nothing_here());
    }
    Ok(super::common::shown(&shown(&credential, owns(&caller, &credential)), credential.version))
}

/// Creates a credential: a user's password, a SIP identity, a gateway account, a place in a pool …
#[utoipa::path(post, path = "/credentials", tag = "credentials", operation_id = "createCredential",
    request_body = schemas::CredentialInput,
    responses((status = 201, description = "The credential", body = schemas::Credential)))]
async fn create(State(platform): State<Platform>, write: Write, body: JsonBody) -> Result<Response, Problem> {
    write.require(Action::Create, &Target::Credentials)?;
    let input = CredentialInput::read(body.value)?;
    let done = platform.create_credential(&write, input, &body.bytes).await?;
    let credential = platform.credential_as_of(&done.0, &done.1).await?;
    let object = shown(&credential, owns(&write.caller, &credential));
    Ok(done.0.created(&object, credential.version, "credentials", done.1.as_str()))
}

/// Replaces a credential. `data` left out is kept; type, domain and owner stay.
#[utoipa::path(put, path = "/credentials/{id}", tag = "credentials", operation_id = "replaceCredential",
    params(("id" = String, Path, description = "The credential's id")),
    request_body = schemas::CredentialInput,
    responses((status = 200, description = "The credential", body = schemas::Credential)))]
async fn replace(
    State(platform): State<Platform>,
    write: Write,
    IdInPath(id): IdInPath,
    body: JsonBody,
) -> Result<Response, Problem> {
    let id = CredentialId::from(id);
    let current = platform.credential_for_change(&write, &id).await?;
    let input = CredentialInput::read(body.value)?;
    platform.change_credential(&write, &current, input, &body.bytes).await
}

/// Changes some fields of a credential (JSON Merge Patch, RFC 7396). `data` is replaced as a whole.
#[utoipa::path(patch, path = "/credentials/{id}", tag = "credentials", operation_id = "patchCredential",
    params(("id" = String, Path, description = "The credential's id")),
    request_body(content((schemas::CredentialInput = "application/merge-patch+json"), (schemas::CredentialInput = "application/json"))),
    responses((status = 200, description = "The credential", body = schemas::Credential)))]
async fn patch(
    State(platform): State<Platform>,
    write: Write,
    IdInPath(id): IdInPath,
    body: JsonBody,
) -> Result<Response, Problem> {
    let id = CredentialId::from(id);
    let current = platform.credential_for_change(&write, &id).await?;
    let mut merged = shown(&current, false);
    merge(&mut merged, body.value);
    let input = CredentialInput::read(merged)?;
    platform.change_credential(&write, &current, input, &body.bytes).await
}

/// Removes a credential.
#[utoipa::path(delete, path = "/credentials/{id}", tag = "credentials", operation_id = "deleteCredential",
    params(("id" = String, Path, description = "The credential's id")),
    responses((status = 204, description = "It is gone")))]
async fn remove(
    State(platform): State<Platform>,
    write: Write,
    IdInPath(id): IdInPath,
    query: Query,
) -> Result<Response, Problem> {
    query.finish()?;
    let id = CredentialId::from(id);
    let done = platform.revoke_credential(&write, &id).await?;
    Ok(done.answer(StatusCode::NO_CONTENT))
}

/// Whether a password does not cross a network in clear on its way to the gateway (guide §5.6.3):
/// over TLS, or within this machine.
fn is_protected(data: &Map<String, Value>) -> bool {
    let server = data.get("authserver").and_then(Value::as_str).unwrap_or_default();
    let Some(url) = reqwest::Url::parse(server).ok().filter(|url| url.scheme() == "ws") else { return true };
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

impl Platform {
    /// Creates what a body asks for; what was executed, and the credential's id.
    pub(super) async fn create_credential(
        &self,
        write: &Write,
        input: CredentialInput,
        body: &Bytes,
    ) -> Result<(Done, CredentialId), Problem> {
        let user = input.user.flatten().map(|user| user_id(&user));
        let domain = match (&input.domain, &user) {
            (None, Some(user)) => {
                let world = self.handler.load(&[user.stream()]).await?;
                if !world.user(user).exists() && !write.replay {
                    return Err(wrong("/user", "user_unknown", "There is no user of this id."));
                }
                world.user(user).domain.clone()
            }
            (reference, _) => self.domain_in_body(write, reference.as_deref(), "/domain").await?,
        };
        let data = input.data.unwrap_or_default();
        let identity_key = self.identity_key(input.kind, &domain, &data);
        let command = CreateCredential {
            id: self.env.new_uuid().into(),
            kind: input.kind,
            source: input.source.unwrap_or_else(|| "wac".to_owned()),
            context: input.context.unwrap_or_default(),
            data: self.secret_of(write, input.kind, data).await?,
            domain,
            user,
            lease_s: input.lease_s.unwrap_or_default(),
            identity_key,
        };
        let done = write.run(self, &command, body).await?;
        let made = |event: &AnyEvent| matches!(event, AnyEvent::Credential(CredentialEvent::Created(_)));
        let id = done.stream_of(made).map_or(command.id, |stream| stream.id().into());
        Ok((done, id))
    }

    fn identity_key(&self, kind: CredentialKind, domain: &DomainId, data: &Map<String, Value>) -> Option<String> {
        let identity = data.get("username").and_then(Value::as_str)?;
        (kind == CredentialKind::SipMapping).then(|| sip_identity_key(&*self.keys, domain, identity))
    }

    /// The secret as it is kept: a password only as its hash. A replay needs none.
    async fn secret_of(
        &self,
        write: &Write,
        kind: CredentialKind,
        data: Map<String, Value>,
    ) -> Result<CredentialData, Problem> {
        if kind == CredentialKind::Ims && !write.replay && !self.config.dev && !is_protected(&data) {
            let detail = "`authserver` is a wss:// address; ws:// is for loopback addresses.";
            return Err(wrong("/data/authserver", "authserver_insecure", detail));
        }
        if kind != CredentialKind::Basic {
            return Ok(CredentialData::Json(data));
        }
        let password = credential::password(&data)?.to_owned();
        if write.replay {
            return Ok(CredentialData::PasswordHash("$argon2id$".to_owned()));
        }
        let mut salt = [0u8; 16];
        self.env.fill(&mut salt);
        Ok(CredentialData::PasswordHash(self.passwords.hash(password, salt).await?))
    }

    /// The credential a change starts from, as the log has it now, if the caller may change it.
    pub(super) async fn credential_for_change(
        &self,
        write: &Write,
        id: &CredentialId,
    ) -> Result<CredentialView, Problem> {
        let world = self.handler.load(&[id.stream()]).await?;
        let state: &Credential = world.credential(id);
        let credential = of_state(state, self.domain_name_of(&state.domain).await?);
        write.admit(state.exists(), Action::Change, &target(&credential))?;
        Ok(credential)
    }

    /// Applies a body to a credential.
    pub(super) async fn change_credential(
        &self,
        write: &Write,
        current: &CredentialView,
        input: CredentialInput,
        body: &Bytes,
    ) -> Result<Response, Problem> {
        let done = self.changed_credential(write, current, input, body).await?;
        let credential = self.credential_as_of(&done, &current.id).await?;
        Ok(done.changed(&shown(&credential, owns(&write.caller, &credential)), credential.version))
    }

    /// The same, without an answer yet.
    pub(super) async fn changed_credential(
        &self,
        write: &Write,
        current: &CredentialView,
        input: CredentialInput,
        body: &Bytes,
    ) -> Result<Done, Problem> {
        self.fixed_fields(current, &input).await?;
        let limited = allows(&write.caller, Action::Change, &target(current)) == Decision::Limited;
        let source = input.source.unwrap_or_else(|| "wac".to_owned());
        let context = input.context.unwrap_or_default();
        let lease_s = input.lease_s.unwrap_or_default();
        let differs = source != current.source || context != current.context || lease_s != current.lease_s;
        if limited && differs {
            return Err(Problem::forbidden("You may change your password, and nothing else of it."));
        }
        let data = input.data.map(|data| (self.identity_key(current.kind, &current.domain, &data), data));
        let identity_key = data.as_ref().and_then(|(key, _)| key.clone());
        let data = match data {
            Some((_, data)) => Some(self.secret_of(write, current.kind, data).await?),
            None => None,
        };
        let changes = CredentialChanges {
            source: Some(source),
            context: Some(context),
            lease_s: Some(lease_s),
            data,
            identity_key,
        };
        let expected_version = write.expected_version(current.version)?;
        let command = ChangeCredential { id: current.id.clone(), changes, expected_version };
        write.run(self, &command, body).await
    }

    /// 409 for each field that stays what it is and was given otherwise.
    async fn fixed_fields(&self, current: &CredentialView, input: &CredentialInput) -> Result<(), Problem> {
        let mut errors = Vec::new();
        let mut fixed = |differs: bool, pointer: &str| {
            if differs {
                let detail = "This field of a credential stays what it is.".to_owned();
                errors.push(FieldError { pointer: pointer.to_owned(), code: "field_fixed".into(), detail });
            }
        };
        fixed(input.kind != current.kind, "/type");
        let user = input.user.as_ref().map(|user| user.as_deref().map(user_id));
        fixed(user.is_some_and(|user| user != current.user), "/user");
        if let Some(reference) = input.domain.as_deref().filter(|domain| *domain != current.domain_name) {
            fixed(self.find_domain(reference).await?.as_ref() != Some(&current.domain), "/domain");
        }
        if errors.is_empty() {
            return Ok(());
        }
        let problem = Problem::new(StatusCode::CONFLICT, "field_fixed", "Type, domain and owner of a credential stay.");
        Err(Problem { errors, ..problem })
    }

    /// Removes a credential if the caller may.
    pub(super) async fn revoke_credential(&self, write: &Write, id: &CredentialId) -> Result<Done, Problem> {
        let world = self.handler.load(&[id.stream()]).await?;
        let state = world.credential(id);
        write.admit(state.exists(), Action::Delete, &target(&of_state(state, String::new())))?;
        let expected_version = write.expected_version(state.version)?;
        let command = RevokeCredential { id: id.clone(), reason: RevocationReason::Requested, expected_version };
        write.run(self, &command, &Bytes::new()).await
    }

    /// The credential as a write has left it.
    pub(super) async fn credential_as_of(&self, done: &Done, id: &CredentialId) -> Result<CredentialView, Problem> {
        let Folded::Credential(state) = self.handler.load_at(&id.stream(), done.position()).await? else {
            return Err(nothing_here());
        };
        Ok(of_state(&state, self.domain_name_of(&state.domain).await?))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_gateway_is_reached_over_tls_or_within_this_machine() {
        let protected = |server: &str| {
            let Value::Object(data) = json!({ "authserver": server }) else { unreachable!() };
            is_protected(&data)
        };
        for server in
            ["wss://gw.example", "WSS://gw.example", "ws://localhost:8080/x", "ws://127.0.0.1", "ws://[::1]:80/"]
        {
            assert!(protected(server), "{server}");
        }
        for server in [
            "ws://gw.example",
            "WS://gw.example",
            "ws://10.0.0.1",
            "ws://localhost.example",
            "ws://127.0.0.1@gw.example",
        ] {
            assert!(!protected(server), "{server}");
        }
    }
}
