//! What can be changed: the commands of SAPI.

use async_graphql::{Context, ID, Object, Result, SimpleObject};
use axum::http::Method;
use wac_commands::RevokeToken;
use wac_events::oauth::TokenRevocation;
use wac_events::{CommandId, TokenId};

use super::inputs::{
    CreateClientInput, CreateCredentialInput, CreateDomainInput, CreateUserInput, UpdateClientInput,
    UpdateCredentialInput, UpdateDomainInput, UpdateUserInput,
};
use super::objects::{Client, Credential, Domain, User};
use super::sapi::{How, Sapi, Written};
use super::scalars::{Long, Position};
use super::session::{platform, session};
use super::views::{client_at, credential_at, domain_at, user_at};
use crate::Problem;
use crate::form::escape;
use crate::oauth::{TokenKind, TokenText};
use crate::policy::{Action, Target, allows};
use crate::write::nothing_here;

/// A domain as a mutation left it.
#[derive(SimpleObject)]
pub(super) struct DomainPayload {
    /// The log position it reached: send it as `X-Wac-Min-Position` to read your own write.
    position: Position,
    /// Whether it had been done before, under the same idempotency key.
    replayed: bool,
    /// The domain.
    domain: Domain,
}

/// A user as a mutation left it.
#[derive(SimpleObject)]
pub(super) struct UserPayload {
    /// The log position it reached.
    position: Position,
    /// Whether it had been done before, under the same idempotency key.
    replayed: bool,
    /// The user.
    user: User,
}

/// A credential as a mutation left it.
#[derive(SimpleObject)]
pub(super) struct CredentialPayload {
    /// The log position it reached.
    position: Position,
    /// Whether it had been done before, under the same idempotency key.
    replayed: bool,
    /// The credential.
    credential: Credential,
}

/// A client as a mutation left it.
#[derive(SimpleObject)]
pub(super) struct ClientPayload {
    /// The log position it reached.
    position: Position,
    /// Whether it had been done before, under the same idempotency key.
    replayed: bool,
    /// The client.
    client: Client,
    /// Its new secret, shown here and nowhere else; null if it has none, or in a replay.
    secret: Option<String>,
}

/// Something that is gone.
#[derive(SimpleObject)]
pub(super) struct DeletePayload {
    /// The log position the mutation reached.
    position: Position,
    /// Whether it had been done before, under the same idempotency key.
    replayed: bool,
    /// What is gone.
    id: ID,
    /// Whether it is closing: what is in it is removed one by one, last it itself.
    closing: bool,
}

impl DeletePayload {
    /// What a write that removed `id` came to.
    pub(super) fn of(written: Written, id: ID) -> Self {
        let Written { position, replayed, goes_on, .. } = written;
        Self { position: position.into(), replayed, id, closing: goes_on }
    }
}

/// What can be changed. `idempotencyKey` makes a mutation happen once however often it is sent
/// (the header `Idempotency-Key` does so for a whole request); `ifVersion` refuses it if the object
/// is at another version.
pub(super) struct PlatformMutation;

/// What can be changed. `idempotencyKey` makes a mutation happen once however often it is sent
/// (the header `Idempotency-Key` does so for a whole request); `ifVersion` refuses it if the object
/// is at another version.
#[Object]
impl PlatformMutation {
    /// Creates a domain.
    async fn create_domain(
        &self,
        ctx: &Context<'_>,
        input: CreateDomainInput,
        idempotency_key: Option<String>,
    ) -> Result<DomainPayload> {
        let written = create(ctx, "domains", &input, idempotency_key).await.map_err(domain_names)?;
        Ok(domain_payload(ctx, &written).await?)
    }

    /// Changes some fields of a domain.
    async fn update_domain(
        &self,
        ctx: &Context<'_>,
        id: ID,
        input: UpdateDomainInput,
        if_version: Option<Long>,
        idempotency_key: Option<String>,
    ) -> Result<DomainPayload> {
        let how = How { key: idempotency_key, if_version };
        let written = change(ctx, "domains", &id, &input, how).await.map_err(domain_names)?;
        Ok(domain_payload(ctx, &written).await?)
    }

    /// Removes a domain: an empty one at once, with `cascade` one with all that is in it.
    async fn delete_domain(
        &self,
        ctx: &Context<'_>,
        id: ID,
        #[graphql(default)] cascade: bool,
        if_version: Option<Long>,
        idempotency_key: Option<String>,
    ) -> Result<DeletePayload> {
        let how = How { key: idempotency_key, if_version };
        Ok(delete(ctx, "domains", id, &format!("?cascade={cascade}"), how).await?)
    }

