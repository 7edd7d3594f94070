//! One attempt: connect, find out where to go on, and relay until something ends it.

use std::sync::Arc;

use rdkafka::consumer::BaseConsumer;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{Producer, ThreadedProducer};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;
use wac_events::{EventFilter, EventLog, KeyStore, Position, Subscription};

use crate::config::{HOUSEKEEPING_EVERY, READ_AHEAD_BATCHES, READ_BATCH_EVENTS, SHUTDOWN_FLUSH_TIMEOUT};
use crate::delivery::{Callbacks, Delivery};
use crate::relay::LeaseClock;
use crate::resume::{self, InKafka};
use crate::sender::{Batch, Sender};
use crate::{LeaseEpoch, RelayConfig, RelayError, RelayProgress, position, record, topics};

/// What a session works with.
pub(crate) struct Session {
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) keys: Arc<dyn KeyStore>,
    pub(crate) config: RelayConfig,
    pub(crate) progress: Arc<RelayProgress>,
    pub(crate) lease: LeaseClock,
    pub(crate) epoch: LeaseEpoch,
    /// Cancelled at a shutdown and when the lease is lost.
    pub(crate) stop: CancellationToken,
}

impl Session {
    /// Relays until `stop` or a failure.
    pub(crate) async fn run(self) -> Result<(), RelayError> {
        let found = tokio::select! {
            found = self.look_into_kafka() => found?,
            () = self.stop.cancelled() => return Ok(()),
        };
        resume::check_log(&*self.log, &found).await?;
        tracing::info!(position = found.relayed.0, "relaying to Kafka behind this position");
        let delivery = Delivery::new(found.relayed, self.progress.clone(), self.stop.child_token());
        let producer: ThreadedProducer<Callbacks> = self
            .config
            .producer()
            .create_with_context(Callbacks(delivery.clone()))
            .map_err(RelayError::kafka("creating the producer"))?;
        let producer = Arc::new(producer);
        self.progress.set_active(true);
        self.pump(&producer, &delivery, &found).await;
        let failure = delivery.take_failure();
        self.close(producer, delivery, failure.is_none()).await?;
        failure.map_or(Ok(()), Err)
    }

    /// Makes sure the topics are there and reads where to go on.
    async fn look_into_kafka(&self) -> Result<InKafka, RelayError> {
        let config = self.config.clone();
        let handle = Handle::current();
        let look = move || {
            let consumer: BaseConsumer =
                config.consumer().create().map_err(RelayError::kafka("creating a consumer"))?;
            handle.block_on(topics::ensure(&config, &consumer))?;
            resume::read(&config, &consumer)
        };
        spawn_blocking(look).await.map_err(|error| RelayError::Task(error.to_string()))?
    }

    /// Reads, sends and keeps house until the delivery's token is cancelled.
    async fn pump(&self, producer: &Arc<ThreadedProducer<Callbacks>>, delivery: &Arc<Delivery>, found: &InKafka) {
        let (batches, received) = mpsc::channel(READ_AHEAD_BATCHES);
        let sender = Sender::new(producer.clone(), delivery.clone(), self.lease.clone(), self.config.clone(), found);
        let sending = spawn_blocking(move || sender.run(received));
        let failed = tokio::select! {
            error = self.read(found.relayed, batches) => Some(error),
            error = self.keep_house(producer, delivery) => Some(error),
            () = delivery.stop.cancelled() => None,
        };
        if let Some(error) = failed {
            delivery.fail(error);
        }
        if let Err(panic) = sending.await {
            delivery.fail(RelayError::Task(panic.to_string()));
        }
    }

    /// Reads the log behind `after` into the channel; ends only by an error.
    async fn read(&self, after: Position, batches: mpsc::Sender<Batch>) -> RelayError {
        let mut events = Subscription::new(self.log.clone(), after, EventFilter::default(), READ_BATCH_EVENTS);
        loop {
            let page = match events.next().await {
                Ok(page) => page,
                Err(error) => return error.into(),
            };
            let keys = match record::keys_of(&page.events, self.config.personal_fields, &*self.keys).await {
                Ok(keys) => keys,
                Err(error) => return error.into(),
            };
            if batches.send(Batch { events: page.events, keys }).await.is_err() {
                // The sender has ended and has said why.
                return RelayError::Task("the sender ended".to_owned());
            }
        }
    }

    /// Looks at the log's head and writes the relayed position; ends only by an error.
    async fn keep_house(&self, producer: &ThreadedProducer<Callbacks>, delivery: &Delivery) -> RelayError {
        let mut written = delivery.acknowledged();
        let mut ticks = tokio::time::interval(HOUSEKEEPING_EVERY);
        loop {
            ticks.tick().await;
            match self.log.head().await {
                Ok(head) => self.progress.set_head(head.position, head.recorded_at),
                Err(error) => return error.into(),
            }
            let acknowledged = delivery.acknowledged();
            if acknowledged == written {
                continue;
            }
            match position::write(producer, &self.config, acknowledged, self.epoch) {
                Ok(()) => written = acknowledged,
                Err(RelayError::Kafka {
                    source: KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), ..
                }) => {} // Written at a later tick.
                Err(error) => return error,
            }
        }
    }

    /// Waits for what is under way, writes the last position, and lets go of the producer.
    async fn close(
        &self,
        producer: Arc<ThreadedProducer<Callbacks>>,
        delivery: Arc<Delivery>,
        orderly: bool,
    ) -> Result<(), RelayError> {
        let (config, epoch, lease) = (self.config.clone(), self.epoch, self.lease.clone());
        let end = move || {
            if orderly && !lease.is_over() {
                let flushed = producer.flush(SHUTDOWN_FLUSH_TIMEOUT).and_then(|()| {
                    // Events that never reached the producer do not count: the position is what is acknowledged.
                    let _ = position::write(&producer, &config, delivery.acknowledged(), epoch);
                    producer.flush(SHUTDOWN_FLUSH_TIMEOUT)
                });
                if let Err(error) = flushed {
                    tracing::warn!(%error, "events were still under way to Kafka at the end; they are sent again");
                }
            }
            // Dropping the producer gives up what is still queued, and blocks for a moment.
            drop(producer);
        };
        spawn_blocking(end).await.map_err(|error| RelayError::Task(error.to_string()))
    }
}
