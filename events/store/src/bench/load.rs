//! Writers and readers on a log.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use uuid::Uuid;
use wac_events::{
    AppendBatch, AppendError, CommandId, DomainId, Environment, EventFilter, EventId, EventLog, ExpectedVersion,
    NewEvent, Position, ReadRequest, StreamAppend, StreamId,
};

use super::{BenchError, READ_PAGE, Rate};
use crate::{Stores, SystemEnvironment};

/// Events a writer appends to one stream before it begins the next.
const STREAM_EVENTS: u64 = 10;
/// Not measured: connections are made, statements prepared, caches filled.
const WARM_UP: Duration = Duration::from_millis(500);

/// About 300 bytes, as a chat message or a change of a room is.
pub(super) fn data(n: u64) -> String {
    format!(
        r#"{{"conversation":"0197f3a2-5b1c-7d3e-9f00-{n:012x}","from":"wac-user:0197f3a2-5b1c-7d3e-9f00-0123456789ab","to":"wac-group:0197f3a2-5b1c-7d3e-9f00-ba9876543210","body":{{"$personal":"0197f3a2.QmFzZTY0dXJsIG9mIGEgc2VhbGVkIGZpZWxkLCBhcyBsb25nIGFzIG9uZSBpcw"}},"kind":"text","sequence":{n}}}"#
    )
}

pub(super) fn meta(command: Uuid) -> String {
    format!(
        r#"{{"actor":{{"kind":"user","id":"0197f3a2-5b1c-7d3e-9f00-0123456789ab"}},"commandId":"{command}","correlationId":"{command}","traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}}"#
    )
}

fn command(stream: &StreamId, version: u64) -> AppendBatch {
    let command = SystemEnvironment.new_uuid();
    let event = NewEvent {
        event_id: EventId(SystemEnvironment.new_uuid()),
        event_type: "message.sent",
        schema_version: 1,
        domain: Some(DomainId::from("0197f3a2-5b1c-7d3e-9f00-00000000d0d0")),
        data: data(version),
        meta: meta(command),
        occurred_at: SystemEnvironment.now(),
    };
    let append =
        StreamAppend { stream: stream.clone(), expected: ExpectedVersion::Exact(version), events: vec![event] };
    AppendBatch { command_id: CommandId(command), appends: vec![append] }
}

/// `writers` tasks over `nodes`, each on streams of its own, each waiting for its answer.
pub(super) async fn appends(nodes: &[&Stores], writers: usize, duration: Duration) -> Result<Rate, BenchError> {
    let begin = Instant::now() + WARM_UP;
    let end = begin + duration;
    let mut tasks = JoinSet::new();
    for n in 0..writers {
        tasks.spawn(write(nodes[n % nodes.len()].log.clone(), begin, end));
    }
    let mut took = Vec::new();
    while let Some(task) = tasks.join_next().await {
        took.extend(task.expect("a writer does not panic")?);
    }
    took.sort_unstable();
    let at = |quantile: f64| {
        let index = ((took.len() as f64 * quantile) as usize).min(took.len().saturating_sub(1));
        took.get(index).map_or(0.0, |duration: &Duration| duration.as_secs_f64() * 1e3)
    };
    Ok(Rate {
        writers,
        nodes: nodes.len(),
        per_second: took.len() as f64 / duration.as_secs_f64(),
        p50_ms: at(0.5),
        p99_ms: at(0.99),
    })
}

async fn write(log: Arc<dyn EventLog>, begin: Instant, end: Instant) -> Result<Vec<Duration>, AppendError> {
    let mut took = Vec::new();
    loop {
        let stream = StreamId::of("bench", &SystemEnvironment.new_uuid().to_string());
        for version in 0..STREAM_EVENTS {
            let command = command(&stream, version);
            let sent = Instant::now();
            log.append(command).await?;
            let answered = Instant::now();
            if answered > end {
                return Ok(took);
            }
            if sent >= begin {
                took.push(answered - sent);
            }
        }
    }
}

/// Reads the whole log, page after page.
pub(super) async fn read(stores: &Stores) -> Result<(u64, f64), BenchError> {
    let began = Instant::now();
    let (mut events, mut after) = (0, Position::START);
    loop {
        let request = ReadRequest { after, before: None, filter: EventFilter::default(), limit: READ_PAGE };
        let page = stores.log.read(request).await?;
        if page.events.is_empty() {
            return Ok((events, events as f64 / began.elapsed().as_secs_f64()));
        }
        events += page.events.len() as u64;
        after = page.scanned_to;
    }
}
