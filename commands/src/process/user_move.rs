use futures::FutureExt;
use futures::future::BoxFuture;
use wac_events::oauth::TokenRevocation;
use wac_events::{AnyEvent, CredentialId, DomainId, UserEvent, UserId};

use super::passwords::end_sessions;
use super::{Listing, ProcessError, ProcessManager, Work};
use crate::credential::{Follower, MoveCredential};

/// Who moves to another domain takes his credentials along, those too that the command which moved
/// him did not know; what he opened in the old domain ends.
#[derive(Clone, Copy, Debug, Default)]
pub struct UserMove;

impl ProcessManager for UserMove {
    fn name(&self) -> &'static str {
        "user_move"
    }

    fn wants(&self) -> &'static [&'static str] {
        &["user.changed"]
    }

    fn react<'a>(&'a self, work: &'a Work<'a>) -> BoxFuture<'a, Result<(), ProcessError>> {
        async move {
            let AnyEvent::User(UserEvent::Changed(changed)) = &work.cause().event else { return Ok(()) };
            let Some(domain) = changed.domain.set() else { return Ok(()) };
            move_credentials(work, &changed.id, domain).await?;
            end_sessions(work, &changed.id, TokenRevocation::UserMoved).await
        }
        .boxed()
    }
}

async fn move_credentials(work: &Work<'_>, user: &UserId, domain: &DomainId) -> Result<(), ProcessError> {
    let mut credentials = work.list(Listing::CredentialsOf(user.clone()));
    while let Some(ids) = credentials.next().await? {
        for id in ids {
            let id = CredentialId::from(id);
            let world = work.load(&[id.stream()]).await?;
            let (kind, data) = (world.credential(&id).kind, world.credential(&id).data.clear());
            let follower = Follower::new(work.keys(), domain, id.clone(), kind, data);
            work.issue(id.as_str(), &MoveCredential { follower, domain: domain.clone() }).await?;
        }
    }
    Ok(())
}
