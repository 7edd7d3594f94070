//! A log to relay from, and a consumer that applies the guard rule.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Headers, Message};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use wac_events::{
    AppendBatch, AppendError, Appended, CommandId, EventId, EventLog, Head, KeyState, KeyStore, Page, Position,
    ReadRequest, Recorded, StoreError, StreamId, SubjectId, Time,
};
use wac_relay::{AlwaysGranted, Relay, RelayConfig, RelayLease, RelayProgress, topics};

/// Bound of every wait in these tests.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);
/// Streams that generated events are spread over.
const STREAMS: u64 = 97;

/// A log in memory. Generated events are a function of their position, so that two processes have
/// the same log without sharing anything.
#[derive(Default)]
pub(crate) struct TestLog {
    events: RwLock<Vec<Recorded>>,
    appended: Notify,
}

/// The event that every generated log has at `position`.
pub(crate) fn generated(position: u64) -> Recorded {
    let n = position % STREAMS;
    // `meteor` is an aggregate no version knows.
    let (aggregate, event_type) = match n % 4 {
        0 => ("user", "user.deleted"),
        1 => ("domain", "domain.closing"),
        2 => ("token", "token.revoked"),
        _ => ("meteor", "meteor.seen"),
    };
    let at = Time::from_millis(1_700_000_000_000 + i64::try_from(position).unwrap());
    let command = Uuid::from_u128(u128::from(position) << 64);
    Recorded {
        position: Position(position),
        stream: StreamId::of(aggregate, &n.to_string()),
        version: position / STREAMS + u64::from(n != 0),
        event_id: EventId(Uuid::from_u128(u128::from(position))),
        event_type: event_type.into(),
        schema_version: 1,
        domain: Some("0198-domain".into()),
        data: format!(r#"{{"n":{position},"filler":"{}"}}"#, "x".repeat(200)),
        meta: format!(
            r#"{{"actor":{{"kind":"user","id":"u1"}},"commandId":"{command}","correlationId":"request-{position}"}}"#
        ),
        occurred_at: at,
        recorded_at: at,
    }
}

impl TestLog {
    pub(crate) fn generate(events: u64) -> Arc<Self> {
        let log = Arc::new(Self::default());
        log.extend(events);
        log
    }

    pub(crate) fn of(events: Vec<Recorded>) -> Arc<Self> {
        Arc::new(Self { events: RwLock::new(events), appended: Notify::new() })
    }

    /// Appends so many generated events; returns the head.
    pub(crate) fn extend(&self, events: u64) -> Position {
        let mut log = self.events.write().unwrap();
        let head = log.len() as u64;
        log.extend((head + 1..=head + events).map(generated));
        drop(log);
        self.appended.notify_waiters();
        Position(head + events)
    }
}

impl EventLog for TestLog {
    fn append(&self, _: AppendBatch) -> BoxFuture<'_, Result<Appended, AppendError>> {
        Box::pin(async { Err(AppendError::Invalid("this log is extended by the test itself")) })
    }

    fn outcome(&self, _: CommandId) -> BoxFuture<'_, Result<Option<Appended>, StoreError>> {
        Box::pin(async { Ok(None) })
    }

    fn read(&self, request: ReadRequest) -> BoxFuture<'_, Result<Page, StoreError>> {
        Box::pin(async move {
            let log = self.events.read().unwrap();
            let end = request.before.map_or(log.len(), |before| log.len().min(before.0 as usize - 1));
            let start = (request.after.0 as usize).min(end);
            let events: Vec<_> = log[start..end].iter().take(request.limit).cloned().collect();
            let scanned_to = Position((start + events.len()) as u64).max(request.after);
            Ok(Page { events, scanned_to })
        })
    }

    fn read_stream<'a>(
        &'a self,
        _: &'a StreamId,
        _: u64,
        _: usize,
    ) -> BoxFuture<'a, Result<Vec<Recorded>, StoreError>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn head(&self) -> BoxFuture<'_, Result<Head, StoreError>> {
        Box::pin(async {
            let log = self.events.read().unwrap();
            let recorded_at = log.last().map_or(Time::EPOCH, |event| event.recorded_at);
            Ok(Head { position: Position(log.len() as u64), recorded_at })
        })
    }

    fn position_at(&self, _: Time) -> BoxFuture<'_, Result<Position, StoreError>> {
        Box::pin(async { Ok(Position::START) })
    }

    fn wait_beyond(&self, position: Position, patience: Duration) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let appended = self.appended.notified();
            tokio::pin!(appended);
            appended.as_mut().enable();
            if self.events.read().unwrap().len() as u64 <= position.0 {
                let _ = tokio::time::timeout(patience, appended).await;
            }
        })
    }
}

