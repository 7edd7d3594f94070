//! Domains.

use std::sync::Arc;

use async_graphql::connection::{Connection, EmptyFields};
use async_graphql::{Context, ID, Object, Result};
use serde_json::Value;

use super::User;
use crate::Caller;
use crate::graphql::enums::Role;
use crate::graphql::lists::{self, PAGE_FIRST, page_cost};
use crate::graphql::moment::Moment;
use crate::graphql::scalars::{DateTime, Long};
use crate::graphql::session::session;
use crate::policy::{Action, Decision, Target, allows};
use crate::reads::{DomainView, UserFilter};

/// A domain (tenant). Guests see its name and services only; the rest is null for them.
pub(in crate::graphql) struct Domain {
    view: DomainView,
    full: bool,
    moment: Arc<Moment>,
}

impl Domain {
    /// The domain, if the caller may see it.
    pub(in crate::graphql) fn seen(caller: &Caller, view: DomainView, moment: &Arc<Moment>) -> Option<Self> {
        let decision = allows(caller, Action::Read, &Target::Domain(&view.id));
        decision.is_allowed().then(|| Self { view, full: decision == Decision::Full, moment: moment.clone() })
    }

    pub(super) async fn load(
        ctx: &Context<'_>,
        moment: &Arc<Moment>,
        id: &wac_events::DomainId,
    ) -> Result<Option<Self>> {
        let found = moment.domains.load_one(id.clone()).await?;
        Ok(found.and_then(|view| Self::seen(&session(ctx).caller, view, moment)))
    }

    fn if_full<T>(&self, field: impl FnOnce(&DomainView) -> T) -> Option<T> {
        self.full.then(|| field(&self.view))
    }
}

/// A domain (tenant). Guests see its name and services only; the rest is null for them.
#[Object]
impl Domain {
    /// Its id.
    async fn id(&self) -> ID {
        ID::from(self.view.id.as_str())
    }

    /// Its name, lower case.
    async fn name(&self) -> &str {
        &self.view.name
    }

    /// The services given: service to backends; null inherits the parent's.
    async fn services(&self) -> Option<Value> {
        self.view.services.as_ref().map(|services| serde_json::json!(services))
    }

    /// The services that hold.
    async fn effective_services(&self) -> Value {
        serde_json::json!(self.view.effective_services)
    }

    /// Its parent, if the caller may see that.
    async fn parent(&self, ctx: &Context<'_>) -> Result<Option<Domain>> {
        match &self.view.parent {
            Some(parent) if self.full => Domain::load(ctx, &self.moment, parent).await,
            _ => Ok(None),
        }
    }

    /// Its parent's name; null for the base domain.
    async fn parent_name(&self) -> Option<String> {
        self.if_full(|view| view.parent_name.clone()).flatten()
    }

    /// Patterns that map an anonymous log-in to it; null among them matches nothing.
    async fn origins(&self) -> Option<Vec<Option<String>>> {
        self.if_full(|view| view.origins.clone())
    }

    /// Whether guests may log in.
    async fn enable_anonymous(&self) -> Option<bool> {
        self.if_full(|view| view.enable_anonymous)
    }

    /// How long a guest's access token lasts, in milliseconds; 0: the default.
    async fn anonymous_expiration(&self) -> Option<Long> {
        self.if_full(|view| Long(view.anonymous_expiration_ms))
    }

    /// Forced (`+name`) and pruned (`-name`) capabilities of guests.
    async fn anonymous_capabilities(&self) -> Option<Vec<String>> {
        self.if_full(|view| view.anonymous_capabilities.clone())
    }

    /// Whether it is being removed.
    async fn closing(&self) -> Option<bool> {
        self.if_full(|view| view.closing)
    }

    /// When it came into being.
    async fn created(&self) -> Option<DateTime> {
        self.if_full(|view| DateTime(view.created_at))
    }

    /// Version of its stream, for `ifVersion`.
    async fn version(&self) -> Option<Long> {
        self.if_full(|view| Long(view.version))
    }

    /// Its users, as far as the caller may see them.
    #[graphql(complexity = "page_cost(first, child_complexity)")]
    async fn users(
        &self,
        ctx: &Context<'_>,
        #[graphql(default_with = "PAGE_FIRST")] first: i32,
        after: Option<String>,
        role: Option<Role>,
    ) -> Result<Connection<String, User, EmptyFields, EmptyFields>> {
        let filter =
            UserFilter { domain: Some(self.view.id.clone()), role: role.map(Into::into), ..UserFilter::default() };
        Ok(lists::users(&session(ctx).caller, &self.moment, filter, first, after).await?)
    }
}
