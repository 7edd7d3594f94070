//! The objects of the platform, each as the caller may see it at one moment.

use std::sync::Arc;

use async_graphql::connection::{Connection, EmptyFields};
use async_graphql::{Context, ID, Object, Result};
use serde_json::Value;

use super::enums::{CredentialType, Grant, Role};
use super::lists::{self, CREDENTIALS_FIRST, PAGE_FIRST, page_cost};
use super::moment::Moment;
use super::scalars::{DateTime, Long};
use super::session::session;
use crate::Caller;
use crate::policy::{Action, Decision, Target, allows};
use crate::reads::{ClientView, CredentialFilter, CredentialView, DomainView, UserFilter, UserView};
use crate::sapi::credentials::{owns, target};

/// A domain (tenant). Guests see its name and services only; the rest is null for them.
pub(super) struct Domain {
    view: DomainView,
    full: bool,
    moment: Arc<Moment>,
}

impl Domain {
    /// The domain, if the caller may see it.
    pub(super) fn seen(caller: &Caller, view: DomainView, moment: &Arc<Moment>) -> Option<Self> {
        let decision = allows(caller, Action::Read, &Target::Domain(&view.id));
        decision.is_allowed().then(|| Self { view, full: decision == Decision::Full, moment: moment.clone() })
    }

    async fn load(ctx: &Context<'_>, moment: &Arc<Moment>, id: &wac_events::DomainId) -> Result<Option<Self>> {
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

/// A user. To others of the same domain only the public fields are shown; the rest is null.
pub(super) struct User {
    view: UserView,
    full: bool,
    moment: Arc<Moment>,
}

impl User {
    /// The user, if the caller may see it.
    pub(super) fn seen(caller: &Caller, view: UserView, moment: &Arc<Moment>) -> Option<Self> {
        let decision = allows(caller, Action::Read, &Target::User { id: &view.id, domain: &view.domain });
        decision.is_allowed().then(|| Self { view, full: decision == Decision::Full, moment: moment.clone() })
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

/// A credential. Its secret is shown to its owner only, that of a `BASIC` one to nobody.
pub(super) struct Credential {
    view: CredentialView,
    owned: bool,
    moment: Arc<Moment>,
}

impl Credential {
    /// The credential, if the caller may see it.
    pub(super) fn seen(caller: &Caller, view: CredentialView, moment: &Arc<Moment>) -> Option<Self> {
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

/// An OAuth2 client.
pub(super) struct Client {
    view: ClientView,
    moment: Arc<Moment>,
}

impl Client {
    /// The client, if the caller may see it.
    pub(super) fn seen(caller: &Caller, view: ClientView, moment: &Arc<Moment>) -> Option<Self> {
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

/// The caller.
pub(super) struct Me {
    pub(super) moment: Arc<Moment>,
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
