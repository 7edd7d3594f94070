//! Who is calling: the identity behind an access token.

use wac_events::{Actor, ClientId, DomainId, GrantKind, Role, Time, TokenId, UserId};

/// An authenticated caller. Take it as an argument of a handler to require a token.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Caller {
    /// Whose token it is; `None` for `client_credentials`.
    pub user: Option<UserId>,
    /// What the caller may do: the user's role of the present, not of the time of log-in.
    pub role: Role,
    /// The caller's domain, likewise of the present.
    pub domain: DomainId,
    /// The client that obtained the token; `None`: the built-in first-party client.
    pub client: Option<ClientId>,
    /// The token family.
    pub token: TokenId,
    /// How the token was obtained.
    pub grant: GrantKind,
    /// When the access token ends.
    pub expires_at: Time,
}

impl Caller {
    /// The actor of the caller's commands.
    pub fn actor(&self) -> Actor {
        match (&self.user, &self.client) {
            (Some(user), _) => Actor::User(user.to_string()),
            (None, Some(client)) => Actor::Client(client.to_string()),
            (None, None) => Actor::System(format!("token {}", self.token)),
        }
    }

    /// The scope of the caller's idempotency keys.
    pub fn scope(&self) -> String {
        match (&self.user, &self.client) {
            (Some(user), _) => format!("user:{user}"),
            (None, Some(client)) => format!("client:{client}"),
            (None, None) => format!("token:{}", self.token),
        }
    }
}
