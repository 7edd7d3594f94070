use futures::FutureExt;
use futures::future::BoxFuture;
use wac_events::{AnyEvent, CredentialId, TokenEvent, TokenId};

use super::{Listing, ProcessError, ProcessManager, Work};
use crate::ReleaseLease;

/// A guest's pool credential is free again when its tokens are revoked (ANO-07); a lease that
/// merely runs out ends by itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct Leases;

impl ProcessManager for Leases {
    fn name(&self) -> &'static str {
        "leases"
    }

    fn wants(&self) -> &'static [&'static str] {
        &["token.revoked"]
    }

    fn react<'a>(&'a self, work: &'a Work<'a>) -> BoxFuture<'a, Result<(), ProcessError>> {
        async move {
            let AnyEvent::Token(TokenEvent::Revoked(_)) = &work.cause().event else { return Ok(()) };
            let holder = TokenId::from(work.cause().recorded.stream.id());
            let mut leased = work.list(Listing::LeasedTo(holder.clone()));
            while let Some(ids) = leased.next().await? {
                for id in ids {
                    let command = ReleaseLease { id: CredentialId::from(id.as_str()), holder: holder.clone() };
                    work.issue(&id, &command).await?;
                }
            }
            Ok(())
        }
        .boxed()
    }
}
