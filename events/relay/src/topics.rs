//! The topics: their names, and that they are there.

use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::RDKafkaErrorCode;
use wac_events::cloudevents::{self, CONTEXTS, TOPICS_MAJOR};

use crate::config::{ADMIN_TIMEOUT, RECORD_BYTES_MAX};
use crate::{RelayConfig, RelayError};

/// Partitions of the position topic.
const POSITION_PARTITIONS: u32 = 1;
/// How often a new topic's leaders are looked for.
const LEADERS_POLL: Duration = Duration::from_millis(50);

/// `<product>.<context>.events.v<major>`, one for each context.
pub fn event_topics(product: &str) -> Vec<String> {
    CONTEXTS.iter().map(|(context, _)| cloudevents::topic_of(product, context)).collect()
}

/// `<product>.cdr.records.v<major>`: flat call records.
pub fn calls_topic(product: &str) -> String {
    format!("{product}.cdr.records.v{TOPICS_MAJOR}")
}

/// Where a relay remembers up to which position everything is delivered; compacted, one key a log.
pub fn position_topic(product: &str) -> String {
    format!("{product}.relay-position.v{TOPICS_MAJOR}")
}

/// Creates the topics that are missing, and checks the partitions of all.
pub(crate) async fn ensure(config: &RelayConfig, consumer: &BaseConsumer) -> Result<(), RelayError> {
    ensure_those(config, consumer, &wanted(config)).await
}

/// Creates those topics that are missing, the position topic among them, and checks their partitions.
pub(crate) async fn ensure_those(
    config: &RelayConfig,
    consumer: &BaseConsumer,
    wanted: &[(String, u32)],
) -> Result<(), RelayError> {
    let position = (position_topic(&config.product), POSITION_PARTITIONS);
    let wanted: Vec<_> = wanted.iter().cloned().chain([position]).collect();
    let missing = missing(&wanted, consumer)?;
    if !missing.is_empty() {
        create(config, &missing).await?;
        await_leaders(&missing, consumer).await?;
        tracing::info!(topics = ?missing.iter().map(|(name, _)| name).collect::<Vec<_>>(), "created topics");
    }
    Ok(())
}

/// Waits until new topics have a leader for every partition.
async fn await_leaders(created: &[(String, u32)], consumer: &BaseConsumer) -> Result<(), RelayError> {
    let deadline = Instant::now() + ADMIN_TIMEOUT;
    loop {
        let metadata = consumer.fetch_metadata(None, ADMIN_TIMEOUT).map_err(RelayError::kafka("reading metadata"))?;
        let led = |name: &str, partitions: u32| {
            let topic = metadata.topics().iter().find(|topic| topic.name() == name);
            topic.is_some_and(|topic| {
                let led = topic.partitions().iter().filter(|partition| partition.leader() >= 0);
                u32::try_from(led.count()) == Ok(partitions)
            })
        };
        // Past the deadline the first request to the partition tells better what is wrong.
        if created.iter().all(|(name, partitions)| led(name, *partitions)) || Instant::now() >= deadline {
            return Ok(());
        }
        tokio::time::sleep(LEADERS_POLL).await;
    }
}

fn wanted(config: &RelayConfig) -> Vec<(String, u32)> {
    event_topics(&config.product).into_iter().map(|topic| (topic, config.partitions)).collect()
}

/// Those of `wanted` that do not exist; an error if one has other partitions than wanted.
fn missing(wanted: &[(String, u32)], consumer: &BaseConsumer) -> Result<Vec<(String, u32)>, RelayError> {
    // All topics at once: asking for one by name makes some brokers create it.
    let metadata = consumer.fetch_metadata(None, ADMIN_TIMEOUT).map_err(RelayError::kafka("reading metadata"))?;
    let mut missing = Vec::new();
    for (name, partitions) in wanted {
        match metadata.topics().iter().find(|topic| topic.name() == name) {
            None => missing.push((name.clone(), *partitions)),
            Some(topic) => {
                let actual = u32::try_from(topic.partitions().len()).unwrap_or(u32::MAX);
                if actual != *partitions {
                    return Err(RelayError::Partitions { topic: name.clone(), expected: *partitions, actual });
                }
            }
        }
    }
    Ok(missing)
}

async fn create(config: &RelayConfig, missing: &[(String, u32)]) -> Result<(), RelayError> {
    let client = config.client();
    let admin: AdminClient<DefaultClientContext> =
        client.create().map_err(RelayError::kafka("creating an administration client"))?;
    let record_bytes_max = RECORD_BYTES_MAX.to_string();
    let position = position_topic(&config.product);
    let topics: Vec<NewTopic<'_>> = missing
        .iter()
        .map(|(name, partitions)| {
            let partitions = i32::try_from(*partitions).unwrap_or(i32::MAX);
            let topic = NewTopic::new(name, partitions, TopicReplication::Fixed(config.replication));
            if *name == position { position_settings(topic) } else { event_settings(topic, config, &record_bytes_max) }
        })
        .collect();
    let options = AdminOptions::new().request_timeout(Some(ADMIN_TIMEOUT)).operation_timeout(Some(ADMIN_TIMEOUT));
    let results = admin.create_topics(&topics, &options).await.map_err(RelayError::kafka("creating topics"))?;
    for result in results {
        match result {
            // Another node was faster.
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((topic, code)) => return Err(RelayError::Topic { topic, code }),
        }
    }
    Ok(())
}

/// Events stay for ever unless the operator says otherwise; an event topic is never compacted.
fn event_settings<'a>(topic: NewTopic<'a>, config: &'a RelayConfig, record_bytes_max: &'a str) -> NewTopic<'a> {
    let topic = topic.set("cleanup.policy", "delete").set("max.message.bytes", record_bytes_max);
    let topic =
        if config.topic_settings.contains_key("retention.ms") { topic } else { topic.set("retention.ms", "-1") };
    config.topic_settings.iter().fold(topic, |topic, (name, value)| topic.set(name, value))
}

/// Small segments, so that compaction keeps the topic short.
fn position_settings(topic: NewTopic<'_>) -> NewTopic<'_> {
    topic
        .set("cleanup.policy", "compact")
        .set("segment.ms", "600000")
        .set("segment.bytes", "1048576")
        .set("min.cleanable.dirty.ratio", "0.1")
}
