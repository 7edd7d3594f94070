use wac_events::oauth::{TokenIssued, TokenRefreshed, TokenRevocation, TokenRevoked};
use wac_events::session::SessionEnd;
use wac_events::{ClientId, GrantKind, SessionId, TokenEvent, TokenId};

use super::*;
use crate::domain::{Domain, DomainStatus};
use crate::rejection::Checks;
use crate::{Context, Fact, Rejection, World, session};

fn unknown(what: &'static str, pointer: &str) -> Rejection {
    let (code, detail) = match what {
        "user" => ("user_unknown", "the user does not exist"),
        "client" => ("client_unknown", "the client does not exist"),
        _ => ("domain_unknown", "the domain does not exist"),
    };
    Rejection::invalid(code, pointer, detail)
}

impl IssueToken {
    fn check(&self, ctx: &Context) -> Result<(), Rejection> {
        let mut checks = Checks::default();
        let hashed = is_sha256(&self.access_hash) && self.refresh_hash.as_deref().is_none_or(is_sha256);
        checks.require(hashed, "token_invalid", "/token", "tokens are kept as their SHA-256");
        let paired = self.refresh_hash.is_some() == self.refresh_expires_at.is_some();
        checks.require(paired, "token_invalid", "/token", "a refresh token comes with its end");
        let later = self.access_expires_at >= ctx.now && self.refresh_expires_at.is_none_or(|end| end >= ctx.now);
        checks.require(later, "expiration_invalid", "/expiration", "a token does not end before it begins");
        let owned = self.user.is_some() != (self.grant == GrantKind::ClientCredentials);
        checks.require(owned, "user_invalid", "/user", "every grant but client_credentials is a user's");
        let issuing = self.grant != GrantKind::RefreshToken;
        checks.require(issuing, "grant_invalid", "/grant", "a refresh token continues a family, it opens none");
        let personal = self.session.is_none() || self.user.is_some();
        checks.require(personal, "session_invalid", "/session", "a session is a user's");
        checks.done()
    }

    pub(crate) fn facts(&self, world: &World, ctx: &Context) -> Result<Vec<Fact>, Rejection> {
        let domain = self.admit(world, ctx)?;
        if let Some(id) = &self.user {
            let user = world.user(id);
            if !user.exists() {
                return Err(unknown("user", "/user"));
            }
            if user.domain != domain.id {
                return Err(Rejection::invalid("domain_not_the_users", "/domain", "the user is in another domain"));
            }
            if user.role != self.role {
                return Err(Rejection::RoleChanged);
            }
        }
        let mut facts = vec![self.issued(ctx)];
        facts.extend(session::opened(world, ctx, self)?);
        Ok(facts)
    }

    /// Whatever is asked of domain, client and proof; the user is the caller's question.
    pub(super) fn admit<'a>(&self, world: &'a World, ctx: &Context) -> Result<&'a Domain, Rejection> {
        self.check(ctx)?;
        if world.token(&self.id).version > 0 {
            return Err(Rejection::AlreadyExists { what: "token", id: self.id.to_string() });
        }
        let domain = world.domain(&self.domain);
        match domain.status {
            DomainStatus::Open => {}
            DomainStatus::Closing => return Err(Rejection::DomainClosing),
            DomainStatus::Absent | DomainStatus::Deleted => return Err(unknown("domain", "/domain")),
        }
        check_client(world, self.client.as_ref(), self.grant, domain)?;
        if self.grant == GrantKind::Anonymous && !domain.enable_anonymous {
            return Err(Rejection::AnonymousDisabled);
        }
        if let Some(proof) = &self.proof {
            let credential = world.credential(&proof.credential);
            let same = credential.exists() && credential.version == proof.version && credential.user == self.user;
            if !same {
                return Err(Rejection::CredentialChanged);
            }
        }
        Ok(domain)
    }

    pub(super) fn issued(&self, ctx: &Context) -> Fact {
        let issued = TokenIssued {
            id: self.id.clone(),
            grant: self.grant,
            user: self.user.clone(),
            client: self.client.clone(),
            domain: self.domain.clone(),
            role: self.role,
            access_hash: self.access_hash.clone(),
            access_expires_at: self.access_expires_at,
            refresh_hash: self.refresh_hash.clone(),
            refresh_expires_at: self.refresh_expires_at,
            at: ctx.now,
        };
        Fact::of(&self.domain, self.id.stream(), TokenEvent::from(issued))
    }
}

fn check_client(world: &World, id: Option<&ClientId>, grant: GrantKind, domain: &Domain) -> Result<(), Rejection> {
    let Some(id) = id else {
        return if grant == GrantKind::ClientCredentials { Err(Rejection::GrantNotAllowed) } else { Ok(()) };
    };
    let client = world.client(id);
    if !client.exists() {
        return Err(unknown("client", "/client"));
    }
    let own_domain = grant != GrantKind::ClientCredentials || client.domain == domain.id;
    if client.grants.contains(&grant) && own_domain { Ok(()) } else { Err(Rejection::GrantNotAllowed) }
}

