//! `/presence` and `/contacts`: who is there, and what people say of themselves.

use axum::extract::State;
use axum::response::Response;
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wac_commands::State as Folded;
use wac_commands::presence::{ChangePresence, PresenceChanges};
use wac_events::{Activity, Patch, Personal, Role, Time, UserId};

use super::common::{IdInPath, shown, user_id};
use super::user_input::set;
use super::user_json::limited;
use super::{lists, schemas};
use crate::body::JsonBody;
use crate::fields::Fields;
use crate::policy::{Action, Target, allows};
use crate::reading::Query;
use crate::reads::{PresenceView, UserFilter, UserView};
use crate::write::{Write, not_for_you, nothing_here};
use crate::{Caller, Platform, Problem};

const TABLES: [&str; 3] = ["presence", "users", "domains"];
/// The server's own fields, ignored in a body.
const OWN_FIELDS: [&str; 3] = ["userId", "online", "since"];

/// The routes.
pub(super) fn routes() -> OpenApiRouter<Platform> {
    OpenApiRouter::new()
        .routes(routes!(read_own, change_own))
        .routes(routes!(read))
        .routes(routes!(list_contacts))
        .routes(routes!(read_contact))
}

fn presence_json(presence: &PresenceView) -> Value {
    json!({
        "userId": presence.user,
        "online": presence.online,
        "activity": presence.activity,
        "note": presence.note,
        "mood": presence.mood,
        "since": presence.since.map(Time::millis),
    })
}

fn contact_json(user: &UserView, presence: Option<&PresenceView>) -> Value {
    let mut contact = limited(user);
    let unknown = PresenceView::unknown(user.id.clone());
    contact["presence"] = presence_json(presence.unwrap_or(&unknown));
    contact
}

/// The caller's own presence.
#[utoipa::path(get, path = "/presence", tag = "presence", operation_id = "readOwnPresence",
    responses((status = 200, description = "The presence", body = schemas::Presence)))]
async fn read_own(State(platform): State<Platform>, caller: Caller, query: Query) -> Result<Response, Problem> {
    query.settle(&platform, &TABLES).await?;
    let user = caller.user.as_ref().ok_or_else(nothing_here)?;
    let presence = platform.presence_now(user).await?;
    Ok(shown(&presence_json(&presence), presence.version))
}

/// Changes what the caller says of himself; what is left out stays.
#[utoipa::path(put, path = "/presence", tag = "presence", operation_id = "changePresence",
    request_body = schemas::PresenceInput,
    responses((status = 200, description = "The presence", body = schemas::Presence)))]
async fn change_own(State(platform): State<Platform>, write: Write, body: JsonBody) -> Result<Response, Problem> {
    let user = write.caller.user.clone().ok_or_else(not_for_you)?;
    write.require(Action::Change, &Target::User { id: &user, domain: &write.caller.domain })?;
    let changes = changes_of(body.value)?;
    let world = platform.handler.load(&[user.presence_stream()]).await?;
    write.expected_version(world.presence(&user).version)?;
    let command = ChangePresence { user: user.clone(), changes };
    let done = write.run(&platform, &command, &body.bytes).await?;
    let Folded::Presence(state) = platform.handler.load_at(&user.presence_stream(), done.position()).await? else {
        return Err(nothing_here());
    };
    let online = platform.presence_now(&user).await?;
    let presence = PresenceView {
        online: state.has_device(),
        activity: state.activity,
        note: state.note.as_ref().and_then(Personal::clear).map(str::to_owned),
        mood: state.mood.clone(),
        version: state.version,
        ..online
    };
    Ok(done.changed(&presence_json(&presence), presence.version))
}

fn changes_of(body: Value) -> Result<PresenceChanges, Problem> {
    let mut fields = Fields::of_body(body, &OWN_FIELDS)?;
    let activity: Option<Activity> = match fields.text("activity") {
        Patch::Keep => None,
        Patch::Set(text) => {
            let known = serde_json::from_value(Value::String(text)).ok();
            if known.is_none() {
                fields.wrong("activity", "activity_unknown", "`activity` is one of RFC 4480, or `available`.");
            }
            known
        }
    };
    let changes =
        PresenceChanges { activity, note: set(fields.optional_text("note")), mood: set(fields.optional_text("mood")) };
    fields.finish()?;
    Ok(changes)
}

