use futures::FutureExt;
use futures::future::BoxFuture;
use wac_events::credential::RevocationReason;
use wac_events::oauth::TokenRevocation;
use wac_events::session::SessionEnd;
use wac_events::{AnyEvent, CredentialId, SubjectEvent, TokenId, UserEvent, UserId};

use super::{Listing, ProcessError, ProcessManager, Work};
use crate::session::CloseSession;
use crate::{RevokeCredential, RevokeToken};

/// A deleted user's credentials, tokens and sessions go with it (USR-04), unless the deletion said not to; those of
/// an erased one do so in any case.
#[derive(Clone, Copy, Debug, Default)]
pub struct UserCascade;

impl ProcessManager for UserCascade {
    fn name(&self) -> &'static str {
        "user_cascade"
    }

    fn wants(&self) -> &'static [&'static str] {
        &["user.deleted", "subject.erased"]
    }

    fn react<'a>(&'a self, work: &'a Work<'a>) -> BoxFuture<'a, Result<(), ProcessError>> {
        async move {
            match &work.cause().event {
                AnyEvent::User(UserEvent::Deleted(deleted)) if deleted.cascade => {
                    revoke_belongings(work, &deleted.id, RevocationReason::OwnerDeleted).await
                }
                AnyEvent::Subject(SubjectEvent::Erased(erased)) => {
                    let user = UserId::from(erased.subject.as_str());
                    revoke_belongings(work, &user, RevocationReason::OwnerDeleted).await
                }
                _ => Ok(()),
            }
        }
        .boxed()
    }
}

/// Revokes every credential and token of a user that is gone, and ends his sessions.
pub(super) async fn revoke_belongings(
    work: &Work<'_>,
    user: &UserId,
    reason: RevocationReason,
) -> Result<(), ProcessError> {
    let mut tokens = work.list(Listing::TokensOfUser(user.clone()));
    while let Some(ids) = tokens.next().await? {
        for id in ids {
            revoke_token(work, &id, TokenRevocation::UserDeleted).await?;
        }
    }
    // They end with their tokens; this is for one whose token was found revoked.
    for session in work.calls().sessions(user, work.position()).await? {
        let close = CloseSession { id: session.clone(), reason: SessionEnd::UserDeleted };
        work.issue(session.as_str(), &close).await?;
    }
    let mut credentials = work.list(Listing::CredentialsOf(user.clone()));
    while let Some(ids) = credentials.next().await? {
        for id in ids {
            revoke_credential(work, &id, reason).await?;
        }
    }
    Ok(())
}

pub(super) async fn revoke_token(work: &Work<'_>, id: &str, reason: TokenRevocation) -> Result<(), ProcessError> {
    work.issue(id, &RevokeToken { id: TokenId::from(id), reason }).await.map(|_| ())
}

pub(super) async fn revoke_credential(work: &Work<'_>, id: &str, reason: RevocationReason) -> Result<(), ProcessError> {
    let command = RevokeCredential { id: CredentialId::from(id), reason, expected_version: None };
    work.issue(id, &command).await.map(|_| ())
}
