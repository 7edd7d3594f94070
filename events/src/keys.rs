//! The key store port: per-person keys, kept outside the log.

use futures::future::BoxFuture;

use crate::{StoreError, SubjectId, SubjectKey};

/// What is known of a subject's key.
#[derive(Clone, Debug)]
pub enum KeyState {
    /// It exists.
    Present(SubjectKey),
    /// There has never been one.
    Absent,
    /// It has been destroyed; it never comes back.
    Erased,
}

impl KeyState {
    /// The key, if it exists.
    pub fn key(&self) -> Option<&SubjectKey> {
        match self {
            KeyState::Present(key) => Some(key),
            KeyState::Absent | KeyState::Erased => None,
        }
    }
}

/// Keeps subject keys, wrapped by the deployment's master key. Implementations cache what they
/// unwrap, and forget it when the key is destroyed, by whichever node.
pub trait KeyStore: Send + Sync + 'static {
    /// The keys of these subjects, in their order.
    fn find<'a>(&'a self, subjects: &'a [SubjectId]) -> BoxFuture<'a, Result<Vec<KeyState>, StoreError>>;

    /// The subject's key, made and stored durably if there has never been one. An erased one
    /// stays erased.
    fn find_or_create<'a>(&'a self, subject: &'a SubjectId) -> BoxFuture<'a, Result<KeyState, StoreError>>;

    /// Destroys the key for good and leaves a tombstone. Destroying twice is the same as once.
    fn destroy<'a>(&'a self, subject: &'a SubjectId) -> BoxFuture<'a, Result<(), StoreError>>;

    /// Forgets a cached key: another node has destroyed it.
    fn forget(&self, subject: &SubjectId);

    /// A keyed hash under the deployment's key, for names that must be found but not shown.
    fn keyed_hash(&self, purpose: &str, text: &str) -> String;
}
