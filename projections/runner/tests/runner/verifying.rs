//! Verification finds what does not follow from the log.

use wac_projections::{Value, all};
use wac_runner::bench::Workload;
use wac_runner::{DifferenceKind, RebuildOptions, log_verify, rebuild};

use crate::support::{Store, on_both, projection};

async fn filled(store: &Store) {
    let mut workload = Workload::new(20);
    for _ in 0..4 {
        store.append(&mut workload, 500).await;
    }
    store.bring_up().await;
}

on_both!(nothing_deviates_when_nobody_has_meddled, async |store: Store| {
    filled(&store).await;
    let mut told = 0;
    let report =
        wac_runner::verify(store.log(), store.db(), all(), Default::default(), &mut |_| told += 1).await.unwrap();
    assert!(report.is_sound(), "{:?} {:?}", report.shown, report.log.shown);
    assert!(told > 0);
    assert_eq!(report.log.events, store.head().await.0);
    let rows: u64 = report.projections.iter().map(|projection| projection.rows).sum();
    assert!(rows > 500, "{rows}");
});

on_both!(a_database_no_runner_has_seen_has_no_read_models_and_nothing_to_compare, async |store: Store| {
    store.append(&mut Workload::new(20), 50).await;
    let report = store.verify().await;
    assert!(report.is_sound(), "{:?} {:?}", report.shown, report.log.shown);
    assert!(report.projections.iter().all(|projection| projection.position.is_none()), "{:?}", report.projections);
    assert!(wac_runner::list(store.db(), &*store.log()).await.unwrap().is_empty());
});

on_both!(a_tampered_row_is_found_with_table_key_column_and_both_values, async |store: Store| {
    filled(&store).await;
    let key = store.text("select min(id) from users_v1").await;
    assert_eq!(store.sql(&format!("update users_v1 set role = 'admin' where id = '{key}'")).await, 1);
    let report = store.verify().await;
    assert!(!report.is_sound());
    assert_eq!(report.differences(), 1);
    let difference = &report.shown[0];
    assert_eq!((difference.table, difference.key.as_str()), ("users", key.as_str()));
    let (live, rebuilt) = (Value::from("admin"), Value::from("user"));
    assert_eq!(difference.kind, DifferenceKind::Column { column: "role", live, rebuilt });
    assert_eq!(difference.to_string(), format!("users {key}: role is \"admin\", the log says \"user\""));

    rebuild(store.db(), store.log(), projection("users"), RebuildOptions::default(), &mut |_| {}).await.unwrap();
    assert!(store.verify().await.is_sound(), "a rebuild mends it");
});

on_both!(missing_rows_are_found_first_last_and_in_the_middle, async |store: Store| {
    filled(&store).await;
    let mut keys = Vec::new();
    for pick in ["min(id)", "max(id)"] {
        keys.push(store.text(&format!("select {pick} from tokens_v1")).await);
    }
    keys.push(store.text("select id from tokens_v1 order by id limit 1 offset 5").await);
    for key in &keys {
        assert_eq!(store.sql(&format!("delete from tokens_v1 where id = '{key}'")).await, 1);
    }
    let report = store.verify().await;
    let mut found: Vec<_> = report.shown.iter().map(|difference| difference.key.clone()).collect();
    assert!(report.shown.iter().all(|difference| difference.kind == DifferenceKind::Missing), "{:?}", report.shown);
    found.sort();
    keys.sort();
    assert_eq!(found, keys);
});

on_both!(an_extra_row_is_found, async |store: Store| {
    filled(&store).await;
    for key in ["!first", "zzz-last"] {
        store.sql(&format!("insert into used_refresh_tokens_v1 (hash, token) values ('{key}', 't')")).await;
    }
    let report = store.verify().await;
    let found: Vec<_> = report.shown.iter().map(|difference| (difference.key.as_str(), &difference.kind)).collect();
    assert_eq!(found, [("!first", &DifferenceKind::Extra), ("zzz-last", &DifferenceKind::Extra)]);
});

on_both!(rows_are_compared_at_their_own_position_when_they_lag, async |store: Store| {
    filled(&store).await;
    let mut workload = Workload::new(21);
    store.append(&mut workload, 500).await;
    let report = store.verify().await;
    assert!(report.is_sound(), "{:?}", report.shown);
    assert!(report.projections.iter().all(|projection| projection.position < Some(report.log.position)));
});

on_both!(a_sound_log_verifies_and_a_changed_one_does_not, async |store: Store| {
    filled(&store).await;
    let report = log_verify(store.log(), 10, &mut |_| {}).await.unwrap();
    assert!(report.is_sound(), "{:?}", report.shown);
    assert_eq!(report.events, store.head().await.0);
    match store.db() {
        wac_store::Db::Postgres(_) => {
            store.sql("alter table events disable trigger all").await;
        }
        wac_store::Db::Sqlite(_) => {
            store.sql("drop trigger events_refuse_update").await;
            store.sql("drop trigger events_refuse_delete").await;
        }
    }
    store.sql("update events set data = '{\"x\":1}' where position = 7").await;
    store.sql("delete from events where position = 11").await;
    let report = log_verify(store.log(), 10, &mut |_| {}).await.unwrap();
    let shown: Vec<String> = report.shown.iter().map(ToString::to_string).collect();
    assert!(shown.iter().any(|fault| fault.starts_with("position 7: payload of")), "{shown:?}");
    assert!(shown.iter().any(|fault| fault == "position 11 expected, 12 found"), "{shown:?}");
});
