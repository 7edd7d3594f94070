//! What can go wrong with a relay. Everything but a bad configuration is tried again.

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use wac_events::{Position, StoreError};

/// Why a relay, or one attempt of it, ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RelayError {
    /// The configuration cannot work.
    #[error("relay configuration: {0}")]
    Configuration(String),
    /// Kafka refused or could not be reached.
    #[error("{operation}: {source}")]
    Kafka {
        /// What was being done.
        operation: &'static str,
        /// The client library's error.
        source: KafkaError,
    },
    /// A topic could not be created.
    #[error("topic {topic} cannot be created: {code}")]
    Topic {
        /// Its name.
        topic: String,
        /// Kafka's reason.
        code: RDKafkaErrorCode,
    },
    /// A topic has another number of partitions than is configured.
    #[error("topic {topic} has {actual} partitions and the relay is configured for {expected}")]
    Partitions {
        /// Its name.
        topic: String,
        /// Configured.
        expected: u32,
        /// What Kafka says.
        actual: u32,
    },
    /// Kafka holds positions beyond the log's end: the log is a restored backup, or another one.
    #[error(
        "Kafka has events up to position {kafka}, the log ends at {head}: not the log these topics were filled from"
    )]
    LogBehindKafka {
        /// The greatest position found in Kafka.
        kafka: Position,
        /// The log's head.
        head: Position,
    },
    /// At one position Kafka and the log have different events.
    #[error(
        "at position {position} Kafka has event {kafka} and the log {log}: not the log these topics were filled from"
    )]
    AnotherLog {
        /// Where they differ.
        position: Position,
        /// Id of Kafka's event.
        kafka: String,
        /// Id of the log's event.
        log: String,
    },
    /// What stands in a topic is not what a relay writes.
    #[error("topic {topic}, partition {partition}: {problem}")]
    ForeignRecord {
        /// Its name.
        topic: String,
        /// Its partition.
        partition: i32,
        /// What is wrong.
        problem: &'static str,
    },
    /// An event could not be delivered.
    #[error("the event at position {position} was not delivered: {source}")]
    Delivery {
        /// Which.
        position: Position,
        /// Why.
        source: KafkaError,
    },
    /// An event's payload cannot be rewritten for the chosen mode of personal fields.
    #[error("the payload of the event at position {position} is not JSON: {source}")]
    Payload {
        /// Which.
        position: Position,
        /// Why.
        source: serde_json::Error,
    },
    /// The log or the key store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Another node has the lease, or this one could not renew it in time.
    #[error("the relay's lease is lost")]
    LeaseLost,
    /// A task of the relay ended in a panic: a bug.
    #[error("a relay task failed: {0}")]
    Task(String),
}

impl RelayError {
    /// Names the operation that failed.
    pub(crate) fn kafka(operation: &'static str) -> impl FnOnce(KafkaError) -> Self {
        move |source| Self::Kafka { operation, source }
    }
}
