//! Where a node hears of rooms, and where it reports: ports, and the log as both.

use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use wac_commands::{CommandError, CommandHandler, Context, ReportMedia};
use wac_events::{
    AnyEvent, Environment, EventFilter, EventLog, OpeningId, Position, READ_EVENTS_MAX, Recorded, RoomEvent,
    StoreError, StreamId, Subscription,
};
use wac_media::opening_of;

use crate::token::{TokenChecker, TokenKey};

/// Facts about rooms, each with its position.
pub type RoomFacts = Vec<(RoomEvent, Position)>;

/// Tells a node what happens in rooms.
pub trait RoomFeed: Send + Sync + 'static {
    /// What has happened next, in each room in order. Dropping the future loses nothing.
    fn next(&mut self) -> BoxFuture<'_, Result<RoomFacts, StoreError>>;

    /// What has happened in one opening of a room so far, for one that this feed has not told of.
    fn so_far<'a>(
        &'a self,
        stream: &'a StreamId,
        opening: &'a OpeningId,
    ) -> BoxFuture<'a, Result<RoomFacts, StoreError>>;

    /// Whether somebody may know more of a room than this feed has told: then it is worth asking again.
    fn lags(&self) -> bool {
        false
    }
}

/// Why a report was not taken.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// A rule refuses it, and will always.
    #[error("refused: {0}")]
    Refused(String),
    /// It did not get through; it is tried again.
    #[error("{0}")]
    Away(String),
}

/// Takes what a node reports, at least once.
pub trait ReportSink: Send + Sync + 'static {
    /// Returns once the report is durable.
    fn report<'a>(&'a self, report: &'a ReportMedia, ctx: Context) -> BoxFuture<'a, Result<(), ReportError>>;
}

/// What a node stands on.
pub struct MediaPorts {
    /// Checks media tokens.
    pub tokens: Arc<TokenChecker>,
    /// Tells of rooms.
    pub rooms: Box<dyn RoomFeed>,
    /// Takes reports.
    pub reports: Arc<dyn ReportSink>,
    /// Clock and randomness.
    pub env: Arc<dyn Environment>,
}

impl MediaPorts {
    /// Of a node beside its log.
    pub fn of_log(key: &TokenKey, log: Arc<dyn EventLog>, handler: CommandHandler) -> Self {
        let env = handler.environment().clone();
        let rooms = Box::new(LogRooms { log, tail: None });
        Self { tokens: Arc::new(key.checker()), rooms, reports: Arc::new(handler), env }
    }
}

/// The log itself, from its present end on.
struct LogRooms {
    log: Arc<dyn EventLog>,
    tail: Option<Subscription>,
}

impl LogRooms {
    async fn read(&self, stream: &StreamId, opening: &OpeningId) -> Result<RoomFacts, StoreError> {
        let (mut facts, mut from) = (Vec::new(), 1);
        loop {
            let events = self.log.read_stream(stream, from, READ_EVENTS_MAX).await?;
            facts.extend(events.iter().filter_map(room_fact).filter(|(event, _)| opening_of(event) == opening));
            match events.last() {
                Some(last) if events.len() == READ_EVENTS_MAX => from = last.version + 1,
                _ => return Ok(facts),
            }
        }
    }
}

impl RoomFeed for LogRooms {
    fn next(&mut self) -> BoxFuture<'_, Result<RoomFacts, StoreError>> {
        async move {
            if self.tail.is_none() {
                let filter = EventFilter { types: vec!["room.*".to_owned()], ..EventFilter::default() };
                let head = self.log.head().await?.position;
                self.tail = Some(Subscription::new(self.log.clone(), head, filter, READ_EVENTS_MAX));
            }
            let Some(tail) = &mut self.tail else { return Ok(Vec::new()) };
            Ok(tail.next().await?.events.iter().filter_map(room_fact).collect())
        }
        .boxed()
    }

    fn so_far<'a>(
        &'a self,
        stream: &'a StreamId,
        opening: &'a OpeningId,
    ) -> BoxFuture<'a, Result<RoomFacts, StoreError>> {
        self.read(stream, opening).boxed()
    }
}

impl ReportSink for CommandHandler {
    fn report<'a>(&'a self, report: &'a ReportMedia, ctx: Context) -> BoxFuture<'a, Result<(), ReportError>> {
        async move {
            match self.execute(report, ctx).await {
                Ok(_) => Ok(()),
                Err(CommandError::Rejected(rejection)) => Err(ReportError::Refused(rejection.code().to_owned())),
                Err(error) => Err(ReportError::Away(error.to_string())),
            }
        }
        .boxed()
    }
}

fn room_fact(event: &Recorded) -> Option<(RoomEvent, Position)> {
    match AnyEvent::decode_recorded(event) {
        Ok(AnyEvent::Room(room)) => Some((room, event.position)),
        _ => None,
    }
}
