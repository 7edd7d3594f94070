//! Objects as a write has left them: folded from their streams at its position.

use async_graphql::Context;
use wac_commands::State;
use wac_events::{ClientId, CredentialId, DomainId, Position, StreamId, UserId};

use super::objects::{Client, Credential, Domain, User};
use super::session::{platform, session};
use crate::Problem;
use crate::sapi::{clients, credential_input, user_json};
use crate::write::nothing_here;

/// An object of the platform in some state.
pub(super) enum Object {
    /// A domain.
    Domain(Domain),
    /// A user.
    User(User),
    /// A credential.
    Credential(Credential),
    /// An OAuth2 client.
    Client(Client),
}

/// The object of a stream as it was at `position`, if it was there and the caller may see it.
pub(super) async fn object_at(
    ctx: &Context<'_>,
    stream: &StreamId,
    position: Position,
) -> Result<Option<Object>, Problem> {
    let platform = platform(ctx);
    let caller = &session(ctx).caller;
    let present = session(ctx).present(platform);
    Ok(match platform.handler.load_at(stream, position).await? {
        State::Domain(domain) if domain.exists() => {
            let view = platform.domain_at(&domain.id, position).await?;
            Domain::seen(caller, view, &present).map(Object::Domain)
        }
        State::User(user) if user.exists() => {
            let last_login = platform.reads.user(&user.id).await?.and_then(|user| user.last_login);
            let name = platform.domain_name_of(&user.domain).await?;
            User::seen(caller, user_json::of_state(&user, name, last_login), &present).map(Object::User)
        }
        State::Credential(credential) if credential.exists() => {
            let name = platform.domain_name_of(&credential.domain).await?;
            Credential::seen(caller, credential_input::of_state(&credential, name), &present).map(Object::Credential)
        }
        State::Client(client) if client.exists() => {
            let name = platform.domain_name_of(&client.domain).await?;
            Client::seen(caller, clients::of_state(&client, name), &present).map(Object::Client)
        }
        _ => None,
    })
}

macro_rules! at {
    ($(#[$doc:meta])* $name:ident($id:ty) -> $variant:ident) => {
        $(#[$doc])*
        pub(super) async fn $name(ctx: &Context<'_>, id: &str, position: Position) -> Result<$variant, Problem> {
            match object_at(ctx, &<$id>::from(id).stream(), position).await? {
                Some(Object::$variant(object)) => Ok(object),
                _ => Err(nothing_here()),
            }
        }
    };
}

at!(
    /// A domain.
    domain_at(DomainId) -> Domain
);
at!(
    /// A user.
    user_at(UserId) -> User
);
at!(
    /// A credential.
    credential_at(CredentialId) -> Credential
);
at!(
    /// An OAuth2 client.
    client_at(ClientId) -> Client
);
