//! The grants: what each of them checks before tokens are issued.

use std::time::Duration;

use wac_commands::{CommandError, Context, IssueToken, Proof, RefreshToken, Rejection, fold, name_key};
use wac_events::{
    AnyEvent, CommandId, CredentialId, DomainId, GrantKind, Reserved, Role, Time, TokenEvent, TokenId, UserId,
};

use super::client_auth::Requester;
use super::error::OauthError;
use super::failed_logins::FailedLogin;
use super::request::OauthRequest;
use super::tokens::{TokenKind, TokenText};
use crate::failures::outcome_code;
use crate::{Platform, Problem};

/// How often a log-in is decided anew because its user or credential was changed meanwhile.
const LOGIN_ATTEMPTS_MAX: usize = 3;

/// A pair of tokens on its way to its owner.
pub(crate) struct Pair {
    pub(crate) access: TokenText,
    pub(crate) access_expires_at: Time,
    pub(crate) refresh: Option<TokenText>,
    pub(crate) refresh_expires_at: Option<Time>,
    pub(crate) family: TokenId,
}

impl Pair {
    /// New tokens of a new family, or of `family`.
    pub(crate) fn new(
        platform: &Platform,
        family: Option<uuid::Uuid>,
        access: Duration,
        refresh: Option<Duration>,
        now: Time,
    ) -> Self {
        let family = family.unwrap_or_else(|| platform.env.new_uuid());
        Self {
            access: TokenText::generate(TokenKind::Access, family, &*platform.env),
            access_expires_at: now.plus(access),
            refresh: refresh.map(|_| TokenText::generate(TokenKind::Refresh, family, &*platform.env)),
            refresh_expires_at: refresh.map(|refresh| now.plus(refresh)),
            family: family.into(),
        }
    }

    /// The command that issues it.
    pub(crate) fn issue(
        &self,
        grant: GrantKind,
        whose: (Option<UserId>, DomainId, Role),
        requester: &Requester,
        proof: Option<Proof>,
    ) -> IssueToken {
        let (user, domain, role) = whose;
        IssueToken {
            id: self.family.clone(),
            grant,
            user,
            client: requester.id(),
            domain,
            role,
            proof,
            access_hash: self.access.hash_hex(),
            access_expires_at: self.access_expires_at,
            refresh_hash: self.refresh.as_ref().map(TokenText::hash_hex),
            refresh_expires_at: self.refresh_expires_at,
            session: None,
        }
    }
}

/// The refusal of one account, whatever was wrong with it.
fn wrong_login() -> OauthError {
    OauthError::invalid_grant("The username or the password is wrong.")
}

/// Somebody tries to log in.
struct Attempt {
    /// What is to be noted if he cannot.
    failed: FailedLogin,
    /// Whom the name names, if he can log in at all.
    login: Option<Login>,
}

/// What somebody logs in as.
#[derive(PartialEq)]
struct Login {
    user: UserId,
    domain: DomainId,
    role: Role,
    credential: CredentialId,
    version: u64,
    hash: String,
}

impl Platform {
    /// A context for a command of an OAuth2 endpoint.
    pub(crate) fn oauth_context(&self, request: &OauthRequest, actor: wac_events::Actor) -> Context {
        let mut ctx = Context::new(self.env.now(), actor, CommandId(self.env.new_uuid()));
        ctx.correlation_id = request.info.request_id.to_string();
        ctx.traceparent = request.info.traceparent.as_deref().map(str::to_owned);
        ctx
    }

    /// RFC 6749 §4.3. A bare username logs in in the base domain.
    pub(crate) async fn password_grant(
        &self,
        request: &OauthRequest,
        requester: &Requester,
    ) -> Result<Pair, OauthError> {
        requester.may_use(GrantKind::Password)?;
        let username = request.require("username")?;
        let password = request.require("password")?.to_owned();
        if password.len() > super::passwords::PASSWORD_BYTES_MAX {
            return Err(OauthError::invalid_request("A password has at most 1024 bytes."));
        }
        let limited = self.keys.keyed_hash("login", &fold(username));
        self.limiter.check(&limited, request.address())?;
        let Attempt { failed, login } = self.attempt(request, username).await?;
        let stored = login.as_ref().map(|login| login.hash.clone());
        let matches = self.passwords.verify(password, stored).await?;
        let Some(login) = login.filter(|_| matches) else {
            self.limiter.failed(&limited, request.address());
            let ctx = self.oauth_context(request, wac_events::Actor::System("login".to_owned()));
            self.failed_login(failed, ctx).await;
            return Err(wrong_login());
        };
        self.limiter.succeeded(&limited);
        self.password_tokens(request, requester, login).await
    }

