//! What an append does, and what it refuses.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures::future::join_all;
use wac_events::{AppendError, Head, Position};

use crate::harness::*;

on_every_store!(
    a_command_over_several_streams_is_contiguous,
    a_stale_expectation_is_a_conflict_and_writes_nothing,
    an_expectation_ahead_of_the_stream_is_a_conflict,
    a_stream_that_was_only_read_must_not_have_moved,
    commands_on_one_stream_chain_inside_one_batch,
    stale_commands_in_a_batch_fail_alone,
    any_version_never_conflicts,
    a_batch_that_breaks_a_rule_is_refused_by_name,
    an_event_id_is_used_once_and_its_neighbours_are_written,
    a_closed_log_has_answered_everything_and_takes_nothing_more,
    a_thousand_events_of_one_command_are_written_whole,
);

async fn a_command_over_several_streams_is_contiguous(fixture: Fixture) {
    let (a, b) = (stream("a"), stream("b"));
    let first = batch(vec![
        exactly(&a, 0, vec![event("room.created", 1), event("room.touched", 2)]),
        exactly(&b, 0, vec![event("room.created", 3)]),
    ]);
    assert_eq!(fixture.log().append(first).await.unwrap(), new(1, 3));
    assert_eq!(fixture.log().append(one(&b, 1)).await.unwrap(), new(4, 4));
    let events = everything(fixture.log()).await;
    assert_in_order(&events);
    let streams: Vec<_> = events.iter().map(|event| event.stream.as_str()).collect();
    assert_eq!(streams, ["room-a", "room-a", "room-b", "room-b"]);
}

async fn a_stale_expectation_is_a_conflict_and_writes_nothing(fixture: Fixture) {
    let (a, b) = (stream("a"), stream("b"));
    fixture.log().append(one(&a, 0)).await.unwrap();
    let both =
        batch(vec![exactly(&b, 0, vec![event("room.created", 1)]), exactly(&a, 0, vec![event("room.touched", 2)])]);
    let refused = fixture.log().append(both).await;
    assert!(is_conflict(&refused, 0, 1), "{refused:?}");
    assert_eq!(fixture.log().head().await.unwrap().position, Position(1));
    assert_eq!(fixture.log().append(one(&b, 0)).await.unwrap(), new(2, 2));
}

async fn an_expectation_ahead_of_the_stream_is_a_conflict(fixture: Fixture) {
    let a = stream("a");
    let refused = fixture.log().append(one(&a, 3)).await;
    assert!(is_conflict(&refused, 3, 0), "{refused:?}");
    fixture.log().append(one(&a, 0)).await.unwrap();
    let refused = fixture.log().append(one(&a, 2)).await;
    assert!(is_conflict(&refused, 2, 1), "{refused:?}");
    assert_in_order(&everything(fixture.log()).await);
}

async fn a_stream_that_was_only_read_must_not_have_moved(fixture: Fixture) {
    let (read, written) = (stream("read"), stream("written"));
    let other = fixture.other_node().await;
    let guarded = |expected, version| {
        batch(vec![exactly(&read, expected, vec![]), exactly(&written, version, vec![event("room.touched", version)])])
    };
    fixture.log().append(guarded(0, 0)).await.unwrap();
    other.log.append(one(&read, 0)).await.unwrap();
    let refused = fixture.log().append(guarded(0, 1)).await;
    assert!(is_conflict(&refused, 0, 1), "{refused:?}");
    fixture.log().append(guarded(1, 1)).await.unwrap();
    other.log.append(one(&read, 1)).await.unwrap();
    let refused = fixture.log().append(guarded(1, 2)).await;
    assert!(is_conflict(&refused, 1, 2), "{refused:?}");
    assert_eq!(everything(fixture.log()).await.len(), 4);
}

async fn commands_on_one_stream_chain_inside_one_batch(fixture: Fixture) {
    let a = stream("a");
    let commands: Vec<_> = (0..200).map(|version| fixture.log().append(one(&a, version))).collect();
    for (result, position) in join_all(commands).await.into_iter().zip(1..) {
        assert_eq!(result.unwrap(), new(position, position));
    }
    assert_in_order(&everything(fixture.log()).await);
}