    /// Creates a user.
    async fn create_user(
        &self,
        ctx: &Context<'_>,
        input: CreateUserInput,
        idempotency_key: Option<String>,
    ) -> Result<UserPayload> {
        let written = create(ctx, "users", &input, idempotency_key).await?;
        Ok(user_payload(ctx, &written).await?)
    }

    /// Changes some fields of a user.
    async fn update_user(
        &self,
        ctx: &Context<'_>,
        id: ID,
        input: UpdateUserInput,
        if_version: Option<Long>,
        idempotency_key: Option<String>,
    ) -> Result<UserPayload> {
        let how = How { key: idempotency_key, if_version };
        let written = change(ctx, "users", &id, &input, how).await?;
        Ok(user_payload(ctx, &written).await?)
    }

    /// Deletes a user with what belongs to it; `erase` makes its personal data unreadable for good,
    /// also of a user deleted earlier.
    async fn delete_user(
        &self,
        ctx: &Context<'_>,
        id: ID,
        #[graphql(default)] erase: bool,
        #[graphql(default = true)] cascade: bool,
        if_version: Option<Long>,
        idempotency_key: Option<String>,
    ) -> Result<DeletePayload> {
        let how = How { key: idempotency_key, if_version };
        Ok(delete(ctx, "users", id, &format!("?cascade={cascade}&erase={erase}"), how).await?)
    }

    /// Creates a credential: a user's password, a SIP identity, a gateway account, a place in a pool …
    async fn create_credential(
        &self,
        ctx: &Context<'_>,
        input: CreateCredentialInput,
        idempotency_key: Option<String>,
    ) -> Result<CredentialPayload> {
        let written = create(ctx, "credentials", &input, idempotency_key).await?;
        Ok(credential_payload(ctx, &written).await?)
    }

    /// Changes some fields of a credential; a user may change his own password.
    async fn update_credential(
        &self,
        ctx: &Context<'_>,
        id: ID,
        input: UpdateCredentialInput,
        if_version: Option<Long>,
        idempotency_key: Option<String>,
    ) -> Result<CredentialPayload> {
        let how = How { key: idempotency_key, if_version };
        let written = change(ctx, "credentials", &id, &input, how).await?;
        Ok(credential_payload(ctx, &written).await?)
    }

    /// Removes a credential.
    async fn delete_credential(
        &self,
        ctx: &Context<'_>,
        id: ID,
        if_version: Option<Long>,
        idempotency_key: Option<String>,
    ) -> Result<DeletePayload> {
        Ok(delete(ctx, "credentials", id, "", How { key: idempotency_key, if_version }).await?)
    }

    /// Registers an OAuth2 client.
    async fn create_client(
        &self,
        ctx: &Context<'_>,
        input: CreateClientInput,
        idempotency_key: Option<String>,
    ) -> Result<ClientPayload> {
        let written = create(ctx, "clients", &input, idempotency_key).await?;
        Ok(client_payload(ctx, &written).await?)
    }

    /// Changes some fields of a client.
    async fn update_client(
        &self,
        ctx: &Context<'_>,
        id: ID,
        input: UpdateClientInput,
        if_version: Option<Long>,
        idempotency_key: Option<String>,
    ) -> Result<ClientPayload> {
        let how = How { key: idempotency_key, if_version };
        let written = change(ctx, "clients", &id, &input, how).await?;
        Ok(client_payload(ctx, &written).await?)
    }

    /// Gives a client a new secret; the old one no longer works.
    async fn rotate_client_secret(
        &self,
        ctx: &Context<'_>,
        id: ID,
        if_version: Option<Long>,
        idempotency_key: Option<String>,
    ) -> Result<ClientPayload> {
        let path = format!("/sapi/clients/{}/secret", escape(&id));
        let how = How { key: idempotency_key, if_version };
        let sapi = ctx.data_unchecked::<Sapi>();
        let written = sapi.write(ctx, Method::POST, &path, None::<&()>, how).await?;
        Ok(client_payload(ctx, &written).await?)
    }

    /// Removes a client; its tokens no longer work.
    async fn delete_client(
        &self,
        ctx: &Context<'_>,
        id: ID,
        if_version: Option<Long>,
        idempotency_key: Option<String>,
    ) -> Result<DeletePayload> {
        Ok(delete(ctx, "clients", id, "", How { key: idempotency_key, if_version }).await?)
    }

