//! OAuth2 clients.

use std::sync::Arc;

use async_graphql::{Context, ID, Object, Result};

use super::Domain;
use crate::Caller;
use crate::graphql::enums::Grant;
use crate::graphql::moment::Moment;
use crate::graphql::scalars::{DateTime, Long};
use crate::policy::{Action, Target, allows};
use crate::reads::ClientView;

/// An OAuth2 client.
pub(in crate::graphql) struct Client {
    view: ClientView,
    moment: Arc<Moment>,
}

impl Client {
    /// The client, if the caller may see it.
    pub(in crate::graphql) fn seen(caller: &Caller, view: ClientView, moment: &Arc<Moment>) -> Option<Self> {
        let allowed = allows(caller, Action::Read, &Target::Clients).is_allowed();
        allowed.then(|| Self { view, moment: moment.clone() })
    }
}

/// An OAuth2 client. Its secret is shown once, when it is made.
#[Object]
impl Client {
    /// Its id (`client_id`).
    async fn id(&self) -> ID {
        ID::from(self.view.id.as_str())
    }

    /// Its name, for people.
    async fn name(&self) -> &str {
        &self.view.name
    }

    /// Where an authorization answer may go.
    async fn redirect_uris(&self) -> &[String] {
        &self.view.redirect_uris
    }

    /// How it may obtain tokens.
    async fn grants(&self) -> Vec<Grant> {
        self.view.grants.iter().map(|grant| (*grant).into()).collect()
    }

    /// Its domain.
    async fn domain(&self, ctx: &Context<'_>) -> Result<Option<Domain>> {
        Domain::load(ctx, &self.moment, &self.view.domain).await
    }

    /// Its domain's name.
    async fn domain_name(&self) -> &str {
        &self.view.domain_name
    }

    /// Whether users are not asked for consent.
    async fn trusted(&self) -> bool {
        self.view.trusted
    }

    /// Whether it has a secret.
    async fn confidential(&self) -> bool {
        self.view.confidential
    }

    /// Lifetime of its access tokens in seconds; null: the platform's default.
    async fn access_token_expiration(&self) -> Option<Long> {
        self.view.access_token_expiration_s.map(Long)
    }

    /// Lifetime of its refresh tokens in seconds; null: the platform's default.
    async fn refresh_token_expiration(&self) -> Option<Long> {
        self.view.refresh_token_expiration_s.map(Long)
    }

    /// When it came into being.
    async fn created(&self) -> DateTime {
        DateTime(self.view.created_at)
    }

    /// Version of its stream, for `ifVersion`.
    async fn version(&self) -> Long {
        Long(self.view.version)
    }
}
