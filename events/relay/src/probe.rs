//! Whether Kafka answers.

use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};

use crate::{RelayConfig, RelayError};

/// Asks the brokers who belongs to their cluster; how many do. Blocks its thread, for `patience` at most.
///
/// Errors: nobody answered as Kafka does, or the client's settings are not accepted.
pub fn brokers(config: &RelayConfig, patience: Duration) -> Result<usize, RelayError> {
    let consumer: BaseConsumer = config.consumer().create().map_err(RelayError::kafka("making a client"))?;
    let metadata = consumer.fetch_metadata(None, patience).map_err(RelayError::kafka("reading metadata"))?;
    Ok(metadata.brokers().len())
}
