//! The documented consumer (docs/examples/consumer.py), run as documented.

use rdkafka::ClientConfig;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use serde_json::Value;
use wac_events::Position;
use wac_events::cloudevents::CONTEXTS;
use xtask::services::shared_kafka;

use super::support::{PATIENCE, Running, Seen, TestLog, config, consume_all, generated, run_example};

/// What a relay killed at the wrong moment leaves behind: a record that is already there.
fn send_again(brokers: &str, record: &Seen) {
    let producer: BaseProducer = ClientConfig::new().set("bootstrap.servers", brokers).create().unwrap();
    let headers = record
        .headers
        .iter()
        .fold(OwnedHeaders::new(), |headers, (key, value)| headers.insert(Header { key, value: Some(value) }));
    let again = BaseRecord::to(&record.topic).partition(record.partition).headers(headers);
    producer.send(again.key(&record.key).payload(&record.payload)).map_err(|(error, _)| error).unwrap();
    producer.flush(PATIENCE).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_python_consumer_prints_every_event_once() {
    const EVENTS: u64 = 300;
    let config = config(&shared_kafka());
    let relay = Running::start(&TestLog::generate(EVENTS), &config);
    relay.relayed(Position(EVENTS)).await;
    relay.stop().await;
    consume_all(&config).iter().step_by(7).for_each(|record| send_again(&config.brokers, record));

    let printed = run_example("consumer.py", &config).await;
    let mut events: Vec<Value> = printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    events.sort_by_key(|event| event["position"].as_u64());
    let positions: Vec<_> = events.iter().map(|event| event["position"].as_u64().unwrap()).collect();
    assert_eq!(positions, (1..=EVENTS).collect::<Vec<_>>());
    let data: Value = serde_json::from_str(&generated(EVENTS).data).unwrap();
    assert_eq!(events.last().unwrap()["data"], data);
}

#[test]
fn the_python_consumer_reads_every_topic_of_events() {
    let script = std::fs::read_to_string(xtask::repository().join("docs/examples/consumer.py")).unwrap();
    let list = script.lines().find_map(|line| line.strip_prefix("CONTEXTS = ")).unwrap();
    let read: Vec<String> = serde_json::from_str(list).unwrap();
    let mut topics: Vec<&str> = CONTEXTS.iter().map(|(context, _)| *context).collect();
    topics.sort_unstable();
    let mut read: Vec<&str> = read.iter().map(String::as_str).collect();
    read.sort_unstable();
    assert_eq!(read, topics);
}
