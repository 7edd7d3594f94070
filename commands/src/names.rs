//! Names: what is allowed, when two are the same, and the keyed hashes that reserve them.

use std::fmt;

use unicode_normalization::UnicodeNormalization;
use wac_events::{DomainId, KeyStore};

use crate::Rejection;

/// Longest username, in characters.
pub const USERNAME_CHARS_MAX: usize = 128;
/// Longest domain name, in characters.
pub const DOMAIN_NAME_CHARS_MAX: usize = 253;

/// A user's name in a domain with its reservation's key; the three belong together.
#[derive(Clone, PartialEq, Eq)]
pub struct UserName {
    /// The domain.
    pub domain: DomainId,
    /// The name as typed.
    pub username: String,
    /// [`name_key`] of both.
    pub key: String,
}

/// Shows nothing personal.
impl fmt::Debug for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserName").field("domain", &self.domain).finish_non_exhaustive()
    }
}

impl UserName {
    /// Checks the name and makes its key.
    pub fn new(keys: &dyn KeyStore, domain: DomainId, username: impl Into<String>) -> Result<Self, Rejection> {
        let username = username.into();
        let key = name_key(keys, &domain, &username)?;
        Ok(Self { domain, username, key })
    }
}

/// The reservation key of a username: keyed hash of the domain's id and the folded name.
///
/// Errors: `username_invalid` at `/username`.
pub fn name_key(keys: &dyn KeyStore, domain: &DomainId, username: &str) -> Result<String, Rejection> {
    check_username(username)?;
    Ok(keys.keyed_hash("username", &format!("{domain}\0{}", fold(username))))
}

/// The reservation key of a SIP identity in a domain.
pub fn sip_identity_key(keys: &dyn KeyStore, domain: &DomainId, identity: &str) -> String {
    keys.keyed_hash("sip-identity", &format!("{domain}\0{}", fold(identity)))
}

/// The form in which two names are the same: NFKC and case folding, until neither changes anything.
pub fn fold(name: &str) -> String {
    /// Each round settles what the former one has brought up; two are enough for assigned characters.
    const ROUNDS_MAX: usize = 4;
    if name.is_ascii() {
        return name.to_ascii_lowercase();
    }
    // Upper case first: it is where characters without a lower-case partner of their own meet (ß and SS, ς and σ).
    let round = |text: &str| -> String {
        let upper: String = text.nfkc().flat_map(char::to_uppercase).collect();
        upper.nfkc().flat_map(char::to_lowercase).nfkc().collect()
    };
    let mut folded = round(name);
    for _ in 1..ROUNDS_MAX {
        let next = round(&folded);
        if next == folded {
            break;
        }
        folded = next;
    }
    folded
}

/// Whether a username is allowed: 1–128 characters, no `@`, `/`, `:`, controls, blanks at the ends.
pub fn check_username(username: &str) -> Result<(), Rejection> {
    let refuse = |detail: &str| Err(Rejection::invalid("username_invalid", "/username", detail));
    if username.is_empty() || username.chars().count() > USERNAME_CHARS_MAX {
        return refuse("a username has 1 to 128 characters");
    }
    if username.trim() != username {
        return refuse("a username neither starts nor ends with a blank");
    }
    let folded = fold(username);
    if folded.trim().is_empty() {
        return refuse("a username has at least one visible character");
    }
    let banned = |c: char| matches!(c, '@' | '/' | ':') || c.is_control();
    if username.chars().any(banned) || folded.chars().any(banned) {
        return refuse("a username contains no @, /, : and no control characters");
    }
    Ok(())
}

/// A domain's name in the form it is kept in, lower case: 1–253 of `a-z`, `0-9`, `.`, `-`, `_`.
///
/// Errors: `domain_name_invalid` at `/domain`.
pub fn domain_name(name: &str) -> Result<String, Rejection> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if name.is_empty() || name.len() > DOMAIN_NAME_CHARS_MAX || !name.chars().all(allowed) {
        let detail = "a domain name has 1 to 253 letters (a-z), digits, dots, hyphens and underscores";
        return Err(Rejection::invalid("domain_name_invalid", "/domain", detail));
    }
    Ok(name.to_ascii_lowercase())
}
