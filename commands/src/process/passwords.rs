use futures::FutureExt;
use futures::future::BoxFuture;
use wac_events::credential::RevocationReason;
use wac_events::oauth::TokenRevocation;
use wac_events::{AnyEvent, CredentialEvent, CredentialKind, StreamId, TokenId, UserId};

use super::user_cascade::revoke_token;
use super::{Listing, ProcessError, ProcessManager, Work};
use crate::State;

/// A changed or withdrawn password ends every session that was opened before.
#[derive(Clone, Copy, Debug, Default)]
pub struct Passwords;

impl ProcessManager for Passwords {
    fn name(&self) -> &'static str {
        "passwords"
    }

    fn wants(&self) -> &'static [&'static str] {
        &["credential.changed", "credential.revoked"]
    }

    fn react<'a>(&'a self, work: &'a Work<'a>) -> BoxFuture<'a, Result<(), ProcessError>> {
        async move {
            let ends_sessions = match &work.cause().event {
                AnyEvent::Credential(CredentialEvent::Changed(changed)) => !changed.data.is_keep(),
                AnyEvent::Credential(CredentialEvent::Revoked(revoked)) => {
                    revoked.reason == RevocationReason::Requested
                }
                _ => false,
            };
            match work.load_then(&work.cause().recorded.stream).await? {
                State::Credential(credential) if ends_sessions && credential.kind == CredentialKind::Basic => {
                    match &credential.user {
                        Some(user) => end_sessions(work, user, TokenRevocation::PasswordChanged).await,
                        None => Ok(()),
                    }
                }
                _ => Ok(()),
            }
        }
        .boxed()
    }
}

/// Revokes a user's tokens that were there at the event, and ends their sessions.
pub(super) async fn end_sessions(work: &Work<'_>, user: &UserId, reason: TokenRevocation) -> Result<(), ProcessError> {
    let mut tokens = work.list(Listing::TokensOfUser(user.clone()));
    while let Some(ids) = tokens.next().await? {
        for id in ids {
            let stream: StreamId = TokenId::from(id.as_str()).stream();
            let issued_before = matches!(work.load_then(&stream).await?, State::Token(token) if token.exists());
            if issued_before {
                revoke_token(work, &id, reason).await?;
            }
        }
    }
    Ok(())
}
