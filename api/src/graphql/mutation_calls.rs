//! What can be changed about sessions, presence and groups.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, Result, SimpleObject};
use axum::http::Method;
use serde::Serialize;
use serde_json::json;
use wac_events::{GroupId, SessionId};

use super::mutation::DeletePayload;
use super::objects::{DeviceSession, Presence, UsersGroup};
use super::sapi::{How, Sapi, Written};
use super::scalars::{Long, Position};
use super::session::{platform, session};
use crate::Problem;
use crate::form::escape;
use crate::reads::PresenceView;
use crate::write::nothing_here;

/// A session as a mutation left it.
#[derive(SimpleObject)]
struct SessionPayload {
    /// The log position it reached.
    position: Position,
    /// Whether it had been done before, under the same idempotency key.
    replayed: bool,
    /// The session.
    session: DeviceSession,
}

/// Presence as a mutation left it.
#[derive(SimpleObject)]
struct PresencePayload {
    /// The log position it reached.
    position: Position,
    /// Whether it had been done before, under the same idempotency key.
    replayed: bool,
    /// The presence.
    presence: Presence,
}

/// A users group as a mutation left it.
#[derive(SimpleObject)]
struct UsersGroupPayload {
    /// The log position it reached.
    position: Position,
    /// Whether it had been done before, under the same idempotency key.
    replayed: bool,
    /// The group; null if the caller may not see it any more, or nobody is in it.
    group: Option<UsersGroup>,
}

/// What a mutation without an object came to.
#[derive(SimpleObject)]
struct DonePayload {
    /// The log position it reached.
    position: Position,
    /// Whether it had been done before, under the same idempotency key.
    replayed: bool,
}

impl From<Written> for DonePayload {
    fn from(written: Written) -> Self {
        Self { position: written.position.into(), replayed: written.replayed }
    }
}

/// Where a session is used from; what is left out stays.
#[derive(InputObject, Serialize)]
#[serde(rename_all = "camelCase")]
struct SessionContextInput {
    /// `User-Agent`.
    #[serde(skip_serializing_if = "MaybeUndefined::is_undefined")]
    useragent: MaybeUndefined<String>,
    /// Preferred language.
    #[serde(skip_serializing_if = "MaybeUndefined::is_undefined")]
    language: MaybeUndefined<String>,
    /// Where the client says it is.
    #[serde(skip_serializing_if = "MaybeUndefined::is_undefined")]
    location: MaybeUndefined<String>,
    /// Operating system.
    #[serde(skip_serializing_if = "MaybeUndefined::is_undefined")]
    platform: MaybeUndefined<String>,
    /// Maker of the client.
    #[serde(skip_serializing_if = "MaybeUndefined::is_undefined")]
    vendor: MaybeUndefined<String>,
    /// The client's own id of its device.
    #[serde(skip_serializing_if = "MaybeUndefined::is_undefined")]
    device_id: MaybeUndefined<String>,
}

/// How the caller's device is woken.
#[derive(InputObject, Serialize)]
#[serde(rename_all = "camelCase")]
struct PushTokenInput {
    /// The token. It is never given back.
    token: String,
    /// `apns`, `apns-voip`, `fcm` or `webpush`.
    token_type: String,
    /// The client's own id of its device; left out: as before.
    #[serde(skip_serializing_if = "MaybeUndefined::is_undefined")]
    device_id: MaybeUndefined<String>,
}

/// What the caller says of himself; what is left out stays.
#[derive(InputObject, Serialize)]
struct PresenceInput {
    /// What he is doing: RFC 4480 §3.2, or `available`.
    #[serde(skip_serializing_if = "Option::is_none")]
    activity: Option<String>,
    /// A free text; null: none any more.
    #[serde(skip_serializing_if = "MaybeUndefined::is_undefined")]
    note: MaybeUndefined<String>,
    /// How he feels: a mood of RFC 4480 §3.5; null: he does not say any more.
    #[serde(skip_serializing_if = "MaybeUndefined::is_undefined")]
    mood: MaybeUndefined<String>,
}

/// What can be changed about calls and who takes part in them.
#[derive(Default)]
pub(super) struct CallsMutation;

