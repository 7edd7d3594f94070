//! Exactly once, whatever ends and begins again.

use std::time::Duration;

use wac_events::Position;
use wac_projections::all;
use wac_runner::bench::Workload;
use wac_runner::{ProjectionState, list};

use crate::support::{PATIENCE, Store, names, on_both, until};

on_both!(rows_are_exact_after_the_runner_was_dropped_at_random_moments, async |store: Store| {
    let mut workload = Workload::new(1);
    for round in 0..25_u64 {
        store.append(&mut workload, 300).await;
        let (runner, _shutdown) = store.start().await;
        // Not a wait for a result: the moment of the crash is what varies.
        tokio::time::sleep(Duration::from_micros(round * 1_700)).await;
        drop(runner);
    }
    store.bring_up().await;
    store.is_exact().await;
});

on_both!(resuming_from_every_checkpoint_gives_the_same_rows, async |store: Store| {
    let mut workload = Workload::new(2);
    for _ in 0..12 {
        store.append(&mut workload, 7).await;
        store.bring_up().await;
        let infos = list(store.db(), &*store.log()).await.unwrap();
        let head = store.head().await;
        assert!(infos.iter().all(|info| info.position == head && info.lag == 0), "{infos:?}");
        store.is_exact().await;
    }
});

on_both!(a_runner_that_is_up_applies_what_is_appended_and_wakes_who_waits, async |store: Store| {
    let (runner, _shutdown) = store.start().await;
    let mut workload = Workload::new(3);
    for _ in 0..50 {
        store.append(&mut workload, 3).await;
        runner.wait_for(&["users", "used_refresh_tokens"], store.head().await, PATIENCE).await.unwrap();
    }
    runner.wait_for(&names(&all()), store.head().await, PATIENCE).await.unwrap();
    store.is_exact().await;
});

on_both!(an_empty_log_makes_every_read_model_live, async |store: Store| {
    let (runner, _shutdown) = store.start().await;
    until("every read model is live", || async {
        let infos = runner.list().await.unwrap();
        infos.len() == all().len() && infos.iter().all(|info| info.state == ProjectionState::Live)
    })
    .await;
});

on_both!(two_nodes_on_one_database_apply_every_event_once, async |store: Store| {
    // With SQLite the two are runners of one process; their writes meet all the same.
    let other = store.again().await;
    let (first, stop_first) = store.start().await;
    let shutdown = tokio_util::sync::CancellationToken::new();
    let second = wac_runner::Runner::start(other.db.clone(), other.log.clone(), all(), shutdown.clone()).await.unwrap();
    let mut workload = Workload::new(4);
    for _ in 0..40 {
        store.append(&mut workload, 20).await;
    }
    let half = store.head().await;
    second.wait_for(&names(&all()), half, PATIENCE).await.unwrap();
    stop_first.cancel();
    first.stopped().await;
    drop(first);
    for _ in 0..10 {
        store.append(&mut workload, 20).await;
    }
    second.wait_for(&names(&all()), store.head().await, PATIENCE).await.unwrap();
    assert!(store.head().await > half);
    store.is_exact().await;
});

on_both!(a_process_checkpoint_is_kept_and_never_goes_back, async |store: Store| {
    let checkpoints = wac_runner::SqlCheckpoints::open(store.db().clone()).await.unwrap();
    assert_eq!(checkpoints.load("eraser").await.unwrap(), Position::START);
    checkpoints.save("eraser", Position(7)).await.unwrap();
    checkpoints.save("eraser", Position(5)).await.unwrap();
    let again = wac_runner::SqlCheckpoints::open(store.db().clone()).await.unwrap();
    assert_eq!(again.load("eraser").await.unwrap(), Position(7));
    assert_eq!(again.load("cascade").await.unwrap(), Position::START);
});
