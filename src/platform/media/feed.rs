//! Room events from Kafka, for a media node without a database.

use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use tokio::sync::oneshot;
use wac_events::cloudevents::context_of;
use wac_events::{OpeningId, Position, RoomEvent, StoreError, StreamId, Time};
use wac_media_io::{RoomFacts, RoomFeed};
use wac_relay::{Followed, Follower, RelayConfig};

use super::link::RoomFact;
use super::remote::RemoteLink;

/// Events handed over at a time.
const BATCH_EVENTS: usize = 1_000;

/// The topic of rooms, from the time on when the oldest open room was opened: it tells of all of them.
pub(crate) struct KafkaRooms {
    config: RelayConfig,
    since: oneshot::Receiver<Time>,
    follower: Option<Follower>,
    link: Arc<RemoteLink>,
}

impl KafkaRooms {
    /// Follows as soon as it is known from when on.
    pub(crate) fn new(config: RelayConfig, since: oneshot::Receiver<Time>, link: Arc<RemoteLink>) -> Self {
        Self { config, since, follower: None, link }
    }

    async fn follower(&mut self) -> Result<&mut Follower, StoreError> {
        const OPERATION: &str = "follow the topic of rooms";
        if self.follower.is_none() {
            let since = (&mut self.since).await.map_err(|error| StoreError::new(OPERATION, error))?;
            let started = Follower::start(self.config.clone(), context_of("room"), since);
            self.follower = Some(started.map_err(|error| StoreError::new(OPERATION, error))?);
        }
        self.follower.as_mut().ok_or_else(|| StoreError::new(OPERATION, "it has not begun"))
    }
}

fn fact(followed: Followed) -> Option<(RoomEvent, Position)> {
    let Followed { position, event_type, schema_version, data } = followed;
    RoomFact { position, event_type, schema_version, data }.decoded()
}

impl RoomFeed for KafkaRooms {
    fn next(&mut self) -> BoxFuture<'_, Result<RoomFacts, StoreError>> {
        async move {
            let ended = || StoreError::new("follow the topic of rooms", "its thread has ended");
            let follower = self.follower().await?;
            let first = follower.next().await.ok_or_else(ended)?;
            let mut facts: RoomFacts = fact(first).into_iter().collect();
            while facts.len() < BATCH_EVENTS
                && let Some(followed) = follower.next_now()
            {
                facts.extend(fact(followed));
            }
            Ok(facts)
        }
        .boxed()
    }

    /// The topic tells of every open room from its beginning, but sometimes late: while another relay takes over
    /// from one that has died.
    fn so_far<'a>(
        &'a self,
        stream: &'a StreamId,
        opening: &'a OpeningId,
    ) -> BoxFuture<'a, Result<RoomFacts, StoreError>> {
        async move {
            let facts = self.link.room(stream, opening).await;
            let facts = facts.map_err(|error| StoreError::new("ask for a room", crate::sentence(&error)))?;
            Ok(facts.iter().filter_map(RoomFact::decoded).collect())
        }
        .boxed()
    }

    fn lags(&self) -> bool {
        true
    }
}
