//! Follows the log for the shard, and lets people in when the log says that they may.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use wac_commands::MediaSessionRef;
use wac_events::{
    AnyEvent, EventFilter, EventLog, OpeningId, READ_EVENTS_MAX, Recorded, RoomEvent, StoreError, StreamId,
    Subscription,
};
use wac_media::{JoinRejection, Ticket, opening_of};

use crate::shard::{Joined, Order, Orders};

/// How long to wait after the store has failed.
const STORE_RETRY: Duration = Duration::from_millis(250);

/// Somebody wants to join.
pub(crate) struct Knock {
    pub ticket: Ticket,
    /// What his session is called in the log.
    pub of: MediaSessionRef,
    /// The stream of his room.
    pub stream: StreamId,
    pub reply: oneshot::Sender<Result<Joined, JoinRejection>>,
}

/// Follows the log and answers knocks, until `shutdown`.
pub(crate) struct Desk {
    pub log: Arc<dyn EventLog>,
    pub orders: Orders,
    pub knocks: mpsc::Receiver<Knock>,
    pub shutdown: CancellationToken,
    /// The openings that the shard has been told of.
    pub known: HashSet<OpeningId>,
}

impl Desk {
    /// Runs.
    pub(crate) async fn run(mut self) {
        let Some(mut tail) = self.tail().await else { return };
        loop {
            let page = tokio::select! {
                page = tail.next() => page,
                knock = self.knocks.recv() => match knock {
                    Some(knock) => {
                        self.answer(knock).await;
                        continue;
                    }
                    None => return,
                },
                () = self.shutdown.cancelled() => return,
            };
            match page {
                Ok(page) => page.events.iter().for_each(|event| self.hear(event)),
                Err(error) => {
                    tracing::warn!(%error, "the media node cannot read the log");
                    tokio::time::sleep(STORE_RETRY).await;
                }
            }
        }
    }

    /// The log from its present end on; rooms opened before are read when somebody knocks.
    async fn tail(&self) -> Option<Subscription> {
        loop {
            match self.log.head().await {
                Ok(head) => {
                    let filter = EventFilter { types: vec!["room.*".to_owned()], ..EventFilter::default() };
                    return Some(Subscription::new(self.log.clone(), head.position, filter, READ_EVENTS_MAX));
                }
                Err(error) => tracing::warn!(%error, "the media node cannot read the log"),
            }
            tokio::select! {
                () = tokio::time::sleep(STORE_RETRY) => {}
                () = self.shutdown.cancelled() => return None,
            }
        }
    }

    fn hear(&mut self, event: &Recorded) {
        let Some(room) = room_event(event) else { return };
        match &room {
            RoomEvent::Created(created) => _ = self.known.insert(created.opening.clone()),
            RoomEvent::Closed(closed) => _ = self.known.remove(&closed.opening),
            _ => {}
        }
        self.orders.say(Order::Fact(Box::new(room), event.position));
    }

    async fn answer(&mut self, knock: Knock) {
        if !self.known.contains(&knock.ticket.opening)
            && let Err(error) = self.read_room(&knock.stream, &knock.ticket.opening).await
        {
            tracing::warn!(%error, "the media node cannot read a room");
        }
        self.orders.say(Order::Join(Box::new(knock.ticket), Box::new(knock.of), knock.reply));
    }

    /// Tells the shard what it does not know: an opening from before this node looked.
    async fn read_room(&mut self, stream: &StreamId, opening: &OpeningId) -> Result<(), StoreError> {
        let mut from = 1;
        loop {
            let events = self.log.read_stream(stream, from, READ_EVENTS_MAX).await?;
            let Some(last) = events.last() else { return Ok(()) };
            from = last.version + 1;
            let of_opening = |event: &RoomEvent| opening_of(event) == opening;
            for event in &events {
                if room_event(event).is_some_and(|room| of_opening(&room)) {
                    self.hear(event);
                }
            }
            if events.len() < READ_EVENTS_MAX {
                return Ok(());
            }
        }
    }
}

fn room_event(event: &Recorded) -> Option<RoomEvent> {
    match AnyEvent::decode_recorded(event) {
        Ok(AnyEvent::Room(room)) => Some(room),
        _ => None,
    }
}
