//! Subject keys: wrapped in the database, unwrapped in a bounded cache.

mod memory;
mod postgres;
mod sqlite;

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use moka::sync::Cache;
use wac_events::{Environment, KeyState, KeyStore, MasterKey, StoreError, SubjectId, SubjectKey, Time};

use crate::writer::trouble::Trouble;

pub(crate) use memory::MemoryKeys;
pub(crate) use postgres::PostgresKeys;
pub(crate) use sqlite::SqliteKeys;

/// Unwrapped keys kept in memory (about 250 bytes each).
pub const KEYS_CACHED_MAX: u64 = 100_000;
/// How long an unwrapped key is believed at most without being read again: the bound on using a
/// key that another node has destroyed, should word of that not arrive.
pub const KEY_CACHED_FOR: Duration = Duration::from_secs(300);

/// A row of the table of keys.
#[derive(Clone, Debug)]
pub(crate) enum Stored {
    Wrapped(Vec<u8>),
    Erased,
}

/// The table of keys in one database.
pub(crate) trait KeyTable: Send + Sync + 'static {
    /// The rows there are, in any order.
    fn find(&self, subjects: &[SubjectId])
    -> impl Future<Output = Result<Vec<(SubjectId, Stored)>, StoreError>> + Send;
    /// Stores `wrapped` durably unless the subject has a row; returns the row it has then.
    fn insert(
        &self,
        subject: &SubjectId,
        wrapped: Vec<u8>,
        now: Time,
    ) -> impl Future<Output = Result<Stored, StoreError>> + Send;
    /// Leaves a tombstone, and returns once the wrapped key is in none of the database's files.
    fn destroy(&self, subject: &SubjectId, now: Time) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// A table of keys and what has been unwrapped of it.
pub(crate) struct Keys<T> {
    table: T,
    master: MasterKey,
    environment: Arc<dyn Environment>,
    trouble: Trouble,
    cache: Cache<SubjectId, KeyState>,
    /// Counts what has been forgotten, so that a read that began before is not remembered after.
    forgotten: AtomicU64,
}

impl<T: KeyTable> Keys<T> {
    /// `trouble`: of the log in the same database; whoever cannot make a key cannot write.
    pub(crate) fn new(table: T, trouble: &Trouble, master: MasterKey, environment: Arc<dyn Environment>) -> Self {
        let cache = Cache::builder().max_capacity(KEYS_CACHED_MAX).time_to_live(KEY_CACHED_FOR).build();
        Self { table, master, environment, trouble: trouble.clone(), cache, forgotten: AtomicU64::new(0) }
    }

    fn unwrap(&self, subject: &SubjectId, stored: &Stored) -> Result<KeyState, StoreError> {
        match stored {
            Stored::Erased => Ok(KeyState::Erased),
            Stored::Wrapped(wrapped) => match self.master.unwrap(subject, wrapped) {
                Some(key) => Ok(KeyState::Present(key)),
                None => Err(StoreError::new("unwrap a subject key", "it was wrapped by another master key")),
            },
        }
    }

    /// Remembers what a read that began at `began` has found.
    fn remember(&self, subject: &SubjectId, state: &KeyState, began: u64) {
        if self.forgotten.load(Ordering::SeqCst) == began {
            self.cache.insert(subject.clone(), state.clone());
            if self.forgotten.load(Ordering::SeqCst) != began {
                self.cache.invalidate(subject);
            }
        }
    }

    async fn look_up(&self, subjects: &[SubjectId]) -> Result<Vec<KeyState>, StoreError> {
        let mut states: Vec<_> = subjects.iter().map(|subject| self.cache.get(subject)).collect();
        let missing: Vec<_> =
            subjects.iter().zip(&states).filter(|(_, state)| state.is_none()).map(|(s, _)| s.clone()).collect();
        if !missing.is_empty() {
            let began = self.forgotten.load(Ordering::SeqCst);
            for (subject, stored) in self.table.find(&missing).await? {
                let state = self.unwrap(&subject, &stored)?;
                self.remember(&subject, &state, began);
                for (wanted, slot) in subjects.iter().zip(&mut states) {
                    if *wanted == subject {
                        *slot = Some(state.clone());
                    }
                }
            }
        }
        Ok(states.into_iter().map(|state| state.unwrap_or(KeyState::Absent)).collect())
    }
}

impl<T: KeyTable> KeyStore for Keys<T> {
    fn find<'a>(&'a self, subjects: &'a [SubjectId]) -> BoxFuture<'a, Result<Vec<KeyState>, StoreError>> {
        self.look_up(subjects).boxed()
    }

    fn find_or_create<'a>(&'a self, subject: &'a SubjectId) -> BoxFuture<'a, Result<KeyState, StoreError>> {
        async move {
            if let Some(state) = self.cache.get(subject) {
                return Ok(state);
            }
            let began = self.forgotten.load(Ordering::SeqCst);
            let new = SubjectKey::generate(subject.clone(), &*self.environment);
            let wrapped = self.master.wrap(&new, &*self.environment);
            let stored = self.table.insert(subject, wrapped, self.environment.now()).await;
            let stored = stored.inspect_err(|error| self.trouble.failed(error.clone()))?;
            let state = self.unwrap(subject, &stored)?;
            self.remember(subject, &state, began);
            Ok(state)
        }
        .boxed()
    }

    fn destroy<'a>(&'a self, subject: &'a SubjectId) -> BoxFuture<'a, Result<(), StoreError>> {
        async move {
            self.forget(subject);
            let destroyed = self.table.destroy(subject, self.environment.now()).await;
            self.forget(subject);
            destroyed
        }
        .boxed()
    }

    fn forget(&self, subject: &SubjectId) {
        self.forgotten.fetch_add(1, Ordering::SeqCst);
        self.cache.invalidate(subject);
    }

    fn keyed_hash(&self, purpose: &str, text: &str) -> String {
        self.master.keyed_hash(purpose, text)
    }
}
