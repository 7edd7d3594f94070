use futures::FutureExt;
use futures::future::BoxFuture;
use wac_events::credential::RevocationReason;
use wac_events::{AnyEvent, ClientId, DomainEvent, DomainId, Reserved, StreamId, UserId};

use super::group_cascade::remove_groups_and_rooms;
use super::user_cascade::{revoke_belongings, revoke_credential};
use super::{Listing, ProcessError, ProcessManager, Work};
use crate::domain::{Domain, DomainStatus};
use crate::{Command, Context, DeleteClient, DeleteDomain, Fact, FinishDomainRemoval, Rejection, State, World, user};

/// Empties a closing domain (DOM-14): clients, pool credentials, groups, rooms, users with what
/// belongs to them, child domains; then removes it. A child domain closes by the same way, and its
/// end is what the parent waits for. Nothing is created in a closing domain, so what the read models
/// list once they have seen the closing is all there will ever be.
#[derive(Clone, Copy, Debug, Default)]
pub struct DomainCascade;

impl ProcessManager for DomainCascade {
    fn name(&self) -> &'static str {
        "domain_cascade"
    }

    fn wants(&self) -> &'static [&'static str] {
        &["domain.closing", "domain.deleted"]
    }

    fn react<'a>(&'a self, work: &'a Work<'a>) -> BoxFuture<'a, Result<(), ProcessError>> {
        let id = DomainId::from(work.cause().recorded.stream.id());
        async move {
            match &work.cause().event {
                AnyEvent::Domain(DomainEvent::Closing(_)) => {
                    remove_belongings(work, &id).await?;
                    remove_users(work, &id).await?;
                    remove_children(work, &id).await?;
                    finish_if_childless(work, &id).await
                }
                AnyEvent::Domain(DomainEvent::Deleted(_)) => {
                    // What a plain removal leaves behind: it asks for users and child domains only.
                    remove_belongings(work, &id).await?;
                    follow_up_to_parent(work, &id).await
                }
                _ => Ok(()),
            }
        }
        .boxed()
    }
}

async fn remove_belongings(work: &Work<'_>, domain: &DomainId) -> Result<(), ProcessError> {
    let mut clients = work.list(Listing::ClientsOf(domain.clone()));
    while let Some(ids) = clients.next().await? {
        for id in ids {
            work.issue(&id, &DeleteClient { id: ClientId::from(id.as_str()), expected_version: None }).await?;
        }
    }
    let mut pool = work.list(Listing::PoolOf(domain.clone()));
    while let Some(ids) = pool.next().await? {
        for id in ids {
            revoke_credential(work, &id, RevocationReason::DomainDeleted).await?;
        }
    }
    remove_groups_and_rooms(work, domain).await
}

async fn remove_users(work: &Work<'_>, domain: &DomainId) -> Result<(), ProcessError> {
    let mut users = work.list(Listing::UsersOf(domain.clone()));
    while let Some(ids) = users.next().await? {
        for id in ids {
            let id = UserId::from(id);
            work.issue(id.as_str(), &RemoveUserOf { domain: domain.clone(), id: id.clone() }).await?;
            let gone = !work.load(&[id.stream()]).await?.user(&id).exists();
            if gone {
                revoke_belongings(work, &id, RevocationReason::DomainDeleted).await?;
            }
        }
    }
    Ok(())
}

async fn remove_children(work: &Work<'_>, domain: &DomainId) -> Result<(), ProcessError> {
    let mut children = work.list(Listing::ChildDomainsOf(domain.clone()));
    while let Some(ids) = children.next().await? {
        for id in ids {
            let id = DomainId::from(id);
            work.issue(id.as_str(), &CloseChildOf { parent: domain.clone(), id: id.clone() }).await?;
        }
    }
    Ok(())
}

/// A closing domain without children is removed; with children, the end of the last one does it.
async fn finish_if_childless(work: &Work<'_>, domain: &DomainId) -> Result<(), ProcessError> {
    let mut children = work.list(Listing::ChildDomainsOf(domain.clone()));
    while let Some(ids) = children.next().await? {
        for id in ids {
            let id = DomainId::from(id);
            let world = work.load(&[id.stream()]).await?;
            let child = world.domain(&id);
            if child.exists() && child.parent.as_ref() == Some(domain) {
                return Ok(());
            }
        }
    }
    work.issue(domain.as_str(), &FinishDomainRemoval { id: domain.clone() }).await.map(|_| ())
}

/// The parent's own closing has been handled before if it was closing already at this event;
/// if it closes later, the handling of that event looks for children itself.
async fn follow_up_to_parent(work: &Work<'_>, child: &DomainId) -> Result<(), ProcessError> {
    let State::Domain(Domain { parent: Some(parent), .. }) = work.load_then(&child.stream()).await? else {
        return Ok(());
    };
    match work.load_then(&parent.stream()).await? {
        State::Domain(domain) if domain.status == DomainStatus::Closing => finish_if_childless(work, &parent).await,
        _ => Ok(()),
    }
}

/// Deletes a user if it still is in the domain.
struct RemoveUserOf {
    domain: DomainId,
    id: UserId,
}

impl Command for RemoveUserOf {
    fn name(&self) -> &'static str {
        "remove_user_of_domain"
    }

    fn reads(&self, world: &World) -> Vec<StreamId> {
        vec![self.id.stream(), Reserved::Username(world.user(&self.id).name_key.clone()).stream()]
    }

    fn decide(&self, world: &World, _: &Context) -> Result<Vec<Fact>, Rejection> {
        let user = world.user(&self.id);
        if user.exists() && user.domain == self.domain { Ok(user::removal(user, true)) } else { Ok(Vec::new()) }
    }
}

/// Closes a domain if it still is a child of the parent.
struct CloseChildOf {
    parent: DomainId,
    id: DomainId,
}

impl CloseChildOf {
    fn command(&self) -> DeleteDomain {
        DeleteDomain { id: self.id.clone(), cascade: true, inspection: None, expected_version: None }
    }
}

impl Command for CloseChildOf {
    fn name(&self) -> &'static str {
        "close_child_domain"
    }

    fn reads(&self, world: &World) -> Vec<StreamId> {
        self.command().reads(world)
    }

    fn decide(&self, world: &World, ctx: &Context) -> Result<Vec<Fact>, Rejection> {
        let child = world.domain(&self.id);
        if child.exists() && child.parent.as_ref() == Some(&self.parent) {
            self.command().decide(world, ctx)
        } else {
            Ok(Vec::new())
        }
    }
}
