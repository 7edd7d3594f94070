//! Guests: a user and his one token family, opened in one append, gone when the family has ended.

use wac_events::{CredentialId, GrantKind, Reserved, Role, StreamId, TokenId, UserId};

use super::IssueToken;
use crate::{Command, Context, CreateUser, Fact, Rejection, World, credential, session, user};

/// Lets a guest in: the user, its token family, and the lease of a pool credential, all or nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenGuest {
    /// The user; role `anonymous`.
    pub user: CreateUser,
    /// Its tokens; grant `anonymous`, the user's id, domain and role.
    pub token: IssueToken,
    /// The pool credential the session uses, leased until the tokens end.
    pub lease: Option<CredentialId>,
}

/// Deletes a guest whose tokens have all ended; sent when the deadline in its token's facts is
/// due. Nothing happens if the token was refreshed meanwhile or the guest has become a user.
#[derive(Clone, Debug, PartialEq)]
pub struct ExpireGuest {
    /// The guest.
    pub user: UserId,
    /// Its token family.
    pub token: TokenId,
}

impl Command for OpenGuest {
    fn name(&self) -> &'static str {
        "open_guest"
    }

    fn reads(&self, world: &World) -> Vec<StreamId> {
        let mut streams = self.user.reads(world);
        streams.extend(self.token.reads(world));
        streams.extend(self.lease.as_ref().map(CredentialId::stream));
        streams
    }

    fn decide(&self, world: &World, ctx: &Context) -> Result<Vec<Fact>, Rejection> {
        let (user, token) = (&self.user, &self.token);
        let matching = token.grant == GrantKind::Anonymous
            && (user.role, token.role) == (Role::Anonymous, Role::Anonymous)
            && token.user.as_ref() == Some(&user.id)
            && token.domain == user.domain
            && token.proof.is_none();
        if !matching {
            return Err(Rejection::invalid("guest_invalid", "/user", "a guest's token is its own, in its own domain"));
        }
        token.admit(world, ctx)?;
        let mut facts = user.facts(world, ctx)?;
        if let Some(pool) = &self.lease {
            if world.credential(pool).domain != user.domain {
                return Err(Rejection::NotAPoolCredential);
            }
            let until =
                token.refresh_expires_at.map_or(token.access_expires_at, |end| end.max(token.access_expires_at));
            facts.extend(credential::lease(world, ctx, pool, &token.id, until)?);
        }
        facts.push(token.issued(ctx));
        facts.extend(session::opened(world, ctx, token)?);
        Ok(facts)
    }
}

impl Command for ExpireGuest {
    fn name(&self) -> &'static str {
        "expire_guest"
    }

    fn reads(&self, world: &World) -> Vec<StreamId> {
        let name = Reserved::Username(world.user(&self.user).name_key.clone());
        vec![self.user.stream(), self.token.stream(), name.stream()]
    }

    fn decide(&self, world: &World, ctx: &Context) -> Result<Vec<Fact>, Rejection> {
        let (guest, token) = (world.user(&self.user), world.token(&self.token));
        let theirs = token.user.as_ref() == Some(&self.user) && token.grant == GrantKind::Anonymous;
        if !guest.exists() || guest.role != Role::Anonymous || !theirs || token.is_live(ctx.now) {
            return Ok(Vec::new());
        }
        Ok(user::removal(guest, true))
    }
}
