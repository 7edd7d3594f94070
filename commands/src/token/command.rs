use wac_events::oauth::TokenRevocation;
use wac_events::{ClientId, CredentialId, DomainId, GrantKind, Role, SessionId, StreamId, Time, TokenId, UserId};

use crate::session::{OpenSession, reads_to_end};
use crate::{Command, Context, Fact, Rejection, World};

/// The credential that was checked before a token is issued; the token is refused if it has
/// changed since.
#[derive(Clone, Debug, PartialEq)]
pub struct Proof {
    /// Which.
    pub credential: CredentialId,
    /// The version whose secret was checked.
    pub version: u64,
}

/// Opens a token family.
#[derive(Clone, Debug, PartialEq)]
pub struct IssueToken {
    /// Its id, never used before.
    pub id: TokenId,
    /// How it is obtained; not `refresh_token`.
    pub grant: GrantKind,
    /// Whose it is; `None` exactly for `client_credentials`.
    pub user: Option<UserId>,
    /// The client that asks; `None`: the built-in first-party client, which may use every grant but
    /// `client_credentials`.
    pub client: Option<ClientId>,
    /// The domain it acts in: the user's, else the client's.
    pub domain: DomainId,
    /// The role it acts in: the user's.
    pub role: Role,
    /// What was checked, for `password`.
    pub proof: Option<Proof>,
    /// SHA-256 of the access token, hex.
    pub access_hash: String,
    /// When the access token ends.
    pub access_expires_at: Time,
    /// SHA-256 of the refresh token, hex; `None`: there is none.
    pub refresh_hash: Option<String>,
    /// When the refresh token ends; given with `refresh_hash`.
    pub refresh_expires_at: Option<Time>,
    /// The session it opens; only for a user.
    pub session: Option<OpenSession>,
}

/// Replaces a family's tokens (refresh token rotation, RFC 9700 §4.14).
///
/// A refresh token that was used up before ends the whole family: the decision is a `token.revoked`
/// with reason `reuse` instead of a `token.refreshed`, see [`crate::Executed::facts`].
#[derive(Clone, Debug, PartialEq)]
pub struct RefreshToken {
    /// The family.
    pub id: TokenId,
    /// The client that asks.
    pub client: Option<ClientId>,
    /// SHA-256 of the refresh token presented, hex.
    pub used_refresh_hash: String,
    /// SHA-256 of the new access token, hex.
    pub access_hash: String,
    /// When the new access token ends.
    pub access_expires_at: Time,
    /// SHA-256 of the new refresh token, hex.
    pub refresh_hash: String,
    /// When the new refresh token ends.
    pub refresh_expires_at: Time,
    /// Until when the session is kept: refreshing is using it.
    pub session_expires_at: Option<Time>,
}

/// Ends a family. One that has ended already stays as it is.
#[derive(Clone, Debug, PartialEq)]
pub struct RevokeToken {
    /// Which.
    pub id: TokenId,
    /// Why.
    pub reason: TokenRevocation,
}

impl Command for IssueToken {
    fn name(&self) -> &'static str {
        "issue_token"
    }

    fn reads(&self, _: &World) -> Vec<StreamId> {
        let mut streams = vec![self.id.stream(), self.domain.stream()];
        streams.extend(self.user.as_ref().map(UserId::stream));
        streams.extend(self.client.as_ref().map(ClientId::stream));
        streams.extend(self.proof.as_ref().map(|proof| proof.credential.stream()));
        if let (Some(_), Some(user)) = (&self.session, &self.user) {
            streams.extend([SessionId::of_token(&self.id).stream(), user.presence_stream()]);
        }
        streams
    }

    fn decide(&self, world: &World, ctx: &Context) -> Result<Vec<Fact>, Rejection> {
        self.facts(world, ctx)
    }
}

impl Command for RefreshToken {
    fn name(&self) -> &'static str {
        "refresh_token"
    }

    fn reads(&self, world: &World) -> Vec<StreamId> {
        let token = world.token(&self.id);
        let mut streams = reads_to_end(world, &SessionId::of_token(&self.id));
        streams.extend(token.user.as_ref().map(UserId::stream));
        streams.extend(token.client.as_ref().map(ClientId::stream));
        streams
    }

    fn decide(&self, world: &World, ctx: &Context) -> Result<Vec<Fact>, Rejection> {
        self.facts(world, ctx)
    }
}

impl Command for RevokeToken {
    fn name(&self) -> &'static str {
        "revoke_token"
    }

    fn reads(&self, world: &World) -> Vec<StreamId> {
        reads_to_end(world, &SessionId::of_token(&self.id))
    }

    fn decide(&self, world: &World, ctx: &Context) -> Result<Vec<Fact>, Rejection> {
        self.facts(world, ctx)
    }
}
