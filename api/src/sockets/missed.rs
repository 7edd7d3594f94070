//! What a device has missed, from the log: for who was away longer than this node remembers.

use wac_events::{Position, StoreError};
use wac_signaling::Missed;

use super::Close;
use super::limits::RESUME_NOTICES_MAX;
use super::outbox::Message;
use super::socket::Socket;
use crate::Platform;

impl Platform {
    /// The notices of a signaling socket beyond `after` and up to `until`, oldest first, but no more
    /// than [`RESUME_NOTICES_MAX`] and one. Too far back: `signaling.resumeWindow`.
    pub(super) async fn missed_from_log(
        &self,
        socket: &Socket,
        after: Position,
        until: Position,
    ) -> Result<Vec<Message>, Close> {
        let missed = async {
            if after < self.oldest_resumable().await? {
                return Ok(None);
            }
            match self.missed_together(socket, after, until).await? {
                Some(missed) => Ok(Some(missed)),
                None => self.read_missed(socket, after, until).await.map(Some),
            }
        };
        match missed.await {
            Ok(Some(missed)) => Ok(missed),
            Ok(None) => Err(Close::TooFarBack),
            Err(error) => {
                tracing::warn!(%error, "a socket cannot be told what it missed");
                Err(Close::Restart)
            }
        }
    }

    async fn read_missed(&self, socket: &Socket, after: Position, until: Position) -> Result<Vec<Message>, StoreError> {
        let place = self.sockets.resumes.acquire().await;
        let _place = place.map_err(|closed| StoreError::new("wait to read what was missed", closed))?;
        let by_user = self.config.signaling.rooms.user_id_as_room_id;
        let missed = Missed::new(self.handler.clone(), socket.user.clone(), socket.session.clone(), after, until);
        let missed = missed.with_media(self.sockets.signaling.media().clone());
        let mut missed = missed.calling_rooms_by_user(by_user);
        let mut messages = Vec::new();
        while messages.len() <= RESUME_NOTICES_MAX
            && let Some(notice) = missed.next().await?
        {
            if socket.hears(&notice) {
                messages.push(Message::new(notice.position, notice.text(&socket.domain)));
            }
        }
        Ok(messages)
    }
}
