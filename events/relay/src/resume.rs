//! Where to go on: the last record of every partition, the relay's own position, and the check
//! that Kafka was filled from this very log.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::{Offset, TopicPartitionList};
use wac_events::{EventFilter, EventLog, Position, ReadRequest};

use crate::config::ADMIN_TIMEOUT;
use crate::position::{PositionRecord, key};
use crate::topics::{event_topics, position_topic};
use crate::{RelayConfig, RelayError};

/// How long reading what Kafka has may take without a single record coming.
const SILENCE_MAX: Duration = Duration::from_secs(10);
/// How often a partition's leader is looked for.
const LEADER_POLL: Duration = Duration::from_millis(50);

/// The last event of one partition.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct LastEvent {
    pub(crate) position: Position,
    pub(crate) event_id: String,
}

/// What Kafka has.
#[derive(Clone, Debug, Default)]
pub(crate) struct InKafka {
    /// The relay's own position: where to read the log from.
    pub(crate) relayed: Position,
    /// The last event of every partition that has one.
    pub(crate) last: HashMap<(String, i32), LastEvent>,
}

impl InKafka {
    /// The greatest position in a partition; nothing up to it may be sent there again.
    pub(crate) fn guard(&self, topic: &str, partition: i32) -> Position {
        // A lookup by reference would need a key type of its own; this runs once a session.
        self.last.get(&(topic.to_owned(), partition)).map_or(Position::START, |last| last.position)
    }
}

/// Reads what Kafka has. Blocks; bounded by the client's timeouts.
pub(crate) fn read(config: &RelayConfig, consumer: &BaseConsumer) -> Result<InKafka, RelayError> {
    read_those(config, consumer, &event_topics(&config.product), &key(config))
}

/// Reads what these topics have, and the bookmark under `key`.
pub(crate) fn read_those(
    config: &RelayConfig,
    consumer: &BaseConsumer,
    topics: &[String],
    key: &str,
) -> Result<InKafka, RelayError> {
    let partitions = i32::try_from(config.partitions).unwrap_or(i32::MAX);
    let all = topics.iter().flat_map(|topic| (0..partitions).map(move |partition| (topic.as_str(), partition)));
    let mut starts = TopicPartitionList::new();
    let mut ends = HashMap::new();
    for (topic, partition) in all {
        let (low, high) = watermarks(consumer, topic, partition)?;
        if high > low {
            add(&mut starts, topic, partition, high - 1)?;
            ends.insert((topic.to_owned(), partition), high - 1);
        }
    }
    let position = position_topic(&config.product);
    let (low, high) = watermarks(consumer, &position, 0)?;
    if high > low {
        add(&mut starts, &position, 0, low)?;
        ends.insert((position.clone(), 0), high - 1);
    }
    let mut found = InKafka::default();
    drain(consumer, &starts, ends, |message| {
        if message.topic() == position {
            found.relayed = relayed(message, key, found.relayed)?;
        } else {
            found.last.insert((message.topic().to_owned(), message.partition()), last_event(message)?);
        }
        Ok(())
    })?;
    Ok(found)
}

/// First and next offset of a partition; waits for the leader of one that has just been created.
fn watermarks(consumer: &BaseConsumer, topic: &str, partition: i32) -> Result<(i64, i64), RelayError> {
    let deadline = Instant::now() + ADMIN_TIMEOUT;
    loop {
        match consumer.fetch_watermarks(topic, partition, ADMIN_TIMEOUT) {
            Ok(ends) => return Ok(ends),
            Err(error) if error.rdkafka_error_code().is_some_and(is_without_leader) && Instant::now() < deadline => {
                std::thread::sleep(LEADER_POLL);
            }
            Err(source) => return Err(RelayError::Kafka { operation: "reading the ends of topics", source }),
        }
    }
}

fn is_without_leader(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode::{LeaderNotAvailable, NotLeaderForPartition, UnknownPartition, UnknownTopicOrPartition};
    matches!(code, LeaderNotAvailable | NotLeaderForPartition | UnknownPartition | UnknownTopicOrPartition)
}

