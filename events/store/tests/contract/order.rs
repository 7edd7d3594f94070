//! Many writers, others who pause before they commit or take back, and subscribers that come and
//! go: nothing is skipped, doubled or reordered.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use sqlx::Executor as _;
use tokio::task::JoinSet;
use wac_events::{AppendError, CommandId, EventFilter, EventLog, Position, Recorded, Subscription};

use crate::harness::*;

on_every_store!(every_committed_event_is_seen_exactly_once_and_in_order, recorded_times_never_go_back);

const WRITERS: u64 = 12;
const COMMANDS_EACH: u64 = 40;
const SUBSCRIBERS: u64 = 4;

async fn every_committed_event_is_seen_exactly_once_and_in_order(fixture: Fixture) {
    let seed = rand::random::<u64>();
    println!("seed {seed}");
    let other = fixture.other_node().await;
    let nodes = [fixture.log().clone(), other.log.clone()];
    let writing = Arc::new(AtomicBool::new(true));
    let mut writers = JoinSet::new();
    for n in 0..WRITERS {
        let log = nodes[n as usize % 2].clone();
        writers.spawn(write(log, StdRng::seed_from_u64(seed ^ n)));
    }
    let mut subscribers = JoinSet::new();
    for n in 0..SUBSCRIBERS {
        let log = nodes[n as usize % 2].clone();
        subscribers.spawn(subscribe(log, writing.clone(), StdRng::seed_from_u64(seed ^ (n << 32))));
    }
    let ghosts = ghosts(&fixture, &writing, StdRng::seed_from_u64(!seed));
    let acknowledged = async {
        let acknowledged: Vec<_> = writers.join_all().await.into_iter().flatten().collect();
        writing.store(false, Ordering::SeqCst);
        acknowledged
    };
    let (acknowledged, ghosts) = futures::join!(acknowledged, ghosts);
    assert!(ghosts.rolled_back > 0 && ghosts.committed > 0 || fixture.url == "memory:");

    let log = everything(fixture.log()).await;
    assert_in_order(&log);
    assert_eq!(acknowledged.len() as u64, WRITERS * COMMANDS_EACH);
    let mut first_of: HashMap<Position, CommandId> = HashMap::new();
    let mut events = 0;
    for (command, first, last) in acknowledged {
        assert_eq!(first_of.insert(first, command), None, "two commands got one position");
        events += last.0 - first.0 + 1;
        let payload = &log[first.0 as usize - 1].data;
        assert!(payload.contains(&command.to_string()), "{payload} is not of command {command}");
    }
    let seen = log.iter().filter(|event| &*event.event_type == "ghost.seen").count();
    assert_eq!(seen, ghosts.committed, "what others committed is there, what they took back is not");
    assert_eq!(events, (log.len() - seen) as u64, "what else is in the log was acknowledged");
    for seen in subscribers.join_all().await {
        assert_eq!(seen, log);
    }
}

/// Appends commands of one or two events to random streams, pausing between reading a stream's
/// version and appending.
async fn write(log: Arc<dyn EventLog>, mut random: StdRng) -> Vec<(CommandId, Position, Position)> {
    let mut acknowledged = Vec::new();
    while (acknowledged.len() as u64) < COMMANDS_EACH {
        let streams =
            [stream(&random.random_range(0..6u32).to_string()), stream(&random.random_range(6..20u32).to_string())];
        let mut appends = Vec::new();
        let command = new_command();
        for stream in &streams[..random.random_range(1..=2)] {
            let version = log.read_stream(stream, 1, 10_000).await.unwrap().len() as u64;
            let mut event = event("room.touched", version);
            event.data = format!(r#"{{"command":"{command}"}}"#);
            appends.push(exactly(stream, version, vec![event]));
        }
        if random.random_bool(0.5) {
            tokio::time::sleep(Duration::from_micros(random.random_range(0..3_000))).await;
        }
        let mut batch = batch(appends);
        batch.command_id = command;
        match log.append(batch).await {
            Ok(appended) => acknowledged.push((command, appended.first, appended.last)),
            Err(AppendError::Conflict { .. }) => {}
            Err(other) => panic!("{other:?}"),
        }
    }
    acknowledged
}

/// Reads the log to its end, starting anew from its checkpoint again and again, and giving up
/// waiting halfway now and then.
async fn subscribe(log: Arc<dyn EventLog>, writing: Arc<AtomicBool>, mut random: StdRng) -> Vec<Recorded> {
    let mut seen = Vec::new();
    let mut checkpoint = Position::START;
    loop {
        let last_round = !writing.load(Ordering::SeqCst);
        let mut subscription =
            Subscription::new(log.clone(), checkpoint, EventFilter::default(), random.random_range(1..50));
        for _ in 0..random.random_range(1..10) {
            let patience = Duration::from_millis(random.random_range(1..20));
            if let Ok(page) = tokio::time::timeout(patience, subscription.next()).await {
                seen.extend(page.unwrap().events);
            }
        }
        checkpoint = subscription.position();
        if last_round && checkpoint >= log.head().await.unwrap().position {
            return seen;
        }
    }
}

/// How many transactions of [`ghosts`] ended in which way.
#[derive(Default)]
struct Ghosts {
    rolled_back: usize,
    committed: usize,
}

/// Transactions of another program: each takes the next position, writes an event there, pauses, and is then
/// rolled back or committed. In memory there is no other program.
async fn ghosts(fixture: &Fixture, writing: &AtomicBool, mut random: StdRng) -> Ghosts {
    let mut ghosts = Ghosts::default();
    while writing.load(Ordering::SeqCst) && fixture.url != "memory:" {
        let commits = match (ghosts.rolled_back, ghosts.committed) {
            (_, 0) => true,
            (0, _) => false,
            _ => random.random_bool(0.5),
        };
        let pause = Duration::from_micros(random.random_range(0..5_000));
        match &fixture.stores.db {
            wac_store::Db::Postgres(pool) => haunt_postgres(pool, pause, commits).await.unwrap(),
            wac_store::Db::Sqlite(db) => haunt_sqlite(db, pause, commits).await.unwrap(),
        }
        if commits {
            ghosts.committed += 1;
        } else {
            ghosts.rolled_back += 1;
        }
        tokio::time::sleep(Duration::from_millis(random.random_range(1..20))).await;
    }
    ghosts
}

async fn haunt_postgres(pool: &sqlx::PgPool, pause: Duration, commits: bool) -> Result<(), sqlx::Error> {
    const INSERT: &str = "insert into events (position, stream_id, version, event_id, type, schema_version, data, meta,
            occurred_at, recorded_at)
        select position + 1, 'ghost-' || position, 1, gen_random_uuid(), 'ghost.seen', 1, '{}', '{}', now(), recorded_at
        from log_head";
    let mut tx = pool.begin().await?;
    tx.execute("select position from log_head for update").await?;
    tx.execute(INSERT).await?;
    tokio::time::sleep(pause).await;
    if !commits {
        return tx.rollback().await;
    }
    tx.execute("update log_head set position = position + 1").await?;
    tx.execute("select pg_notify('wac_log', position::text) from log_head").await?;
    tx.commit().await
}

