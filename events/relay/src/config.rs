//! How a relay is set up, and its bounds.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::ClientConfig;
use serde::{Deserialize, Serialize};
use wac_events::cloudevents::PRODUCT;

/// Partitions of a topic unless configured otherwise.
pub(crate) const PARTITIONS_DEFAULT: u32 = 8;
/// Events read from the log at once.
pub(crate) const READ_BATCH_EVENTS: usize = 2_000;
/// Batches that may wait between reading and sending.
pub(crate) const READ_AHEAD_BATCHES: usize = 4;
/// Events that may wait for their acknowledgement; beyond, sending pauses.
pub(crate) const IN_FLIGHT_EVENTS_MAX: usize = 100_000;
/// Memory that events waiting for their acknowledgement may take, in KiB.
pub(crate) const IN_FLIGHT_KIB_MAX: usize = 64 * 1024;
/// Largest Kafka record, in bytes; topics are created with it.
pub(crate) const RECORD_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Bound of one request to Kafka's administration.
pub(crate) const ADMIN_TIMEOUT: Duration = Duration::from_secs(10);
/// How long events under way may take to be acknowledged at a shutdown.
pub(crate) const SHUTDOWN_FLUSH_TIMEOUT: Duration = Duration::from_secs(3);
/// How often the relayed position is written to Kafka and the log's head is looked at.
pub(crate) const HOUSEKEEPING_EVERY: Duration = Duration::from_secs(1);
/// Pause before the first new attempt after a failure; it doubles up to [`RETRY_PAUSE_MAX`].
pub(crate) const RETRY_PAUSE_MIN: Duration = Duration::from_millis(200);
/// Longest pause between attempts.
pub(crate) const RETRY_PAUSE_MAX: Duration = Duration::from_secs(5);
/// How long the producer gathers events before it sends them, in milliseconds. Under load batches
/// fill while earlier ones are under way, so waiting longer would cost latency and bring nothing.
const LINGER_MS: u32 = 2;
/// Longest pause of the client library between attempts to reach a broker, in milliseconds.
const RECONNECT_PAUSE_MAX_MS: u32 = 2_000;

/// What becomes of personal fields on their way to Kafka. Secrets (password hashes and the like)
/// never get there in any mode; an empty object stands in their place.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PersonalFieldsMode {
    /// They stay sealed under their person's key; erasing the person makes them unreadable.
    #[default]
    Encrypted,
    /// An empty object stands in their place, as after an erasure.
    Omitted,
    /// Plain text, `null` once erased. An erasure does not reach what is already in Kafka.
    Clear,
}

impl PersonalFieldsMode {
    /// The name in configuration and in the header `ce_personalfields`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Encrypted => "encrypted",
            Self::Omitted => "omitted",
            Self::Clear => "clear",
        }
    }

    /// Reads the name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Encrypted, Self::Omitted, Self::Clear].into_iter().find(|mode| mode.as_str() == name)
    }
}

/// How a relay is set up.
#[derive(Clone, Debug)]
pub struct RelayConfig {
    /// Bootstrap servers, `host:port` separated by commas.
    pub brokers: String,
    /// Name of the deployment; part of every event's `ce_source`.
    pub cluster: String,
    /// Name of the log; part of every event's `ce_source`.
    pub log_name: String,
    /// First part of every topic's name.
    pub product: String,
    /// Partitions of every event topic. Fixed for the life of a topic: another number would send a
    /// stream elsewhere and end its order.
    pub partitions: u32,
    /// Replicas of topics that are created; -1 leaves it to the broker.
    pub replication: i32,
    /// What becomes of personal fields.
    pub personal_fields: PersonalFieldsMode,
    /// Settings of event topics that are created, name and value, beside the relay's own
    /// (`cleanup.policy=delete`, `retention.ms=-1`).
    pub topic_settings: BTreeMap<String, String>,
    /// Settings of the Kafka client (`security.protocol`, `sasl.mechanism` …), as librdkafka
    /// names them. Those the relay's promises rest on cannot be changed.
    pub client_settings: BTreeMap<String, String>,
}

impl RelayConfig {
    /// The defaults, for these bootstrap servers.
    pub fn new(brokers: impl Into<String>) -> Self {
        Self {
            brokers: brokers.into(),
            cluster: "default".to_owned(),
            log_name: "main".to_owned(),
            product: PRODUCT.to_owned(),
            partitions: PARTITIONS_DEFAULT,
            replication: -1,
            personal_fields: PersonalFieldsMode::default(),
            topic_settings: BTreeMap::new(),
            client_settings: BTreeMap::new(),
        }
    }

    /// What every client of this relay has in common.
    pub(crate) fn client(&self) -> ClientConfig {
        let mut client = ClientConfig::new();
        client.set("client.id", "wac-relay").set("reconnect.backoff.max.ms", RECONNECT_PAUSE_MAX_MS.to_string());
        self.client_settings.iter().for_each(|(name, value)| {
            client.set(name, value);
        });
        client.set("bootstrap.servers", &self.brokers);
        client
    }

    /// The producer: idempotent, acknowledged by all replicas, never giving up by itself.
    pub(crate) fn producer(&self) -> ClientConfig {
        let mut producer = self.client();
        let ours = [
            ("enable.idempotence", "true".to_owned()),
            ("acks", "all".to_owned()),
            ("max.in.flight.requests.per.connection", "5".to_owned()),
            ("message.timeout.ms", "0".to_owned()),
            ("message.max.bytes", RECORD_BYTES_MAX.to_string()),
            ("queue.buffering.max.messages", IN_FLIGHT_EVENTS_MAX.to_string()),
            ("queue.buffering.max.kbytes", IN_FLIGHT_KIB_MAX.to_string()),
        ];
        ours.into_iter().for_each(|(name, value)| {
            producer.set(name, value);
        });
        for (name, value) in [("linger.ms", LINGER_MS.to_string()), ("compression.type", "lz4".to_owned())] {
            if !self.client_settings.contains_key(name) {
                producer.set(name, value);
            }
        }
        producer
    }

    /// A consumer that is told what to read and commits nothing.
    pub(crate) fn consumer(&self) -> ClientConfig {
        let mut consumer = self.client();
        consumer
            .set("group.id", "wac-relay-resume")
            .set("enable.auto.commit", "false")
            .set("auto.offset.reset", "error")
            .set("fetch.wait.max.ms", "20");
        consumer
    }
}
