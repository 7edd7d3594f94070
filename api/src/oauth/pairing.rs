//! A first call with oneself: a code that logs several people of a development deployment in, once.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::State;
use axum::response::Response;
use serde_json::{Value, json};
use subtle::ConstantTimeEq;

use super::client_auth::Requester;
use super::error::OauthError;
use super::request::OauthRequest;
use super::token_endpoints::{not_cached, token_answer};
use crate::Platform;

/// A code that gives tokens of some people to whoever names it first. For development on one
/// machine: it is taken from loopback addresses only.
#[derive(Clone)]
pub struct Pairing {
    people: Arc<[String]>,
    code: Arc<Mutex<Option<String>>>,
}

impl Pairing {
    /// A code that is good once, for `people`: `user@domain`.
    pub fn new(code: String, people: impl IntoIterator<Item = String>) -> Self {
        Self { people: people.into_iter().collect(), code: Arc::new(Mutex::new(Some(code))) }
    }

    /// Whether `code` is the one; it is spent then.
    fn spend(&self, code: &str) -> bool {
        let mut kept = self.code.lock().unwrap_or_else(PoisonError::into_inner);
        let genuine = kept.as_ref().is_some_and(|kept| bool::from(kept.as_bytes().ct_eq(code.as_bytes())));
        if genuine {
            *kept = None;
        }
        genuine
    }
}

impl fmt::Debug for Pairing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pairing").field("people", &self.people).finish_non_exhaustive()
    }
}

/// `POST /phone/pair` with `code`: `{people: [{username, access_token, refresh_token, …}]}`.
pub(crate) async fn pair(State(platform): State<Platform>, request: OauthRequest) -> Result<Response, OauthError> {
    let spent = || OauthError::invalid_grant("The code is wrong, or has been used.");
    let code = request.require("code")?;
    let here = request.address().is_some_and(|address| address.is_loopback());
    let pairing = platform.config.pairing.as_ref().filter(|pairing| here && pairing.spend(code)).ok_or_else(spent)?;
    let mut people = Vec::with_capacity(pairing.people.len());
    for username in &*pairing.people {
        // Whoever was deleted since is left out.
        let Some(pair) = platform.known_grant(&request, &Requester(None), username).await? else { continue };
        let mut answer = token_answer(&platform, pair);
        answer["username"] = Value::from(username.as_str());
        people.push(answer);
    }
    Ok(not_cached(&json!({ "people": people })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_good_once_and_a_wrong_one_spends_nothing() {
        let pairing = Pairing::new("right".to_owned(), ["alice@demo".to_owned()]);
        assert!(!pairing.spend("wrong"));
        assert!(pairing.spend("right"));
        assert!(!pairing.spend("right"));
    }

    #[test]
    fn a_code_is_not_shown() {
        let pairing = Pairing::new("secret".to_owned(), ["alice@demo".to_owned()]);
        assert!(!format!("{pairing:?}").contains("secret"));
    }
}
