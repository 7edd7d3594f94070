//! `/usersGroup`: people who ring together (guide §6.3.6).

use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wac_commands::group::{
    AddGroupUser, CreateGroup, EmptyGroup, LEAVE_GROUPS_MAX, LeaveGroup, LeaveGroups, RemoveGroup, RemoveGroupUser,
    RenameGroup,
};
use wac_commands::{Group, State as Folded};
use wac_events::group::GroupLeaveReason;
use wac_events::{AnyEvent, GroupEvent, GroupId, Role, UserId};

use super::common::{IdInPath, shown, user_id};
use super::{lists, schemas};
use crate::body::{JsonBody, bytes, parse};
use crate::fields::Fields;
use crate::policy::{Action, Target, allows};
use crate::reading::Query;
use crate::reads::{GroupFilter, GroupView};
use crate::write::{Done, Write, not_for_you, nothing_here};
use crate::{Caller, Platform, Problem};

const TABLES: [&str; 2] = ["groups", "domains"];
/// The server's own fields, ignored in a body.
const OWN_FIELDS: [&str; 6] = ["id", "uri", "domain", "owner", "participants", "created"];

/// The routes.
pub(super) fn routes() -> OpenApiRouter<Platform> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(leave_all))
        .routes(routes!(read, replace, patch, remove))
        .routes(routes!(add, take_out))
        .routes(routes!(has))
        .routes(routes!(empty))
        .routes(routes!(leave))
}

fn group_json(group: &GroupView) -> Value {
    json!({
        "id": group.id,
        "uri": group.id.uri(),
        "name": group.name,
        "owner": group.owner,
        "domain": group.domain_name,
        "participants": group.participants,
        "created": group.created_at.millis(),
    })
}

fn group_id(text: &str) -> GroupId {
    GroupId::from(text.strip_prefix("wac-group:").unwrap_or(text))
}

fn target(group: &GroupView) -> Target<'_> {
    Target::Group { owner: &group.owner, domain: &group.domain }
}

/// Groups of the caller's domain (administrators: of any).
#[utoipa::path(get, path = "/usersGroup", tag = "usersGroup", operation_id = "listUsersGroups",
    params(
        ("userIsParticipant" = Option<bool>, Query, description = "Only those the caller is in"),
        ("domain" = Option<String>, Query, description = "Only those of this domain (name or id)"),
        ("limit" = Option<u64>, Query, description = "At most this many", minimum = 1, maximum = 1000),
        ("cursor" = Option<String>, Query, description = "Where the page starts, from a `Link` header"),
    ),
    responses((status = 200, description = "The groups", body = Vec<schemas::UsersGroup>)))]
async fn list(State(platform): State<Platform>, caller: Caller, mut query: Query) -> Result<Response, Problem> {
    let original = query.clone();
    let page = query.page()?;
    let mine = query.flag("userIsParticipant", false)?;
    let domain = query.take("domain")?;
    query.settle(&platform, &TABLES).await?;
    let mut filter = GroupFilter::default();
    let mut nothing = false;
    if let Some(domain) = domain {
        filter.domain = platform.find_domain(&domain).await?;
        nothing = filter.domain.is_none();
    }
    if caller.role != Role::Admin {
        nothing |= filter.domain.as_ref().is_some_and(|domain| *domain != caller.domain);
        filter.domain = Some(caller.domain.clone());
    }
    if mine {
        nothing |= caller.user.is_none();
        filter.participant.clone_from(&caller.user);
    }
    let groups = if nothing { Vec::new() } else { platform.reads.groups(&filter, &page).await? };
    let last = groups.last().map(|group| group.id.to_string());
    let seen = groups.iter().filter(|group| allows(&caller, Action::Read, &target(group)).is_allowed());
    Ok(lists::answer(seen.map(group_json).collect(), groups.len(), last, &page, &original))
}

/// One group.
#[utoipa::path(get, path = "/usersGroup/{id}", tag = "usersGroup", operation_id = "readUsersGroup",
    params(("id" = String, Path, description = "The group's id")),
    responses((status = 200, description = "The group", body = schemas::UsersGroup)))]
async fn read(
    State(platform): State<Platform>,
    caller: Caller,
    IdInPath(id): IdInPath,
    query: Query,
) -> Result<Response, Problem> {
    query.settle(&platform, &TABLES).await?;
    let group = platform.group_now(&caller, &group_id(&id)).await?;
    Ok(shown(&group_json(&group), group.version))
}

