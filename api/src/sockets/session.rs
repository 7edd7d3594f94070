//! The session behind a socket: whose it is now, and that it lasts while it is used.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use wac_commands::session::ExtendSession;
use wac_events::{ClientId, DomainId, SessionId, StoreError, UserId};

use super::Close;
use super::limits::EXTEND_EVERY;
use crate::freshness::Stamp;
use crate::{Caller, Platform};

/// Why a session ended whose user or client is gone.
const GONE: &str = "revoked";

/// The caller of a socket. It outlives his access token, but not his session.
pub(super) struct Person {
    session: SessionId,
    /// His domain when he connected.
    domain: DomainId,
    known: Mutex<(Arc<Caller>, Option<Stamp<3>>)>,
}

impl Person {
    /// As he was authenticated.
    pub(super) fn new(caller: Arc<Caller>) -> Self {
        let (session, domain) = (SessionId::of_token(&caller.token), caller.domain.clone());
        Self { session, domain, known: Mutex::new((caller, None)) }
    }

    fn known(&self) -> (Arc<Caller>, Option<Stamp<3>>) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// As he is now: with his present role, while his session is open and he is where he was.
    pub(super) async fn present(&self, platform: &Platform) -> Result<Arc<Caller>, PersonError> {
        let (caller, stamp) = self.known();
        let freshness = &platform.freshness;
        if stamp.is_some_and(|stamp| freshness.is_trusted() && freshness.holds(&stamp)) {
            return Ok(caller);
        }
        let position = platform.log.head().await?.position;
        let (session, nobody) = (self.session.stream(), ClientId::from("").stream());
        let user = caller.user.as_ref().map_or_else(|| nobody.clone(), UserId::stream);
        let client = caller.client.as_ref().map_or(nobody, ClientId::stream);
        let mut streams = vec![session.clone(), user.clone()];
        streams.extend(caller.client.as_ref().map(ClientId::stream));
        let world = platform.handler.load(&streams).await?;
        let present = caller.user.as_ref().map(|id| world.user(id)).filter(|user| user.exists());
        let client_is_there = caller.client.as_ref().is_none_or(|id| world.client(id).exists());
        let Some(present) = present.filter(|_| client_is_there && world.session(&self.session).is_open()) else {
            return Err(PersonError::Ended);
        };
        if present.domain != self.domain {
            return Err(PersonError::Moved);
        }
        let caller = Arc::new(Caller { role: present.role, ..Caller::clone(&caller) });
        let stamp = freshness.stamp([&session, &user, &client], position);
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = (caller.clone(), Some(stamp));
        Ok(caller)
    }
}

/// Why nobody knows who is asking.
pub(super) enum PersonError {
    /// The session has ended.
    Ended,
    /// Its user has moved to another domain; what the socket is told is of the old one.
    Moved,
    /// The store does not answer.
    Store(StoreError),
}

impl From<StoreError> for PersonError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<PersonError> for Close {
    fn from(error: PersonError) -> Self {
        match error {
            PersonError::Ended => Close::SessionEnded(GONE),
            PersonError::Moved => Close::Forbidden,
            PersonError::Store(error) => {
                tracing::warn!(%error, "a socket's session cannot be looked up");
                Close::Restart
            }
        }
    }
}

impl Platform {
    /// How often a socket says that its session is used. Short sessions are told more often.
    pub(super) fn use_interval(&self) -> Duration {
        EXTEND_EVERY.min(Duration::from_secs(self.config.session_s) / 4)
    }

    /// A session is in use: it lasts longer, if that was not said lately.
    pub(super) fn use_session(&self, user: &UserId, session: &SessionId) {
        let (platform, user, session) = (self.clone(), user.clone(), session.clone());
        self.sockets.tasks.spawn(async move {
            let Ok(world) = platform.handler.load(&[session.stream()]).await else { return };
            let known = world.session(&session);
            let until = platform.session_until(platform.env.now());
            if !known.is_open() || until.since(known.expires_at) < platform.use_interval() {
                return;
            }
            let command = ExtendSession { id: session, expires_at: until };
            if let Err(error) = platform.execute_as(&user, &command).await {
                tracing::debug!(%error, "a session in use was not extended");
            }
        });
    }
}
