use wac_events::group::GroupLeaveReason;
use wac_events::{DomainId, GroupId, StreamId, UserId};

use crate::{Command, Context, Fact, Rejection, World};

/// Creates a group; its owner is its first participant.
#[derive(Clone, PartialEq, Debug)]
pub struct CreateGroup {
    /// Its id, never used before.
    pub id: GroupId,
    /// Its domain: the owner's.
    pub domain: DomainId,
    /// Its name, 1 to [`super::GROUP_NAME_CHARS_MAX`] characters.
    pub name: String,
    /// Who manages it.
    pub owner: UserId,
}

/// Gives a group another name.
#[derive(Clone, PartialEq, Debug)]
pub struct RenameGroup {
    /// Which.
    pub group: GroupId,
    /// Who does it.
    pub by: UserId,
    /// By the right of an administrator.
    pub as_admin: bool,
    /// The name from now on.
    pub name: String,
    /// The version the caller saw.
    pub expected_version: Option<u64>,
}

/// Makes a user of the group's domain a participant. One who is stays one.
#[derive(Clone, PartialEq, Debug)]
pub struct AddGroupUser {
    /// Which.
    pub group: GroupId,
    /// Who does it.
    pub by: UserId,
    /// By the right of an administrator.
    pub as_admin: bool,
    /// Whom.
    pub user: UserId,
}

/// Takes a participant out; the owner too, whom another one follows.
#[derive(Clone, PartialEq, Debug)]
pub struct RemoveGroupUser {
    /// Which.
    pub group: GroupId,
    /// Who does it.
    pub by: UserId,
    /// By the right of an administrator.
    pub as_admin: bool,
    /// Whom.
    pub user: UserId,
}

/// A participant goes. Who is said to be gone but still belongs to the group's domain stays.
#[derive(Clone, PartialEq, Debug)]
pub struct LeaveGroup {
    /// Which.
    pub group: GroupId,
    /// Who.
    pub user: UserId,
    /// Why: [`GroupLeaveReason::Left`], or [`GroupLeaveReason::Gone`] of one deleted or moved away.
    pub reason: GroupLeaveReason,
}

/// A user goes from several groups at once. Those he is not in stay as they are.
#[derive(Clone, PartialEq, Debug)]
pub struct LeaveGroups {
    /// Which, at most [`super::LEAVE_GROUPS_MAX`].
    pub groups: Vec<GroupId>,
    /// Who.
    pub user: UserId,
    /// Why.
    pub reason: GroupLeaveReason,
}

/// Takes everybody out but the owner.
#[derive(Clone, PartialEq, Debug)]
pub struct EmptyGroup {
    /// Which.
    pub group: GroupId,
    /// Who does it.
    pub by: UserId,
    /// By the right of an administrator.
    pub as_admin: bool,
}

/// Removes a group with all its participants.
#[derive(Clone, PartialEq, Debug)]
pub struct RemoveGroup {
    /// Which.
    pub group: GroupId,
    /// Who does it; `None`: the platform.
    pub by: Option<UserId>,
    /// By the right of an administrator.
    pub as_admin: bool,
    /// The version the caller saw.
    pub expected_version: Option<u64>,
}

macro_rules! command {
    ($type:ty, $name:literal, |$this:ident| $reads:expr) => {
        impl Command for $type {
            fn name(&self) -> &'static str {
                $name
            }

            fn reads(&self, _: &World) -> Vec<StreamId> {
                let $this = self;
                $reads.into()
            }

            fn decide(&self, world: &World, ctx: &Context) -> Result<Vec<Fact>, Rejection> {
                self.facts(world, ctx)
            }
        }
    };
}

command!(CreateGroup, "create_group", |this| [this.id.stream(), this.domain.stream(), this.owner.stream()]);
command!(RenameGroup, "rename_group", |this| [this.group.stream()]);
command!(AddGroupUser, "add_group_user", |this| [this.group.stream(), this.user.stream()]);
command!(RemoveGroupUser, "remove_group_user", |this| [this.group.stream()]);
command!(LeaveGroup, "leave_group", |this| [this.group.stream(), this.user.stream()]);
command!(LeaveGroups, "leave_groups", |this| this.groups.iter().map(GroupId::stream).collect::<Vec<_>>());
command!(EmptyGroup, "empty_group", |this| [this.group.stream()]);
command!(RemoveGroup, "remove_group", |this| [this.group.stream()]);
