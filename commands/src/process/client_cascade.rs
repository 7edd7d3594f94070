use futures::FutureExt;
use futures::future::BoxFuture;
use wac_events::oauth::TokenRevocation;
use wac_events::{AnyEvent, ClientEvent, ClientId};

use super::user_cascade::revoke_token;
use super::{Listing, ProcessError, ProcessManager, Work};

/// A deleted client's tokens go with it.
#[derive(Clone, Copy, Debug, Default)]
pub struct ClientCascade;

impl ProcessManager for ClientCascade {
    fn name(&self) -> &'static str {
        "client_cascade"
    }

    fn wants(&self) -> &'static [&'static str] {
        &["client.deleted"]
    }

    fn react<'a>(&'a self, work: &'a Work<'a>) -> BoxFuture<'a, Result<(), ProcessError>> {
        async move {
            let AnyEvent::Client(ClientEvent::Deleted(_)) = &work.cause().event else { return Ok(()) };
            let client = ClientId::from(work.cause().recorded.stream.id());
            let mut tokens = work.list(Listing::TokensOfClient(client));
            while let Some(ids) = tokens.next().await? {
                for id in ids {
                    revoke_token(work, &id, TokenRevocation::ClientDeleted).await?;
                }
            }
            Ok(())
        }
        .boxed()
    }
}