fn add(list: &mut TopicPartitionList, topic: &str, partition: i32, offset: i64) -> Result<(), RelayError> {
    list.add_partition_offset(topic, partition, Offset::Offset(offset))
        .map_err(RelayError::kafka("choosing where to read"))
}

/// Reads from `starts` until every partition of `ends` has given its last offset.
fn drain(
    consumer: &BaseConsumer,
    starts: &TopicPartitionList,
    mut ends: HashMap<(String, i32), i64>,
    mut visit: impl FnMut(&BorrowedMessage<'_>) -> Result<(), RelayError>,
) -> Result<(), RelayError> {
    consumer.assign(starts).map_err(RelayError::kafka("choosing where to read"))?;
    let mut deadline = Instant::now() + SILENCE_MAX;
    while !ends.is_empty() {
        match consumer.poll(Duration::from_millis(100)) {
            Some(Ok(message)) => {
                deadline = Instant::now() + SILENCE_MAX;
                visit(&message)?;
                let partition = (message.topic().to_owned(), message.partition());
                if ends.get(&partition).is_some_and(|end| message.offset() >= *end) {
                    ends.remove(&partition);
                }
            }
            Some(Err(source)) => return Err(RelayError::Kafka { operation: "reading the last events", source }),
            None if Instant::now() >= deadline => {
                let source =
                    rdkafka::error::KafkaError::MessageConsumption(rdkafka::types::RDKafkaErrorCode::OperationTimedOut);
                return Err(RelayError::Kafka { operation: "reading the last events", source });
            }
            None => {}
        }
    }
    consumer.unassign().map_err(RelayError::kafka("ending the reading"))
}

/// The position after this record of the position topic: any record's claim holds, so the greatest
/// counts; a record without a value takes them all back.
fn relayed(message: &BorrowedMessage<'_>, key: &str, so_far: Position) -> Result<Position, RelayError> {
    if message.key() != Some(key.as_bytes()) {
        return Ok(so_far);
    }
    let Some(value) = message.payload() else { return Ok(Position::START) };
    let record: PositionRecord = serde_json::from_slice(value).map_err(|_| foreign(message, "not a relay position"))?;
    Ok(so_far.max(record.position))
}

fn foreign(message: &BorrowedMessage<'_>, problem: &'static str) -> RelayError {
    RelayError::ForeignRecord { topic: message.topic().to_owned(), partition: message.partition(), problem }
}

fn last_event(message: &BorrowedMessage<'_>) -> Result<LastEvent, RelayError> {
    let header = |name: &str| {
        let found = message.headers()?.iter().find(|header| header.key == name)?.value?;
        std::str::from_utf8(found).ok()
    };
    let sequence = header("ce_sequence").and_then(|text| text.parse().ok());
    let position = sequence.ok_or_else(|| foreign(message, "the last record has no ce_sequence"))?;
    let event_id = header("ce_id").ok_or_else(|| foreign(message, "the last record has no ce_id"))?;
    Ok(LastEvent { position: Position(position), event_id: event_id.to_owned() })
}

/// Refuses to go on if Kafka was not filled from this log.
pub(crate) async fn check_log(log: &dyn EventLog, found: &InKafka) -> Result<(), RelayError> {
    let head = log.head().await?.position;
    let kafka = found.last.values().map(|last| last.position).max().unwrap_or_default().max(found.relayed);
    if kafka > head {
        return Err(RelayError::LogBehindKafka { kafka, head });
    }
    for last in found.last.values() {
        let position = last.position;
        let after = Position(position.0.saturating_sub(1));
        let before = Some(Position(position.0 + 1));
        let page = log.read(ReadRequest { after, before, filter: EventFilter::default(), limit: 1 }).await?;
        // Nothing there: retention has removed it from the log.
        let Some(event) = page.events.first() else { continue };
        let log = event.event_id.to_string();
        if log != last.event_id {
            return Err(RelayError::AnotherLog { position, kafka: last.event_id.clone(), log });
        }
    }
    Ok(())
}
