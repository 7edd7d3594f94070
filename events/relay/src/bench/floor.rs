//! The floor: a bare idempotent producer with the relay's own records, made beforehand.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rdkafka::ClientContext;
use rdkafka::consumer::BaseConsumer;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer, ProducerContext, ThreadedProducer};
use tokio::task::spawn_blocking;
use wac_events::cloudevents::{attributes, context_of, source_of, topic_of};
use wac_events::{EventFilter, EventLog, Position, READ_EVENTS_MAX, ReadRequest, Recorded};

use super::rate;
use crate::record::{self, Keys};
use crate::{RelayConfig, RelayError, partition_of, topics};

/// Events kept in memory for the floor at most; enough for a steady rate.
const FLOOR_EVENTS_MAX: u64 = 200_000;
/// Records sent before the clock starts.
const WARM_UP_RECORDS: usize = 1_000;
/// How long the producer's queue may take to empty.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(120);
/// Pause while the producer's queue is full.
const ROOM_PAUSE: Duration = Duration::from_millis(1);

pub(super) struct Floor {
    pub(super) rate: f64,
    pub(super) record_bytes: u64,
}

/// Counts acknowledgements; all a bare producer does with them.
struct Count(Arc<AtomicU64>);

impl ClientContext for Count {}

impl ProducerContext for Count {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if result.is_ok() {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

struct Prepared {
    topic: String,
    partition: i32,
    key: String,
    payload: String,
    headers: OwnedHeaders,
}

pub(super) async fn measure(log: &dyn EventLog, head: Position, config: &RelayConfig) -> Result<Floor, RelayError> {
    let events = read(log, Position(head.0.min(FLOOR_EVENTS_MAX))).await?;
    let source = source_of(&config.cluster, &config.log_name);
    let bytes: usize = events.iter().map(|event| size_of(event, &source)).sum();
    let record_bytes = (bytes / events.len().max(1)) as u64;
    let prepared = events.iter().map(|event| prepare(event, &source, config)).collect::<Result<Vec<_>, _>>()?;
    drop(events);
    let config = config.clone();
    let handle = tokio::runtime::Handle::current();
    let produce = move || {
        let consumer: BaseConsumer = config.consumer().create().map_err(RelayError::kafka("creating a consumer"))?;
        handle.block_on(topics::ensure(&config, &consumer))?;
        produce(prepared, &config)
    };
    let rate = spawn_blocking(produce).await.map_err(|error| RelayError::Task(error.to_string()))??;
    Ok(Floor { rate, record_bytes })
}

async fn read(log: &dyn EventLog, until: Position) -> Result<Vec<Recorded>, RelayError> {
    let before = Some(Position(until.0 + 1));
    let mut request =
        ReadRequest { after: Position::START, before, filter: EventFilter::default(), limit: READ_EVENTS_MAX };
    let mut events = Vec::new();
    while request.after < until {
        let page = log.read(request.clone()).await?;
        if page.scanned_to <= request.after {
            break;
        }
        request.after = page.scanned_to;
        events.extend(page.events);
    }
    Ok(events)
}

fn size_of(event: &Recorded, source: &str) -> usize {
    let headers: usize = attributes(event, source).iter().map(|(name, value)| name.len() + value.len()).sum();
    headers + event.stream.as_str().len() + event.data.len()
}

fn prepare(event: &Recorded, source: &str, config: &RelayConfig) -> Result<Prepared, RelayError> {
    let key = event.stream.to_string();
    Ok(Prepared {
        topic: topic_of(&config.product, context_of(&event.event_type)),
        partition: partition_of(key.as_bytes(), config.partitions),
        payload: record::payload(event, config.personal_fields, &Keys::new())?.into_owned(),
        headers: record::headers(event, source, config.personal_fields),
        key,
    })
}

fn produce(prepared: Vec<Prepared>, config: &RelayConfig) -> Result<f64, RelayError> {
    let acknowledged = Arc::new(AtomicU64::new(0));
    let producer: ThreadedProducer<Count> = config
        .producer()
        .create_with_context(Count(acknowledged.clone()))
        .map_err(RelayError::kafka("creating the producer"))?;
    let mut prepared = prepared.into_iter();
    // Connections, producer id and the broker's code are warm before the clock starts, as they are for a
    // relay that is active.
    let warm_up: Vec<Prepared> = prepared.by_ref().take(WARM_UP_RECORDS).collect();
    let warmed = warm_up.len() as u64;
    send_all(&producer, warm_up.into_iter())?;
    let count = prepared.len() as u64;
    let started = Instant::now();
    send_all(&producer, prepared)?;
    let elapsed = started.elapsed();
    if acknowledged.load(Ordering::Relaxed) != warmed + count {
        return Err(RelayError::Task("not every record of the floor was acknowledged".to_owned()));
    }
    Ok(rate(count, elapsed))
}

/// Sends all and returns when all are acknowledged or have failed.
fn send_all(producer: &ThreadedProducer<Count>, prepared: impl Iterator<Item = Prepared>) -> Result<(), RelayError> {
    for one in prepared {
        let mut record = BaseRecord::to(&one.topic)
            .partition(one.partition)
            .key(&one.key)
            .payload(&one.payload)
            .headers(one.headers);
        while let Err((error, back)) = producer.send(record) {
            if !matches!(error, KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull)) {
                return Err(RelayError::Kafka { operation: "producing", source: error });
            }
            std::thread::sleep(ROOM_PAUSE);
            record = back;
        }
    }
    producer.flush(FLUSH_TIMEOUT).map_err(RelayError::kafka("waiting for acknowledgements"))
}
