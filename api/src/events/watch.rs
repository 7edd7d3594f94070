//! Whether a caller who stays connected may still stay.

use wac_events::{ClientId, StoreError};

use crate::freshness::Stamp;
use crate::{Caller, Platform};

/// Watches over the token behind a long-lived connection.
pub(crate) struct Watch {
    caller: Caller,
    known: Option<Stamp<3>>,
}

impl Watch {
    /// Watches over the token of a caller who has just been authenticated.
    pub(crate) fn new(caller: Caller) -> Self {
        Self { caller, known: None }
    }

    /// Whether the token works as it did: neither expired, revoked nor replaced, its user and client
    /// still there, with the same role and domain.
    pub(crate) async fn holds(&mut self, platform: &Platform) -> Result<bool, StoreError> {
        if self.caller.expires_at <= platform.env.now() {
            return Ok(false);
        }
        let freshness = &platform.freshness;
        if self.known.as_ref().is_some_and(|stamp| freshness.is_trusted() && freshness.holds(stamp)) {
            return Ok(true);
        }
        let position = platform.log.head().await?.position;
        let (caller, none) = (&self.caller, ClientId::from("").stream());
        let token = caller.token.stream();
        let user = caller.user.as_ref().map(wac_events::UserId::stream);
        let client = caller.client.as_ref().map(ClientId::stream);
        let mut streams = vec![token.clone()];
        streams.extend(user.iter().chain(&client).cloned());
        let world = platform.handler.load(&streams).await?;
        let family = world.token(&caller.token);
        let token_works = family.exists() && family.access_expires_at == caller.expires_at;
        let user_is_same = caller.user.as_ref().is_none_or(|id| {
            let user = world.user(id);
            user.exists() && user.role == caller.role && user.domain == caller.domain
        });
        let client_is_there = caller.client.as_ref().is_none_or(|id| world.client(id).exists());
        let user = user.unwrap_or_else(|| none.clone());
        let client = client.unwrap_or(none);
        self.known = Some(freshness.stamp([&token, &user, &client], position));
        Ok(token_works && user_is_same && client_is_there)
    }
}
