use std::collections::VecDeque;
use std::sync::Arc;

use wac_commands::CommandHandler;
use wac_events::{EventFilter, Position, ReadRequest, SessionId, StoreError, UserId};

use crate::{Follower, MediaNodes, Notice};

/// Most events one page of the log brings while a device catches up.
pub const MISSED_PAGE_EVENTS: usize = 1_000;

/// The events that notices come of, and those that change what somebody is called.
pub const SIGNALING_TYPES: &[&str] =
    &["room.*", "invite.*", "transfer.*", "session.closed", "user.*", "domain.*", "subject.erased"];

/// What a device, or everybody, has missed: the notices after a position, in order, up to the end of
/// the log as it was when this was made. Presence is not among them: whoever subscribes is told what holds now.
pub struct Missed {
    handler: CommandHandler,
    follower: Follower,
    /// Whose notices; everybody's unless one device is meant.
    device: Option<(UserId, SessionId)>,
    after: Position,
    until: Position,
    ready: VecDeque<Notice>,
}

impl Missed {
    /// From `after` (exclusive) to `until` (inclusive), for a device.
    pub fn new(handler: CommandHandler, user: UserId, session: SessionId, after: Position, until: Position) -> Self {
        Self { device: Some((user, session)), ..Self::by_everybody(handler, after, until) }
    }

    /// The same for everybody at once.
    pub fn by_everybody(handler: CommandHandler, after: Position, until: Position) -> Self {
        let follower = Follower::new(handler.clone());
        Self { handler, follower, device: None, after, until, ready: VecDeque::new() }
    }

    /// As [`Follower::calling_rooms_by_user`].
    #[must_use]
    pub fn calling_rooms_by_user(mut self, by_user: bool) -> Self {
        self.follower = self.follower.calling_rooms_by_user(by_user);
        self
    }

    /// As [`Follower::with_media`].
    #[must_use]
    pub fn with_media(mut self, media: Arc<dyn MediaNodes>) -> Self {
        self.follower = self.follower.with_media(media);
        self
    }

    /// Everything up to here has been looked at.
    pub fn position(&self) -> Position {
        self.after
    }

    /// The next notice; `None` at the end. Reads a page at a time.
    pub async fn next(&mut self) -> Result<Option<Notice>, StoreError> {
        loop {
            if let Some(notice) = self.ready.pop_front() {
                return Ok(Some(notice));
            }
            if self.after >= self.until {
                return Ok(None);
            }
            self.read().await?;
        }
    }

    async fn read(&mut self) -> Result<(), StoreError> {
        let types = SIGNALING_TYPES.iter().map(|name| (*name).to_owned()).collect();
        let request = ReadRequest {
            after: self.after,
            before: Some(Position(self.until.0.saturating_add(1))),
            filter: EventFilter { types, ..EventFilter::default() },
            limit: MISSED_PAGE_EVENTS,
        };
        let page = self.handler.log().read(request).await?;
        for event in &page.events {
            let told = self.follower.follow(event).await?;
            let concerned = |notice: &Notice| match &self.device {
                Some((user, session)) => notice.to.reaches(user, session),
                None => true,
            };
            self.ready.extend(told.into_iter().filter(concerned));
        }
        // A page that does not move has seen the end of the log.
        self.after = if page.scanned_to > self.after { page.scanned_to } else { self.until };
        Ok(())
    }
}
