//! Guests: which domain lets them in, for how long, and what they lease (guide 5.1.5).

use std::time::Duration;

use axum::http::HeaderMap;
use axum::http::header::{ORIGIN, REFERER};
use wac_commands::domain::origin::Pattern;
use wac_commands::{CreateUser, LeaseCredential, OpenGuest, name_key};
use wac_events::{DomainId, GrantKind, Role, Time, TokenId};
use wac_projections::{CredentialRow, DomainRow};

use super::client_auth::Requester;
use super::error::OauthError;
use super::grants::Pair;
use super::request::OauthRequest;
use crate::failures::POOL_RETRY;
use crate::reads::CredentialFilter;
use crate::{Platform, Problem};

/// How many credentials of a pool are tried when others take them first.
const LEASE_ATTEMPTS_MAX: usize = 16;

/// Of the domains whose patterns match `text` the one with the longest literal part; of several the
/// oldest. `domains`: oldest first.
pub fn best_domain<'a>(domains: &'a [DomainRow], text: &str) -> Option<&'a DomainRow> {
    let mut best: Option<(usize, &DomainRow)> = None;
    for domain in domains.iter().filter(|domain| !domain.closing) {
        for origin in &domain.origins {
            let Ok(pattern) = Pattern::compile(origin.as_deref()) else { continue };
            let longer = best.is_none_or(|(literal, _)| pattern.literal_chars() > literal);
            if longer && pattern.matches(text) {
                best = Some((pattern.literal_chars(), domain));
            }
        }
    }
    best.map(|(_, domain)| domain)
}

/// The host the request's page came from: of `Origin`, else of `Referer`.
fn page_host(headers: &HeaderMap) -> Option<String> {
    let host = |name| {
        let url = headers.get(name)?.to_str().ok()?;
        let (_, rest) = url.split_once("://")?;
        let authority = rest.split(['/', '?', '#']).next()?;
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let host = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
            _ => host,
        };
        (!host.is_empty()).then(|| host.to_ascii_lowercase())
    };
    host(ORIGIN).or_else(|| host(REFERER))
}

/// A domain that lets guests in.
struct Host {
    id: DomainId,
    expiration_ms: u64,
    capabilities: Vec<String>,
}

impl Platform {
    /// The `anonymous` grant: a guest of the domain named after `@`.
    pub(crate) async fn anonymous_grant(
        &self,
        request: &OauthRequest,
        requester: &Requester,
    ) -> Result<Pair, OauthError> {
        requester.may_use(GrantKind::Anonymous)?;
        let username = request.require("username")?;
        let Some(asked) = username.strip_prefix('@').filter(|asked| !asked.is_empty()) else {
            return Err(OauthError::invalid_request("`username` is `@` and a domain."));
        };
        let none = || OauthError::invalid_grant("No domain takes guests of this name or from this place.");
        let host = self.guest_domain(asked, &request.headers).await?.ok_or_else(none)?;
        let now = self.env.now();
        let (access, refresh) = self.guest_lifetimes(requester, host.expiration_ms);
        let pool = self.free_pool(&host.id, now).await?;
        let attempts = pool.as_ref().map_or(1, |free| free.len().min(LEASE_ATTEMPTS_MAX));
        for attempt in 0..attempts {
            let lease = pool.as_ref().map(|free| free[attempt].id.clone());
            let pair = Pair::new(self, None, access, Some(refresh), now);
            let mut command = self.open_guest(&host, &pair, requester, lease)?;
            command.token.session = Some(self.opening(request, now));
            let actor = wac_events::Actor::User(command.user.id.to_string());
            match self.execute_grant(&command, self.oauth_context(request, actor)).await {
                Err(error) if error.is_pool_taken() && attempt + 1 < attempts => {}
                Err(error) => return Err(error),
                Ok(_) => return Ok(pair),
            }
        }
        Err(all_leased())
    }

    fn open_guest(
        &self,
        host: &Host,
        pair: &Pair,
        requester: &Requester,
        lease: Option<wac_events::CredentialId>,
    ) -> Result<OpenGuest, OauthError> {
        let id = self.env.new_uuid();
        let username = format!("anonymous-{}", id.simple());
        let name_key = name_key(&*self.keys, &host.id, &username).map_err(Problem::from)?;
        let user = CreateUser {
            id: id.into(),
            domain: host.id.clone(),
            username,
            name_key,
            role: Role::Anonymous,
            email: None,
            mobile_phones: Vec::new(),
            land_line_number: None,
            alias: self.env.new_uuid().to_string(),
            display_name: None,
            capabilities: host.capabilities.clone(),
        };
        let whose = (Some(user.id.clone()), host.id.clone(), Role::Anonymous);
        let token = pair.issue(GrantKind::Anonymous, whose, requester, None);
        Ok(OpenGuest { user, token, lease })
    }

    /// How long a guest's access and refresh tokens last. A guest may refresh for as long again as
    /// the access token lasted, so that an abandoned session gives its lease back soon.
    pub(crate) fn guest_lifetimes(&self, requester: &Requester, expiration_ms: u64) -> (Duration, Duration) {
        let access = match expiration_ms {
            0 => Duration::from_secs(requester.lifetimes_s(self).0),
            ms => Duration::from_millis(ms),
        };
        (access, access.saturating_mul(2))
    }

