use futures::FutureExt;
use futures::future::BoxFuture;
use wac_events::oauth::TokenRevocation;
use wac_events::{AnyEvent, StreamId, Time, TokenEvent, TokenId, UserId};

use super::user_cascade::revoke_token;
use super::{Listing, ProcessError, ProcessManager, Work};

/// Caps how many token families a user has at a time (OAP-07): the newest stay.
pub struct MaxTokens {
    tokens_max: usize,
}

impl MaxTokens {
    /// At most `tokens_max` families; 0: any number.
    pub fn new(tokens_max: usize) -> Self {
        Self { tokens_max }
    }
}

impl ProcessManager for MaxTokens {
    fn name(&self) -> &'static str {
        "max_tokens"
    }

    fn wants(&self) -> &'static [&'static str] {
        &["token.issued"]
    }

    fn react<'a>(&'a self, work: &'a Work<'a>) -> BoxFuture<'a, Result<(), ProcessError>> {
        async move {
            let AnyEvent::Token(TokenEvent::Issued(issued)) = &work.cause().event else { return Ok(()) };
            let Some(user) = issued.user.as_ref().filter(|_| self.tokens_max > 0) else { return Ok(()) };
            let mut live = live_tokens(work, user).await?;
            live.sort_unstable();
            let surplus = live.len().saturating_sub(self.tokens_max);
            for (_, id) in live.drain(..surplus) {
                revoke_token(work, id.as_str(), TokenRevocation::Superseded).await?;
            }
            Ok(())
        }
        .boxed()
    }
}

/// The user's families that still work, with the time they were issued.
async fn live_tokens(work: &Work<'_>, user: &UserId) -> Result<Vec<(Time, TokenId)>, ProcessError> {
    let now = work.now();
    let mut live = Vec::new();
    let mut pages = work.list(Listing::TokensOfUser(user.clone()));
    while let Some(ids) = pages.next().await? {
        let ids: Vec<TokenId> = ids.into_iter().map(TokenId::from).collect();
        let streams: Vec<StreamId> = ids.iter().map(TokenId::stream).collect();
        let world = work.load(&streams).await?;
        let tokens = ids.into_iter().map(|id| (world.token(&id), id));
        live.extend(tokens.filter(|(token, _)| token.is_live(now)).map(|(token, id)| (token.issued_at, id)));
    }
    Ok(live)
}
