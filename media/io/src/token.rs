//! Media tokens: JSON Web Tokens (RFC 7519) signed with Ed25519 (RFC 8037), so that a node checks
//! them without a database.

use std::sync::{PoisonError, RwLock};

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use wac_events::{DomainId, OpeningId, RoomId, RoomRef, SessionId, Time, UserId};
use wac_media::Rights;

/// What the signing key is derived for.
const PURPOSE: &[u8] = b"wac media token, 1";
/// Longest token that is looked at, in bytes.
const TOKEN_BYTES_MAX: usize = 4_096;
/// Most keys a node checks by.
const KEYS_MAX: usize = 4;
/// Length of an Ed25519 public key (RFC 8032).
const PUBLIC_KEY_BYTES: usize = 32;
/// Clocks of two machines may differ by so much.
const LEEWAY_MS: i64 = 5_000;

/// What a token says.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Claims {
    /// The opening.
    #[serde(rename = "room")]
    pub opening: OpeningId,
    /// The domain of the room.
    pub domain: DomainId,
    /// The room's id in it.
    #[serde(rename = "rid")]
    pub room: RoomId,
    /// Who.
    #[serde(rename = "sub")]
    pub user: UserId,
    /// On which device.
    #[serde(rename = "sid")]
    pub session: SessionId,
    /// `publish`, `subscribe` and `data`, separated by spaces.
    pub scope: String,
    /// When it ends, seconds since the epoch.
    pub exp: i64,
    /// Names this token: it begins one media session.
    pub jti: String,
}

/// Why a token is not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TokenError {
    /// It is no token of this kind.
    #[error("malformed")]
    Malformed,
    /// Another key has signed it.
    #[error("not signed by this deployment")]
    Forged,
}

/// Makes and checks tokens. Every process of a deployment that has its secret has the same.
pub struct TokenKey(Ed25519KeyPair);

/// Checks tokens by public keys alone: all that a node without a database is given. While a deployment
/// changes its key there are two.
pub struct TokenChecker(RwLock<Vec<Vec<u8>>>);

impl TokenChecker {
    /// One that knows no key yet, and takes no token.
    pub fn empty() -> Self {
        Self(RwLock::default())
    }

    /// The keys from now on, as [`TokenKey::public`] names them; at most [`KEYS_MAX`]. What is no key is left out.
    pub fn set(&self, keys: &[String]) {
        let keys = keys.iter().take(KEYS_MAX).filter_map(|key| URL_SAFE_NO_PAD.decode(key).ok());
        let keys = keys.filter(|key| key.len() == PUBLIC_KEY_BYTES).collect();
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = keys;
    }

    /// What a token says, if it is ours; its time may be over ([`Claims::is_over`]).
    pub fn check(&self, token: &str) -> Result<Claims, TokenError> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(TokenError::Malformed);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
        let (_, body) = signed.split_once('.').ok_or(TokenError::Malformed)?;
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| TokenError::Malformed)?;
        let body = URL_SAFE_NO_PAD.decode(body).map_err(|_| TokenError::Malformed)?;
        // The header is not asked which algorithm to use: there is one.
        let keys = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let signs = |key: &Vec<u8>| UnparsedPublicKey::new(&ED25519, key).verify(signed.as_bytes(), &signature).is_ok();
        if !keys.iter().any(signs) {
            return Err(TokenError::Forged);
        }
        serde_json::from_slice(&body).map_err(|_| TokenError::Malformed)
    }
}

impl Claims {
    /// The room.
    pub fn room_ref(&self) -> RoomRef {
        RoomRef { domain: self.domain.clone(), id: self.room.clone() }
    }

    /// Whether it is too late to begin a session with it.
    pub fn is_over(&self, now: Time) -> bool {
        self.exp.saturating_mul(1_000).saturating_add(LEEWAY_MS) <= now.millis()
    }

    /// What its holder may do.
    pub fn rights(&self) -> Rights {
        let may = |word| self.scope.split(' ').any(|given| given == word);
        Rights { publish: may("publish"), subscribe: may("subscribe"), data: may("data") }
    }
}