/// What can be changed about calls and who takes part in them.
#[Object]
impl CallsMutation {
    /// Refreshes a session: it lasts as long again, and says where it is used from.
    async fn refresh_session(
        &self,
        ctx: &Context<'_>,
        id: ID,
        context: Option<SessionContextInput>,
        if_version: Option<Long>,
        idempotency_key: Option<String>,
    ) -> Result<SessionPayload> {
        let body = context.map_or_else(|| json!({}), |context| json!({ "context": context }));
        let how = How { key: idempotency_key, if_version };
        let written = write(ctx, Method::PUT, &format!("sessions/{}", escape(&id)), Some(&body), how).await?;
        Ok(session_payload(ctx, &written).await?)
    }

    /// Logs out: ends a session and all its tokens.
    async fn close_session(
        &self,
        ctx: &Context<'_>,
        id: ID,
        if_version: Option<Long>,
        idempotency_key: Option<String>,
    ) -> Result<DeletePayload> {
        let how = How { key: idempotency_key, if_version };
        let written = write(ctx, Method::DELETE, &format!("sessions/{}", escape(&id)), None::<&()>, how).await?;
        Ok(DeletePayload::of(written, id))
    }

    /// Takes notice of an alarm, about log-ins or about a call; once is enough.
    async fn acknowledge_alarm(
        &self,
        ctx: &Context<'_>,
        id: ID,
        idempotency_key: Option<String>,
    ) -> Result<DonePayload> {
        let how = How { key: idempotency_key, if_version: None };
        let path = format!("alarms/{}/acknowledgement", escape(&id));
        Ok(write(ctx, Method::POST, &path, None::<&()>, how).await?.into())
    }

    /// Says how to wake the caller's device.
    async fn set_push_token(
        &self,
        ctx: &Context<'_>,
        input: PushTokenInput,
        idempotency_key: Option<String>,
    ) -> Result<SessionPayload> {
        let how = How { key: idempotency_key, if_version: None };
        let written = write(ctx, Method::PUT, "pushtokens", Some(&input), how).await?;
        Ok(session_payload(ctx, &written).await?)
    }

    /// A device is not woken any more.
    async fn remove_push_token(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The session of the device; left out: the caller's own")] session: Option<ID>,
        idempotency_key: Option<String>,
    ) -> Result<DonePayload> {
        let path = session.map_or_else(|| "pushtokens".to_owned(), |id| format!("pushtokens/{}", escape(&id)));
        let how = How { key: idempotency_key, if_version: None };
        Ok(write(ctx, Method::DELETE, &path, None::<&()>, how).await?.into())
    }

    /// Changes what the caller says of himself.
    async fn change_presence(
        &self,
        ctx: &Context<'_>,
        input: PresenceInput,
        if_version: Option<Long>,
        idempotency_key: Option<String>,
    ) -> Result<PresencePayload> {
        let how = How { key: idempotency_key, if_version };
        let written = write(ctx, Method::PUT, "presence", Some(&input), how).await?;
        Ok(presence_payload(ctx, &written).await?)
    }

    /// Creates a group; the caller becomes its owner and first participant.
    async fn create_users_group(
        &self,
        ctx: &Context<'_>,
        name: String,
        idempotency_key: Option<String>,
    ) -> Result<UsersGroupPayload> {
        let how = How { key: idempotency_key, if_version: None };
        let written = write(ctx, Method::POST, "usersGroup", Some(&json!({ "name": name })), how).await?;
        let id = ID::from(written.id()?);
        Ok(group_payload(ctx, &written, &id).await?)
    }

    /// Gives a group another name.
    async fn rename_users_group(
        &self,
        ctx: &Context<'_>,
        id: ID,
        name: String,
        if_version: Option<Long>,
        idempotency_key: Option<String>,
    ) -> Result<UsersGroupPayload> {
        let (path, how) = (group_path(&id, ""), How { key: idempotency_key, if_version });
        let written = write(ctx, Method::PUT, &path, Some(&json!({ "name": name })), how).await?;
        Ok(group_payload(ctx, &written, &id).await?)
    }

    /// Removes a group and all its participants.
    async fn delete_users_group(
        &self,
        ctx: &Context<'_>,
        id: ID,
        if_version: Option<Long>,
        idempotency_key: Option<String>,
    ) -> Result<DeletePayload> {
        let (path, how) = (group_path(&id, ""), How { key: idempotency_key, if_version });
        let written = write(ctx, Method::DELETE, &path, None::<&()>, how).await?;
        Ok(DeletePayload::of(written, id))
    }

