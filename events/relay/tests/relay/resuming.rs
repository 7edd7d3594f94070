//! Where a relay goes on after it ended, in order or not.

use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use wac_events::{EventId, Position};
use wac_relay::topics;
use xtask::services::shared_kafka;

use super::support::{PATIENCE, Running, TestLog, assert_complete, config, consume_all, eventually, generated};

#[tokio::test(flavor = "multi_thread")]
async fn after_an_orderly_stop_it_goes_on_with_the_next_event() {
    let (log, config) = (TestLog::generate(500), config(&shared_kafka()));
    let first = Running::start(&log, &config);
    first.relayed(Position(500)).await;
    first.stop().await;
    let head = log.extend(300);
    let second = Running::start(&log, &config);
    second.relayed(head).await;
    assert_eq!(second.progress.skipped(), 0, "the position was written at the stop");
    assert_eq!(second.progress.events(), 300);
    second.stop().await;
    assert_eq!(assert_complete(&config, head), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_own_position_it_leaves_out_what_the_partitions_have() {
    let (log, config) = (TestLog::generate(400), config(&shared_kafka()));
    let first = Running::start(&log, &config);
    first.relayed(Position(400)).await;
    first.stop().await;
    let producer: BaseProducer = ClientConfig::new().set("bootstrap.servers", &config.brokers).create().unwrap();
    let topic = topics::position_topic(&config.product);
    let tombstone = BaseRecord::<str, ()>::to(&topic).key("/clusters/default/logs/main").partition(0);
    producer.send(tombstone).map_err(|(error, _)| error).unwrap();
    producer.flush(PATIENCE).unwrap();
    let head = log.extend(100);
    let second = Running::start(&log, &config);
    second.relayed(head).await;
    assert_eq!((second.progress.skipped(), second.progress.events()), (400, 100));
    second.stop().await;
    assert_eq!(assert_complete(&config, head), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_ends_before_what_kafka_has_is_refused() {
    let config = config(&shared_kafka());
    let whole = Running::start(&TestLog::generate(50), &config);
    whole.relayed(Position(50)).await;
    whole.stop().await;
    let restored = Running::start(&TestLog::generate(40), &config);
    eventually("a refusal", || restored.progress.failures() > 0).await;
    assert!(!restored.progress.is_active());
    restored.stop().await;
    assert_eq!(consume_all(&config).len(), 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_with_other_events_is_refused() {
    let config = config(&shared_kafka());
    let first = Running::start(&TestLog::generate(50), &config);
    first.relayed(Position(50)).await;
    first.stop().await;
    let mut events: Vec<_> = (1..=60).map(generated).collect();
    events
        .iter_mut()
        .for_each(|event| event.event_id = EventId(uuid::Uuid::from_u128(u128::from(event.position.0) + 1_000)));
    let other = Running::start(&TestLog::of(events), &config);
    eventually("a refusal", || other.progress.failures() > 0).await;
    other.stop().await;
    assert_eq!(consume_all(&config).len(), 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_number_of_partitions_is_refused() {
    let mut config = config(&shared_kafka());
    let first = Running::start(&TestLog::generate(5), &config);
    first.relayed(Position(5)).await;
    first.stop().await;
    config.partitions = 2;
    let second = Running::start(&TestLog::generate(6), &config);
    eventually("a refusal", || second.progress.failures() > 0).await;
    second.stop().await;
    config.partitions = 4;
    assert_eq!(consume_all(&config).len(), 5);
}
