//! Flat call records on their topic: keyed by the call, guarded by position, resumed from what Kafka has.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::future::BoxFuture;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use wac_events::{Position, Recorded, StoreError};
use wac_relay::{AlwaysGranted, CallLine, CallRecords, Relay, RelayConfig, topics};
use xtask::services::shared_kafka;

use super::support::{PATIENCE, Seen, TestKeys, TestLog, config, consume, eventually, run_example};

/// A record after every third event; how many were made.
#[derive(Default)]
struct Thirds(AtomicU64);

impl CallRecords for Thirds {
    fn wants(&self) -> &'static [&'static str] {
        &[]
    }

    fn records<'a>(&'a self, events: &'a [Recorded]) -> BoxFuture<'a, Result<Vec<Option<CallLine>>, StoreError>> {
        Box::pin(async move { Ok(events.iter().map(|event| self.record(event.position.0)).collect()) })
    }
}

impl Thirds {
    fn record(&self, position: u64) -> Option<CallLine> {
        if !position.is_multiple_of(3) {
            return None;
        }
        self.0.fetch_add(1, Ordering::Relaxed);
        let call = format!("call-{}", position % 7);
        let value = json!({ "leg": format!("{call}/{position}"), "call": call, "durationMs": 1_000,
            "outcome": "answered", "caller": "alice" });
        Some(CallLine { call, domain: "0198-domain".into(), value: value.to_string() })
    }
}

async fn relayed(log: &Arc<TestLog>, config: &RelayConfig, to: Position) -> u64 {
    let records = Arc::new(Thirds::default());
    let relay =
        Relay::new(log.clone(), Arc::new(TestKeys::default()), Arc::new(AlwaysGranted), config.clone()).unwrap();
    let relay = relay.of_calls(records.clone());
    let (progress, shutdown) = (relay.progress(), CancellationToken::new());
    let task = tokio::spawn(relay.run(shutdown.clone()));
    eventually(&format!("call records up to {to}"), || progress.relayed() >= to).await;
    shutdown.cancel();
    tokio::time::timeout(PATIENCE, task).await.unwrap().unwrap();
    records.0.load(Ordering::Relaxed)
}

fn seen(config: &RelayConfig) -> Vec<Seen> {
    consume(config, &[topics::calls_topic(&config.product)])
}

#[tokio::test(flavor = "multi_thread")]
async fn call_records_are_keyed_by_their_call_and_go_on_behind_what_kafka_has() {
    let config = config(&shared_kafka());
    let log = TestLog::generate(600);
    assert_eq!(relayed(&log, &config, Position(600)).await, 200);
    let head = log.extend(300);
    let made = relayed(&log, &config, head).await;
    assert_eq!(made, 100, "nothing is made again that is bookmarked");
    let records = seen(&config);
    let mut positions: Vec<u64> = records.iter().map(Seen::position).collect();
    positions.sort_unstable();
    assert_eq!(positions, (1..=300).map(|n| n * 3).collect::<Vec<_>>());
    for record in &records {
        let value: Value = serde_json::from_str(&record.payload).unwrap();
        assert_eq!(value["call"], record.key.as_str());
        assert_eq!(record.header("ce_type"), "io.wac.cdr.record.v1");
        assert_eq!(record.header("ce_subject"), format!("calls/{}", record.key));
        assert!(record.header("ce_source").ends_with("/calls"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_python_example_adds_up_the_calls_of_each_caller_once() {
    let config = config(&shared_kafka());
    let log = TestLog::generate(90);
    relayed(&log, &config, Position(90)).await;
    let printed: Value = serde_json::from_str(&run_example("call_records.py", &config).await).unwrap();
    assert_eq!(printed, json!({ "alice": { "legs": 30, "answered": 30, "seconds": 30.0 } }));
}
