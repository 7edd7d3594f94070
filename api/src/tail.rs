//! Follows the log's tail on this node and tells the caches what has moved.

use std::time::Duration;

use wac_events::{AnyEvent, EventFilter, Position, READ_EVENTS_MAX, ReadRequest, Recorded, StoreError, TokenEvent};

use crate::Platform;
use crate::sockets::Listening;

/// How long one wait for new events lasts at most; the tail is confirmed at least this often.
const POLL: Duration = Duration::from_secs(1);
/// How long to wait after the store has failed.
const STORE_RETRY: Duration = Duration::from_millis(250);

/// Follows the log for ever; drop the future to end it. Each event is read once for the whole node:
/// for its caches, and for the devices that have sockets here. Until it runs, and whenever the store has
/// not answered for [`TAIL_TRUST`](crate::freshness::TAIL_TRUST), nothing is served from caches.
pub async fn follow_log(platform: Platform) {
    let mut position = loop {
        match platform.log.head().await {
            Ok(head) => break head.position,
            Err(error) => pause(&error).await,
        }
    };
    let mut listening = Listening::start(&platform, position);
    platform.freshness.start_at(position);
    loop {
        if let Err(error) = next(&platform, listening.as_mut(), &mut position).await {
            pause(&error).await;
        }
    }
}

async fn pause(error: &StoreError) {
    tracing::warn!(%error, "the log's tail cannot be read");
    tokio::time::sleep(STORE_RETRY).await;
}

/// Reads and handles one page; `position` moves with every event that has been handled.
async fn next(
    platform: &Platform,
    mut listening: Option<&mut Listening>,
    position: &mut Position,
) -> Result<(), StoreError> {
    let (after, filter) = (*position, EventFilter::default());
    let page = platform.log.read(ReadRequest { after, before: None, filter, limit: READ_EVENTS_MAX }).await?;
    page.events.iter().for_each(|event| touch(platform, event));
    let to = page.scanned_to.max(after);
    // Caches first: whoever is told of an event may ask about it at once.
    platform.freshness.confirm(to);
    platform.metrics.position(to);
    for event in &page.events {
        if let Some(listening) = &mut listening {
            listening.hear(event).await?;
        }
        *position = event.position;
    }
    if let Some(listening) = listening {
        listening.reach(to);
    }
    *position = to;
    if to == after {
        platform.log.wait_beyond(after, POLL).await;
    }
    Ok(())
}

fn touch(platform: &Platform, event: &Recorded) {
    platform.freshness.touch(&event.stream, event.position);
    match &*event.event_type {
        // A log-in moves its user's `lastLogin`.
        "token.issued" => {
            if let Ok(AnyEvent::Token(TokenEvent::Issued(issued))) = AnyEvent::decode_recorded(event)
                && let Some(user) = issued.user
            {
                platform.freshness.touch(&user.stream(), event.position);
            }
        }
        // Another node may have destroyed the key.
        "subject.erased" => {
            platform.handler.forget(&event.stream.id().into());
            platform.users.forget(&event.stream.id().into());
        }
        _ => {}
    }
}
