//! Closed sets of names.

use async_graphql::Enum;
use serde::Serialize;
use wac_events::{CredentialKind, GrantKind};

macro_rules! names {
    ($(#[$doc:meta])* $name:ident = $remote:ty { $($(#[$vdoc:meta])* $variant:ident => $wire:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Enum, Clone, Copy, PartialEq, Eq, Debug, Serialize)]
        pub(super) enum $name { $($(#[$vdoc])* #[serde(rename = $wire)] $variant,)+ }

        impl From<$remote> for $name {
            fn from(remote: $remote) -> Self {
                match remote { $(<$remote>::$variant => Self::$variant,)+ }
            }
        }

        impl From<$name> for $remote {
            fn from(name: $name) -> Self {
                match name { $($name::$variant => <$remote>::$variant,)+ }
            }
        }
    };
}

names! {
    /// What a user may do.
    Role = wac_events::Role {
        /// Sees and changes everything in every domain.
        Admin => "admin",
        /// A subscriber: his own domain, his own record.
        User => "user",
        /// A guest.
        Anonymous => "anonymous",
    }
}

names! {
    /// What a credential opens.
    CredentialType = CredentialKind {
        /// A password for this platform; at most one a user.
        Basic => "basic",
        /// A SIP identity of a user or group.
        SipMapping => "sip-mapping",
        /// An account at a third-party SIP-over-WebSocket gateway.
        Ims => "ims",
        /// An account at a gateway of this platform's own making.
        WacIms => "wac-ims",
        /// An account at an external OAuth2 provider.
        Oauth2 => "oauth2",
        /// A token for an external service.
        Token => "token",
    }
}

names! {
    /// How an access token may be obtained.
    Grant = GrantKind {
        /// RFC 6749 §4.1.
        AuthorizationCode => "authorization_code",
        /// RFC 6749 §4.2.
        Implicit => "implicit",
        /// RFC 6749 §4.3.
        Password => "password",
        /// RFC 6749 §4.4.
        ClientCredentials => "client_credentials",
        /// RFC 6749 §6.
        RefreshToken => "refresh_token",
        /// A guest of a domain that allows them.
        Anonymous => "anonymous",
    }
}

/// Kinds of objects that have a history.
#[derive(Enum, Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum ObjectKind {
    /// A domain.
    Domain,
    /// A user.
    User,
    /// A credential.
    Credential,
    /// An OAuth2 client.
    Client,
    /// A token family.
    Token,
    /// A session.
    Session,
    /// A user's presence; its id is the user's.
    Presence,
    /// A users group.
    UsersGroup,
    /// A room with all its openings; its id is `<domain>-<room>`.
    Room,
    /// An agent; his id is the user's.
    Agent,
}

impl ObjectKind {
    /// First part of the object's stream.
    pub(super) fn aggregate(self) -> &'static str {
        match self {
            ObjectKind::Domain => "domain",
            ObjectKind::User => "user",
            ObjectKind::Credential => "credential",
            ObjectKind::Client => "client",
            ObjectKind::Token => "token",
            ObjectKind::Session => "session",
            ObjectKind::Presence => "presence",
            ObjectKind::UsersGroup => "group",
            ObjectKind::Room => "room",
            ObjectKind::Agent => "agent",
        }
    }

    /// The kind of the object whose stream this is.
    pub(super) fn of_aggregate(aggregate: &str) -> Option<Self> {
        let calls = [Self::Session, Self::Presence, Self::UsersGroup, Self::Room, Self::Agent];
        let all = [Self::Domain, Self::User, Self::Credential, Self::Client, Self::Token];
        all.into_iter().chain(calls).find(|kind| kind.aggregate() == aggregate)
    }
}