    /// Tokens of somebody who is known without his password; `None` if he cannot log in.
    pub(crate) async fn known_grant(
        &self,
        request: &OauthRequest,
        requester: &Requester,
        username: &str,
    ) -> Result<Option<Pair>, OauthError> {
        let Attempt { login, .. } = self.attempt(request, username).await?;
        match login {
            Some(login) => self.password_tokens(request, requester, login).await.map(Some),
            None => Ok(None),
        }
    }

    /// Issues tokens to somebody whose password was right. If he was changed or moved meanwhile, and
    /// it still is his password, it is decided anew.
    async fn password_tokens(
        &self,
        request: &OauthRequest,
        requester: &Requester,
        mut login: Login,
    ) -> Result<Pair, OauthError> {
        let ctx = self.oauth_context(request, wac_events::Actor::User(login.user.to_string()));
        let (access, refresh) = requester.lifetimes_s(self);
        for attempt in 1.. {
            let pair = Pair::new(self, None, Duration::from_secs(access), Some(Duration::from_secs(refresh)), ctx.now);
            let whose = (Some(login.user.clone()), login.domain.clone(), login.role);
            let proof = Proof { credential: login.credential.clone(), version: login.version };
            let session = Some(self.opening(request, ctx.now));
            let command = IssueToken { session, ..pair.issue(GrantKind::Password, whose, requester, Some(proof)) };
            let refused = match self.execute_grant(&command, ctx.clone()).await {
                Ok(_) => return Ok(pair),
                Err(refused) => refused,
            };
            let present = self.login_of(&login.user).await?;
            match present.filter(|present| present.hash == login.hash && *present != login) {
                Some(present) if attempt < LOGIN_ATTEMPTS_MAX => login = present,
                _ => return Err(refused),
            }
        }
        unreachable!("the loop returns at its last attempt at the latest")
    }

    /// Finds whom a username names, as the log has it now.
    async fn attempt(&self, request: &OauthRequest, username: &str) -> Result<Attempt, OauthError> {
        let (name, domain) = match username.rsplit_once('@') {
            Some((name, domain)) => (name, self.find_domain_by_name(domain).await?),
            None => (username, Some(self.config.base_domain_id.clone())),
        };
        let known = domain.and_then(|domain| name_key(&*self.keys, &domain, name).ok().map(|key| (domain, key)));
        let (domain, name, name_key, user) = match known {
            Some((domain, key)) => {
                let reserved = Reserved::Username(key.clone());
                let world = self.handler.load(&[reserved.stream()]).await.map_err(Problem::from)?;
                (domain, name, key, world.reservation(&reserved).holder.as_deref().map(UserId::from))
            }
            // Names that cannot be are counted, too.
            None => {
                (self.config.base_domain_id.clone(), username, self.keys.keyed_hash("login", &fold(username)), None)
            }
        };
        let login = match &user {
            Some(user) => self.login_of(user).await?,
            None => None,
        };
        let useragent = super::session::user_agent(request);
        let failed = FailedLogin { domain, name: name.to_owned(), name_key, user, src: request.address(), useragent };
        Ok(Attempt { failed, login })
    }

    /// What a user logs in with; `None` if he cannot.
    async fn login_of(&self, user: &UserId) -> Result<Option<Login>, OauthError> {
        let reserved = Reserved::BasicCredential(user.clone());
        let world = self.handler.load(&[user.stream(), reserved.stream()]).await.map_err(Problem::from)?;
        let holder = world.reservation(&reserved).holder.as_deref().map(CredentialId::from);
        let state = world.user(user);
        let (role, domain, exists) = (state.role, state.domain.clone(), state.exists());
        let Some(credential) = holder.filter(|_| exists) else { return Ok(None) };
        let world = self.handler.load(&[credential.stream()]).await.map_err(Problem::from)?;
        let state = world.credential(&credential);
        let Some(hash) = state.data.clear().filter(|_| state.exists()).map(str::to_owned) else { return Ok(None) };
        Ok(Some(Login { user: user.clone(), domain, role, version: state.version, hash, credential }))
    }

