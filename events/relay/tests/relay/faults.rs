//! Kills and outages: nothing lost, and nothing doubled after the guard rule.

use std::process::{Child, Command};
use std::time::{Duration, Instant};

use wac_events::Position;
use wac_relay::RelayConfig;
use xtask::services::{Kafka, shared_kafka};

use super::support::{Running, TestLog, assert_complete, config, eventually};

/// Set in child processes: `<brokers> <product> <events>`.
const CHILD_VARIABLE: &str = "WAC_RELAY_TEST_CHILD";
const KILLS: u64 = 4;

/// Not a test of its own: the relay that the next test kills.
#[tokio::test(flavor = "multi_thread")]
async fn relay_process() {
    let Ok(orders) = std::env::var(CHILD_VARIABLE) else { return };
    let words: Vec<&str> = orders.split(' ').collect();
    let log = TestLog::generate(words[2].parse().unwrap());
    let config = RelayConfig { product: words[1].to_owned(), partitions: 4, ..RelayConfig::new(words[0]) };
    let _relay = Running::start(&log, &config);
    // The parent ends it; the bound is for a parent that died.
    tokio::time::sleep(Duration::from_secs(300)).await;
}

fn spawn_relay(config: &RelayConfig, events: u64) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "faults::relay_process", "--nocapture"])
        .env(CHILD_VARIABLE, format!("{} {} {events}", config.brokers, config.product))
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap()
}

/// Records in the event topics by their watermarks.
fn delivered(config: &RelayConfig) -> i64 {
    use rdkafka::consumer::{BaseConsumer, Consumer};
    let mut client = rdkafka::ClientConfig::new();
    let consumer: BaseConsumer =
        client.set("bootstrap.servers", &config.brokers).set("group.id", "count").create().unwrap();
    let mut total = 0;
    for topic in wac_relay::topics::event_topics(&config.product) {
        for partition in 0..config.partitions as i32 {
            // A topic that is not there yet has nothing.
            let ends = consumer.fetch_watermarks(&topic, partition, Duration::from_secs(5));
            total += ends.map_or(0, |(low, high)| high - low);
        }
    }
    total
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_killed_in_mid_stream_loses_and_doubles_nothing() {
    const EVENTS: u64 = 120_000;
    let config = config(&shared_kafka());
    for kill in 1..=KILLS {
        let mut child = spawn_relay(&config, EVENTS);
        let enough = i64::try_from(EVENTS / (KILLS + 1) * kill).unwrap();
        let deadline = Instant::now() + Duration::from_secs(60);
        while delivered(&config) < enough {
            assert!(Instant::now() < deadline, "the relay does not get to {enough}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let log = TestLog::generate(EVENTS);
    let relay = Running::start(&log, &config);
    relay.relayed(Position(EVENTS)).await;
    relay.stop().await;
    let duplicates = assert_complete(&config, Position(EVENTS));
    println!("{KILLS} kills, {EVENTS} events, {duplicates} duplicates for the guard rule to remove");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_killed_in_mid_stream_loses_and_doubles_nothing() {
    const EVENTS: u64 = 150_000;
    let mut kafka = Kafka::start().unwrap();
    let config = config(&kafka.brokers());
    let log = TestLog::generate(EVENTS);
    let relay = Running::start(&log, &config);
    eventually("a fifth", || relay.progress.relayed().0 > EVENTS / 5).await;
    kafka.kill9().unwrap();
    assert!(relay.progress.relayed().0 < EVENTS, "the kill came in mid-stream");
    kafka.restart().unwrap();
    let head = log.extend(1_000);
    relay.relayed(head).await;
    assert_eq!(relay.progress.failures(), 0, "the producer lives through it");
    relay.stop().await;
    assert_eq!(assert_complete(&config, head), 0, "an idempotent producer doubles nothing by itself");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_kafka_it_keeps_trying_and_then_catches_up() {
    let mut kafka = Kafka::start().unwrap();
    let config = config(&kafka.brokers());
    kafka.stop().unwrap();
    let log = TestLog::generate(100);
    let relay = Running::start(&log, &config);
    eventually("failed attempts", || relay.progress.failures() > 0).await;
    eventually("lag before Kafka was ever reached", || relay.progress.lag_events() == 100).await;
    log.extend(900);
    eventually("lag that grows without Kafka", || relay.progress.lag_events() == 1_000).await;
    kafka.restart().unwrap();
    relay.relayed(Position(1_000)).await;
    kafka.stop().unwrap();
    let head = log.extend(2_000);
    eventually("lag after Kafka has gone", || relay.progress.lag_events() == 2_000).await;
    kafka.restart().unwrap();
    relay.relayed(head).await;
    eventually("no lag any more", || relay.progress.lag_events() == 0).await;
    relay.stop().await;
    assert_eq!(assert_complete(&config, head), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_with_kafka_away_does_not_hang() {
    let mut kafka = Kafka::start().unwrap();
    let config = config(&kafka.brokers());
    let log = TestLog::generate(10);
    let relay = Running::start(&log, &config);
    relay.relayed(Position(10)).await;
    kafka.kill9().unwrap();
    log.extend(10);
    relay.stop().await; // Panics after 10 s.
}
