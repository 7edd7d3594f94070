//! The relay's own position in Kafka: everything up to it is delivered.

use rdkafka::producer::{BaseRecord, ThreadedProducer};
use serde::{Deserialize, Serialize};
use wac_events::Position;

use crate::delivery::{Callbacks, NO_EVENT};
use crate::topics::position_topic;
use crate::{LeaseEpoch, RelayConfig, RelayError};

/// The value of a record in the position topic; its key is [`key`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PositionRecord {
    /// Every event up to here is in its topic.
    pub(crate) position: Position,
    /// The grant under which it was written; for people who look.
    pub(crate) epoch: u64,
}

/// One key for each log: the source of its events.
pub(crate) fn key(config: &RelayConfig) -> String {
    wac_events::cloudevents::source_of(&config.cluster, &config.log_name)
}

/// Hands the position to the producer; it is on its way, not yet delivered.
pub(crate) fn write(
    producer: &ThreadedProducer<Callbacks>,
    config: &RelayConfig,
    position: Position,
    epoch: LeaseEpoch,
) -> Result<(), RelayError> {
    let value = serde_json::to_string(&PositionRecord { position, epoch: epoch.0 }).expect("numbers can be written");
    let (topic, key) = (position_topic(&config.product), key(config));
    let record = BaseRecord::with_opaque_to(&topic, NO_EVENT).key(&key).payload(&value).partition(0);
    producer.send(record).map_err(|(source, _)| RelayError::Kafka { operation: "writing the position", source })
}