    /// The domain for a guest: the name first, then patterns over the name, then over the page's host.
    async fn guest_domain(&self, asked: &str, headers: &HeaderMap) -> Result<Option<Host>, OauthError> {
        if let Some(id) = self.find_domain_by_name(asked).await? {
            let world = self.handler.load(&[id.stream()]).await.map_err(Problem::from)?;
            let domain = world.domain(&id);
            if domain.exists() && domain.enable_anonymous {
                let capabilities = domain.anonymous_capabilities.clone();
                return Ok(Some(Host { id: id.clone(), expiration_ms: domain.anonymous_expiration_ms, capabilities }));
            }
        }
        self.caught_up(&["domains"]).await?;
        let domains = self.reads.domains_with_guests().await.map_err(Problem::from)?;
        let by_name = best_domain(&domains, asked);
        let found = match (by_name, page_host(headers)) {
            (None, Some(host)) => best_domain(&domains, &host),
            (found, _) => found,
        };
        Ok(found.map(|domain| Host {
            id: domain.id.clone(),
            expiration_ms: domain.anonymous_expiration_ms,
            capabilities: domain.anonymous_capabilities.clone(),
        }))
    }

    /// Credentials of the domain's pool that nobody has; `None` if there is no pool.
    async fn free_pool(&self, domain: &DomainId, now: Time) -> Result<Option<Vec<CredentialRow>>, OauthError> {
        self.caught_up(&["credentials"]).await?;
        let pool = self.reads.pool(domain).await.map_err(Problem::from)?;
        if pool.is_empty() {
            return Ok(None);
        }
        let free: Vec<_> = pool.into_iter().filter(|row| row.leased_until.is_none_or(|until| until <= now)).collect();
        if free.is_empty() { Err(all_leased()) } else { Ok(Some(free)) }
    }

    /// A refreshed session keeps what it has leased until its new end.
    pub(crate) async fn extend_leases(
        &self,
        domain: &DomainId,
        holder: &TokenId,
        until: Time,
        request: &OauthRequest,
    ) -> Result<(), OauthError> {
        let filter = CredentialFilter {
            domain: Some(domain.clone()),
            leased_by: Some(holder.clone()),
            ..CredentialFilter::default()
        };
        let leased = self.reads.credentials(&filter, &crate::reads::PageOf::default()).await.map_err(Problem::from)?;
        for credential in leased {
            let command = LeaseCredential { id: credential.id, holder: holder.clone(), until };
            let actor = wac_events::Actor::System("guest-lease".to_owned());
            self.execute_grant(&command, self.oauth_context(request, actor)).await?;
        }
        Ok(())
    }
}

fn all_leased() -> OauthError {
    let detail = "Every anonymous credential of the domain is leased to a guest.";
    Problem::unavailable("pool_exhausted", detail, POOL_RETRY).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn domain(name: &str, origins: &[Option<&str>], created: i64) -> DomainRow {
        DomainRow {
            id: name.into(),
            name: name.to_owned(),
            parent: None,
            origins: origins.iter().map(|origin| origin.map(str::to_owned)).collect(),
            enable_anonymous: true,
            anonymous_expiration_ms: 0,
            anonymous_capabilities: Vec::new(),
            services: None,
            closing: false,
            created_at: Time::from_millis(created),
            version: 1,
        }
    }

    fn found(domains: &[DomainRow], text: &str) -> Option<String> {
        best_domain(domains, text).map(|domain| domain.name.clone())
    }

    #[test]
    fn the_longest_literal_part_wins_and_then_the_oldest() {
        let domains = [
            domain("first", &[Some("*.quobis.com"), None], 1),
            domain("second", &[Some("demo.quobis.*"), Some("*.quobis.com")], 2),
            domain("third", &[Some("/demo[.]quobis[.](com|es)/")], 3),
        ];
        assert_eq!(found(&domains, "demo.quobis.com").as_deref(), Some("second"));
        assert_eq!(found(&domains, "www.quobis.com").as_deref(), Some("first"));
        assert_eq!(found(&domains[2..], "demo.quobis.es").as_deref(), Some("third"));
        assert_eq!(found(&domains, "quobis.com"), None);
        assert_eq!(found(&[domain("silent", &[None, Some("")], 1)], ""), None);
    }

    #[test]
    fn the_host_is_taken_from_origin_before_referer() {
        let mut headers = HeaderMap::new();
        headers.insert(REFERER, "https://user@Old.example:8443/page?x#y".parse().expect("a header"));
        assert_eq!(page_host(&headers).as_deref(), Some("old.example"));
        headers.insert(ORIGIN, "https://new.example".parse().expect("a header"));
        assert_eq!(page_host(&headers).as_deref(), Some("new.example"));
        headers.insert(ORIGIN, "null".parse().expect("a header"));
        assert_eq!(page_host(&headers).as_deref(), Some("old.example"));
    }
}
