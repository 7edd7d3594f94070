//! A secret that processes of one deployment share.

use std::fmt;
use std::sync::Arc;

use anyhow::{Result, ensure};
use subtle::ConstantTimeEq as _;

/// Shortest secret, in characters.
const CHARS_MIN: usize = 32;

/// A secret that processes of one deployment share. Never shown.
#[derive(Clone)]
pub(crate) struct SharedSecret(Arc<str>);

impl SharedSecret {
    /// Checks it; `key` is where it came from.
    pub(crate) fn new(key: &str, text: &str) -> Result<Self> {
        let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        ensure!(
            text.len() >= CHARS_MIN && visible,
            "{key} has at least {CHARS_MIN} visible ASCII characters; `openssl rand -hex 32` makes one"
        );
        Ok(Self(text.into()))
    }

    /// Whether somebody knows it; takes equally long whatever he says.
    pub(crate) fn is(&self, given: &str) -> bool {
        self.0.as_bytes().ct_eq(given.as_bytes()).into()
    }

    /// The text, to be sent.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SharedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedSecret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_long_enough_is_recognised_and_is_not_shown() {
        assert!(SharedSecret::new("media.secret", "short").is_err());
        assert!(SharedSecret::new("media.secret", &" ".repeat(40)).is_err());
        let secret = SharedSecret::new("media.secret", &"s".repeat(32)).unwrap();
        assert!(secret.is(&"s".repeat(32)) && !secret.is(&"s".repeat(33)) && !secret.is(""));
        assert!(!format!("{secret:?}").contains("ss"));
    }
}
