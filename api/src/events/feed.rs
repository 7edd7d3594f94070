//! Events as they happen, for one reader: read at the reader's pace, and ended in time.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use wac_events::{EventFilter, Position, Subscription};

use super::{Shown, Watch, shown};
use crate::{Caller, Platform, Problem};

/// Most events held for one reader. A reader that is slow holds no more than that: the rest stays
/// in the log until he asks for it.
pub const FEED_PAGE_EVENTS: usize = 100;
/// How often the reader's token is looked at; a revoked one ends the feed within this.
pub const WATCH_INTERVAL: Duration = Duration::from_secs(1);

/// Why a feed has ended.
#[derive(Debug)]
pub(crate) enum FeedEnd {
    /// The server shuts down.
    Shutdown,
    /// The reader's token has expired or been revoked, or his rights have changed.
    TokenEnded,
    /// The log cannot be read.
    Failed(Problem),
}

/// One reader's feed.
pub(crate) struct Feed {
    platform: Platform,
    watch: Watch,
    subscription: Subscription,
    held: VecDeque<Shown>,
    next_look: Instant,
}

impl Feed {
    /// Everything behind `after` that matches `filter`, which the caller may see.
    pub(crate) fn new(platform: Platform, caller: Caller, filter: EventFilter, after: Position) -> Self {
        let subscription = Subscription::new(platform.log.clone(), after, filter, FEED_PAGE_EVENTS);
        Self { platform, watch: Watch::new(caller), subscription, held: VecDeque::new(), next_look: Instant::now() }
    }

    /// The next event; waits for it.
    pub(crate) async fn next(&mut self) -> Result<Shown, FeedEnd> {
        let Self { platform, watch, subscription, held, next_look } = self;
        loop {
            look(platform, watch, next_look).await?;
            if let Some(event) = held.pop_front() {
                return Ok(event);
            }
            // One wait for the log, however often the token is looked at meanwhile.
            let mut page = std::pin::pin!(subscription.next());
            let page = loop {
                tokio::select! {
                    () = platform.closing.cancelled() => return Err(FeedEnd::Shutdown),
                    page = &mut page => break page,
                    () = sleep_until(*next_look) => look(platform, watch, next_look).await?,
                }
            };
            let page = page.map_err(|error| FeedEnd::Failed(error.into()))?;
            *held = shown(page.events, &*platform.keys).await.map_err(FeedEnd::Failed)?.into();
            // A token that has ended by now must not see what is in the page.
            *next_look = Instant::now();
        }
    }
}

async fn look(platform: &Platform, watch: &mut Watch, next_look: &mut Instant) -> Result<(), FeedEnd> {
    if platform.closing.is_cancelled() {
        return Err(FeedEnd::Shutdown);
    }
    if Instant::now() < *next_look {
        return Ok(());
    }
    *next_look = Instant::now() + WATCH_INTERVAL;
    match watch.holds(platform).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(FeedEnd::TokenEnded),
        Err(error) => Err(FeedEnd::Failed(error.into())),
    }
}