async fn haunt_sqlite(db: &wac_store::SqliteDb, pause: Duration, commits: bool) -> Result<(), sqlx::Error> {
    const INSERT: &str = "insert into events (position, stream_id, version, event_id, type, schema_version, data, meta,
            occurred_at, recorded_at)
        select position + 1, 'ghost-' || position, 1, randomblob(16), 'ghost.seen', 1, '{}', '{}', 0, recorded_at
        from log_head";
    let mut tx = db.write().await?;
    tx.execute(INSERT).await?;
    tokio::time::sleep(pause).await;
    if !commits {
        return tx.rollback().await;
    }
    tx.execute("update log_head set position = position + 1").await?;
    tx.commit().await
}

async fn recorded_times_never_go_back(fixture: Fixture) {
    let clock = Arc::new(SetClock::default());
    // The same kind of store, with a clock that is set back and a second node whose clock is ahead.
    let (url, home, _database) = match fixture.url.as_str() {
        "memory:" => ("memory:".to_owned(), Home::Memory, None),
        url if url.starts_with("sqlite") => {
            let (url, home) = sqlite_home();
            (url, home, None)
        }
        _ => {
            let database = TestDatabase::create().await;
            (database.url.clone(), Home::Memory, Some(database))
        }
    };
    let fixture = Fixture::new(url, home, clock.clone()).await;
    let a = stream("a");
    for (version, millis) in [2_000_000, 1_000_000, 5_000_000, 4_999_999, 0].into_iter().enumerate() {
        clock.set(millis);
        fixture.log().append(one(&a, version as u64)).await.unwrap();
    }
    let events = everything(fixture.log()).await;
    let recorded: Vec<_> = events.iter().map(|event| event.recorded_at.millis()).collect();
    assert_eq!(recorded, [2_000_000, 2_000_000, 5_000_000, 5_000_000, 5_000_000]);
    assert_eq!(fixture.log().head().await.unwrap().recorded_at.millis(), 5_000_000);
}

on_every_store!(commands_on_one_stream_keep_the_order_they_were_sent_in);

async fn commands_on_one_stream_keep_the_order_they_were_sent_in(fixture: Fixture) {
    let streams: Vec<_> = (0..40).map(|n| stream(&n.to_string())).collect();
    // Most commands have a stream of their own beside a busy one, so that batches differ.
    let commands = (0..1_200u64).zip(streams.iter().cycle()).map(|(n, busy)| {
        let busy = any(busy, vec![event("room.touched", n)]);
        let own = any(&stream(&format!("own-{n}")), vec![event("room.touched", n)]);
        batch(if n % 3 == 0 { vec![busy] } else { vec![own, busy] })
    });
    let results = futures::future::join_all(commands.map(|command| fixture.log().append(command))).await;
    assert!(results.iter().all(Result::is_ok));
    let events = everything(fixture.log()).await;
    assert_in_order(&events);
    let mut last = HashMap::new();
    for event in &events {
        let payload: serde_json::Value = serde_json::from_str(&event.data).unwrap();
        let before = last.insert(event.stream.clone(), payload["n"].as_u64());
        assert!(before < Some(payload["n"].as_u64()), "{} went back", event.stream);
    }
}
