//! The thread that turns batches of events into Kafka records.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseRecord, ThreadedProducer};
use tokio::sync::mpsc;
use wac_events::cloudevents::{CONTEXTS, context_of, source_of, topic_of};
use wac_events::{Position, Recorded};

use crate::delivery::{Callbacks, Delivery};
use crate::record::{self, Keys};
use crate::relay::LeaseClock;
use crate::resume::InKafka;
use crate::{RelayConfig, RelayError, partition_of};

/// How long one wait for room in the producer's queue lasts before the session's end is looked for.
const ROOM_PATIENCE: Duration = Duration::from_millis(50);

/// Events in log order, and the keys their personal fields need.
pub(crate) struct Batch {
    pub(crate) events: Vec<Recorded>,
    pub(crate) keys: Keys,
}

/// One context's topic, and the last position in each of its partitions.
struct Topic {
    context: &'static str,
    name: String,
    guards: Vec<Position>,
}

/// Sends batches until the channel closes or the session stops.
pub(crate) struct Sender {
    pub(crate) producer: Arc<ThreadedProducer<Callbacks>>,
    pub(crate) delivery: Arc<Delivery>,
    pub(crate) lease: LeaseClock,
    config: RelayConfig,
    source: String,
    topics: Vec<Topic>,
}

impl Sender {
    pub(crate) fn new(
        producer: Arc<ThreadedProducer<Callbacks>>,
        delivery: Arc<Delivery>,
        lease: LeaseClock,
        config: RelayConfig,
        found: &InKafka,
    ) -> Self {
        let topic = |context: &'static str| {
            let name = topic_of(&config.product, context);
            let partitions = 0..i32::try_from(config.partitions).unwrap_or(i32::MAX);
            let guards = partitions.map(|partition| found.guard(&name, partition)).collect();
            Topic { context, name, guards }
        };
        let topics = CONTEXTS.iter().map(|(context, _)| topic(context)).collect();
        let source = source_of(&config.cluster, &config.log_name);
        Self { producer, delivery, lease, config, source, topics }
    }

    /// Runs on a thread that may block.
    pub(crate) fn run(self, mut batches: mpsc::Receiver<Batch>) {
        while let Some(batch) = batches.blocking_recv() {
            for event in &batch.events {
                if self.delivery.stop.is_cancelled() {
                    return;
                }
                if let Err(error) = self.send(event, &batch.keys) {
                    self.delivery.fail(error);
                    return;
                }
            }
        }
    }

    fn send(&self, event: &Recorded, keys: &Keys) -> Result<(), RelayError> {
        if self.lease.is_over() {
            return Err(RelayError::LeaseLost);
        }
        let context = context_of(&event.event_type);
        let topic = self.topics.iter().find(|topic| topic.context == context).expect("every context has its topic");
        let key = event.stream.as_str();
        let partition = partition_of(key.as_bytes(), self.config.partitions);
        let guard = usize::try_from(partition).ok().and_then(|index| topic.guards.get(index));
        if guard.is_some_and(|guard| event.position <= *guard) {
            self.delivery.already_there(event.position);
            return Ok(());
        }
        let mode = self.config.personal_fields;
        let payload = record::payload(event, mode, keys)?;
        let opaque = usize::try_from(event.position.0).expect("usize has 64 bits on every platform Kafka runs on");
        // The record's own timestamp stays the time of sending. With the event's (older) time the broker
        // would take the producer for one that ended long ago and forget its sequence numbers at a
        // restart, and its records would be there twice; the event's times are in the headers.
        let record = BaseRecord::with_opaque_to(&topic.name, opaque)
            .key(key)
            .payload(payload.as_ref())
            .partition(partition)
            .headers(record::headers(event, &self.source, mode));
        self.delivery.sending(event.position);
        self.hand_over(record, event.position)
    }

    /// Gives the record to the producer, waiting for room while its queue is full.
    fn hand_over(&self, mut record: BaseRecord<'_, str, str, usize>, position: Position) -> Result<(), RelayError> {
        loop {
            match self.producer.send(record) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                    if self.delivery.stop.is_cancelled() {
                        return Ok(());
                    }
                    self.delivery.wait_for_room(ROOM_PATIENCE);
                    record = back;
                }
                Err((source, _)) => return Err(RelayError::Delivery { position, source }),
            }
        }
    }
}
