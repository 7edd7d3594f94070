//! Flat call records on their own topic: one Kafka record for each leg of a call that is over.
//!
//! The log says when; what the record holds comes through the port [`CallRecords`]. Delivery is that of the events: at
//! least once, in the order of the log within a partition, keyed by the call, with the position of the event that
//! made it as `ce_sequence`, so that the same guard rule removes what was sent twice.

use std::sync::Arc;
use std::time::Duration;

use futures::future::{BoxFuture, try_join_all};
use rdkafka::consumer::BaseConsumer;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::util::Timeout;
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;
use wac_events::call_record::{CALL_RECORD_TYPE, CALL_RECORD_VERSION};
use wac_events::cloudevents::{PRODUCT, schema_uri, source_of};
use wac_events::{DomainId, EventFilter, EventLog, Position, Recorded, StoreError, Subscription};

use crate::position::PositionRecord;
use crate::relay::LeaseClock;
use crate::resume::{self, InKafka};
use crate::topics::{self, calls_topic, position_topic};
use crate::{LeaseEpoch, RelayConfig, RelayError, RelayProgress, partition_of};

/// Events looked at between two bookmarks.
const BATCH_EVENTS: usize = 500;
/// A bookmark is written after records, else only once this many events went by.
const BOOKMARK_EVERY: u64 = 1_000;
/// How often the log's head is looked at while nothing happens.
const IDLE: Duration = Duration::from_secs(5);

/// One call record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CallLine {
    /// The call it belongs to: the record's key.
    pub call: String,
    /// The tenant.
    pub domain: DomainId,
    /// JSON object.
    pub value: String,
}

/// Makes records of what is over.
pub trait CallRecords: Send + Sync + 'static {
    /// The wire names of events after which there is a record, or another one.
    fn wants(&self) -> &'static [&'static str];

    /// The record after each of these events, made from what was known then or later; `None`: there is none.
    fn records<'a>(&'a self, events: &'a [Recorded]) -> BoxFuture<'a, Result<Vec<Option<CallLine>>, StoreError>>;
}

/// What a session works with.
pub(crate) struct CallsSession {
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) records: Arc<dyn CallRecords>,
    pub(crate) config: RelayConfig,
    pub(crate) progress: Arc<RelayProgress>,
    pub(crate) lease: LeaseClock,
    pub(crate) epoch: LeaseEpoch,
    pub(crate) stop: CancellationToken,
}

/// The bookmark's key: another source than the events'.
fn source(config: &RelayConfig) -> String {
    format!("{}/calls", source_of(&config.cluster, &config.log_name))
}

impl CallsSession {
    /// Relays until `stop` or a failure.
    pub(crate) async fn run(self) -> Result<(), RelayError> {
        let stop = self.stop.clone();
        tokio::select! {
            outcome = self.follow() => outcome,
            // What is under way is not bookmarked, and is found in Kafka next time.
            () = stop.cancelled() => Ok(()),
        }
    }

    async fn follow(&self) -> Result<(), RelayError> {
        let found = self.look_into_kafka().await?;
        resume::check_log(&*self.log, &found).await?;
        tracing::info!(position = found.relayed.0, "writing call records to Kafka behind this position");
        let producer: FutureProducer =
            self.config.producer().create().map_err(RelayError::kafka("creating the producer"))?;
        self.progress.set_active(true);
        let types = self.records.wants().iter().map(|want| (*want).to_owned()).collect();
        let filter = EventFilter { types, ..EventFilter::default() };
        let mut events = Subscription::new(self.log.clone(), found.relayed, filter, BATCH_EVENTS);
        let mut bookmark = found.relayed;
        loop {
            let Some(page) = events.poll_now().await? else {
                self.log.wait_beyond(events.position(), IDLE).await;
                continue;
            };
            let sent = self.send(&producer, &page.events, &found).await?;
            if sent > 0 || page.scanned_to.0 >= bookmark.0 + BOOKMARK_EVERY {
                self.write_bookmark(&producer, page.scanned_to).await?;
                bookmark = page.scanned_to;
            }
        }
    }

