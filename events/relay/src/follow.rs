//! The other way round: what a process without a database reads from the topics.

use std::collections::HashMap;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{BorrowedMessage, Headers as _, Message as _};
use rdkafka::{Offset, TopicPartitionList};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use wac_events::cloudevents::{topic_of, type_name};
use wac_events::{Position, Time};

use crate::config::{ADMIN_TIMEOUT, RETRY_PAUSE_MAX, RETRY_PAUSE_MIN};
use crate::{RelayConfig, RelayError};

/// Events that may wait for their reader; beyond, reading pauses.
const WAITING_MAX: usize = 4_096;
/// How long one look for a record lasts, and so how long an end may take.
const POLL: Duration = Duration::from_millis(100);
/// Clocks of two machines, and a record's of its event's, may differ by so much.
const LEEWAY_MS: i64 = 60_000;

/// An event as it stands in a topic.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Followed {
    /// Its place in the log.
    pub position: Position,
    /// Its wire name.
    pub event_type: String,
    /// Version of its payload.
    pub schema_version: u32,
    /// The payload, JSON.
    pub data: String,
}

/// Follows the topic of one context in a thread of its own, for ever: each event once, those of a stream in
/// their order (the guard rule: of each partition what is not beyond the greatest position seen is skipped).
pub struct Follower {
    events: mpsc::Receiver<Followed>,
    shutdown: CancellationToken,
}

impl Follower {
    /// Begins with the events that were recorded at `since`, or a little earlier. As long as Kafka or the topic
    /// is not there it is tried again.
    pub fn start(config: RelayConfig, context: &str, since: Time) -> std::io::Result<Self> {
        let topic = topic_of(&config.product, context);
        let (events, waiting) = mpsc::channel(WAITING_MAX);
        let shutdown = CancellationToken::new();
        let prefix = type_name("", 0).trim_end_matches(".v0").to_owned();
        let ended = shutdown.clone();
        let thread =
            Reading { config, topic, since, prefix, seen: HashMap::new(), next: HashMap::new(), events, ended };
        std::thread::Builder::new().name("kafka follower".to_owned()).spawn(move || thread.run())?;
        Ok(Self { events: waiting, shutdown })
    }

    /// The next event. Dropping the future loses nothing. `None`: the thread has ended.
    pub async fn next(&mut self) -> Option<Followed> {
        self.events.recv().await
    }

    /// The next event if it is there already.
    pub fn next_now(&mut self) -> Option<Followed> {
        self.events.try_recv().ok()
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

struct Reading {
    config: RelayConfig,
    topic: String,
    since: Time,
    /// What outer type names begin with.
    prefix: String,
    /// The greatest position of each partition.
    seen: HashMap<i32, Position>,
    /// Where each partition goes on.
    next: HashMap<i32, i64>,
    events: mpsc::Sender<Followed>,
    ended: CancellationToken,
}

impl Reading {
    fn run(mut self) {
        let mut pause = RETRY_PAUSE_MIN;
        while !self.ended.is_cancelled() {
            let Err(error) = self.follow(&mut pause) else { return };
            tracing::warn!(%error, topic = self.topic, "the topic cannot be read and is tried again");
            std::thread::sleep(pause);
            pause = (pause * 2).min(RETRY_PAUSE_MAX);
        }
    }

    /// Reads until the end; an error if it has to begin anew.
    fn follow(&mut self, pause: &mut Duration) -> Result<(), RelayError> {
        let consumer: BaseConsumer = self.config.consumer().create().map_err(RelayError::kafka("making a client"))?;
        if self.next.is_empty() {
            self.next = self.starts(&consumer)?;
        }
        let mut list = TopicPartitionList::new();
        for (partition, offset) in &self.next {
            list.add_partition_offset(&self.topic, *partition, Offset::Offset(*offset))
                .map_err(RelayError::kafka("choosing where to read"))?;
        }
        consumer.assign(&list).map_err(RelayError::kafka("choosing where to read"))?;
        while !self.ended.is_cancelled() {
            match consumer.poll(POLL) {
                Some(Ok(message)) => {
                    *pause = RETRY_PAUSE_MIN;
                    if !self.take(&message) {
                        return Ok(());
                    }
                }
                Some(Err(source)) => {
                    if source.rdkafka_error_code() == Some(rdkafka::error::RDKafkaErrorCode::OffsetOutOfRange) {
                        self.next.clear();
                    }
                    return Err(RelayError::Kafka { operation: "reading a topic", source });
                }
                None => {}
            }
        }
        Ok(())
    }

    /// Where each partition begins.
    fn starts(&self, consumer: &BaseConsumer) -> Result<HashMap<i32, i64>, RelayError> {
        let metadata = consumer.fetch_metadata(None, ADMIN_TIMEOUT).map_err(RelayError::kafka("reading metadata"))?;
        let topic = metadata.topics().iter().find(|topic| topic.name() == self.topic);
        let partitions: Vec<i32> = topic.into_iter().flat_map(|topic| topic.partitions()).map(|it| it.id()).collect();
        if partitions.is_empty() {
            return Err(RelayError::Configuration(format!("{} is not there yet", self.topic)));
        }
        let mut starts = HashMap::new();
        let mut wanted = TopicPartitionList::new();
        for partition in partitions {
            let ends = consumer.fetch_watermarks(&self.topic, partition, ADMIN_TIMEOUT);
            // Looked at before the times are: what comes between the two is not missed.
            starts.insert(partition, ends.map_err(RelayError::kafka("reading the ends of topics"))?.1);
            let time = Offset::Offset((self.since.millis() - LEEWAY_MS).max(0));
            wanted
                .add_partition_offset(&self.topic, partition, time)
                .map_err(RelayError::kafka("choosing where to read"))?;
        }
        let found = consumer
            .offsets_for_times(wanted, ADMIN_TIMEOUT)
            .map_err(RelayError::kafka("looking for a time in a topic"))?;
        for element in found.elements() {
            if let Offset::Offset(offset) = element.offset() {
                starts.insert(element.partition(), offset);
            }
        }
        Ok(starts)
    }

    /// Hands an event over; false: nobody reads any more.
    fn take(&mut self, message: &BorrowedMessage<'_>) -> bool {
        self.next.insert(message.partition(), message.offset() + 1);
        let Some(event) = self.event(message) else { return true };
        let seen = self.seen.entry(message.partition()).or_default();
        if event.position <= *seen {
            return true;
        }
        *seen = event.position;
        self.events.blocking_send(event).is_ok()
    }

    /// `None`: no event of a log.
    fn event(&self, message: &BorrowedMessage<'_>) -> Option<Followed> {
        let header = |name: &str| {
            let found = message.headers()?.iter().find(|header| header.key == name)?.value?;
            std::str::from_utf8(found).ok()
        };
        let (event_type, version) = header("ce_type")?.strip_prefix(&self.prefix)?.rsplit_once(".v")?;
        Some(Followed {
            position: Position(header("ce_sequence")?.parse().ok()?),
            event_type: event_type.to_owned(),
            schema_version: version.parse().ok()?,
            data: std::str::from_utf8(message.payload()?).ok()?.to_owned(),
        })
    }
}
