//! Events of a session, stream `session-<id>`. A grant opens a session, under the id of its token
//! family; the session is the device: it may have several sockets, one after the other or at once,
//! and outlives each of them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::codec::aggregate_events;
use crate::{
    Cell, ClientId, DomainId, GrantKind, Personal, PersonalFields, Role, Secret, SessionId, StreamId, SubjectId, Time,
    TokenId, UserId,
};

/// Where a session was opened from. Each part is personal.
#[derive(Clone, Default, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionContext {
    /// IP address of the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub src: Option<Personal>,
    /// `User-Agent` (RFC 9110 §10.1.5).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub useragent: Option<Personal>,
    /// Preferred language (BCP 47).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Personal>,
    /// Where the client says it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<Personal>,
    /// Operating system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Personal>,
    /// Maker of the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vendor: Option<Personal>,
    /// The client's own id of its device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_id: Option<Personal>,
}

impl SessionContext {
    fn protected(&mut self, visit: &mut dyn FnMut(&'static str, &mut Cell)) {
        let fields = [
            ("src", &mut self.src),
            ("useragent", &mut self.useragent),
            ("language", &mut self.language),
            ("location", &mut self.location),
            ("platform", &mut self.platform),
            ("vendor", &mut self.vendor),
            ("deviceId", &mut self.device_id),
        ];
        for (name, field) in fields {
            if let Some(personal) = field {
                visit(name, &mut personal.0);
            }
        }
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A session has been opened by a grant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionOpened {
    /// Its id: that of its token family.
    pub id: SessionId,
    /// Whose.
    pub user: UserId,
    /// The user's domain.
    pub domain: DomainId,
    /// The user's role.
    pub role: Role,
    /// How it was opened.
    pub grant: GrantKind,
    /// The client that asked; `None`: the built-in first-party client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<ClientId>,
    /// Where from.
    #[serde(default)]
    pub context: SessionContext,
    /// When it ends unless it is used.
    pub expires_at: Time,
    /// When.
    pub at: Time,
}

/// Its context is known better, or has changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionContextChanged {
    /// Whose.
    pub user: UserId,
    /// The whole context from now on.
    pub context: SessionContext,
}

/// It was used, and lasts longer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionExtended {
    /// When it ends unless it is used again.
    pub expires_at: Time,
}

/// The device can be woken by push.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionPushTokenSet {
    /// Whose.
    pub user: UserId,
    /// The token.
    pub token: Secret,
    /// The service that takes it: `apns`, `apns-voip`, `fcm`, `webpush`.
    pub token_type: String,
}

/// It can no longer be woken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionPushTokenRemoved {
    /// Whose.
    pub user: UserId,
}

/// Why a session ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SessionEnd {
    /// Its user logged out.
    Logout,
    /// Nobody used it.
    Expired,
    /// An administrator ended it, or its owner from elsewhere.
    Revoked,
    /// A newer session of the same user took its place (`login.exclusive`, `maxTokens`).
    Superseded,
    /// Its user's password was changed.
    PasswordChanged,
    /// A refresh token was used twice.
    TokenReuse,
    /// Its user was deleted.
    UserDeleted,
    /// Its client was deleted.
    ClientDeleted,
    /// Its user moved to another domain.
    UserMoved,
}

impl SessionEnd {
    /// The name on every wire.
    pub fn as_str(self) -> &'static str {
        match self {
            SessionEnd::Logout => "logout",
            SessionEnd::Expired => "expired",
            SessionEnd::Revoked => "revoked",
            SessionEnd::Superseded => "superseded",
            SessionEnd::PasswordChanged => "password_changed",
            SessionEnd::TokenReuse => "token_reuse",
            SessionEnd::UserDeleted => "user_deleted",
            SessionEnd::ClientDeleted => "client_deleted",
            SessionEnd::UserMoved => "user_moved",
        }
    }
}

/// The session has ended, and all its tokens with it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionClosed {
    /// Whose.
    pub user: UserId,
    /// Why.
    pub reason: SessionEnd,
    /// When.
    pub at: Time,
}

impl PersonalFields for SessionOpened {
    fn subject(&self) -> Option<SubjectId> {
        Some(SubjectId::of_user(&self.user))
    }

    fn protected(&mut self, visit: &mut dyn FnMut(&'static str, &mut Cell)) {
        self.context.protected(visit);
    }
}

impl PersonalFields for SessionContextChanged {
    fn subject(&self) -> Option<SubjectId> {
        Some(SubjectId::of_user(&self.user))
    }

    fn protected(&mut self, visit: &mut dyn FnMut(&'static str, &mut Cell)) {
        self.context.protected(visit);
    }
}

impl PersonalFields for SessionPushTokenSet {
    fn subject(&self) -> Option<SubjectId> {
        Some(SubjectId::of_user(&self.user))
    }

    fn protected(&mut self, visit: &mut dyn FnMut(&'static str, &mut Cell)) {
        visit("token", &mut self.token.0);
    }
}

impl PersonalFields for SessionExtended {}
impl PersonalFields for SessionPushTokenRemoved {}
impl PersonalFields for SessionClosed {}

aggregate_events! {
    /// What happens to a session.
    pub enum SessionEvent in "session" {
        /// See [`SessionOpened`].
        Opened(SessionOpened) = "session.opened", 1;
        /// See [`SessionContextChanged`].
        ContextChanged(SessionContextChanged) = "session.context_changed", 1;
        /// See [`SessionExtended`].
        Extended(SessionExtended) = "session.extended", 1;
        /// See [`SessionPushTokenSet`].
        PushTokenSet(SessionPushTokenSet) = "session.push_token_set", 1;
        /// See [`SessionPushTokenRemoved`].
        PushTokenRemoved(SessionPushTokenRemoved) = "session.push_token_removed", 1;
        /// See [`SessionClosed`].
        Closed(SessionClosed) = "session.closed", 1;
    }
}

impl SessionId {
    /// The session a token family's grant has opened.
    pub fn of_token(token: &TokenId) -> Self {
        Self::from(token.as_str())
    }

    /// Its token family.
    pub fn token(&self) -> TokenId {
        TokenId::from(self.as_str())
    }

    /// `session-<id>`.
    pub fn stream(&self) -> StreamId {
        StreamId::of("session", self.as_str())
    }
}