    /// Ends a token family, so that none of its tokens work: one's own, or for administrators any.
    async fn revoke_token(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Id of the family; left out with `token`: the one of this request")] id: Option<ID>,
        #[graphql(desc = "An access or refresh token of the family")] token: Option<String>,
    ) -> Result<DeletePayload> {
        Ok(revoke(ctx, id, token).await?)
    }
}

async fn create(
    ctx: &Context<'_>,
    collection: &str,
    input: &impl serde::Serialize,
    key: Option<String>,
) -> Result<Written, Problem> {
    let how = How { key, if_version: None };
    ctx.data_unchecked::<Sapi>().write(ctx, Method::POST, &format!("/sapi/{collection}"), Some(input), how).await
}

async fn change(
    ctx: &Context<'_>,
    collection: &str,
    id: &ID,
    input: &impl serde::Serialize,
    how: How,
) -> Result<Written, Problem> {
    let path = format!("/sapi/{collection}/{}", escape(id));
    ctx.data_unchecked::<Sapi>().write(ctx, Method::PATCH, &path, Some(input), how).await
}

async fn delete(ctx: &Context<'_>, collection: &str, id: ID, query: &str, how: How) -> Result<DeletePayload, Problem> {
    let path = format!("/sapi/{collection}/{}{query}", escape(&id));
    let written = ctx.data_unchecked::<Sapi>().write(ctx, Method::DELETE, &path, None::<&()>, how).await?;
    Ok(DeletePayload::of(written, id))
}

/// SAPI calls a domain's name `domain`.
fn domain_names(mut problem: Problem) -> Problem {
    for error in problem.errors.iter_mut().filter(|error| error.pointer == "/domain") {
        "/name".clone_into(&mut error.pointer);
    }
    problem
}

async fn domain_payload(ctx: &Context<'_>, written: &Written) -> Result<DomainPayload, Problem> {
    let domain = domain_at(ctx, written.id()?, written.position).await?;
    Ok(DomainPayload { position: written.position.into(), replayed: written.replayed, domain })
}

async fn user_payload(ctx: &Context<'_>, written: &Written) -> Result<UserPayload, Problem> {
    let user = user_at(ctx, written.id()?, written.position).await?;
    Ok(UserPayload { position: written.position.into(), replayed: written.replayed, user })
}

async fn credential_payload(ctx: &Context<'_>, written: &Written) -> Result<CredentialPayload, Problem> {
    let credential = credential_at(ctx, written.id()?, written.position).await?;
    Ok(CredentialPayload { position: written.position.into(), replayed: written.replayed, credential })
}

async fn client_payload(ctx: &Context<'_>, written: &Written) -> Result<ClientPayload, Problem> {
    let client = client_at(ctx, written.id()?, written.position).await?;
    let secret = written.object["secret"].as_str().map(str::to_owned);
    Ok(ClientPayload { position: written.position.into(), replayed: written.replayed, client, secret })
}

async fn revoke(ctx: &Context<'_>, id: Option<ID>, token: Option<String>) -> Result<DeletePayload, Problem> {
    let (platform, session) = (platform(ctx), session(ctx));
    let caller = &session.caller;
    let parse = |kind| token.as_deref().and_then(|token| TokenText::parse(kind, token));
    let id: TokenId = match (&id, &token) {
        (Some(_), Some(_)) => {
            let detail = "Name the family by `id` or by one of its tokens, not by both.";
            return Err(Problem::invalid("validation_failed", detail).at("/token"));
        }
        (Some(id), None) => id.as_str().into(),
        (None, Some(_)) => {
            let text = parse(TokenKind::Access).or_else(|| parse(TokenKind::Refresh)).ok_or_else(nothing_here)?;
            text.family()
        }
        (None, None) => caller.token.clone(),
    };
    let world = platform.handler.load(&[id.stream()]).await?;
    let family = world.token(&id);
    let target = Target::Session { owner: family.user.as_ref(), id: &id };
    if !family.exists() || !allows(caller, Action::Delete, &target).is_allowed() {
        return Err(nothing_here());
    }
    let command_id = CommandId(platform.env.new_uuid());
    let mut context = wac_commands::Context::new(platform.env.now(), caller.actor(), command_id);
    context.correlation_id = session.info.request_id.to_string();
    context.traceparent = session.info.traceparent.as_deref().map(str::to_owned);
    let command = RevokeToken { id: id.clone(), reason: TokenRevocation::Requested };
    let executed = platform.execute(&command, context).await?;
    session.reach(executed.position.0);
    let position = executed.position.into();
    Ok(DeletePayload { position, replayed: executed.duplicate, id: ID::from(id.as_str()), closing: false })
}
