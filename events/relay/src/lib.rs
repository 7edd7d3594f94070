//! Publishes the event log to Kafka.
