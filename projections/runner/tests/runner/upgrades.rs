//! A new version of a read model is built beside the one that is served.

use std::sync::Arc;

use wac_events::{CodecError, Recorded};
use wac_projections::{Column, Projection, Row, RowChange, Rows, Select, Table, Value};
use wac_runner::bench::Workload;
use wac_runner::{ProjectionState, SqlRows};

use crate::support::{Gate, PATIENCE, Store, on_both, until};

static OLD: Table = Table { name: "counts", columns: &[Column::text("stream"), Column::int("events")], indexed: &[] };
static NEW: Table = Table {
    name: "counts",
    columns: &[Column::text("stream"), Column::int("events"), Column::text("aggregate")],
    indexed: &["aggregate"],
};

/// Counts the events of each user's stream; version 2 has a column more. Waits while its gate is shut.
struct Counts {
    version: u32,
    gate: Gate,
}

impl Counts {
    fn table(&self) -> &'static Table {
        if self.version == 1 { &OLD } else { &NEW }
    }
}

impl Projection for Counts {
    fn name(&self) -> &'static str {
        "counts"
    }

    fn version(&self) -> u32 {
        self.version
    }

    fn tables(&self) -> &'static [&'static Table] {
        if self.version == 1 { const { &[&OLD] } } else { const { &[&NEW] } }
    }

    fn wants(&self) -> &'static [&'static str] {
        &["user.*"]
    }

    fn apply(&self, event: &Recorded) -> Result<Vec<RowChange>, CodecError> {
        self.gate.pass();
        let (table, key) = (self.table(), event.stream.as_str().to_owned());
        let mut set = vec![("events", Value::Int(0))];
        if self.version > 1 {
            set.push(("aggregate", event.stream.aggregate().into()));
        }
        let put = RowChange::Upsert { table, key: key.clone(), set };
        let count = RowChange::Increment { table, key, column: "events", by: 1 };
        Ok(if event.version == 1 { vec![put, count] } else { vec![count] })
    }
}

fn counts(version: u32, gate: &Gate) -> Vec<Arc<dyn Projection>> {
    vec![Arc::new(Counts { version, gate: gate.clone() })]
}

async fn read(rows: &SqlRows, table: &'static Table) -> Vec<Row> {
    rows.select(Select::from(table)).await.unwrap()
}

on_both!(the_older_rows_are_served_until_the_newer_ones_are_complete, async |store: Store| {
    let free = Gate::default();
    let mut workload = Workload::new(15);
    for _ in 0..4 {
        store.append(&mut workload, 400).await;
    }
    let (old, stop_old) = store.start_with(counts(1, &free)).await;
    let head = store.head().await;
    old.wait_for(&["counts"], head, PATIENCE).await.unwrap();
    until("version 1 is live", || async { old.list().await.unwrap()[0].state == ProjectionState::Live }).await;
    let old_rows = read(&old.rows(), &OLD).await;
    assert!(old_rows.len() > 100);

    let (gate, shut) = Gate::shut();
    let (new, stop_new) = store.start_with(counts(2, &gate)).await;
    let served = read(&new.rows(), &NEW).await;
    assert_eq!(served.len(), old_rows.len(), "the older rows are served while the newer are built");
    assert!(served.iter().all(|row| row["aggregate"] == Value::Null));
    // A node of the older version still keeps its rows up, and the newer program serves them.
    store.append(&mut workload, 200).await;
    new.wait_for(&["counts"], store.head().await, PATIENCE).await.unwrap();

    drop(shut);
    until("version 2 is served", || async {
        let rows = new.rows().select(Select::from(&NEW).equals("aggregate", "user")).await.unwrap();
        !rows.is_empty()
    })
    .await;
    new.wait_for(&["counts"], store.head().await, PATIENCE).await.unwrap();
    let bare = |mut row: Row| {
        row.remove("aggregate");
        row
    };
    let new_rows: Vec<Row> = read(&new.rows(), &NEW).await.into_iter().map(bare).collect();
    assert_eq!(new_rows, read(&old.rows(), &OLD).await);
    let infos = new.list().await.unwrap();
    assert_eq!(infos.iter().map(|info| info.version).collect::<Vec<_>>(), [1, 2]);
    stop_old.cancel();
    stop_new.cancel();
    old.stopped().await;
    new.stopped().await;
});

on_both!(increments_come_out_right_through_batches_and_restarts, async |store: Store| {
    let free = Gate::default();
    let mut workload = Workload::new(16);
    for _ in 0..10 {
        store.append(&mut workload, 40).await;
        let (runner, _shutdown) = store.start_with(counts(1, &free)).await;
        runner.wait_for(&["counts"], store.head().await, PATIENCE).await.unwrap();
    }
    let mut expected = std::collections::BTreeMap::<String, i64>::new();
    for event in store.events().await.iter().filter(|event| event.stream.aggregate() == "user") {
        *expected.entry(event.stream.as_str().to_owned()).or_default() += 1;
    }
    let rows = store.rows(&counts(1, &free)).await;
    let found =
        rows["counts"].iter().map(|row| (row["stream"].as_text().unwrap().to_owned(), row["events"].as_int().unwrap()));
    assert_eq!(found.collect::<std::collections::BTreeMap<_, _>>(), expected);
});

on_both!(a_read_model_added_later_catches_up_apart_and_then_keeps_up, async |store: Store| {
    let free = Gate::default();
    let mut workload = Workload::new(17);
    for _ in 0..8 {
        store.append(&mut workload, 900).await;
    }
    store.bring_up().await;
    let mut projections = wac_projections::all();
    projections.extend(counts(1, &free));
    let (runner, _shutdown) = store.start_with(projections).await;
    runner.wait_for(&["counts"], store.head().await, PATIENCE).await.unwrap();
    for _ in 0..10 {
        store.append(&mut workload, 20).await;
        runner.wait_for(&["counts", "users", "tokens"], store.head().await, PATIENCE).await.unwrap();
    }
    store.is_exact().await;
    assert!(!read(&runner.rows(), &OLD).await.is_empty());
});