impl TokenKey {
    /// The key that belongs to a secret of the deployment.
    pub fn derive(secret: &[u8]) -> Self {
        let seed = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), PURPOSE);
        Self(Ed25519KeyPair::from_seed_unchecked(seed.as_ref()).expect("an HMAC-SHA256 is 32 bytes, as a seed is"))
    }

    /// A signed token.
    pub fn sign(&self, claims: &Claims) -> String {
        let body = serde_json::to_vec(claims).expect("claims are plain JSON");
        let header = URL_SAFE_NO_PAD.encode(br#"{"alg":"EdDSA","typ":"JWT"}"#);
        let signed = format!("{header}.{}", URL_SAFE_NO_PAD.encode(body));
        let signature = self.0.sign(signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
    }

    /// Its public half, base64url.
    pub fn public(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0.public_key().as_ref())
    }

    /// What checks its tokens.
    pub fn checker(&self) -> TokenChecker {
        let checker = TokenChecker::empty();
        checker.set(&[self.public()]);
        checker
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims() -> Claims {
        Claims {
            opening: "opening".into(),
            domain: "domain".into(),
            room: "room".into(),
            user: "user".into(),
            session: "session".into(),
            scope: "publish subscribe".into(),
            exp: 60,
            jti: "one".into(),
        }
    }

    #[test]
    fn no_text_from_outside_is_a_token() {
        let key = TokenKey::derive(b"secret");
        let checker = TokenChecker::empty();
        checker.set(&[key.public()]);
        bolero::check!().with_type::<Vec<u8>>().for_each(|bytes| {
            let text = String::from_utf8_lossy(bytes);
            assert!(checker.check(&text).is_err());
            // Nor is one whose parts can be read, and that somebody else has signed.
            let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
            let three = format!("{}.{}.{}", part(b"{}"), part(bytes), part(&[7; 64]));
            assert!(checker.check(&three).is_err());
        });
    }

    #[test]
    fn a_token_says_what_was_signed_until_it_expires() {
        let key = TokenKey::derive(b"secret");
        let token = key.sign(&claims());
        let checked = TokenKey::derive(b"secret").checker().check(&token).unwrap();
        assert_eq!(checked, claims());
        assert_eq!(checked.rights(), Rights { publish: true, subscribe: true, data: false });
        assert!(!checked.is_over(Time::from_millis(60_000)));
        assert!(checked.is_over(Time::from_millis(66_000)));
    }

    #[test]
    fn what_another_key_signed_or_nobody_is_refused() {
        let (key, token) = (TokenKey::derive(b"secret").checker(), TokenKey::derive(b"other").sign(&claims()));
        assert_eq!(key.check(&token), Err(TokenError::Forged));
        let own = TokenKey::derive(b"secret").sign(&claims());
        let (head, tail) = own.split_at(own.len() / 2);
        let flipped = format!("{head}{}{}", if tail.starts_with('A') { 'B' } else { 'A' }, &tail[1..]);
        assert!(key.check(&flipped).is_err());
        for rubbish in ["", ".", "..", "a.b.c", "\u{1F600}.\u{1F600}.\u{1F600}", &"x".repeat(10_000)] {
            assert!(key.check(rubbish).is_err(), "{rubbish}");
        }
    }

    #[test]
    fn while_a_deployment_changes_its_key_tokens_of_both_are_taken_and_afterwards_those_of_the_new_one() {
        let (old, new) = (TokenKey::derive(b"old"), TokenKey::derive(b"new"));
        let checker = TokenChecker::empty();
        assert_eq!(checker.check(&old.sign(&claims())), Err(TokenError::Forged));
        checker.set(&[new.public(), old.public(), "no key".to_owned()]);
        assert!(checker.check(&old.sign(&claims())).is_ok() && checker.check(&new.sign(&claims())).is_ok());
        checker.set(&[new.public()]);
        assert_eq!(checker.check(&old.sign(&claims())), Err(TokenError::Forged));
    }
}