async fn stale_commands_in_a_batch_fail_alone(fixture: Fixture) {
    let (a, b) = (stream("a"), stream("b"));
    let commands: Vec<_> = (0..100u64)
        .flat_map(|n| {
            [fixture.log().append(one(&a, n)), fixture.log().append(one(&a, n)), fixture.log().append(one(&b, n))]
        })
        .collect();
    let results = join_all(commands).await;
    for (n, three) in results.chunks(3).enumerate() {
        assert!(three[0].is_ok() && three[2].is_ok(), "{three:?}");
        assert!(is_conflict(&three[1], n as u64, n as u64 + 1), "{:?}", three[1]);
    }
    let events = everything(fixture.log()).await;
    assert_eq!(events.len(), 200);
    assert_in_order(&events);
}

async fn any_version_never_conflicts(fixture: Fixture) {
    let a = stream("a");
    let other = fixture.other_node().await;
    let command = || batch(vec![any(&a, vec![event("room.touched", 0)])]);
    let here = join_all((0..50).map(|_| fixture.log().append(command())));
    let there = join_all((0..50).map(|_| other.log.append(command())));
    let (here, there) = futures::join!(here, there);
    here.into_iter().chain(there).for_each(|result| assert!(!result.unwrap().duplicate));
    let events = everything(fixture.log()).await;
    assert_eq!(events.len(), 100);
    assert_in_order(&events);
}

