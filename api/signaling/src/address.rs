//! Addresses: whom somebody wants to reach.

use wac_commands::invite::Target;
use wac_commands::{CommandHandler, domain_name, name_key};
use wac_events::{DomainId, GroupId, ID_BYTES_MAX, Reserved, StoreError, UserId};

use crate::failure::{Failure, Refusal};

/// Longest address, in bytes: a name of 128 characters and a domain of 253.
const ADDRESS_BYTES_MAX: usize = 1_024;

/// An address as it is spelled.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Address {
    /// `name`, or `name@domain`.
    Name { username: String, domain: Option<String> },
    /// `wac-user:<id>`.
    User(UserId),
    /// `wac-group:<id>`.
    Group(GroupId),
    /// `wac-agent`.
    Pool,
}

/// Whom an address stands for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Resolved {
    Target(Target),
    /// Any agent of the pool.
    Pool,
}

/// Whether a text can be an id: it becomes part of a stream's name.
pub(crate) fn is_id(text: &str) -> bool {
    (1..=ID_BYTES_MAX).contains(&text.len()) && !text.chars().any(char::is_control)
}

impl Address {
    /// Reads an address; `None` if nobody can have it.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text.is_empty() || text.len() > ADDRESS_BYTES_MAX {
            return None;
        }
        if text == "wac-agent" {
            return Some(Address::Pool);
        }
        if let Some(id) = text.strip_prefix("wac-user:") {
            return is_id(id).then(|| Address::User(id.into()));
        }
        if let Some(id) = text.strip_prefix("wac-group:") {
            return is_id(id).then(|| Address::Group(id.into()));
        }
        Some(match text.rsplit_once('@') {
            Some((name, domain)) => Address::Name { username: name.to_owned(), domain: Some(domain.to_owned()) },
            None => Address::Name { username: text.to_owned(), domain: None },
        })
    }
}

/// The domain of this name.
async fn domain_of(handler: &CommandHandler, name: &str) -> Result<Option<DomainId>, StoreError> {
    let Ok(name) = domain_name(name) else { return Ok(None) };
    let reserved = Reserved::DomainName(name);
    let world = handler.load(&[reserved.stream()]).await?;
    Ok(world.reservation(&reserved).holder.as_deref().map(DomainId::from))
}

/// Whom an address stands for, seen from a domain. A name is left to the decider to look up, so
/// that it follows the name's reservation.
pub(crate) async fn resolve(handler: &CommandHandler, own: &DomainId, text: &str) -> Result<Resolved, Failure> {
    let target = match Address::parse(text).ok_or_else(Refusal::callee_unknown)? {
        Address::Pool => return Ok(Resolved::Pool),
        Address::User(user) => Target::User(user),
        Address::Group(group) => Target::Group(group),
        Address::Name { username, domain } => {
            let domain = match domain {
                Some(name) => domain_of(handler, &name).await?.ok_or_else(Refusal::callee_unknown)?,
                None => own.clone(),
            };
            let key = name_key(&**handler.keys(), &domain, &username).map_err(|_| Refusal::callee_unknown())?;
            Target::Name { domain, key }
        }
    };
    Ok(Resolved::Target(target))
}

/// The user a target is, if it is one.
pub(crate) async fn user_of(handler: &CommandHandler, target: &Target) -> Result<Option<UserId>, StoreError> {
    match target {
        Target::User(user) | Target::Agent(user) => Ok(Some(user.clone())),
        Target::Group(_) => Ok(None),
        Target::Name { key, .. } => {
            let reserved = Reserved::Username(key.clone());
            let world = handler.load(&[reserved.stream()]).await?;
            Ok(world.reservation(&reserved).holder.as_deref().map(UserId::from))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_names_users_groups_or_the_pool() {
        let name = |username: &str, domain: Option<&str>| {
            Some(Address::Name { username: username.to_owned(), domain: domain.map(str::to_owned) })
        };
        assert_eq!(Address::parse("alice"), name("alice", None));
        assert_eq!(Address::parse("alice@quobis"), name("alice", Some("quobis")));
        assert_eq!(Address::parse("wac-user:1"), Some(Address::User("1".into())));
        assert_eq!(Address::parse("wac-group:1"), Some(Address::Group("1".into())));
        assert_eq!(Address::parse("wac-agent"), Some(Address::Pool));
    }

    #[test]
    fn what_cannot_be_part_of_a_stream_is_no_address() {
        for text in ["", "wac-user:", "wac-user:\0", &format!("wac-group:{}", "x".repeat(129)), &"x".repeat(2_000)] {
            assert_eq!(Address::parse(text), None, "{text:?}");
        }
    }
}