fn name_of(body: Value, required: bool) -> Result<Option<String>, Problem> {
    let mut fields = Fields::of_body(body, &OWN_FIELDS)?;
    let name = if required { Some(fields.required_text("name")) } else { super::user_input::set(fields.text("name")) };
    fields.finish()?;
    Ok(name)
}

/// Creates a group; the caller becomes its owner and first participant.
#[utoipa::path(post, path = "/usersGroup", tag = "usersGroup", operation_id = "createUsersGroup",
    request_body = schemas::UsersGroupInput,
    responses((status = 201, description = "The group", body = schemas::UsersGroup)))]
async fn create(State(platform): State<Platform>, write: Write, body: JsonBody) -> Result<Response, Problem> {
    write.require(Action::Create, &Target::Groups)?;
    let owner = write.caller.user.clone().ok_or_else(not_for_you)?;
    let name = name_of(body.value, true)?.unwrap_or_default();
    let domain = write.caller.domain.clone();
    let command = CreateGroup { id: platform.env.new_uuid().into(), domain, name, owner };
    let done = write.run(&platform, &command, &body.bytes).await?;
    let stream = done.stream_of(|event| matches!(event, AnyEvent::Group(GroupEvent::Created(_))));
    let id: GroupId = stream.map_or(command.id, |stream| stream.id().into());
    let group = platform.group_after(&done, &id).await?;
    Ok(done.created(&group_json(&group), group.version, "usersGroup", id.as_str()))
}

/// Gives a group another name. Participants have routes of their own.
#[utoipa::path(put, path = "/usersGroup/{id}", tag = "usersGroup", operation_id = "replaceUsersGroup",
    params(("id" = String, Path, description = "The group's id")),
    request_body = schemas::UsersGroupInput,
    responses((status = 200, description = "The group", body = schemas::UsersGroup)))]
async fn replace(
    State(platform): State<Platform>,
    write: Write,
    IdInPath(id): IdInPath,
    body: JsonBody,
) -> Result<Response, Problem> {
    let (group, by) = platform.managed(&write, &id).await?;
    let name = name_of(body.value, true)?.unwrap_or_default();
    platform.rename(&write, group, by, name, &body.bytes).await
}

/// Gives a group another name (JSON Merge Patch, RFC 7396).
#[utoipa::path(patch, path = "/usersGroup/{id}", tag = "usersGroup", operation_id = "patchUsersGroup",
    params(("id" = String, Path, description = "The group's id")),
    request_body(content((schemas::UsersGroupPatchInput = "application/merge-patch+json"),
        (schemas::UsersGroupPatchInput = "application/json"))),
    responses((status = 200, description = "The group", body = schemas::UsersGroup)))]
async fn patch(
    State(platform): State<Platform>,
    write: Write,
    IdInPath(id): IdInPath,
    body: JsonBody,
) -> Result<Response, Problem> {
    let (group, by) = platform.managed(&write, &id).await?;
    let name = name_of(body.value, false)?.unwrap_or_else(|| group.name.clone());
    platform.rename(&write, group, by, name, &body.bytes).await
}

/// Removes a group and all its participants.
#[utoipa::path(delete, path = "/usersGroup/{id}", tag = "usersGroup", operation_id = "deleteUsersGroup",
    params(("id" = String, Path, description = "The group's id")),
    responses((status = 204, description = "It is gone")))]
async fn remove(
    State(platform): State<Platform>,
    write: Write,
    IdInPath(id): IdInPath,
    query: Query,
) -> Result<Response, Problem> {
    query.finish()?;
    let (group, by) = platform.managed(&write, &id).await?;
    let (as_admin, expected_version) = (is_admin(&write), write.expected_version(group.version)?);
    let command = RemoveGroup { group: group.id, by: Some(by), as_admin, expected_version };
    done(write.run(&platform, &command, &Bytes::new()).await?)
}

/// Makes a user a participant.
#[utoipa::path(post, path = "/usersGroup/{id}/participants", tag = "usersGroup", operation_id = "addUsersGroupParticipant",
    params(("id" = String, Path, description = "The group's id")),
    request_body = schemas::ParticipantInput,
    responses((status = 204, description = "He is a participant")))]
