//! Objects as a write has left them: folded from their streams at its position.

use async_graphql::Context;
use wac_commands::State;
use wac_events::{ClientId, CredentialId, DomainId, GroupId, Position, SessionId, StreamId, UserId};

use super::http::TABLES;
use super::objects::{Agent, Client, Conference, Credential, DeviceSession, Domain, Presence, User, UsersGroup};
use super::session::{platform, session};
use crate::Problem;
use crate::reads::{AgentFilter, PageOf};
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
    /// A session.
    Session(DeviceSession),
    /// A user's presence.
    Presence(Presence),
    /// A users group.
    UsersGroup(UsersGroup),
    /// An opening of a room.
    Conference(Box<Conference>),
    /// An agent.
    Agent(Agent),
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
        State::Session(_) | State::Presence(_) | State::Group(_) | State::Agent(_) | State::Room(_) => {
            platform.waiter.wait_for(&TABLES, position, platform.config.read_patience).await?;
            present_object(ctx, stream).await?
        }
        _ => None,
    })
}

/// What takes part in calls, out of the read models: what is shown of it is more than its own stream.
async fn present_object(ctx: &Context<'_>, stream: &StreamId) -> Result<Option<Object>, Problem> {
    let (platform, caller) = (platform(ctx), &session(ctx).caller);
    let (present, reads, id) = (session(ctx).present(platform), &platform.reads, stream.id());
    Ok(match stream.aggregate() {
        "session" => {
            let view = reads.session(&SessionId::from(id)).await?;
            view.and_then(|view| DeviceSession::seen(caller, view, &present)).map(Object::Session)
        }
        "presence" => {
            let id = UserId::from(id);
            let Some(user) = reads.user(&id).await? else { return Ok(None) };
            let view = reads.presence_of(std::slice::from_ref(&id)).await?.remove(&id);
            let view = view.filter(|_| User::seen(caller, user, &present).is_some());
            view.map(|view| Object::Presence(Presence::of(view, &present)))
        }
        "group" => {
            let view = reads.group(&GroupId::from(id)).await?;
            view.and_then(|view| UsersGroup::seen(caller, view, &present)).map(Object::UsersGroup)
        }
        "agent" => {
            let filter = AgentFilter { user: Some(id.into()), domain: None };
            let view = reads.agents(&filter, &PageOf { after: None, limit: 1 }).await?.pop();
            view.and_then(|view| Agent::seen(caller, view, &present)).map(Object::Agent)
        }
        _ => {
            let State::Room(room) = platform.handler.load_at(stream, platform.log.head().await?.position).await? else {
                return Ok(None);
            };
            let Some(view) = reads.conference(&room.opening).await? else { return Ok(None) };
            Conference::seen(caller, &view, &present)?.map(|conference| Object::Conference(Box::new(conference)))
        }
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
