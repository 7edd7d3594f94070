//! Follows what happens in rooms for the shard, and lets people in when it says that they may.

use std::collections::HashSet;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use wac_commands::MediaSessionRef;
use wac_events::{OpeningId, Position, RoomEvent, StoreError, StreamId};
use wac_media::{JoinRejection, Ticket};

use crate::feed::RoomFeed;
use crate::orders::{Joined, Order, Orders};

/// How long to wait after the store has failed.
const STORE_RETRY: Duration = Duration::from_millis(250);

/// Somebody wants to join.
pub(crate) struct Knock {
    pub ticket: Ticket,
    /// What his session is called in the log.
    pub of: MediaSessionRef,
    /// The stream of his room.
    pub stream: StreamId,
    /// He has knocked before, and what he knows of the room has not been heard of here since.
    pub again: bool,
    pub reply: oneshot::Sender<Result<Joined, JoinRejection>>,
}

/// Follows what happens in rooms and answers knocks, until `shutdown`.
pub(crate) struct Desk {
    pub rooms: Box<dyn RoomFeed>,
    pub orders: Orders,
    pub knocks: mpsc::Receiver<Knock>,
    pub shutdown: CancellationToken,
    /// The openings that the shard has been told of.
    pub known: HashSet<OpeningId>,
}

impl Desk {
    /// Runs.
    pub(crate) async fn run(mut self) {
        loop {
            let facts = tokio::select! {
                facts = self.rooms.next() => facts,
                knock = self.knocks.recv() => match knock {
                    Some(knock) => {
                        self.answer(knock).await;
                        continue;
                    }
                    None => return,
                },
                () = self.shutdown.cancelled() => return,
            };
            match facts {
                Ok(facts) => facts.into_iter().for_each(|(event, position)| self.hear(event, position)),
                Err(error) => {
                    tracing::warn!(%error, "the media node cannot hear of rooms");
                    tokio::select! {
                        () = tokio::time::sleep(STORE_RETRY) => {}
                        () = self.shutdown.cancelled() => return,
                    }
                }
            }
        }
    }

    fn hear(&mut self, event: RoomEvent, position: Position) {
        match &event {
            RoomEvent::Created(created) => _ = self.known.insert(created.opening.clone()),
            RoomEvent::Closed(closed) => _ = self.known.remove(&closed.opening),
            _ => {}
        }
        self.orders.say(Order::Fact(Box::new(event), position));
    }

    async fn answer(&mut self, knock: Knock) {
        let unknown = !self.known.contains(&knock.ticket.opening);
        if (unknown || (knock.again && self.rooms.lags()))
            && let Err(error) = self.read_room(&knock.stream, &knock.ticket.opening).await
        {
            tracing::warn!(%error, "the media node cannot read a room");
        }
        self.orders.say(Order::Join(Box::new(knock.ticket), Box::new(knock.of), knock.reply));
    }

    /// Tells the shard what it does not know: an opening from before this node looked.
    async fn read_room(&mut self, stream: &StreamId, opening: &OpeningId) -> Result<(), StoreError> {
        for (event, position) in self.rooms.so_far(stream, opening).await? {
            self.hear(event, position);
        }
        Ok(())
    }
}