    /// RFC 6749 §4.4: the client in its own name, with the role of a user of its domain.
    pub(crate) async fn client_grant(&self, request: &OauthRequest, requester: &Requester) -> Result<Pair, OauthError> {
        let Some(client) = &requester.0 else { return Err(OauthError::invalid_client()) };
        if client.secret_hash.is_none() {
            return Err(OauthError::unauthorized_client());
        }
        requester.may_use(GrantKind::ClientCredentials)?;
        let ctx = self.oauth_context(request, wac_events::Actor::Client(client.id.to_string()));
        let (access, _) = requester.lifetimes_s(self);
        let pair = Pair::new(self, None, Duration::from_secs(access), None, ctx.now);
        let whose = (None, client.domain.clone(), Role::User);
        let command = pair.issue(GrantKind::ClientCredentials, whose, requester, None);
        self.execute_grant(&command, ctx).await?;
        Ok(pair)
    }

    /// RFC 6749 §6, with rotation: a refresh token works once; used again, its whole family ends.
    pub(crate) async fn refresh_grant(
        &self,
        request: &OauthRequest,
        requester: &Requester,
    ) -> Result<Pair, OauthError> {
        let gone = || OauthError::invalid_grant("The refresh token is unknown, expired, revoked or used up.");
        let token = request.require("refresh_token")?;
        let text = TokenText::parse(TokenKind::Refresh, token).ok_or_else(gone)?;
        if requester.0.is_some() {
            requester.may_use(GrantKind::RefreshToken)?;
        }
        let id = text.family();
        let world = self.handler.load(&[id.stream()]).await.map_err(Problem::from)?;
        let family = world.token(&id);
        if !family.exists() || family.client != requester.id() {
            return Err(gone());
        }
        let actor = family.user.as_ref().map_or_else(
            || wac_events::Actor::System("oauth2".to_owned()),
            |user| wac_events::Actor::User(user.to_string()),
        );
        let ctx = self.oauth_context(request, actor);
        let (access, refresh) = self.lifetimes_of(requester, family).await?;
        let pair = Pair::new(self, Some(text.family_uuid()), access, Some(refresh), ctx.now);
        let (Some(refresh), Some(refresh_expires_at)) = (&pair.refresh, pair.refresh_expires_at) else {
            return Err(gone());
        };
        let command = RefreshToken {
            id: id.clone(),
            client: requester.id(),
            used_refresh_hash: text.hash_hex(),
            access_hash: pair.access.hash_hex(),
            access_expires_at: pair.access_expires_at,
            refresh_hash: refresh.hash_hex(),
            refresh_expires_at,
            session_expires_at: Some(self.session_until(ctx.now)),
        };
        let executed = self.execute_grant(&command, ctx).await?;
        let refreshed = |event: &AnyEvent| matches!(event, AnyEvent::Token(TokenEvent::Refreshed(_)));
        if !executed.facts.iter().any(|fact| refreshed(&fact.event)) {
            return Err(gone());
        }
        if family.grant == GrantKind::Anonymous {
            self.extend_leases(&family.domain, &id, refresh_expires_at, request).await?;
        }
        Ok(pair)
    }

    async fn lifetimes_of(
        &self,
        requester: &Requester,
        family: &wac_commands::Token,
    ) -> Result<(Duration, Duration), OauthError> {
        if family.grant == GrantKind::Anonymous {
            let world = self.handler.load(&[family.domain.stream()]).await.map_err(Problem::from)?;
            return Ok(self.guest_lifetimes(requester, world.domain(&family.domain).anonymous_expiration_ms));
        }
        let (access, refresh) = requester.lifetimes_s(self);
        Ok((Duration::from_secs(access), Duration::from_secs(refresh)))
    }

    /// Executes a command of a grant; its rejections are those of RFC 6749 §5.2.
    pub(crate) async fn execute_grant(
        &self,
        command: &dyn wac_commands::Command,
        ctx: Context,
    ) -> Result<wac_commands::Executed, OauthError> {
        match self.handler.execute(command, ctx).await {
            Ok(executed) => {
                self.metrics.command(command.name(), "appended");
                self.note(&executed);
                Ok(executed)
            }
            Err(error) => {
                self.metrics.command(command.name(), outcome_code(&error));
                Err(match error {
                    CommandError::Rejected(Rejection::GrantNotAllowed) => OauthError::unauthorized_client(),
                    CommandError::Rejected(rejection)
                        if rejection.kind() != wac_commands::RejectionKind::Unavailable =>
                    {
                        OauthError::invalid_grant(format!("The grant is refused: {rejection}."))
                    }
                    error => Problem::from(error).into(),
                })
            }
        }
    }
}
