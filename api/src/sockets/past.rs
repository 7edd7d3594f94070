//! What happened before this node remembers, read from the log once for all who come back to it: a
//! node that has just started meets every device of the one that ended.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Mutex;
use wac_events::{Position, StoreError};
use wac_signaling::{Missed, Notice, RECENT_NOTICES_MAX, Recent};

use super::limits::{PAST_KEPT, PAST_POSITIONS_MAX};
use super::outbox::Message;
use super::socket::Socket;
use crate::Platform;

/// How often what a device has missed is put together anew because this node has forgotten a part
/// of it meanwhile.
const ATTEMPTS_MAX: usize = 3;
/// How old the answer to "how far back may one resume" may be.
const WINDOW_AGE_MAX: Duration = Duration::from_secs(1);

/// What was read, and who waits for more.
pub(super) struct Past {
    /// The least position somebody waits for.
    wanted: AtomicU64,
    kept: Mutex<Option<Kept>>,
    oldest: std::sync::Mutex<Option<(Instant, Position)>>,
}

struct Kept {
    recent: Recent,
    from: Position,
    used: Instant,
}

impl Default for Past {
    fn default() -> Self {
        Self { wanted: AtomicU64::new(u64::MAX), kept: Mutex::default(), oldest: std::sync::Mutex::default() }
    }
}

impl Kept {
    fn covers(&self, after: Position, until: Position) -> bool {
        self.from <= after && until <= self.recent.position()
    }
}

impl Platform {
    /// Positions below this are too far back (`signaling.resumeWindow`).
    pub(super) async fn oldest_resumable(&self) -> Result<Position, StoreError> {
        let window = self.config.signaling.sockets.resume_window;
        let oldest = &self.sockets.past.oldest;
        let known = *oldest.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, position)) = known
            && at.elapsed() < WINDOW_AGE_MAX.min(window / 10)
        {
            return Ok(position);
        }
        let at = Instant::now();
        let position = self.log.position_at(self.env.now().minus(window)).await?;
        *oldest.lock().unwrap_or_else(PoisonError::into_inner) = Some((at, position));
        Ok(position)
    }

    /// What a signaling socket has missed beyond `after` and up to `until`, oldest first; `None` if
    /// that is farther back than is read for all.
    pub(super) async fn missed_together(
        &self,
        socket: &Socket,
        after: Position,
        until: Position,
    ) -> Result<Option<Vec<Message>>, StoreError> {
        for _ in 0..ATTEMPTS_MAX {
            let here = self.sockets.hub.remembers_from().min(until);
            let Some(before) = self.missed_before(socket, after, here).await? else { return Ok(None) };
            if let Some(since) = self.sockets.hub.missed(socket, here, until) {
                let told = before.iter().filter(|notice| notice.position <= here && socket.hears(notice));
                let mut messages: Vec<Message> =
                    told.map(|notice| Message::of(notice, notice.text(&socket.domain))).collect();
                messages.extend(since);
                return Ok(Some(messages));
            }
        }
        Ok(None)
    }

    async fn missed_before(
        &self,
        socket: &Socket,
        after: Position,
        until: Position,
    ) -> Result<Option<Vec<Arc<Notice>>>, StoreError> {
        if after.0.saturating_add(PAST_POSITIONS_MAX) < until.0 {
            return Ok(None);
        }
        let past = &self.sockets.past;
        past.wanted.fetch_min(after.0, Ordering::AcqRel);
        let mut kept = past.kept.lock().await;
        if !kept.as_ref().is_some_and(|kept| kept.covers(after, until)) {
            // Whoever else waits for the lock is served by the same reading.
            let wanted = Position(past.wanted.swap(u64::MAX, Ordering::AcqRel)).min(after);
            let known = kept.as_ref().map_or(wanted, |kept| kept.from.min(wanted));
            let from = known.max(Position(until.0.saturating_sub(PAST_POSITIONS_MAX)));
            let recent = self.read_for_all(from, until).await?;
            if kept.is_none() {
                self.forget_past_in_time();
            }
            *kept = Some(Kept { recent, from, used: Instant::now() });
        }
        let Some(kept) = &mut *kept else { return Ok(None) };
        kept.used = Instant::now();
        Ok(kept.recent.since(&socket.user, &socket.session, after))
    }

    async fn read_for_all(&self, from: Position, until: Position) -> Result<Recent, StoreError> {
        let by_user = self.config.signaling.rooms.user_id_as_room_id;
        let missed = Missed::by_everybody(self.handler.clone(), from, until);
        let missed = missed.with_media(self.sockets.signaling.media().clone());
        let mut missed = missed.calling_rooms_by_user(by_user);
        let mut recent = Recent::new(from, RECENT_NOTICES_MAX);
        while let Some(notice) = missed.next().await? {
            recent.push(notice.position, &[Arc::new(notice)]);
        }
        recent.push(until, &[]);
        Ok(recent)
    }

    fn forget_past_in_time(&self) {
        let platform = self.clone();
        self.sockets.tasks.spawn(async move {
            loop {
                tokio::select! {
                    () = platform.closing.cancelled() => return,
                    () = tokio::time::sleep(PAST_KEPT) => {}
                }
                let mut kept = platform.sockets.past.kept.lock().await;
                if kept.as_ref().is_none_or(|kept| kept.used.elapsed() >= PAST_KEPT) {
                    *kept = None;
                    return;
                }
            }
        });
    }
}
