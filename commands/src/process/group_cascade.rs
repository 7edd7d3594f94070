use futures::FutureExt;
use futures::future::BoxFuture;
use wac_events::group::GroupLeaveReason;
use wac_events::{AnyEvent, DomainId, UserEvent, UserId};

use super::{ProcessError, ProcessManager, Work};
use crate::group::{LeaveGroup, RemoveGroup};
use crate::room::CloseRoom;
use crate::{CALLS_LISTED_MAX, GroupsOf, RoomsOf};

/// Who is deleted, unless the deletion said not to, or moves to another domain leaves his groups.
#[derive(Clone, Copy, Debug, Default)]
pub struct GroupCascade;

impl ProcessManager for GroupCascade {
    fn name(&self) -> &'static str {
        "group_cascade"
    }

    fn wants(&self) -> &'static [&'static str] {
        &["user.deleted", "user.changed"]
    }

    fn react<'a>(&'a self, work: &'a Work<'a>) -> BoxFuture<'a, Result<(), ProcessError>> {
        async move {
            match &work.cause().event {
                AnyEvent::User(UserEvent::Deleted(deleted)) if deleted.cascade => leave_groups(work, &deleted.id).await,
                AnyEvent::User(UserEvent::Changed(changed)) if !changed.domain.is_keep() => {
                    leave_groups(work, &changed.id).await
                }
                _ => Ok(()),
            }
        }
        .boxed()
    }
}

async fn leave_groups(work: &Work<'_>, user: &UserId) -> Result<(), ProcessError> {
    let of = GroupsOf::User(user.clone());
    let mut seen = work.position();
    loop {
        let groups = work.calls().groups(&of, seen).await?;
        for group in &groups {
            let leave = LeaveGroup { group: group.clone(), user: user.clone(), reason: GroupLeaveReason::Gone };
            let left = work.issue(group.as_str(), &leave).await?;
            seen = left.map_or(seen, |left| seen.max(left.position));
        }
        if groups.len() < CALLS_LISTED_MAX || seen == work.position() {
            return Ok(());
        }
    }
}

/// Removes the groups of a domain that is going, and closes its rooms.
pub(super) async fn remove_groups_and_rooms(work: &Work<'_>, domain: &DomainId) -> Result<(), ProcessError> {
    let mut seen = work.position();
    loop {
        let groups = work.calls().groups(&GroupsOf::Domain(domain.clone()), seen).await?;
        let rooms = work.calls().rooms(&RoomsOf::Domain(domain.clone()), seen).await?;
        for group in &groups {
            let remove = RemoveGroup { group: group.clone(), by: None, as_admin: false, expected_version: None };
            let removed = work.issue(group.as_str(), &remove).await?;
            seen = removed.map_or(seen, |removed| seen.max(removed.position));
        }
        for room in &rooms {
            let close = CloseRoom { room: room.clone(), by: None, as_admin: false };
            let closed = work.issue(room.stream().as_str(), &close).await?;
            seen = closed.map_or(seen, |closed| seen.max(closed.position));
        }
        let more = groups.len() == CALLS_LISTED_MAX || rooms.len() == CALLS_LISTED_MAX;
        if !more || seen == work.position() {
            return Ok(());
        }
    }
}