async fn a_batch_that_breaks_a_rule_is_refused_by_name(fixture: Fixture) {
    let a = stream("a");
    let with = |change: fn(&mut wac_events::NewEvent)| {
        let mut changed = event("room.touched", 1);
        change(&mut changed);
        batch(vec![exactly(&a, 0, vec![changed])])
    };
    let same = event("room.touched", 1);
    let cases = [
        (batch(vec![]), "at least one event"),
        (batch(vec![exactly(&a, 0, vec![])]), "at least one event"),
        (batch(vec![exactly(&a, 0, (0..1001).map(|n| event("room.touched", n)).collect())]), "at most 1,000"),
        (batch(vec![exactly(&a, 0, vec![event("room.touched", 1)]), exactly(&a, 0, vec![])]), "stream occurs twice"),
        (batch(vec![exactly(&a, 0, vec![same.clone(), same])]), "event id occurs twice"),
        (with(|event| event.data = "[1]".to_owned()), "not a JSON object"),
        (with(|event| event.data = r#"{"a":"\u0000"}"#.to_owned()), "U+0000"),
        (with(|event| event.meta = "{".to_owned()), "not a JSON object"),
        (with(|event| event.data = format!(r#"{{"a":"{}"}}"#, "x".repeat(1 << 20))), "1 MiB"),
        (batch(vec![exactly(&stream("a\u{1f}b"), 0, vec![event("room.touched", 1)])]), "control character"),
    ];
    for (wrong, reason) in cases {
        match fixture.log().append(wrong).await {
            Err(AppendError::Invalid(text)) => assert!(text.contains(reason), "{text}"),
            other => panic!("{reason}: {other:?}"),
        }
    }
    let head: Head = fixture.log().head().await.unwrap();
    assert_eq!(head.position, Position::START);
}

async fn an_event_id_is_used_once_and_its_neighbours_are_written(fixture: Fixture) {
    let used = event("room.touched", 1);
    fixture.log().append(batch(vec![exactly(&stream("first"), 0, vec![used.clone()])])).await.unwrap();
    let again = fixture.log().append(batch(vec![exactly(&stream("again"), 0, vec![used])]));
    let names: Vec<_> = (0..20).map(|n| stream(&format!("neighbour-{n}"))).collect();
    let neighbours = join_all(names.iter().map(|name| fixture.log().append(one(name, 0))));
    let (again, neighbours) = futures::join!(again, neighbours);
    assert!(matches!(again, Err(AppendError::Invalid(_))), "{again:?}");
    neighbours.into_iter().for_each(|result| assert!(!result.unwrap().duplicate));
    let events = everything(fixture.log()).await;
    assert_eq!(events.len(), 21);
    assert_in_order(&events);
}

async fn a_closed_log_has_answered_everything_and_takes_nothing_more(fixture: Fixture) {
    let names: Vec<_> = (0..300).map(|n| stream(&n.to_string())).collect();
    let appends: Vec<_> = names
        .iter()
        .map(|name| {
            let (log, command) = (fixture.log().clone(), one(name, 0));
            tokio::spawn(async move { log.append(command).await })
        })
        .collect();
    tokio::task::yield_now().await;
    fixture.stores.close().await;
    let mut written = 0;
    for append in appends {
        match append.await.unwrap() {
            Ok(_) => written += 1,
            Err(AppendError::Unavailable(_)) => {}
            Err(other) => panic!("{other:?}"),
        }
    }
    let late = fixture.log().append(one(&stream("late"), 0)).await;
    assert!(matches!(late, Err(AppendError::Unavailable(_))), "{late:?}");
    if fixture.url != "memory:" {
        let events = everything(&open(&fixture.url).await.log).await;
        assert_eq!(events.len(), written, "what was answered is there, and nothing else");
    }
}

async fn a_thousand_events_of_one_command_are_written_whole(fixture: Fixture) {
    let appends =
        (0..10).map(|s| exactly(&stream(&s.to_string()), 0, (0..100).map(|n| event("room.touched", n)).collect()));
    let command = batch(appends.collect());
    let id = command.command_id;
    let (large, small) = futures::join!(fixture.log().append(command), fixture.log().append(one(&stream("x"), 0)));
    assert_eq!(large.unwrap(), new(1, 1000));
    assert_eq!(small.unwrap(), new(1001, 1001));
    assert_eq!(fixture.log().outcome(id).await.unwrap().unwrap().last, Position(1000));
    assert_in_order(&everything(fixture.log()).await);
}

on_both_databases!(a_full_queue_is_refused_at_once_and_loses_nothing);

async fn a_full_queue_is_refused_at_once_and_loses_nothing(fixture: Fixture) {
    let over = 500;
    // Whoever holds the writer's place holds the writer.
    let held = Held::new(&fixture).await;
    let total = wac_store::QUEUE_COMMANDS_MAX + wac_store::BATCH_COMMANDS_MAX + over;
    let names: Vec<_> = (0..total).map(|n| stream(&n.to_string())).collect();
    let refusals = AtomicUsize::new(0);
    let appends = join_all(names.iter().map(|name| async {
        let result = fixture.log().append(one(name, 0)).await;
        if matches!(result, Err(AppendError::Overloaded { .. })) {
            refusals.fetch_add(1, Ordering::SeqCst);
        }
        result
    }));
    let released = async {
        eventually("refusal", || async { refusals.load(Ordering::SeqCst) >= over }).await;
        held.release().await;
    };
    let (results, ()) = futures::join!(appends, released);
    let refused = results.iter().filter(|result| matches!(result, Err(AppendError::Overloaded { .. }))).count();
    let written = results.iter().filter(|result| result.is_ok()).count();
    assert!(refused >= over, "{refused} of {total} refused");
    assert_eq!(refused + written, total);
    assert_eq!(everything(fixture.log()).await.len(), written);
}

/// Keeps every writer of a database waiting.
enum Held {
    Postgres(sqlx::Transaction<'static, sqlx::Postgres>),
    Sqlite(wac_store::SqliteWrite),
}

impl Held {
    async fn new(fixture: &Fixture) -> Self {
        match &fixture.stores.db {
            wac_store::Db::Postgres(pool) => {
                let mut tx = pool.begin().await.unwrap();
                sqlx::query("select 1 from log_head for update").execute(&mut *tx).await.unwrap();
                Self::Postgres(tx)
            }
            wac_store::Db::Sqlite(db) => Self::Sqlite(db.write().await.unwrap()),
        }
    }

    async fn release(self) {
        match self {
            Self::Postgres(tx) => tx.rollback().await.unwrap(),
            Self::Sqlite(write) => write.rollback().await.unwrap(),
        }
    }
}
