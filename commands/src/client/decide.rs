use wac_events::oauth::{ClientChanged, ClientCreated, ClientDeleted, ClientSecretRotated};
use wac_events::{ClientEvent, ClientId, GrantKind, Patch};

use super::*;
use crate::domain::open_domain;
use crate::rejection::{Checks, check_version};
use crate::token::is_sha256;
use crate::{Context, Fact, Rejection, World};

fn existing<'a>(world: &'a World, id: &ClientId) -> Result<&'a Client, Rejection> {
    let client = world.client(id);
    if client.exists() { Ok(client) } else { Err(Rejection::NotFound { what: "client", id: id.to_string() }) }
}

/// An absolute URI without fragment (RFC 6749 §3.1.2).
fn is_redirect_uri(uri: &str) -> bool {
    let Some((scheme, rest)) = uri.split_once(':') else { return false };
    let scheme_holds = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    let scheme_allowed = !["javascript", "data", "vbscript"].contains(&scheme.to_ascii_lowercase().as_str());
    let web = !matches!(scheme.to_ascii_lowercase().as_str(), "http" | "https")
        || rest.strip_prefix("//").is_some_and(|host| !host.is_empty() && !host.starts_with('/'));
    scheme_holds
        && scheme_allowed
        && web
        && !rest.is_empty()
        && uri.len() <= REDIRECT_URI_BYTES_MAX
        && uri.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '#' | '"' | '<' | '>' | '\\'))
}

/// What must hold of a client as a whole, after creation as after every change.
fn check(client: &Client) -> Result<(), Rejection> {
    let mut checks = Checks::default();
    let named = (1..=CLIENT_NAME_CHARS_MAX).contains(&client.name.chars().count())
        && client.name.trim() == client.name
        && !client.name.chars().any(char::is_control);
    checks.require(named, "name_invalid", "/name", "a client's name has 1 to 200 characters, no blanks at its ends");
    let few = client.redirect_uris.len() <= REDIRECT_URIS_MAX;
    checks.require(few, "redirect_uri_invalid", "/redirectUris", "a client has at most 20 redirect URIs");
    for (index, uri) in client.redirect_uris.iter().enumerate().take(REDIRECT_URIS_MAX) {
        let detail = "a redirect URI is absolute, has no fragment and at most 2000 bytes";
        checks.require(is_redirect_uri(uri), "redirect_uri_invalid", &format!("/redirectUris/{index}"), detail);
    }
    check_grants(&mut checks, client);
    for (expiration_s, pointer) in [
        (client.access_token_expiration_s, "/accessTokenExpiration"),
        (client.refresh_token_expiration_s, "/refreshTokenExpiration"),
    ] {
        let holds = expiration_s.is_none_or(|s| s <= TOKEN_EXPIRATION_S_MAX);
        checks.require(holds, "expiration_invalid", pointer, "tokens last at most one year");
    }
    let hashed = client.secret_hash.as_deref().is_none_or(is_sha256);
    checks.require(hashed, "secret_invalid", "/secret", "a secret is kept as its SHA-256");
    checks.done()
}

fn check_grants(checks: &mut Checks, client: &Client) {
    let has = |grant| client.grants.contains(&grant);
    let mut seen = client.grants.clone();
    seen.sort_unstable();
    seen.dedup();
    let distinct = !client.grants.is_empty() && seen.len() == client.grants.len();
    checks.require(distinct, "grants_invalid", "/grants", "a client has at least one grant, each once");
    let redirected =
        !(has(GrantKind::AuthorizationCode) || has(GrantKind::Implicit)) || !client.redirect_uris.is_empty();
    let detail = "authorization_code and implicit need a redirect URI";
    checks.require(redirected, "redirect_uri_required", "/redirectUris", detail);
    let confidential = !has(GrantKind::ClientCredentials) || client.secret_hash.is_some();
    checks.require(confidential, "secret_required", "/grants", "client_credentials needs a client with a secret");
}

impl CreateClient {
    pub(super) fn facts(&self, world: &World, ctx: &Context) -> Result<Vec<Fact>, Rejection> {
        let created = ClientEvent::from(ClientCreated {
            id: self.id.clone(),
            name: self.name.clone(),
            redirect_uris: self.redirect_uris.clone(),
            grants: self.grants.clone(),
            domain: self.domain.clone(),
            trusted: self.trusted,
            access_token_expiration_s: self.access_token_expiration_s,
            refresh_token_expiration_s: self.refresh_token_expiration_s,
            secret_hash: self.secret_hash.clone(),
            at: ctx.now,
        });
        check(&evolve(Client::default(), &created))?;
        if world.client(&self.id).version > 0 {
            return Err(Rejection::AlreadyExists { what: "client", id: self.id.to_string() });
        }
        open_domain(world, &self.domain, "/domain")?;
        Ok(vec![Fact::of(&self.domain, self.id.stream(), created)])
    }
}

fn patch<T: Clone + PartialEq>(old: &T, new: Option<&T>) -> Patch<T> {
    new.map_or(Patch::Keep, |new| Patch::between(old, new.clone()))
}

impl ChangeClient {
    pub(super) fn facts(&self, world: &World) -> Result<Vec<Fact>, Rejection> {
        let old = existing(world, &self.id)?;
        check_version(self.expected_version, old.version)?;
        let changes = &self.changes;
        let changed = ClientChanged {
            name: patch(&old.name, changes.name.as_ref()),
            redirect_uris: patch(&old.redirect_uris, changes.redirect_uris.as_ref()),
            grants: patch(&old.grants, changes.grants.as_ref()),
            trusted: patch(&old.trusted, changes.trusted.as_ref()),
            access_token_expiration_s: patch(
                &old.access_token_expiration_s,
                changes.access_token_expiration_s.as_ref(),
            ),
            refresh_token_expiration_s: patch(
                &old.refresh_token_expiration_s,
                changes.refresh_token_expiration_s.as_ref(),
            ),
        };
        if changed == ClientChanged::default() {
            return Ok(Vec::new());
        }
        let changed = ClientEvent::from(changed);
        check(&evolve(old.clone(), &changed))?;
        Ok(vec![Fact::of(&old.domain, self.id.stream(), changed)])
    }
}

impl RotateClientSecret {
    pub(super) fn facts(&self, world: &World) -> Result<Vec<Fact>, Rejection> {
        let old = existing(world, &self.id)?;
        check_version(self.expected_version, old.version)?;
        let rotated = ClientEvent::from(ClientSecretRotated { secret_hash: self.secret_hash.clone() });
        check(&evolve(old.clone(), &rotated))?;
        Ok(vec![Fact::of(&old.domain, self.id.stream(), rotated)])
    }
}

impl DeleteClient {
    pub(super) fn facts(&self, world: &World) -> Result<Vec<Fact>, Rejection> {
        let client = existing(world, &self.id)?;
        check_version(self.expected_version, client.version)?;
        Ok(vec![Fact::of(&client.domain, self.id.stream(), ClientEvent::from(ClientDeleted {}))])
    }
}
