//! Sessions and presence.

use std::sync::Arc;

use async_graphql::{Context, ID, Object, Result, SimpleObject};
use wac_events::Personal;
use wac_events::session::SessionContext;

use super::User;
use crate::Caller;
use crate::graphql::enums::{Grant, Role};
use crate::graphql::moment::Moment;
use crate::graphql::scalars::{DateTime, Long};
use crate::policy::{Action, Target, allows};
use crate::reads::{PresenceView, SessionView};

/// Where a session is used from; parts that are not known, or erased, are null.
#[derive(SimpleObject)]
pub(in crate::graphql) struct Whereabouts {
    /// IP address of the client.
    src: Option<String>,
    /// `User-Agent`.
    useragent: Option<String>,
    /// Preferred language.
    language: Option<String>,
    /// Where the client says it is.
    location: Option<String>,
    /// Operating system.
    platform: Option<String>,
    /// Maker of the client.
    vendor: Option<String>,
    /// The client's own id of its device.
    device_id: Option<String>,
}

impl From<&SessionContext> for Whereabouts {
    fn from(context: &SessionContext) -> Self {
        let text = |part: &Option<Personal>| part.as_ref().and_then(Personal::clear).map(str::to_owned);
        Self {
            src: text(&context.src),
            useragent: text(&context.useragent),
            language: text(&context.language),
            location: text(&context.location),
            platform: text(&context.platform),
            vendor: text(&context.vendor),
            device_id: text(&context.device_id),
        }
    }
}

/// An open session: one log-in, one device.
pub(in crate::graphql) struct DeviceSession {
    view: SessionView,
    moment: Arc<Moment>,
}

impl DeviceSession {
    /// The session, if the caller may see it.
    pub(in crate::graphql) fn seen(caller: &Caller, view: SessionView, moment: &Arc<Moment>) -> Option<Self> {
        let target = Target::Session { owner: Some(&view.user), id: &view.id.token() };
        let allowed = allows(caller, Action::Read, &target).is_allowed();
        allowed.then(|| Self { view, moment: moment.clone() })
    }
}

/// An open session: one log-in, one device.
#[Object(name = "Session")]
impl DeviceSession {
    /// Its id.
    async fn id(&self) -> ID {
        ID::from(self.view.id.as_str())
    }

    /// Whose it is.
    async fn user(&self, ctx: &Context<'_>) -> Result<Option<User>> {
        User::load(ctx, &self.moment, &self.view.user).await
    }

    /// Id of the user whose it is.
    async fn user_id(&self) -> ID {
        ID::from(self.view.user.as_str())
    }

    /// The name of the domain it was opened in.
    async fn domain_name(&self) -> &str {
        &self.view.domain_name
    }

    /// The user's role at log-in.
    async fn role(&self) -> Role {
        self.view.role.into()
    }

    /// How it was opened.
    async fn grant(&self) -> Grant {
        self.view.grant.into()
    }

    /// The OAuth2 client that asked; null: the built-in first-party client.
    async fn client_id(&self) -> Option<ID> {
        self.view.client.as_ref().map(|id| ID::from(id.as_str()))
    }

    /// Where it is used from.
    async fn context(&self) -> Whereabouts {
        Whereabouts::from(&self.view.context)
    }

    /// How its device is woken: `apns`, `apns-voip`, `fcm` or `webpush`; null: not at all.
    async fn push_type(&self) -> Option<&str> {
        self.view.push_type.as_deref()
    }

    /// Whether its device has a socket.
    async fn registered(&self) -> bool {
        self.view.node.is_some()
    }

    /// Whether its device can ring.
    async fn ringable(&self) -> bool {
        self.view.ringable
    }

    /// When it was opened.
    async fn opened(&self) -> DateTime {
        DateTime(self.view.opened_at)
    }

    /// When it ends unless it is used.
    async fn expires(&self) -> DateTime {
        DateTime(self.view.expires_at)
    }

    /// Version of its stream, for `ifVersion`.
    async fn version(&self) -> Long {
        Long(self.view.version)
    }
}

/// Whether somebody is there, and what he says of himself.
pub(in crate::graphql) struct Presence {
    view: PresenceView,
    moment: Arc<Moment>,
}

impl Presence {
    /// For whoever may see the user himself.
    pub(in crate::graphql) fn of(view: PresenceView, moment: &Arc<Moment>) -> Self {
        Self { view, moment: moment.clone() }
    }
}

/// Whether somebody is there, and what he says of himself.
#[Object]
impl Presence {
    /// Whose it is.
    async fn user(&self, ctx: &Context<'_>) -> Result<Option<User>> {
        User::load(ctx, &self.moment, &self.view.user).await
    }

    /// Id of the user whose it is.
    async fn user_id(&self) -> ID {
        ID::from(self.view.user.as_str())
    }

    /// Whether a device of his has a socket.
    async fn online(&self) -> bool {
        self.view.online
    }

    /// What he is doing: RFC 4480 §3.2, or `available`.
    async fn activity(&self) -> Result<serde_json::Value> {
        Ok(serde_json::to_value(self.view.activity)?)
    }

    /// A free text; null once erased.
    async fn note(&self) -> Option<&str> {
        self.view.note.as_deref()
    }

    /// How he feels.
    async fn mood(&self) -> Option<&str> {
        self.view.mood.as_deref()
    }

    /// When he went online or offline.
    async fn since(&self) -> Option<DateTime> {
        self.view.since.map(DateTime)
    }

    /// Version of its stream, for `ifVersion`.
    async fn version(&self) -> Long {
        Long(self.view.version)
    }
}