/// Keys that the test chose.
#[derive(Default)]
pub(crate) struct TestKeys(pub(crate) HashMap<SubjectId, KeyState>);

impl KeyStore for TestKeys {
    fn find<'a>(&'a self, subjects: &'a [SubjectId]) -> BoxFuture<'a, Result<Vec<KeyState>, StoreError>> {
        let state = |subject| self.0.get(subject).cloned().unwrap_or(KeyState::Absent);
        Box::pin(async move { Ok(subjects.iter().map(state).collect()) })
    }

    fn find_or_create<'a>(&'a self, subject: &'a SubjectId) -> BoxFuture<'a, Result<KeyState, StoreError>> {
        let state = self.0.get(subject).cloned().unwrap_or(KeyState::Absent);
        Box::pin(async move { Ok(state) })
    }

    fn destroy<'a>(&'a self, _: &'a SubjectId) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async { Ok(()) })
    }

    fn forget(&self, _: &SubjectId) {}

    fn keyed_hash(&self, _: &str, text: &str) -> String {
        text.to_owned()
    }
}

/// Topics that no other test has: a product name of this test's own.
pub(crate) fn config(brokers: &str) -> RelayConfig {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let product = format!("t{}x{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    RelayConfig { product, partitions: 4, ..RelayConfig::new(brokers) }
}

/// A relay running in this process.
pub(crate) struct Running {
    pub(crate) progress: Arc<RelayProgress>,
    shutdown: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    pub(crate) fn start(log: &Arc<TestLog>, config: &RelayConfig) -> Self {
        Self::with(log, TestKeys::default(), Arc::new(AlwaysGranted), config)
    }

    pub(crate) fn with(log: &Arc<TestLog>, keys: TestKeys, lease: Arc<dyn RelayLease>, config: &RelayConfig) -> Self {
        show_logs();
        let relay = Relay::new(log.clone(), Arc::new(keys), lease, config.clone()).unwrap();
        let progress = relay.progress();
        let shutdown = CancellationToken::new();
        let task = tokio::spawn(relay.run(shutdown.clone()));
        Self { progress, shutdown, task }
    }

    pub(crate) async fn relayed(&self, position: Position) {
        eventually(&format!("relaying up to {position}"), || self.progress.relayed() >= position).await;
    }

    pub(crate) async fn stop(self) {
        self.shutdown.cancel();
        tokio::time::timeout(Duration::from_secs(10), self.task).await.expect("it ends within 10 s").unwrap();
    }
}

/// Waits for `condition`, at most [`PATIENCE`].
pub(crate) async fn eventually(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "{what} did not happen within {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A record as a consumer sees it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) topic: String,
    pub(crate) partition: i32,
    pub(crate) key: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) payload: String,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no header {name}: {:?}", self.headers))
    }

    pub(crate) fn position(&self) -> u64 {
        self.header("ce_sequence").parse().unwrap()
    }
}

fn consumer(brokers: &str) -> BaseConsumer {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers).set("group.id", "tests").set("enable.auto.commit", "false");
    config.create().unwrap()
}

/// Every record in the event topics, each partition in its order.
pub(crate) fn consume_all(config: &RelayConfig) -> Vec<Seen> {
    consume(config, &topics::event_topics(&config.product))
}