impl RefreshToken {
    fn check(&self, ctx: &Context) -> Result<(), Rejection> {
        let mut checks = Checks::default();
        let hashed = is_sha256(&self.access_hash) && is_sha256(&self.refresh_hash);
        checks.require(hashed, "token_invalid", "/token", "tokens are kept as their SHA-256");
        let later = self.access_expires_at >= ctx.now && self.refresh_expires_at >= ctx.now;
        checks.require(later, "expiration_invalid", "/expiration", "a token does not end before it begins");
        let new = self.refresh_hash != self.used_refresh_hash;
        checks.require(new, "token_invalid", "/token", "a refresh token is followed by a new one");
        checks.done()
    }

    pub(super) fn facts(&self, world: &World, ctx: &Context) -> Result<Vec<Fact>, Rejection> {
        self.check(ctx)?;
        let token = world.token(&self.id);
        if token.status == TokenStatus::Absent || token.client != self.client {
            return Err(Rejection::TokenUnknown);
        }
        let current = token.refresh_hash.as_ref() == Some(&self.used_refresh_hash);
        let used = token.used_refresh_hashes.contains(&self.used_refresh_hash);
        if !current && !used {
            return Err(Rejection::TokenUnknown);
        }
        if token.status == TokenStatus::Revoked {
            return Err(Rejection::TokenRevoked);
        }
        if used && !current {
            let mut facts = vec![revoked(token, TokenRevocation::Reuse)];
            facts.extend(session::ended(world, ctx, &SessionId::of_token(&self.id), SessionEnd::TokenReuse));
            return Ok(facts);
        }
        if token.refresh_expires_at.is_none_or(|end| end <= ctx.now) {
            return Err(Rejection::TokenExpired);
        }
        self.check_parties(world, token)?;
        let refreshed = TokenRefreshed {
            access_hash: self.access_hash.clone(),
            access_expires_at: self.access_expires_at,
            refresh_hash: self.refresh_hash.clone(),
            refresh_expires_at: self.refresh_expires_at,
            used_refresh_hash: self.used_refresh_hash.clone(),
        };
        let mut facts = vec![Fact::of(&token.domain, self.id.stream(), TokenEvent::from(refreshed))];
        let until = self.session_expires_at;
        facts.extend(until.and_then(|until| session::extended(world, &SessionId::of_token(&self.id), until)));
        Ok(facts)
    }

    /// Client and user are still there, and the client may still do this.
    fn check_parties(&self, world: &World, token: &Token) -> Result<(), Rejection> {
        if let Some(id) = &token.client {
            let client = world.client(id);
            if !client.exists() {
                return Err(Rejection::TokenRevoked);
            }
            if !client.grants.contains(&GrantKind::RefreshToken) {
                return Err(Rejection::GrantNotAllowed);
            }
        }
        let gone = token.user.as_ref().is_some_and(|id| !world.user(id).exists());
        if gone { Err(Rejection::TokenRevoked) } else { Ok(()) }
    }
}

fn revoked(token: &Token, reason: TokenRevocation) -> Fact {
    Fact::of(&token.domain, token.id.stream(), TokenEvent::from(TokenRevoked { reason }))
}

/// The fact that a family has ended; none if it has already, or there is none.
pub(crate) fn revocation(world: &World, id: &TokenId, reason: TokenRevocation) -> Option<Fact> {
    let token = world.token(id);
    token.exists().then(|| revoked(token, reason))
}

/// How a session ends with its tokens.
fn session_end(reason: TokenRevocation) -> SessionEnd {
    match reason {
        TokenRevocation::Requested => SessionEnd::Logout,
        TokenRevocation::Reuse => SessionEnd::TokenReuse,
        TokenRevocation::UserDeleted => SessionEnd::UserDeleted,
        TokenRevocation::ClientDeleted => SessionEnd::ClientDeleted,
        TokenRevocation::Superseded => SessionEnd::Superseded,
        TokenRevocation::PasswordChanged => SessionEnd::PasswordChanged,
        TokenRevocation::SessionExpired => SessionEnd::Expired,
        TokenRevocation::UserMoved => SessionEnd::UserMoved,
    }
}

impl RevokeToken {
    pub(super) fn facts(&self, world: &World, ctx: &Context) -> Result<Vec<Fact>, Rejection> {
        if world.token(&self.id).status == TokenStatus::Absent {
            return Err(Rejection::NotFound { what: "token", id: self.id.to_string() });
        }
        let mut facts: Vec<Fact> = revocation(world, &self.id, self.reason).into_iter().collect();
        facts.extend(session::ended(world, ctx, &SessionId::of_token(&self.id), session_end(self.reason)));
        Ok(facts)
    }
}