    /// Makes a user a participant of a group.
    async fn add_users_group_participant(
        &self,
        ctx: &Context<'_>,
        id: ID,
        user: ID,
        if_version: Option<Long>,
        idempotency_key: Option<String>,
    ) -> Result<UsersGroupPayload> {
        let (path, how) = (group_path(&id, "/participants"), How { key: idempotency_key, if_version });
        let written = write(ctx, Method::POST, &path, Some(&json!({ "userId": *user })), how).await?;
        Ok(group_payload(ctx, &written, &id).await?)
    }

    /// Takes a participant out of a group.
    async fn remove_users_group_participant(
        &self,
        ctx: &Context<'_>,
        id: ID,
        user: ID,
        if_version: Option<Long>,
        idempotency_key: Option<String>,
    ) -> Result<UsersGroupPayload> {
        let (path, how) = (group_path(&id, "/participants"), How { key: idempotency_key, if_version });
        let written = write(ctx, Method::DELETE, &path, Some(&json!({ "userId": *user })), how).await?;
        Ok(group_payload(ctx, &written, &id).await?)
    }

    /// Takes everybody out of a group but its owner.
    async fn empty_users_group(
        &self,
        ctx: &Context<'_>,
        id: ID,
        if_version: Option<Long>,
        idempotency_key: Option<String>,
    ) -> Result<UsersGroupPayload> {
        let (path, how) = (group_path(&id, "/participations"), How { key: idempotency_key, if_version });
        let written = write(ctx, Method::DELETE, &path, None::<&()>, how).await?;
        Ok(group_payload(ctx, &written, &id).await?)
    }

    /// The caller leaves a group, or all he is in.
    async fn leave_users_groups(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which; left out: all")] id: Option<ID>,
        idempotency_key: Option<String>,
    ) -> Result<DonePayload> {
        let path = id.map_or_else(|| "usersGroup/participations".to_owned(), |id| group_path(&id, "/leave"));
        let how = How { key: idempotency_key, if_version: None };
        Ok(write(ctx, Method::DELETE, &path, None::<&()>, how).await?.into())
    }
}

fn group_path(id: &ID, rest: &str) -> String {
    format!("usersGroup/{}{rest}", escape(id.strip_prefix("wac-group:").unwrap_or(id)))
}

async fn write(
    ctx: &Context<'_>,
    method: Method,
    path: &str,
    body: Option<&impl Serialize>,
    how: How,
) -> Result<Written, Problem> {
    ctx.data_unchecked::<Sapi>().write(ctx, method, &format!("/sapi/{path}"), body, how).await
}

async fn session_payload(ctx: &Context<'_>, written: &Written) -> Result<SessionPayload, Problem> {
    let (platform, session) = (platform(ctx), session(ctx));
    platform.settled(&["sessions", "domains"], written.position).await?;
    let view = platform.reads.session(&SessionId::from(written.id()?)).await?.ok_or_else(nothing_here)?;
    let shown = DeviceSession::seen(&session.caller, view, &session.present(platform)).ok_or_else(nothing_here)?;
    Ok(SessionPayload { position: written.position.into(), replayed: written.replayed, session: shown })
}

async fn presence_payload(ctx: &Context<'_>, written: &Written) -> Result<PresencePayload, Problem> {
    let (platform, session) = (platform(ctx), session(ctx));
    platform.settled(&["presence"], written.position).await?;
    let user = session.caller.user.clone().ok_or_else(nothing_here)?;
    let known = platform.reads.presence_of(std::slice::from_ref(&user)).await?.remove(&user);
    let view = known.unwrap_or_else(|| PresenceView::unknown(user));
    let presence = Presence::of(view, &session.present(platform));
    Ok(PresencePayload { position: written.position.into(), replayed: written.replayed, presence })
}

async fn group_payload(ctx: &Context<'_>, written: &Written, id: &ID) -> Result<UsersGroupPayload, Problem> {
    let (platform, session) = (platform(ctx), session(ctx));
    platform.settled(&["groups", "group_users", "domains"], written.position).await?;
    let id = GroupId::from(id.strip_prefix("wac-group:").unwrap_or(id));
    let view = platform.reads.group(&id).await?;
    let group = view.and_then(|view| UsersGroup::seen(&session.caller, view, &session.present(platform)));
    Ok(UsersGroupPayload { position: written.position.into(), replayed: written.replayed, group })
}
