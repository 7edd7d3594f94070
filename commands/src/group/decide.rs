use wac_events::group::{
    GroupCreated, GroupLeaveReason, GroupOwnerChanged, GroupRemoved, GroupRenamed, GroupUserJoined, GroupUserLeft,
};
use wac_events::{DomainId, GroupEvent, GroupId, UserId};

use super::*;
use crate::domain::open_domain;
use crate::rejection::{Checks, check_version};
use crate::{Context, Fact, Rejection, World};

fn fact(domain: &DomainId, id: &GroupId, event: impl Into<GroupEvent>) -> Fact {
    Fact::of(domain, id.stream(), event.into())
}

fn check_name(name: &str) -> Result<(), Rejection> {
    let mut checks = Checks::default();
    let good = (1..=GROUP_NAME_CHARS_MAX).contains(&name.chars().count()) && !name.chars().any(char::is_control);
    checks.require(good, "name_invalid", "/name", "a group's name has 1 to 128 characters and no control characters");
    checks.done()
}

fn not_found(what: &'static str, id: impl ToString) -> Rejection {
    Rejection::NotFound { what, id: id.to_string() }
}

/// The group, which is there.
fn present<'a>(world: &'a World, id: &GroupId) -> Result<&'a Group, Rejection> {
    let group = world.group(id);
    if group.exists() { Ok(group) } else { Err(not_found("group", id)) }
}

/// The group, which is there and which `by` may manage.
fn managed<'a>(world: &'a World, id: &GroupId, by: &UserId, as_admin: bool) -> Result<&'a Group, Rejection> {
    let group = present(world, id)?;
    if as_admin || group.owner == *by { Ok(group) } else { Err(Rejection::NotAllowed) }
}

/// One participant goes: an owner has a successor, and nobody leaves an empty group behind.
fn without(group: &Group, user: &UserId, reason: GroupLeaveReason, ctx: &Context) -> Result<Vec<Fact>, Rejection> {
    if !group.has(user) {
        return Err(not_found("user", user));
    }
    let fact = |event: GroupEvent| fact(&group.domain, &group.id, event);
    let mut facts = vec![fact(GroupUserLeft { user: user.clone(), reason, at: ctx.now }.into())];
    match group.users.iter().find(|other| *other != user) {
        None => facts.push(fact(GroupRemoved { domain: group.domain.clone(), at: ctx.now }.into())),
        Some(eldest) if group.owner == *user => {
            facts.push(fact(GroupOwnerChanged { owner: eldest.clone() }.into()));
        }
        Some(_) => {}
    }
    Ok(facts)
}

impl CreateGroup {
    pub(super) fn facts(&self, world: &World, ctx: &Context) -> Result<Vec<Fact>, Rejection> {
        check_name(&self.name)?;
        if world.group(&self.id).version > 0 {
            return Err(Rejection::AlreadyExists { what: "group", id: self.id.to_string() });
        }
        open_domain(world, &self.domain, "/domain")?;
        let owner = world.user(&self.owner);
        if !owner.exists() || owner.domain != self.domain {
            return Err(Rejection::invalid("user_unknown", "/owner", "the domain has no such user"));
        }
        let created = GroupCreated {
            id: self.id.clone(),
            domain: self.domain.clone(),
            name: self.name.clone(),
            owner: self.owner.clone(),
            at: ctx.now,
        };
        Ok(vec![fact(&self.domain, &self.id, created)])
    }
}

impl RenameGroup {
    pub(super) fn facts(&self, world: &World, _: &Context) -> Result<Vec<Fact>, Rejection> {
        check_name(&self.name)?;
        let group = managed(world, &self.group, &self.by, self.as_admin)?;
        check_version(self.expected_version, group.version)?;
        if group.name == self.name {
            return Ok(Vec::new());
        }
        Ok(vec![fact(&group.domain, &group.id, GroupRenamed { name: self.name.clone() })])
    }
}

impl AddGroupUser {
    pub(super) fn facts(&self, world: &World, ctx: &Context) -> Result<Vec<Fact>, Rejection> {
        let group = managed(world, &self.group, &self.by, self.as_admin)?;
        let user = world.user(&self.user);
        if !user.exists() || user.domain != group.domain {
            return Err(Rejection::invalid("user_unknown", "/userId", "the group's domain has no such user"));
        }
        if group.has(&self.user) {
            return Ok(Vec::new());
        }
        if group.users.len() >= GROUP_USERS_MAX {
            return Err(Rejection::GroupFull { max: GROUP_USERS_MAX });
        }
        Ok(vec![fact(&group.domain, &group.id, GroupUserJoined { user: self.user.clone(), at: ctx.now })])
    }
}

impl RemoveGroupUser {
    pub(super) fn facts(&self, world: &World, ctx: &Context) -> Result<Vec<Fact>, Rejection> {
        let group = managed(world, &self.group, &self.by, self.as_admin)?;
        without(group, &self.user, GroupLeaveReason::Removed, ctx)
    }
}

impl LeaveGroup {
    pub(super) fn facts(&self, world: &World, ctx: &Context) -> Result<Vec<Fact>, Rejection> {
        let group = present(world, &self.group)?;
        let user = world.user(&self.user);
        let belongs = user.exists() && user.domain == group.domain;
        if self.reason == GroupLeaveReason::Gone && belongs {
            return Ok(Vec::new());
        }
        without(group, &self.user, self.reason, ctx)
    }
}

impl LeaveGroups {
    pub(super) fn facts(&self, world: &World, ctx: &Context) -> Result<Vec<Fact>, Rejection> {
        let groups = self.groups.iter().take(LEAVE_GROUPS_MAX).map(|id| world.group(id));
        let his = groups.filter(|group| group.exists() && group.has(&self.user));
        let left = his.map(|group| without(group, &self.user, self.reason, ctx));
        Ok(left.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
    }
}

impl EmptyGroup {
    pub(super) fn facts(&self, world: &World, ctx: &Context) -> Result<Vec<Fact>, Rejection> {
        let group = managed(world, &self.group, &self.by, self.as_admin)?;
        let others = group.users.iter().filter(|user| **user != group.owner);
        let left =
            others.map(|user| GroupUserLeft { user: user.clone(), reason: GroupLeaveReason::Removed, at: ctx.now });
        Ok(left.map(|left| fact(&group.domain, &group.id, left)).collect())
    }
}

impl RemoveGroup {
    pub(super) fn facts(&self, world: &World, ctx: &Context) -> Result<Vec<Fact>, Rejection> {
        let group = match &self.by {
            Some(by) => managed(world, &self.group, by, self.as_admin)?,
            None => present(world, &self.group)?,
        };
        check_version(self.expected_version, group.version)?;
        let removed = GroupRemoved { domain: group.domain.clone(), at: ctx.now };
        Ok(vec![fact(&group.domain, &group.id, removed)])
    }
}
