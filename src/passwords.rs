//! Passwords this program makes or is given, and their hashes.

use std::io::BufRead as _;

use anyhow::{Context as _, Result, bail};
use argon2::password_hash::PasswordHasher as _;
use argon2::{Algorithm, Argon2, Params, Version};
use rand::TryRngCore as _;
use rand::rngs::OsRng;

/// The variable an administrator's first password may come from.
pub(crate) const ADMIN_PASSWORD: &str = "WAC_ADMIN_PASSWORD";
/// Longest password in bytes, as everywhere.
const PASSWORD_BYTES_MAX: usize = 1_024;
/// Memory of one hash in KiB, as in the interfaces (OWASP's recommendation for two passes).
const HASH_MEMORY_KIB: u32 = 19_456;
/// Passes of one hash.
const HASH_PASSES: u32 = 2;
/// Letters and digits nobody confuses; 32 of them, so that every byte picks one evenly.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
/// Groups of four: 16 characters, just under 80 bits.
const GROUPS: usize = 4;

/// A new password, four groups of four.
pub(crate) fn generate() -> String {
    let mut bytes = [0u8; GROUPS * 4];
    OsRng.try_fill_bytes(&mut bytes).expect("the operating system always has randomness once it has booted");
    let characters = bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)]));
    let mut password = String::with_capacity(GROUPS * 5);
    for (index, character) in characters.enumerate() {
        if index > 0 && index.is_multiple_of(4) {
            password.push('-');
        }
        password.push(character);
    }
    password
}

/// The administrator's password from the environment, if it is set.
pub(crate) fn from_environment() -> Result<Option<String>> {
    match std::env::var(ADMIN_PASSWORD) {
        Ok(password) if password.is_empty() => Ok(None),
        Ok(password) => checked(password).map(Some).context(ADMIN_PASSWORD),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(std::env::VarError::NotUnicode(_)) => bail!("{ADMIN_PASSWORD} is not UTF-8"),
    }
}

/// The first line of standard input.
pub(crate) fn from_stdin() -> Result<String> {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).context("cannot read the password from standard input")?;
    checked(line.trim_end_matches(['\r', '\n']).to_owned()).context("standard input")
}

fn checked(password: String) -> Result<String> {
    if password.is_empty() || password.len() > PASSWORD_BYTES_MAX {
        bail!("a password has 1 to {} bytes", PASSWORD_BYTES_MAX);
    }
    Ok(password)
}

/// The Argon2id hash of a password, computed off the async threads.
pub(crate) async fn hash(password: String) -> Result<String> {
    let mut salt = [0u8; 16];
    OsRng.try_fill_bytes(&mut salt).context("no randomness")?;
    let work = move || {
        let params = Params::new(HASH_MEMORY_KIB, HASH_PASSES, 1, None).expect("they are within Argon2's ranges");
        let argon2id = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        argon2id.hash_password_with_salt(password.as_bytes(), &salt).map(|hash| hash.to_string())
    };
    let hashed = tokio::task::spawn_blocking(work).await.context("hashing was broken off")?;
    hashed.map_err(|error| anyhow::anyhow!("cannot hash a password: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_passwords_have_four_groups_and_differ() {
        let (first, second) = (generate(), generate());
        assert_eq!(first.split('-').map(str::len).collect::<Vec<_>>(), [4, 4, 4, 4]);
        assert_ne!(first, second);
    }
}
