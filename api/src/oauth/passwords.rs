//! Passwords: Argon2id, with bounded work.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use argon2::password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::Semaphore;

use crate::Problem;

/// Memory of one hash in KiB (OWASP's recommendation for two passes).
pub(crate) const HASH_MEMORY_KIB: u32 = 19_456;
/// Passes of one hash.
pub(crate) const HASH_PASSES: u32 = 2;
/// Hashes computed at the same time at most, whatever the number of cores.
pub const HASHES_PARALLEL_MAX: usize = 8;
/// Hashes waiting for their turn at most; beyond that 503.
pub const HASHES_WAITING_MAX: usize = 64;
/// What `Retry-After` says then.
pub(crate) const HASHES_RETRY: Duration = Duration::from_secs(1);
/// Longest password in bytes.
pub(crate) const PASSWORD_BYTES_MAX: usize = 1_024;

/// Computes and checks password hashes off the async threads.
pub(crate) struct Passwords {
    turns: Arc<Semaphore>,
    waiting: AtomicUsize,
    dummy: OnceLock<String>,
}

impl Default for Passwords {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            turns: Arc::new(Semaphore::new(cores.min(HASHES_PARALLEL_MAX))),
            waiting: AtomicUsize::new(0),
            dummy: OnceLock::new(),
        }
    }
}

fn argon2id() -> Argon2<'static> {
    let params = Params::new(HASH_MEMORY_KIB, HASH_PASSES, 1, None).expect("the parameters are within Argon2's ranges");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// Counts one waiting hash for as long as it lives.
struct Place<'a>(&'a AtomicUsize);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Passwords {
    /// The PHC string of a password. `salt`: fresh random bytes.
    pub(crate) async fn hash(&self, password: String, salt: [u8; 16]) -> Result<String, Problem> {
        self.work(move || hash_now(&password, &salt)).await?
    }

    /// Whether `password` is the one behind `stored`. Without a `stored` hash it takes as long and
    /// is `false`, so that the time of an answer does not tell which names exist.
    pub(crate) async fn verify(&self, password: String, stored: Option<String>) -> Result<bool, Problem> {
        let known = stored.is_some();
        let stored = match stored {
            Some(stored) => stored,
            None => self.dummy().await?,
        };
        let matches = self.work(move || {
            PasswordHash::new(&stored).is_ok_and(|hash| argon2id().verify_password(password.as_bytes(), &hash).is_ok())
        });
        Ok(matches.await? && known)
    }

    async fn dummy(&self) -> Result<String, Problem> {
        if let Some(dummy) = self.dummy.get() {
            return Ok(dummy.clone());
        }
        let dummy = self.work(|| hash_now("no user has this password", &[0x5A; 16])).await??;
        Ok(self.dummy.get_or_init(|| dummy).clone())
    }

    async fn work<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
        let ahead = self.waiting.fetch_add(1, Ordering::AcqRel);
        let place = Place(&self.waiting);
        if ahead >= HASHES_WAITING_MAX {
            return Err(Problem::unavailable("overloaded", "Too many passwords are being checked.", HASHES_RETRY));
        }
        let turn = self.turns.clone().acquire_owned().await.map_err(|error| Problem::internal(&error))?;
        drop(place);
        let done = tokio::task::spawn_blocking(move || {
            let result = work();
            drop(turn);
            result
        });
        done.await.map_err(|error| Problem::internal(&error))
    }
}

fn hash_now(password: &str, salt: &[u8]) -> Result<String, Problem> {
    let hash = argon2id().hash_password_with_salt(password.as_bytes(), salt);
    hash.map(|hash| hash.to_string()).map_err(|error| Problem::internal(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_is_the_one_it_was() {
        let passwords = Passwords::default();
        let stored = passwords.hash("qa2".into(), [7; 16]).await.expect("it hashes");
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(passwords.verify("qa2".into(), Some(stored.clone())).await.expect("it is checked"));
        assert!(!passwords.verify("qa3".into(), Some(stored)).await.expect("it is checked"));
        assert!(!passwords.verify("no user has this password".into(), None).await.expect("it is checked"));
    }

    #[tokio::test]
    async fn beyond_the_queue_a_hash_is_refused() {
        let passwords = Passwords::default();
        passwords.waiting.store(HASHES_WAITING_MAX, Ordering::Release);
        let refused = passwords.verify("x".into(), Some(String::new())).await.expect_err("the queue is full");
        assert_eq!((refused.status.as_u16(), refused.retry_after_s()), (503, Some(1)));
    }
}
