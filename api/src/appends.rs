//! What goes into the log: how long that takes, as `/metrics` tells it, and, for who asks for it
//! (`log.filter=info,wac::facts=debug`), what it is.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::BoxFuture;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use tracing::Level;
use wac_events::{
    AppendBatch, AppendError, Appended, CommandId, EventLog, Head, Page, Position, ReadRequest, Recorded, StoreError,
    StreamAppend, StreamId, Time,
};

/// The shortest append told apart, in seconds.
const SHORTEST_S: f64 = 0.000_1;
/// Each bucket is so much wider than the one before; 64 of them reach 11 s.
const FACTOR: f64 = 1.2;
const BUCKETS: u16 = 64;

/// The log target of facts.
const FACTS: &str = "wac::facts";

/// What a batch brings: streams and types, and nothing of what it says about people.
fn named(batch: &AppendBatch) -> Vec<(StreamId, &'static str)> {
    let named = |append: &StreamAppend| {
        let types = append.events.iter().map(|event| event.event_type);
        types.map(|event| (append.stream.clone(), event)).collect::<Vec<_>>()
    };
    batch.appends.iter().flat_map(named).collect()
}

/// The times of a log's appends that were acknowledged.
#[derive(Clone)]
pub struct AppendTimes(pub(crate) Histogram);

impl AppendTimes {
    /// The same log, and the times its appends take from now on.
    pub fn of(log: Arc<dyn EventLog>) -> (Arc<dyn EventLog>, Self) {
        let times = Self(Histogram::new(exponential_buckets(SHORTEST_S, FACTOR, BUCKETS)));
        (Arc::new(Timed { log, times: times.clone() }), times)
    }
}

/// A log whose appends are timed.
struct Timed {
    log: Arc<dyn EventLog>,
    times: AppendTimes,
}

impl EventLog for Timed {
    fn append(&self, batch: AppendBatch) -> BoxFuture<'_, Result<Appended, AppendError>> {
        let started = Instant::now();
        let facts = if tracing::enabled!(target: FACTS, Level::DEBUG) { named(&batch) } else { Vec::new() };
        let appending = self.log.append(batch);
        async move {
            let appended = appending.await?;
            self.times.0.observe(started.elapsed().as_secs_f64());
            if !appended.duplicate {
                for (place, (stream, event)) in (appended.first.0..).zip(&facts) {
                    tracing::debug!(target: FACTS, event, %stream, position = place, "a fact");
                }
            }
            Ok(appended)
        }
        .boxed()
    }

    fn outcome(&self, command: CommandId) -> BoxFuture<'_, Result<Option<Appended>, StoreError>> {
        self.log.outcome(command)
    }

    fn read(&self, request: ReadRequest) -> BoxFuture<'_, Result<Page, StoreError>> {
        self.log.read(request)
    }

    fn read_stream<'a>(
        &'a self,
        stream: &'a StreamId,
        from_version: u64,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Recorded>, StoreError>> {
        self.log.read_stream(stream, from_version, limit)
    }

    fn head(&self) -> BoxFuture<'_, Result<Head, StoreError>> {
        self.log.head()
    }

    fn position_at(&self, time: Time) -> BoxFuture<'_, Result<Position, StoreError>> {
        self.log.position_at(time)
    }

    fn wait_beyond(&self, position: Position, patience: Duration) -> BoxFuture<'_, ()> {
        self.log.wait_beyond(position, patience)
    }
}
