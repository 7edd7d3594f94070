//! Rebuilding beside what is served.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use sqlx::Executor;
use tokio_util::sync::CancellationToken;
use wac_events::{CodecError, Recorded};
use wac_projections::{Column, Projection, RowChange, Rows, Select, Table, USERS, Value, all};
use wac_runner::bench::Workload;
use wac_runner::{ProjectionState, RebuildOptions, RunnerError, SqlRows, list, rebuild};
use wac_store::Db;

use crate::support::{PATIENCE, Store, names, on_both, projection};

/// What a writer beside a rebuild rests after each batch: where writing is faster than rebuilding, as
/// without optimisation on two cores, the log would only grow longer.
const WRITERS_PAUSE: Duration = Duration::from_millis(20);
/// What a reader beside a rebuild rests.
const READERS_PAUSE: Duration = Duration::from_millis(5);
/// How long one reader of two that take turns holds a table.
const LONG_READ: Duration = Duration::from_millis(1_600);

on_both!(a_rebuilt_read_model_equals_the_live_one, async |store: Store| {
    let mut workload = Workload::new(10);
    for _ in 0..10 {
        store.append(&mut workload, 300).await;
    }
    store.bring_up().await;
    let before = store.rows(&all()).await;
    for read_model in all() {
        let mut last = None;
        let rebuilt = rebuild(store.db(), store.log(), read_model, RebuildOptions::default(), &mut |progress| {
            last = Some(progress);
        })
        .await
        .unwrap();
        assert_eq!(rebuilt.position, store.head().await);
        let last = last.unwrap_or_else(|| panic!("no progress was told"));
        assert_eq!(last.done, last.total);
    }
    assert_eq!(store.rows(&all()).await, before);
    let infos = list(store.db(), &*store.log()).await.unwrap();
    assert!(infos.iter().all(|info| info.generation == 2 && info.state == ProjectionState::Live), "{infos:?}");
    assert!(store.verify().await.is_sound());
});

static LATEST: Table = Table {
    name: "latest",
    columns: &[Column::text("id"), Column::int("position"), Column::bool("odd")],
    indexed: &["position"],
};

/// One row for each event, and one for each wire name, put anew whenever an event of it comes.
struct Latest;

impl Projection for Latest {
    fn name(&self) -> &'static str {
        "latest"
    }

    fn version(&self) -> u32 {
        1
    }

    fn tables(&self) -> &'static [&'static Table] {
        const { &[&LATEST] }
    }

    fn wants(&self) -> &'static [&'static str] {
        &["user.*", "token.*", "credential.*"]
    }

    fn apply(&self, event: &Recorded) -> Result<Vec<RowChange>, CodecError> {
        let position = i64::try_from(event.position.0).unwrap();
        let put = |key: String| RowChange::Upsert {
            table: &LATEST,
            key,
            set: vec![("odd", Value::Bool(position % 2 == 1)), ("position", Value::Int(position))],
        };
        Ok(vec![put(event.event_id.to_string()), put(event.event_type.to_string())])
    }
}

on_both!(rows_put_again_much_later_in_the_log_replace_the_former_ones, async |store: Store| {
    let mut workload = Workload::new(18);
    // Several transactions' worth.
    for _ in 0..32 {
        store.append(&mut workload, 500).await;
    }
    let rebuilt = rebuild(store.db(), store.log(), Arc::new(Latest), RebuildOptions::default(), &mut |_| {}).await;
    assert!(rebuilt.unwrap().rows_written > 10_000);
    let projections: Vec<Arc<dyn Projection>> = vec![Arc::new(Latest)];
    assert_eq!(store.rows(&projections).await, store.expected(&projections).await);
});

on_both!(a_rebuild_from_another_process_disturbs_neither_writers_nor_readers, async |store: Store| {
    let mut workload = Workload::new(11);
    for _ in 0..10 {
        store.append(&mut workload, 500).await;
    }
    let (runner, _shutdown) = store.start().await;
    runner.wait_for(&names(&all()), store.head().await, PATIENCE).await.unwrap();

    let store = Arc::new(store);
    let done = Arc::new(AtomicBool::new(false));
    let writer = tokio::spawn({
        let (store, done) = (store.clone(), done.clone());
        async move {
            let mut batches = 0;
            while !done.load(Ordering::Relaxed) {
                store.append(&mut workload, 20).await;
                batches += 1;
                tokio::time::sleep(WRITERS_PAUSE).await;
            }
            batches
        }
    });
    let least = Arc::new(AtomicU64::new(u64::MAX));
    let reader = tokio::spawn({
        let (rows, done, least) = (runner.rows(), done.clone(), least.clone());
        async move {
            let mut reads = 0;
            while !done.load(Ordering::Relaxed) {
                let found = rows.select(Select::from(&USERS)).await.unwrap();
                least.fetch_min(found.len() as u64, Ordering::Relaxed);
                reads += 1;
                tokio::time::sleep(READERS_PAUSE).await;
            }
            reads
        }
    });
    let other = store.again().await;
    for _ in 0..3 {
        for name in ["users", "tokens"] {
            let options = RebuildOptions::default();
            rebuild(&other.db, other.log.clone(), projection(name), options, &mut |_| {}).await.unwrap();
        }
    }
    done.store(true, Ordering::Relaxed);
    assert!(writer.await.unwrap() > 0 && reader.await.unwrap() > 0);
    assert!(least.load(Ordering::Relaxed) > 0, "a reader saw an empty table");
    runner.wait_for(&names(&all()), store.head().await, PATIENCE).await.unwrap();
    let infos = runner.list().await.unwrap();
    let generations: Vec<_> = infos.iter().map(|info| (info.name.as_str(), info.generation)).collect();
    assert!(generations.contains(&("users", 4)) && generations.contains(&("tokens", 4)), "{generations:?}");
    store.is_exact().await;
});