async fn add(
    State(platform): State<Platform>,
    write: Write,
    IdInPath(id): IdInPath,
    body: JsonBody,
) -> Result<Response, Problem> {
    let (group, by) = platform.managed(&write, &id).await?;
    let user = participant_of(body.value)?;
    let command = AddGroupUser { group: group.id, by, as_admin: is_admin(&write), user };
    done(write.run(&platform, &command, &body.bytes).await?)
}

/// Takes a participant out.
#[utoipa::path(delete, path = "/usersGroup/{id}/participants", tag = "usersGroup", operation_id = "removeUsersGroupParticipant",
    params(("id" = String, Path, description = "The group's id")),
    request_body = schemas::ParticipantInput,
    responses((status = 204, description = "He is no participant")))]
async fn take_out(
    State(platform): State<Platform>,
    write: Write,
    IdInPath(id): IdInPath,
    body: JsonBody,
) -> Result<Response, Problem> {
    let (group, by) = platform.managed(&write, &id).await?;
    let user = participant_of(body.value)?;
    let command = RemoveGroupUser { group: group.id, by, as_admin: is_admin(&write), user };
    done(write.run(&platform, &command, &body.bytes).await?)
}

/// Whether a user is a participant.
#[utoipa::path(head, path = "/usersGroup/{id}/participants/{userId}", tag = "usersGroup",
    operation_id = "hasUsersGroupParticipant",
    params(
        ("id" = String, Path, description = "The group's id"),
        ("userId" = String, Path, description = "The user's id"),
    ),
    responses((status = 204, description = "He is")))]
async fn has(
    State(platform): State<Platform>,
    caller: Caller,
    Path((id, user)): Path<(String, String)>,
    query: Query,
) -> Result<Response, Problem> {
    query.settle(&platform, &TABLES).await?;
    if id.contains('\0') || user.contains('\0') {
        return Err(nothing_here());
    }
    let mut group = platform.group_now(&caller, &group_id(&id)).await?;
    let user = user_id(&user);
    if !group.participants.contains(&user) {
        platform.caught_up(&TABLES).await?;
        group = platform.group_now(&caller, &group.id).await?;
    }
    if group.participants.contains(&user) { Ok(StatusCode::NO_CONTENT.into_response()) } else { Err(nothing_here()) }
}

/// Takes everybody out but the owner.
#[utoipa::path(delete, path = "/usersGroup/{id}/participations", tag = "usersGroup", operation_id = "emptyUsersGroup",
    params(("id" = String, Path, description = "The group's id")),
    responses((status = 204, description = "Nobody is left but the owner")))]
async fn empty(
    State(platform): State<Platform>,
    write: Write,
    IdInPath(id): IdInPath,
    query: Query,
) -> Result<Response, Problem> {
    query.finish()?;
    let (group, by) = platform.managed(&write, &id).await?;
    let command = EmptyGroup { group: group.id, by, as_admin: is_admin(&write) };
    done(write.run(&platform, &command, &Bytes::new()).await?)
}

/// The caller leaves a group.
#[utoipa::path(delete, path = "/usersGroup/{id}/leave", tag = "usersGroup", operation_id = "leaveUsersGroup",
    params(("id" = String, Path, description = "The group's id")),
    responses((status = 204, description = "He is no participant any more")))]
async fn leave(
    State(platform): State<Platform>,
    write: Write,
    IdInPath(id): IdInPath,
    query: Query,
) -> Result<Response, Problem> {
    query.finish()?;
    let group = platform.group_for(&write, &id, Action::Read).await?;
    let user = write.caller.user.clone().ok_or_else(not_for_you)?;
    if !group.has(&user) && !write.replay {
        return Err(nothing_here());
    }
    let command = LeaveGroup { group: group.id, user, reason: GroupLeaveReason::Left };
    done(write.run(&platform, &command, &Bytes::new()).await?)
}

/// The caller leaves every group; an administrator takes somebody out of every group.
#[utoipa::path(delete, path = "/usersGroup/participations", tag = "usersGroup", operation_id = "leaveUsersGroups",
    params(("userId" = Option<String>, Query, description = "Who, for administrators; else the caller himself")),
    responses((status = 204, description = "He is in no group any more")))]
