//! Single users by id, ready to be sent: what every client asks for most.

use std::sync::Arc;

use axum::http::HeaderValue;
use bytes::Bytes;
use wac_events::{DomainId, Position, UserId};

use super::user_json::{full, limited};
use crate::freshness::Stamp;
use crate::write::etag;
use crate::{Platform, Problem};

/// Most users remembered at once.
pub(crate) const USERS_MAX: u64 = 20_000;

/// A user as its answer.
pub(crate) struct CachedUser {
    pub(crate) id: UserId,
    pub(crate) domain: DomainId,
    pub(crate) full: Bytes,
    pub(crate) limited: Bytes,
    pub(crate) etag: HeaderValue,
    stamp: Stamp<2>,
}

/// The cache.
pub(crate) struct UserCache(moka::sync::Cache<UserId, Arc<CachedUser>>);

impl Default for UserCache {
    fn default() -> Self {
        Self(moka::sync::Cache::new(USERS_MAX))
    }
}

impl UserCache {
    /// Forgets an erased person: nothing of it stays in memory either.
    pub(crate) fn forget(&self, id: &UserId) {
        self.0.invalidate(id);
    }

    /// An entry that still holds, and is not older than `min`.
    pub(crate) fn find(&self, platform: &Platform, id: &UserId, min: Option<Position>) -> Option<Arc<CachedUser>> {
        let freshness = &platform.freshness;
        let user = self.0.get(id)?;
        let covered = min.is_none_or(|min| min <= freshness.tail());
        (covered && freshness.is_trusted() && freshness.holds(&user.stamp)).then_some(user)
    }

    /// Reads a user from rows and remembers it.
    pub(crate) async fn load(platform: &Platform, id: &UserId) -> Result<Option<Arc<CachedUser>>, Problem> {
        // Asked first: the rows read afterwards are not older.
        let position = platform.rows.position("users").await?.min(platform.rows.position("domains").await?);
        let Some(user) = platform.reads.user(id).await? else { return Ok(None) };
        let bytes = |value: serde_json::Value| Bytes::from(value.to_string());
        let cached = Arc::new(CachedUser {
            id: user.id.clone(),
            domain: user.domain.clone(),
            full: bytes(full(&user)),
            limited: bytes(limited(&user)),
            etag: etag(user.version),
            stamp: platform.freshness.stamp([&user.id.stream(), &user.domain.stream()], position),
        });
        platform.users.0.insert(id.clone(), cached.clone());
        Ok(Some(cached))
    }
}
