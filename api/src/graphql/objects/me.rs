//! The caller.

use std::sync::Arc;

use async_graphql::{Context, ID, Object, Result};

use super::{Domain, User};
use crate::graphql::enums::{Grant, Role};
use crate::graphql::moment::Moment;
use crate::graphql::scalars::DateTime;
use crate::graphql::session::session;

/// The caller.
pub(in crate::graphql) struct Me {
    pub(in crate::graphql) moment: Arc<Moment>,
}

/// The caller.
#[Object]
impl Me {
    /// His user, if he is one (and was there at that moment).
    async fn user(&self, ctx: &Context<'_>) -> Result<Option<User>> {
        let caller = &session(ctx).caller;
        let Some(id) = &caller.user else { return Ok(None) };
        let found = self.moment.users.load_one(id.clone()).await?;
        Ok(found.and_then(|view| User::seen(caller, view, &self.moment)))
    }

    /// His domain of the present.
    async fn domain(&self, ctx: &Context<'_>) -> Result<Option<Domain>> {
        Domain::load(ctx, &self.moment, &session(ctx).caller.domain).await
    }

    /// What he may do at present.
    async fn role(&self, ctx: &Context<'_>) -> Role {
        session(ctx).caller.role.into()
    }

    /// The OAuth2 client that obtained the token; null: the built-in first-party client.
    async fn client_id(&self, ctx: &Context<'_>) -> Option<ID> {
        session(ctx).caller.client.as_ref().map(|id| ID::from(id.as_str()))
    }

    /// The token family, for `revokeToken`.
    async fn token_id(&self, ctx: &Context<'_>) -> ID {
        ID::from(session(ctx).caller.token.as_str())
    }

    /// How the token was obtained.
    async fn grant(&self, ctx: &Context<'_>) -> Grant {
        session(ctx).caller.grant.into()
    }

    /// When the access token ends.
    async fn expires(&self, ctx: &Context<'_>) -> DateTime {
        DateTime(session(ctx).caller.expires_at)
    }
}
