//! Live latency: from a commit's acknowledgement to the hands of a consumer.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Headers, Message};
use rdkafka::{Offset, TopicPartitionList};
use tokio::sync::oneshot;
use tokio::task::spawn_blocking;
use tokio::time::sleep;
use uuid::Uuid;
use wac_events::cloudevents::{context_of, topic_of};
use wac_events::{
    Actor, AppendBatch, AppendError, CommandId, EventId, EventLog, ExpectedVersion, Meta, NewEvent, Position,
    StoreError, StreamAppend, StreamId, Time,
};

use super::BenchOptions;
use crate::config::ADMIN_TIMEOUT;
use crate::{RelayConfig, RelayError};

/// Type of the events that are appended; its context is `other`.
const EVENT_TYPE: &str = "bench.committed";
/// Streams the commits are spread over.
const STREAMS: u32 = 64;
/// How long the last record may take to arrive.
const ARRIVAL_TIMEOUT: Duration = Duration::from_secs(30);

/// The latencies, in no order.
pub(super) async fn measure(
    log: &Arc<dyn EventLog>,
    config: &RelayConfig,
    options: BenchOptions,
) -> Result<Vec<Duration>, RelayError> {
    let (ready, is_ready) = oneshot::channel();
    let done = Arc::new(AtomicBool::new(false));
    let watching = {
        let (config, done, wanted) = (config.clone(), done.clone(), options.live_commits as usize);
        spawn_blocking(move || watch(&config, wanted, ready, &done))
    };
    if is_ready.await.is_err() {
        return watching.await.map_err(|error| RelayError::Task(error.to_string()))?.map(|_| Vec::new());
    }
    let committed = commit(log, options).await;
    done.store(true, Ordering::Relaxed);
    let arrived = watching.await.map_err(|error| RelayError::Task(error.to_string()))??;
    let latency = |(position, at): (Position, Instant)| arrived.get(&position.0).map(|seen| seen.duration_since(at));
    let latencies: Vec<Duration> = committed?.into_iter().filter_map(latency).collect();
    if latencies.len() != options.live_commits as usize {
        return Err(RelayError::Task(format!("{} of {} commits arrived", latencies.len(), options.live_commits)));
    }
    Ok(latencies)
}

async fn commit(log: &Arc<dyn EventLog>, options: BenchOptions) -> Result<Vec<(Position, Instant)>, RelayError> {
    let mut committed = Vec::new();
    for n in 0..options.live_commits {
        let appended = log.append(batch(n)).await.map_err(|error| match error {
            AppendError::Unavailable(source) => source.into(),
            other => RelayError::Store(StoreError::new("appending for a measurement", other)),
        })?;
        committed.push((appended.last, Instant::now()));
        sleep(options.live_pause).await;
    }
    Ok(committed)
}

fn batch(n: u32) -> AppendBatch {
    let command_id = CommandId(Uuid::now_v7());
    let meta = Meta {
        actor: Actor::System("bench".to_owned()),
        command_id,
        correlation_id: command_id.to_string(),
        causation_id: None,
        traceparent: None,
        session: None,
        key_id: None,
        request: None,
    };
    let event = NewEvent {
        event_id: EventId(Uuid::now_v7()),
        event_type: EVENT_TYPE,
        schema_version: 1,
        domain: None,
        data: format!(r#"{{"n":{n}}}"#),
        meta: serde_json::to_string(&meta).expect("plain metadata can be written"),
        occurred_at: Time::new(jiff::Timestamp::now()),
    };
    let stream = StreamId::of("bench", &(n % STREAMS).to_string());
    AppendBatch {
        command_id,
        appends: vec![StreamAppend { stream, expected: ExpectedVersion::Any, events: vec![event] }],
    }
}

/// When each position arrived. Reads the one topic from its end on until `wanted` records are there.
fn watch(
    config: &RelayConfig,
    wanted: usize,
    ready: oneshot::Sender<()>,
    done: &AtomicBool,
) -> Result<HashMap<u64, Instant>, RelayError> {
    let mut client = config.consumer();
    client.set("fetch.wait.max.ms", "5");
    let consumer: BaseConsumer = client.create().map_err(RelayError::kafka("creating a consumer"))?;
    let topic = topic_of(&config.product, context_of(EVENT_TYPE));
    let mut starts = TopicPartitionList::new();
    for partition in 0..i32::try_from(config.partitions).unwrap_or(i32::MAX) {
        let ends = consumer.fetch_watermarks(&topic, partition, ADMIN_TIMEOUT);
        let (_, high) = ends.map_err(RelayError::kafka("reading the ends of topics"))?;
        starts
            .add_partition_offset(&topic, partition, Offset::Offset(high))
            .map_err(RelayError::kafka("choosing where to read"))?;
    }
    consumer.assign(&starts).map_err(RelayError::kafka("choosing where to read"))?;
    let _ = ready.send(());
    let mut arrived = HashMap::new();
    let mut silent_since = Instant::now();
    while arrived.len() < wanted {
        match consumer.poll(Duration::from_millis(100)) {
            Some(Ok(message)) => {
                silent_since = Instant::now();
                let sequence = message.headers().and_then(|headers| {
                    let header = headers.iter().find(|header| header.key == "ce_sequence")?;
                    std::str::from_utf8(header.value?).ok()?.parse().ok()
                });
                arrived.extend(sequence.map(|position: u64| (position, silent_since)));
            }
            Some(Err(source)) => return Err(RelayError::Kafka { operation: "reading live records", source }),
            None if done.load(Ordering::Relaxed) && silent_since.elapsed() > ARRIVAL_TIMEOUT => break,
            None => {}
        }
    }
    Ok(arrived)
}