/// The presence of somebody of the caller's domain.
#[utoipa::path(get, path = "/presence/{id}", tag = "presence", operation_id = "readPresence",
    params(("id" = String, Path, description = "The user's id")),
    responses((status = 200, description = "The presence", body = schemas::Presence)))]
async fn read(
    State(platform): State<Platform>,
    caller: Caller,
    IdInPath(id): IdInPath,
    query: Query,
) -> Result<Response, Problem> {
    query.settle(&platform, &TABLES).await?;
    let user = platform.visible_user(&caller, &user_id(&id)).await?;
    let presence = platform.presence_now(&user.id).await?;
    Ok(shown(&presence_json(&presence), presence.version))
}

/// The users of the caller's domain (administrators: of any) with their presence.
#[utoipa::path(get, path = "/contacts", tag = "presence", operation_id = "listContacts",
    params(
        ("domain" = Option<String>, Query, description = "Users of this domain (name or id) instead; administrators only"),
        ("limit" = Option<u64>, Query, description = "At most this many", minimum = 1, maximum = 1000),
        ("cursor" = Option<String>, Query, description = "Where the page starts, from a `Link` header"),
    ),
    responses((status = 200, description = "The contacts", body = Vec<schemas::Contact>)))]
async fn list_contacts(
    State(platform): State<Platform>,
    caller: Caller,
    mut query: Query,
) -> Result<Response, Problem> {
    let original = query.clone();
    let page = query.page()?;
    let domain = query.take("domain")?;
    query.settle(&platform, &TABLES).await?;
    let domain = match domain {
        Some(domain) => platform.find_domain(&domain).await?,
        None => Some(caller.domain.clone()),
    };
    let mut filter = UserFilter { domain, ..UserFilter::default() };
    let mut empty = filter.domain.is_none();
    if caller.role != Role::Admin {
        empty |= filter.domain.as_ref() != Some(&caller.domain);
    }
    if caller.role == Role::Anonymous {
        filter.id.clone_from(&caller.user);
    }
    let users = if empty { Vec::new() } else { platform.reads.users(&filter, &page).await? };
    let last = users.last().map(|user| user.id.to_string());
    let ids: Vec<UserId> = users.iter().map(|user| user.id.clone()).collect();
    let presence = platform.reads.presence_of(&ids).await?;
    let visible = |user: &&UserView| {
        allows(&caller, Action::Read, &Target::User { id: &user.id, domain: &user.domain }).is_allowed()
    };
    let contacts = users.iter().filter(visible).map(|user| contact_json(user, presence.get(&user.id)));
    Ok(lists::answer(contacts.collect(), users.len(), last, &page, &original))
}

/// One user of the caller's domain with his presence.
#[utoipa::path(get, path = "/contacts/{id}", tag = "presence", operation_id = "readContact",
    params(("id" = String, Path, description = "The user's id")),
    responses((status = 200, description = "The contact", body = schemas::Contact)))]
async fn read_contact(
    State(platform): State<Platform>,
    caller: Caller,
    IdInPath(id): IdInPath,
    query: Query,
) -> Result<Response, Problem> {
    query.settle(&platform, &TABLES).await?;
    let user = platform.visible_user(&caller, &user_id(&id)).await?;
    let presence = platform.presence_now(&user.id).await?;
    Ok(shown(&contact_json(&user, Some(&presence)), user.version))
}

impl Platform {
    async fn presence_now(&self, user: &UserId) -> Result<PresenceView, Problem> {
        let known = self.reads.presence_of(std::slice::from_ref(user)).await?.remove(user);
        Ok(known.unwrap_or_else(|| PresenceView::unknown(user.clone())))
    }

    /// A user the caller may see; else 404.
    async fn visible_user(&self, caller: &Caller, id: &UserId) -> Result<UserView, Problem> {
        let mut user = self.reads.user(id).await?;
        if user.is_none() {
            self.caught_up(&TABLES).await?;
            user = self.reads.user(id).await?;
        }
        let visible = |user: &UserView| {
            allows(caller, Action::Read, &Target::User { id: &user.id, domain: &user.domain }).is_allowed()
        };
        user.filter(visible).ok_or_else(nothing_here)
    }
}
