//! Whose presence a resource socket is told of.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use wac_events::{DomainId, Personal, Role, StreamId, UserId};
use wac_projections::{PRESENCE, PresenceRow, SELECT_ROWS_MAX, Select, USERS};

use super::limits::PRESENCE_USERS_MAX;
use super::socket::Follows;
use crate::{Caller, Platform, Problem};

/// Domains of which it is remembered whether they are small.
const DOMAINS_REMEMBERED: u64 = 10_000;
/// How long that is remembered.
const REMEMBERED_FOR: Duration = Duration::from_secs(60);

/// Most people whose presence the answer to a subscription shows; of all others only what changes is told.
const PRESENCE_SHOWN_MAX: usize = 10_000;

/// Whether domains are small.
pub(super) struct SmallDomains(moka::sync::Cache<DomainId, bool>);

impl Default for SmallDomains {
    fn default() -> Self {
        Self(moka::sync::Cache::builder().max_capacity(DOMAINS_REMEMBERED).time_to_live(REMEMBERED_FOR).build())
    }
}

/// Whether a domain has so few users that everybody is told of everybody (`presence.autoSubscribe`).
pub(super) async fn comes_unasked(platform: &Platform, domain: &DomainId) -> bool {
    if let Some(small) = platform.sockets.small_domains.0.get(domain) {
        return small;
    }
    let most = platform.config.signaling.presence_auto_subscribe;
    let users = Select::from(&USERS).equals("domain", domain.as_str()).limit(most + 1);
    let small = match platform.rows.select(users).await {
        Ok(users) => users.len() <= most,
        Err(error) => {
            tracing::warn!(%error, "a domain's users cannot be counted");
            return false;
        }
    };
    platform.sockets.small_domains.0.insert(domain.clone(), small);
    small
}

/// `{"domain": true}`, `{"users": [id …]}` or both.
pub(super) fn follows(body: Option<&Value>) -> Result<Follows, Problem> {
    let shape = || {
        let detail = "Send {\"domain\": true}, {\"users\": [ids]}, or both.";
        Problem::invalid("validation_failed", detail).at("/body")
    };
    let body = body.and_then(Value::as_object).ok_or_else(shape)?;
    if body.keys().any(|key| key != "domain" && key != "users") {
        return Err(shape());
    }
    let domain = match body.get("domain") {
        None => false,
        Some(domain) => domain.as_bool().ok_or_else(shape)?,
    };
    let users = match body.get("users") {
        None => &[][..],
        Some(users) => users.as_array().ok_or_else(shape)?,
    };
    if users.len() > PRESENCE_USERS_MAX {
        let detail = format!("A socket follows at most {PRESENCE_USERS_MAX} users by name; follow the domain.");
        return Err(Problem::invalid("validation_failed", detail).at("/body/users"));
    }
    let id = |user: &Value| user.as_str().map(|id| UserId::from(id.strip_prefix("wac-user:").unwrap_or(id)));
    let users = users.iter().map(id).collect::<Option<BTreeSet<_>>>().ok_or_else(shape)?;
    Ok(Follows { domain, users })
}

/// What a caller may follow of what he asks for: a guest nobody but himself.
pub(super) fn allowed(caller: &Caller, mut follows: Follows) -> Follows {
    if caller.role == Role::Anonymous {
        follows.domain = false;
        follows.users.retain(|user| caller.user.as_ref() == Some(user));
    }
    follows
}

/// The present presence of those followed who are of the caller's own domain; of a domain that is
/// followed as a whole those of whom anything is known, at most [`PRESENCE_SHOWN_MAX`].
pub(super) async fn of(platform: &Platform, caller: &Caller, follows: &Follows) -> Result<Value, Problem> {
    let mut users = follows.users.clone();
    if follows.domain {
        platform.caught_up(&[PRESENCE.name]).await?;
        users.extend(known_in(platform, &caller.domain).await?);
    }
    let users: Vec<&UserId> = users.iter().collect();
    let mut shown = Vec::with_capacity(users.len());
    for some in users.chunks(SELECT_ROWS_MAX) {
        shown.extend(shown_of(platform, caller, some).await?);
    }
    Ok(shown.into())
}

/// Users of a domain who have ever been there, or said anything.
async fn known_in(platform: &Platform, domain: &DomainId) -> Result<Vec<UserId>, Problem> {
    let mut found: Vec<UserId> = Vec::new();
    while found.len() < PRESENCE_SHOWN_MAX {
        let after = found.last().map(ToString::to_string);
        let select = Select::from(&PRESENCE).equals("domain", domain.as_str()).after(after);
        let rows = platform.rows.select(select).await?;
        found.extend(rows.iter().filter_map(PresenceRow::from_row).map(|row| row.user));
        if rows.len() < SELECT_ROWS_MAX {
            break;
        }
    }
    found.truncate(PRESENCE_SHOWN_MAX);
    Ok(found)
}

async fn shown_of(platform: &Platform, caller: &Caller, users: &[&UserId]) -> Result<Vec<Value>, Problem> {
    let streams: Vec<StreamId> = users.iter().flat_map(|user| [user.stream(), user.presence_stream()]).collect();
    let world = platform.handler.load(&streams).await?;
    let seen = |user: &&&UserId| world.user(user).exists() && world.user(user).domain == caller.domain;
    let shown = users.iter().filter(seen).map(|user| {
        let presence = world.presence(user);
        json!({
            "userId": user.as_str(),
            "online": presence.has_device(),
            "activity": presence.activity,
            "note": presence.note.as_ref().and_then(Personal::clear),
            "mood": presence.mood,
        })
    });
    Ok(shown.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subscription_names_users_or_the_domain() {
        let some = follows(Some(&json!({ "users": ["a", "wac-user:b"] }))).expect("it is one");
        assert_eq!((some.domain, some.users.len()), (false, 2));
        assert!(follows(Some(&json!({ "domain": true }))).expect("it is one").domain);
        for wrong in [json!({ "domain": 1 }), json!({ "users": [1] }), json!({ "user": "a" }), json!([])] {
            assert!(follows(Some(&wrong)).is_err(), "{wrong}");
        }
        let many: Vec<String> = (0..=PRESENCE_USERS_MAX).map(|n| n.to_string()).collect();
        assert!(follows(Some(&json!({ "users": many }))).is_err());
    }
}
