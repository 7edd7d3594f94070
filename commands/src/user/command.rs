use std::fmt;

use wac_events::{DomainId, Reserved, Role, StreamId, SubjectId, UserId};

use crate::credential::{FOLLOWERS_MAX, Follower};
use crate::{Command, Context, Fact, Rejection, UserName, World};

/// Creates a user.
#[derive(Clone, PartialEq)]
pub struct CreateUser {
    /// Its id, never used before.
    pub id: UserId,
    /// Its domain.
    pub domain: DomainId,
    /// The name as typed.
    pub username: String,
    /// [`crate::name_key`] of domain and name.
    pub name_key: String,
    /// What it may do.
    pub role: Role,
    /// Where notices go.
    pub email: Option<String>,
    /// Where text messages go.
    pub mobile_phones: Vec<String>,
    /// A land line.
    pub land_line_number: Option<String>,
    /// Another name; a random UUID unless given.
    pub alias: String,
    /// The name others see.
    pub display_name: Option<String>,
    /// `+name`, `-name`.
    pub capabilities: Vec<String>,
}

/// New values of a user's fields; `None` keeps the old one.
#[derive(Clone, Default, PartialEq)]
pub struct UserChanges {
    /// Domain and name, changed together because the name is reserved per domain. Who changes only
    /// one of them reads the other first, and sends the version read as `expected_version`.
    pub name: Option<UserName>,
    /// New role.
    pub role: Option<Role>,
    /// New e-mail address; `Some(None)` removes it.
    pub email: Option<Option<String>>,
    /// New mobile phones.
    pub mobile_phones: Option<Vec<String>>,
    /// New land line; `Some(None)` removes it.
    pub land_line_number: Option<Option<String>>,
    /// New alias.
    pub alias: Option<String>,
    /// New display name; `Some(None)` removes it.
    pub display_name: Option<Option<String>>,
    /// New capabilities.
    pub capabilities: Option<Vec<String>>,
    /// With a new domain: his credentials, which move in the same append; at most
    /// [`crate::credential::FOLLOWERS_MAX`] of them do. Those left out are moved by a process manager.
    pub credentials: Vec<Follower>,
}

/// Changes a user.
#[derive(Clone, Debug, PartialEq)]
pub struct ChangeUser {
    /// Which.
    pub id: UserId,
    /// What.
    pub changes: UserChanges,
    /// The version it must be at (`If-Match`).
    pub expected_version: Option<u64>,
}

/// Deletes a user, and with `erase` makes its personal data unreadable for good.
#[derive(Clone, Debug, PartialEq)]
pub struct DeleteUser {
    /// Which.
    pub id: UserId,
    /// What belongs to it (credentials, tokens …) goes with it.
    pub cascade: bool,
    /// Destroy its key; also of a user deleted earlier.
    pub erase: bool,
    /// The version it must be at (`If-Match`).
    pub expected_version: Option<u64>,
}

/// Names the user and nothing personal.
impl fmt::Debug for CreateUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CreateUser").field("id", &self.id).field("domain", &self.domain).finish_non_exhaustive()
    }
}

/// Shows nothing personal.
impl fmt::Debug for UserChanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserChanges").field("role", &self.role).finish_non_exhaustive()
    }
}

/// The streams of an administrator's change to `id`: the acting user's own too, because an
/// administrator's word against another one counts only as long as he is one.
fn with_actor(id: &UserId, world: &World) -> Vec<StreamId> {
    let mut streams = vec![id.stream()];
    streams.extend(world.acting_user().map(UserId::stream));
    streams
}

impl Command for CreateUser {
    fn name(&self) -> &'static str {
        "create_user"
    }

    fn reads(&self, _: &World) -> Vec<StreamId> {
        vec![
            self.id.stream(),
            self.domain.stream(),
            Reserved::Vacancy(self.domain.clone()).stream(),
            Reserved::Username(self.name_key.clone()).stream(),
        ]
    }

    fn decide(&self, world: &World, ctx: &Context) -> Result<Vec<Fact>, Rejection> {
        self.facts(world, ctx)
    }
}

impl Command for ChangeUser {
    fn name(&self) -> &'static str {
        "change_user"
    }

    fn reads(&self, world: &World) -> Vec<StreamId> {
        let old = world.user(&self.id);
        let mut streams = if old.role == Role::Admin { with_actor(&self.id, world) } else { vec![self.id.stream()] };
        if let Some(name) = &self.changes.name {
            if name.key != old.name_key {
                let (taken, left) = (Reserved::Username(name.key.clone()), Reserved::Username(old.name_key.clone()));
                streams.extend([taken.stream(), left.stream()]);
            }
            if name.domain != old.domain {
                streams.extend([name.domain.stream(), Reserved::Vacancy(name.domain.clone()).stream()]);
                let followers = self.changes.credentials.iter().take(FOLLOWERS_MAX);
                streams.extend(followers.flat_map(|follower| follower.reads(world, &name.domain)));
            }
        }
        streams
    }

    fn decide(&self, world: &World, _: &Context) -> Result<Vec<Fact>, Rejection> {
        self.facts(world)
    }
}

impl Command for DeleteUser {
    fn name(&self) -> &'static str {
        "delete_user"
    }

    fn reads(&self, world: &World) -> Vec<StreamId> {
        let user = world.user(&self.id);
        let mut streams = if user.role == Role::Admin { with_actor(&self.id, world) } else { vec![self.id.stream()] };
        streams.push(Reserved::Username(user.name_key.clone()).stream());
        if self.erase {
            streams.push(SubjectId::of_user(&self.id).stream());
        }
        streams
    }

    fn decide(&self, world: &World, ctx: &Context) -> Result<Vec<Fact>, Rejection> {
        self.facts(world, ctx)
    }
}
