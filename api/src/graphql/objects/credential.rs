//! Credentials.

use std::sync::Arc;

use async_graphql::{Context, ID, Object, Result};
use serde_json::Value;

use super::{Domain, User};
use crate::Caller;
use crate::graphql::enums::CredentialType;
use crate::graphql::moment::Moment;
use crate::graphql::scalars::{DateTime, Long};
use crate::graphql::session::session;
use crate::policy::{Action, allows};
use crate::reads::CredentialView;
use crate::sapi::credentials::{owns, target};

/// A credential. Its secret is shown to its owner only, that of a `BASIC` one to nobody.
pub(in crate::graphql) struct Credential {
    view: CredentialView,
    owned: bool,
    moment: Arc<Moment>,
}

impl Credential {
    /// The credential, if the caller may see it.
    pub(in crate::graphql) fn seen(caller: &Caller, view: CredentialView, moment: &Arc<Moment>) -> Option<Self> {
        let allowed = allows(caller, Action::Read, &target(&view)).is_allowed();
        let owned = owns(caller, &view);
        allowed.then(|| Self { view, owned, moment: moment.clone() })
    }
}

/// A credential. Its secret is shown to its owner only, that of a `BASIC` one to nobody.
#[Object]
impl Credential {
    /// Its id.
    async fn id(&self) -> ID {
        ID::from(self.view.id.as_str())
    }

    /// What it opens.
    #[graphql(name = "type")]
    async fn kind(&self) -> CredentialType {
        self.view.kind.into()
    }

    /// Who gave it out.
    async fn source(&self) -> &str {
        &self.view.source
    }

    /// Free data of the application.
    async fn context(&self) -> Value {
        Value::Object(self.view.context.clone())
    }

    /// Its domain.
    async fn domain(&self, ctx: &Context<'_>) -> Result<Option<Domain>> {
        Domain::load(ctx, &self.moment, &self.view.domain).await
    }

    /// Its domain's name.
    async fn domain_name(&self) -> &str {
        &self.view.domain_name
    }

    /// Its owner; null: the domain's anonymous pool.
    async fn user(&self, ctx: &Context<'_>) -> Result<Option<User>> {
        let Some(id) = &self.view.user else { return Ok(None) };
        let found = self.moment.users.load_one(id.clone()).await?;
        Ok(found.and_then(|view| User::seen(&session(ctx).caller, view, &self.moment)))
    }

    /// Its owner's id.
    async fn user_id(&self) -> Option<ID> {
        self.view.user.as_ref().map(|id| ID::from(id.as_str()))
    }

    /// The secret, for its owner; null for others, of a `BASIC` one, and once erased.
    async fn data(&self) -> Option<Value> {
        let shown = self.owned && self.view.kind != wac_events::CredentialKind::Basic;
        let secret = self.view.secret.as_deref().filter(|_| shown)?;
        serde_json::from_str(secret).ok()
    }

    /// Registration lifetime in seconds; 0 leaves it to the gateway.
    async fn lease(&self) -> Long {
        Long(self.view.lease_s)
    }

    /// When the lease of a pool credential ends by itself; null: it is free.
    async fn leased_until(&self) -> Option<DateTime> {
        self.view.leased_until.map(DateTime)
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
