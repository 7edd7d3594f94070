//! The tokens themselves: what they look like, and what is kept of them.
//!
//! `wac_at_` (access) or `wac_rt_` (refresh), then base64url without padding of: the family's UUID
//! (16 bytes), 32 random bytes, and the first 4 bytes of the SHA-256 of all before. The family's id
//! leads straight to its stream; the checksum lets scanners find leaked tokens and spares the
//! database typing errors. Only the SHA-256 of the whole text is ever stored.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use uuid::Uuid;
use wac_events::{Environment, TokenId, hex};

const FAMILY_BYTES: usize = 16;
const RANDOM_BYTES: usize = 32;
const CHECK_BYTES: usize = 4;
const BODY_BYTES: usize = FAMILY_BYTES + RANDOM_BYTES;

/// A new access token of a family, and its SHA-256 in hexadecimal, for a token that is issued
/// by a command of one's own.
pub fn access_token(family: Uuid, env: &dyn Environment) -> (String, String) {
    let token = TokenText::generate(TokenKind::Access, family, env);
    let hash = token.hash_hex();
    (token.into_text(), hash)
}

/// What a token is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum TokenKind {
    /// Calls the interfaces.
    Access,
    /// Obtains the next pair.
    Refresh,
}

impl TokenKind {
    const fn prefix(self) -> &'static str {
        match self {
            TokenKind::Access => "wac_at_",
            TokenKind::Refresh => "wac_rt_",
        }
    }
}

/// A well-formed token.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct TokenText {
    text: String,
    family: Uuid,
}

impl TokenText {
    /// A new token of a family.
    pub(crate) fn generate(kind: TokenKind, family: Uuid, env: &dyn Environment) -> Self {
        let mut body = [0u8; BODY_BYTES + CHECK_BYTES];
        body[..FAMILY_BYTES].copy_from_slice(family.as_bytes());
        env.fill(&mut body[FAMILY_BYTES..BODY_BYTES]);
        let check = checksum(kind, &body[..BODY_BYTES]);
        body[BODY_BYTES..].copy_from_slice(&check);
        Self { text: format!("{}{}", kind.prefix(), URL_SAFE_NO_PAD.encode(body)), family }
    }

    /// Reads a token; `None` if it is not one of ours, or mistyped.
    pub(crate) fn parse(kind: TokenKind, text: &str) -> Option<Self> {
        let body = URL_SAFE_NO_PAD.decode(text.strip_prefix(kind.prefix())?).ok()?;
        let (content, check) = body.split_at_checked(BODY_BYTES)?;
        if check != checksum(kind, content) {
            return None;
        }
        let family = Uuid::from_slice(&content[..FAMILY_BYTES]).ok()?;
        Some(Self { text: text.to_owned(), family })
    }

    /// The family.
    pub(crate) fn family(&self) -> TokenId {
        self.family.into()
    }

    /// The family's UUID.
    pub(crate) fn family_uuid(&self) -> Uuid {
        self.family
    }

    /// SHA-256 of the text.
    pub(crate) fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.text.as_bytes()).into()
    }

    /// The same in hexadecimal, as the log keeps it.
    pub(crate) fn hash_hex(&self) -> String {
        hex(&self.hash())
    }

    /// The text, for its owner.
    pub(crate) fn into_text(self) -> String {
        self.text
    }
}

fn checksum(kind: TokenKind, content: &[u8]) -> [u8; CHECK_BYTES] {
    let digest = Sha256::new().chain_update(kind.prefix()).chain_update(content).finalize();
    let mut check = [0u8; CHECK_BYTES];
    check.copy_from_slice(&digest[..CHECK_BYTES]);
    check
}

/// A new client secret: `wac_cs_` and 32 random bytes in base64url.
pub(crate) fn client_secret(env: &dyn Environment) -> String {
    let mut random = [0u8; RANDOM_BYTES];
    env.fill(&mut random);
    format!("wac_cs_{}", URL_SAFE_NO_PAD.encode(random))
}

/// SHA-256 of a secret of ours, hexadecimal. Fit for 256-bit random secrets only.
pub(crate) fn secret_hash(secret: &str) -> String {
    hex(&Sha256::digest(secret.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use wac_events::Time;

    struct Fixed;

    impl Environment for Fixed {
        fn now(&self) -> Time {
            Time::EPOCH
        }

        fn fill(&self, out: &mut [u8]) {
            out.fill(0xA5);
        }
    }

    #[test]
    fn a_token_leads_to_its_family() {
        let family = Uuid::from_u128(7);
        let token = TokenText::generate(TokenKind::Access, family, &Fixed);
        let read = TokenText::parse(TokenKind::Access, &token.clone().into_text()).expect("it is ours");
        assert_eq!(read.family(), TokenId::from(family));
        assert_eq!(read.hash_hex(), token.hash_hex());
    }

    #[test]
    fn a_mistyped_token_or_one_of_the_other_kind_is_none() {
        let text = TokenText::generate(TokenKind::Access, Uuid::from_u128(7), &Fixed).into_text();
        assert!(TokenText::parse(TokenKind::Refresh, &text).is_none());
        assert!(TokenText::parse(TokenKind::Refresh, &text.replace("_at_", "_rt_")).is_none());
        assert!(TokenText::parse(TokenKind::Access, &text.replace("pa", "pb")).is_none());
        assert!(TokenText::parse(TokenKind::Access, &text[..text.len() - 1]).is_none());
        assert!(TokenText::parse(TokenKind::Access, "ffda919214b7d8cfafcb2c67fc4bf27a").is_none());
    }
}