    /// Makes sure the topic is there and reads where to go on.
    async fn look_into_kafka(&self) -> Result<InKafka, RelayError> {
        let config = self.config.clone();
        let handle = Handle::current();
        let look = move || {
            let consumer: BaseConsumer =
                config.consumer().create().map_err(RelayError::kafka("creating a consumer"))?;
            let topic = calls_topic(&config.product);
            handle.block_on(topics::ensure_those(&config, &consumer, &[(topic.clone(), config.partitions)]))?;
            resume::read_those(&config, &consumer, &[topic], &source(&config))
        };
        spawn_blocking(look).await.map_err(|error| RelayError::Task(error.to_string()))?
    }

    /// Sends the records of a page and waits until Kafka has them; how many there were.
    async fn send(&self, producer: &FutureProducer, events: &[Recorded], found: &InKafka) -> Result<usize, RelayError> {
        let mut sending = Vec::new();
        for (event, line) in events.iter().zip(self.records.records(events).await?) {
            let Some(line) = line else { continue };
            if self.lease.is_over() {
                return Err(RelayError::LeaseLost);
            }
            let topic = calls_topic(&self.config.product);
            let partition = partition_of(line.call.as_bytes(), self.config.partitions);
            if event.position > found.guard(&topic, partition) {
                sending.push(self.deliver(producer, event, line, topic, partition));
            }
        }
        Ok(try_join_all(sending).await?.len())
    }

    async fn deliver(
        &self,
        producer: &FutureProducer,
        event: &Recorded,
        line: CallLine,
        topic: String,
        partition: i32,
    ) -> Result<(), RelayError> {
        let record = FutureRecord::to(&topic)
            .key(&line.call)
            .payload(&line.value)
            .partition(partition)
            .headers(self.headers(event, &line));
        let position = event.position;
        let sent = producer.send(record, Timeout::Never).await;
        sent.map(drop).map_err(|(source, _)| RelayError::Delivery { position, source })
    }

    fn headers(&self, event: &Recorded, line: &CallLine) -> OwnedHeaders {
        let attributes = [
            ("ce_specversion", "1.0".to_owned()),
            ("ce_id", event.event_id.to_string()),
            ("ce_source", source(&self.config)),
            ("ce_type", format!("io.{PRODUCT}.{CALL_RECORD_TYPE}.v{CALL_RECORD_VERSION}")),
            ("ce_subject", format!("calls/{}", line.call)),
            ("ce_time", event.occurred_at.to_string()),
            ("ce_sequence", format!("{:020}", event.position.0)),
            ("ce_partitionkey", line.call.clone()),
            ("ce_dataschema", schema_uri(CALL_RECORD_TYPE, CALL_RECORD_VERSION)),
            ("ce_tenantid", line.domain.to_string()),
            ("content-type", "application/json".to_owned()),
        ];
        let empty = OwnedHeaders::new_with_capacity(attributes.len());
        attributes
            .iter()
            .fold(empty, |headers, (key, value)| headers.insert(Header { key, value: Some(value.as_str()) }))
    }

    async fn write_bookmark(&self, producer: &FutureProducer, position: Position) -> Result<(), RelayError> {
        let record = PositionRecord { position, epoch: self.epoch.0 };
        let value = serde_json::to_string(&record).expect("numbers can be written");
        let (topic, key) = (position_topic(&self.config.product), source(&self.config));
        let record = FutureRecord::to(&topic).key(&key).payload(&value).partition(0);
        let written = producer.send(record, Timeout::Never).await;
        written.map_err(|(source, _)| RelayError::Kafka { operation: "writing the position", source })?;
        self.progress.set_relayed(position);
        Ok(())
    }
}
