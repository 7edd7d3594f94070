//! Users.

use std::sync::Arc;

use async_graphql::connection::{Connection, EmptyFields};
use async_graphql::{Context, ID, Object, Result};

use super::{Credential, Domain, Presence};
use crate::Caller;
use crate::graphql::enums::Role;
use crate::graphql::lists::{self, CREDENTIALS_FIRST, page_cost};
use crate::graphql::moment::Moment;
use crate::graphql::scalars::{DateTime, Long};
use crate::graphql::session::session;
use crate::policy::{Action, Decision, Target, allows};
use crate::reads::{CredentialFilter, PresenceView, UserView};

/// A user. To others of the same domain only the public fields are shown; the rest is null.
pub(in crate::graphql) struct User {
    view: UserView,
    full: bool,
    moment: Arc<Moment>,
}

impl User {
    /// The user, if the caller may see it.
    pub(in crate::graphql) fn seen(caller: &Caller, view: UserView, moment: &Arc<Moment>) -> Option<Self> {
        let decision = allows(caller, Action::Read, &Target::User { id: &view.id, domain: &view.domain });
        decision.is_allowed().then(|| Self { view, full: decision == Decision::Full, moment: moment.clone() })
    }

    /// A user by id, if he was there at that moment and the caller may see him.
    pub(in crate::graphql) async fn load(
        ctx: &Context<'_>,
        moment: &Arc<Moment>,
        id: &wac_events::UserId,
    ) -> Result<Option<Self>> {
        let found = moment.users.load_one(id.clone()).await?;
        Ok(found.and_then(|view| Self::seen(&session(ctx).caller, view, moment)))
    }

    fn if_full<T>(&self, field: impl FnOnce(&UserView) -> T) -> Option<T> {
        self.full.then(|| field(&self.view))
    }
}

/// A user. To others of the same domain only the public fields are shown; the rest is null.
#[Object]
impl User {
    /// Its id.
    async fn id(&self) -> ID {
        ID::from(self.view.id.as_str())
    }

    /// `wac-user:<id>`.
    async fn uri(&self) -> String {
        self.view.id.uri()
    }

    /// Its name as typed; null once erased.
    async fn username(&self) -> Option<&str> {
        self.view.username.as_deref()
    }

    /// Another name; null once erased.
    async fn alias(&self) -> Option<&str> {
        self.view.alias.as_deref()
    }

    /// The name others see.
    async fn display_name(&self) -> Option<&str> {
        self.view.display_name.as_deref()
    }

    /// Its domain.
    async fn domain(&self, ctx: &Context<'_>) -> Result<Option<Domain>> {
        Domain::load(ctx, &self.moment, &self.view.domain).await
    }

    /// Whether he is there, and what he says of himself.
    async fn presence(&self) -> Result<Presence> {
        let id = &self.view.id;
        let known = self.moment.presence.load_one(id.clone()).await?;
        Ok(Presence::of(known.unwrap_or_else(|| PresenceView::unknown(id.clone())), &self.moment))
    }

    /// Its domain's name.
    async fn domain_name(&self) -> &str {
        &self.view.domain_name
    }

    /// Whether its personal data has been destroyed.
    async fn erased(&self) -> bool {
        self.view.erased
    }

    /// What it may do.
    async fn role(&self) -> Option<Role> {
        self.if_full(|view| view.role.into())
    }

    /// Where notices go.
    async fn email(&self) -> Option<String> {
        self.if_full(|view| view.email.clone()).flatten()
    }

    /// Where text messages go.
    async fn mobile_phone(&self) -> Option<Vec<String>> {
        self.if_full(|view| view.mobile_phones.clone())
    }

    /// A land line.
    async fn land_line_number(&self) -> Option<String> {
        self.if_full(|view| view.land_line_number.clone()).flatten()
    }

    /// Forced (`+name`) and pruned (`-name`) capabilities.
    async fn capabilities(&self) -> Option<Vec<String>> {
        self.if_full(|view| view.capabilities.clone())
    }

    /// When it came into being.
    async fn created(&self) -> Option<DateTime> {
        self.if_full(|view| DateTime(view.created_at))
    }

    /// When a grant last opened a session for it.
    async fn last_login(&self) -> Option<DateTime> {
        self.if_full(|view| view.last_login.map(DateTime)).flatten()
    }

    /// Version of its stream, for `ifVersion`.
    async fn version(&self) -> Option<Long> {
        self.if_full(|view| Long(view.version))
    }

    /// Its credentials, as far as the caller may see them.
    #[graphql(complexity = "page_cost(first, child_complexity)")]
    async fn credentials(
        &self,
        ctx: &Context<'_>,
        #[graphql(default_with = "CREDENTIALS_FIRST")] first: i32,
        after: Option<String>,
    ) -> Result<Connection<String, Credential, EmptyFields, EmptyFields>> {
        let filter = CredentialFilter { user: Some(Some(self.view.id.clone())), ..CredentialFilter::default() };
        Ok(lists::credentials(&session(ctx).caller, &self.moment, filter, first, after).await?)
    }
}