on_both!(verification_beside_a_running_server_finds_nothing, async |store: Store| {
    let mut workload = Workload::new(12);
    for _ in 0..5 {
        store.append(&mut workload, 500).await;
    }
    let (_runner, _shutdown) = store.start().await;
    let store = Arc::new(store);
    let done = CancellationToken::new();
    let writer = tokio::spawn({
        let (store, done) = (store.clone(), done.clone());
        async move {
            while !done.is_cancelled() {
                store.append(&mut workload, 10).await;
                tokio::time::sleep(WRITERS_PAUSE).await;
            }
        }
    });
    for _ in 0..5 {
        let report = store.verify().await;
        assert!(report.is_sound(), "{:?} {:?}", report.shown, report.log.shown);
    }
    done.cancel();
    writer.await.unwrap();
});

on_both!(a_cancelled_rebuild_leaves_the_served_rows_and_nothing_else, async |store: Store| {
    let mut workload = Workload::new(13);
    store.append(&mut workload, 500).await;
    store.bring_up().await;
    let cancel = CancellationToken::new();
    cancel.cancel();
    let options = RebuildOptions { park: false, cancel };
    let outcome = rebuild(store.db(), store.log(), projection("users"), options, &mut |_| {}).await;
    assert!(matches!(outcome, Err(RunnerError::Cancelled)), "{outcome:?}");
    assert_eq!(list(store.db(), &*store.log()).await.unwrap().len(), all().len());
    store.is_exact().await;
});

on_both!(what_a_killed_rebuild_left_is_removed_by_the_next, async |store: Store| {
    let mut workload = Workload::new(14);
    for _ in 0..10 {
        store.append(&mut workload, 900).await;
    }
    store.bring_up().await;
    // Stops for good in the middle, as a killed process does.
    let stuck = tokio::spawn({
        let (db, log) = (store.db().clone(), store.log());
        async move {
            let options = RebuildOptions::default();
            let mut halt = |_| panic!("killed");
            rebuild(&db, log, projection("users"), options, &mut halt).await
        }
    });
    assert!(stuck.await.unwrap_err().is_panic());
    let infos = list(store.db(), &*store.log()).await.unwrap();
    assert!(infos.iter().any(|info| info.state == ProjectionState::Rebuilding), "{infos:?}");
    let options = RebuildOptions::default();
    let rebuilt = rebuild(store.db(), store.log(), projection("users"), options, &mut |_| {}).await.unwrap();
    assert_eq!(rebuilt.generation, 3);
    assert_eq!(list(store.db(), &*store.log()).await.unwrap().len(), all().len());
    store.is_exact().await;
    drop(SqlRows::open(store.db().clone(), all()).await.unwrap());
});

/// Readers whose transactions overlap, each longer than the switch waits at first.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rebuilt_rows_are_switched_in_though_the_served_ones_are_always_being_read() {
    let store = crate::support::postgres().await;
    store.append(&mut Workload::new(15), 500).await;
    store.bring_up().await;
    let Db::Postgres(pool) = store.db().clone() else { panic!("not PostgreSQL") };
    let done = CancellationToken::new();
    let (reading, mut read) = tokio::sync::mpsc::channel(16);
    let readers = [0, 1].map(|place| {
        let (pool, done, reading) = (pool.clone(), done.clone(), reading.clone());
        tokio::spawn(async move {
            tokio::time::sleep(LONG_READ * place / 2).await;
            while !done.is_cancelled() {
                let mut tx = pool.begin().await.unwrap();
                tx.execute("select count(*) from tokens_v1").await.unwrap();
                let _full = reading.try_send(());
                tokio::time::sleep(LONG_READ).await;
                tx.commit().await.unwrap();
            }
        })
    });
    for _ in 0..3 {
        read.recv().await.unwrap();
    }
    let options = RebuildOptions::default();
    let rebuilt = rebuild(store.db(), store.log(), projection("tokens"), options, &mut |_| {}).await.unwrap();
    assert_eq!(rebuilt.generation, 2);
    done.cancel();
    for reader in readers {
        reader.await.unwrap();
    }
    store.is_exact().await;
}