async fn leave_all(
    State(platform): State<Platform>,
    write: Write,
    mut query: Query,
    request: Request,
) -> Result<Response, Problem> {
    let named = query.take("userId")?.map(|id| user_id(&id));
    query.finish()?;
    // The guide's other requests name a participant in the body.
    let body = bytes(&platform, request).await?;
    let named = if body.is_empty() { named } else { Some(participant_of(parse(&body)?)?) };
    let own = write.caller.user.clone();
    let (user, reason) = match named {
        Some(user) if own.as_ref() == Some(&user) => (user, GroupLeaveReason::Left),
        Some(user) if is_admin(&write) => (user, GroupLeaveReason::Removed),
        Some(_) => return Err(not_for_you()),
        None => (own.ok_or_else(not_for_you)?, GroupLeaveReason::Left),
    };
    write.require(Action::Create, &Target::Groups)?;
    platform.caught_up(&TABLES).await?;
    let groups = platform.reads.groups_with(&user).await?;
    let mut groups = groups.chunks(LEAVE_GROUPS_MAX);
    let leave = |groups: &[GroupId]| LeaveGroups { groups: groups.to_vec(), user: user.clone(), reason };
    let mut left = write.run(&platform, &leave(groups.next().unwrap_or_default()), &body).await?;
    if !left.executed.duplicate {
        for more in groups {
            left.executed.position = platform.execute(&leave(more), write.context(&platform)).await?.position;
        }
    }
    done(left)
}

fn is_admin(write: &Write) -> bool {
    write.caller.role == Role::Admin
}

fn done(done: Done) -> Result<Response, Problem> {
    Ok(done.answer(StatusCode::NO_CONTENT))
}

fn participant_of(body: Value) -> Result<UserId, Problem> {
    let mut fields = Fields::of_body(body, &[])?;
    let user = fields.required_text("userId");
    fields.finish()?;
    Ok(user_id(&user))
}

impl Platform {
    /// A group the caller may see, out of rows that are not called behind; else 404.
    async fn group_now(&self, caller: &Caller, id: &GroupId) -> Result<GroupView, Problem> {
        let mut group = self.reads.group(id).await?;
        if group.is_none() {
            self.caught_up(&TABLES).await?;
            group = self.reads.group(id).await?;
        }
        group.filter(|group| allows(caller, Action::Read, &target(group)).is_allowed()).ok_or_else(nothing_here)
    }

    /// A group to which the caller may do it, as the log has it now.
    async fn group_for(&self, write: &Write, id: &str, action: Action) -> Result<Group, Problem> {
        let id = group_id(id);
        let world = self.handler.load(&[id.stream()]).await?;
        let group = world.group(&id);
        write.admit(group.exists(), action, &Target::Group { owner: &group.owner, domain: &group.domain })?;
        write.expected_version(group.version)?;
        Ok(group.clone())
    }

    /// A group the caller may manage, and who he is.
    async fn managed(&self, write: &Write, id: &str) -> Result<(Group, UserId), Problem> {
        let group = self.group_for(write, id, Action::Change).await?;
        let by = write.caller.user.clone().ok_or_else(not_for_you)?;
        Ok((group, by))
    }

    async fn rename(
        &self,
        write: &Write,
        group: Group,
        by: UserId,
        name: String,
        body: &Bytes,
    ) -> Result<Response, Problem> {
        let (as_admin, expected_version) = (is_admin(write), write.expected_version(group.version)?);
        let command = RenameGroup { group: group.id.clone(), by, as_admin, name, expected_version };
        let done = write.run(self, &command, body).await?;
        let group = self.group_after(&done, &group.id).await?;
        Ok(done.changed(&group_json(&group), group.version))
    }

    /// The group as a write has left it.
    async fn group_after(&self, done: &Done, id: &GroupId) -> Result<GroupView, Problem> {
        let Folded::Group(group) = self.handler.load_at(&id.stream(), done.position()).await? else {
            return Err(nothing_here());
        };
        Ok(GroupView {
            id: id.clone(),
            domain_name: self.domain_name_of(&group.domain).await?,
            domain: group.domain.clone(),
            name: group.name.clone(),
            owner: group.owner.clone(),
            participants: group.users.clone(),
            created_at: group.created_at,
            version: group.version,
        })
    }
}