/// Every record in these topics, each partition in its order.
pub(crate) fn consume(config: &RelayConfig, topics: &[String]) -> Vec<Seen> {
    let consumer = consumer(&config.brokers);
    let mut ends = HashMap::new();
    let mut starts = TopicPartitionList::new();
    for topic in topics {
        for partition in 0..config.partitions as i32 {
            let (low, high) = consumer.fetch_watermarks(topic, partition, PATIENCE).unwrap();
            if high > low {
                starts.add_partition_offset(topic, partition, Offset::Beginning).unwrap();
                ends.insert((topic.clone(), partition), high - 1);
            }
        }
    }
    consumer.assign(&starts).unwrap();
    let deadline = Instant::now() + PATIENCE;
    let mut seen = Vec::new();
    while !ends.is_empty() {
        assert!(Instant::now() < deadline, "partitions {ends:?} do not end");
        let Some(message) = consumer.poll(Duration::from_millis(100)) else { continue };
        let message = message.unwrap();
        let place = (message.topic().to_owned(), message.partition());
        if ends.get(&place) == Some(&message.offset()) {
            ends.remove(&place);
        }
        let headers = message
            .headers()
            .unwrap()
            .iter()
            .map(|header| (header.key.to_owned(), String::from_utf8(header.value.unwrap().to_vec()).unwrap()));
        seen.push(Seen {
            topic: place.0,
            partition: place.1,
            key: String::from_utf8(message.key().unwrap().to_vec()).unwrap(),
            headers: headers.collect(),
            payload: String::from_utf8(message.payload().unwrap().to_vec()).unwrap(),
        });
    }
    seen
}

/// What remains after the guard rule: per partition, records whose position is greater than that of
/// the one before.
pub(crate) fn guarded(seen: Vec<Seen>) -> Vec<Seen> {
    let mut last: HashMap<(String, i32), u64> = HashMap::new();
    let accept = |record: &Seen| {
        let last = last.entry((record.topic.clone(), record.partition)).or_default();
        let newer = record.position() > *last;
        *last = record.position().max(*last);
        newer
    };
    let mut seen = seen;
    let mut accept = accept;
    seen.retain(|record| accept(record));
    seen
}

/// Fails unless a guarded consumer has every generated event up to `head` once, and every stream
/// in its order. Returns how many duplicates the guard rule has removed.
pub(crate) fn assert_complete(config: &RelayConfig, head: Position) -> usize {
    let all = consume_all(config);
    let total = all.len();
    let kept = guarded(all);
    let mut positions: Vec<u64> = kept.iter().map(Seen::position).collect();
    let mut versions: HashMap<&str, u64> = HashMap::new();
    for record in &kept {
        let version: u64 = record.header("ce_streamversion").parse().unwrap();
        let before = versions.insert(&record.key, version).unwrap_or(0);
        assert_eq!(version, before + 1, "stream {} is out of order or has a hole", record.key);
    }
    positions.sort_unstable();
    assert_eq!(positions, (1..=head.0).collect::<Vec<_>>(), "every position once");
    total - kept.len()
}

/// Shows the relay's own messages when `WAC_TEST_LOG` is set; for whoever looks into a failure.
fn show_logs() {
    if std::env::var_os("WAC_TEST_LOG").is_some() {
        let _ = tracing_subscriber::fmt().with_max_level(tracing::Level::DEBUG).with_test_writer().try_init();
    }
}

/// Runs one of docs/examples to the end of what is in Kafka now; what it prints.
pub(crate) async fn run_example(script: &str, config: &RelayConfig) -> String {
    let python = tokio::task::spawn_blocking(xtask::python::for_tests).await.unwrap().unwrap();
    let mut command = tokio::process::Command::new(python);
    command.arg(xtask::repository().join("docs/examples").join(script)).args([
        &config.brokers,
        "--product",
        &config.product,
        "--group",
        &config.product,
        "--until-end",
    ]);
    let output = tokio::time::timeout(PATIENCE, command.kill_on_drop(true).output()).await.unwrap().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
