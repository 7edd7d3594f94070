//! Reads give the same rows from the database as from memory, and wait for a position.

use std::time::Duration;

use wac_events::Position;
use wac_projections::{MemTables, Projection, Rows, Select, TOKENS, USERS, Value, all};
use wac_runner::SqlRows;
use wac_runner::bench::Workload;

use crate::support::{PATIENCE, Store, names, on_both};

fn selects(some: &[wac_projections::Row]) -> Vec<Select> {
    let (first, last) = (&some[0], &some[some.len() - 1]);
    let key = |row: &wac_projections::Row| row["id"].as_text().unwrap().to_owned();
    vec![
        Select::from(&USERS),
        Select::key(&USERS, &key(first)),
        Select::key(&USERS, "nobody"),
        Select::from(&USERS).limit(3),
        Select { descending: true, ..Select::from(&USERS).limit(3) },
        Select::from(&USERS).after(Some(key(first))).limit(2),
        Select { descending: true, ..Select::from(&USERS).after(Some(key(last))).limit(2) },
        Select::from(&USERS).equals("domain", first["domain"].clone()),
        Select::from(&USERS).equals("domain", first["domain"].clone()).equals("role", "user"),
        Select::from(&USERS).equals("role", "admin"),
        Select::from(&USERS).equals("last_login", Value::Null),
        Select::from(&USERS).equals("version", 1),
        Select::from(&USERS).equals("version", "1"),
        Select::from(&USERS).one_of("id", vec![key(first).into(), key(last).into(), "nobody".into()]),
        Select::from(&USERS).one_of("id", vec![]),
        Select::from(&USERS).one_of("version", vec![Value::Int(1), Value::Int(2), Value::Text("1".into())]),
        Select::from(&USERS).one_of("last_login", vec![Value::Null, first["last_login"].clone()]),
        Select::from(&TOKENS).equals("revoked", true),
        Select::from(&TOKENS).equals("user", first["id"].clone()),
    ]
}

on_both!(every_kind_of_select_gives_what_memory_gives, async |store: Store| {
    let mut workload = Workload::new(5);
    store.append(&mut workload, 400).await;
    let (runner, _shutdown) = store.start().await;
    runner.wait_for(&names(&all()), store.head().await, PATIENCE).await.unwrap();
    let projections = all();
    let projections: Vec<&dyn Projection> = projections.iter().map(|projection| &**projection).collect();
    let mut memory = MemTables::default();
    for event in store.events().await {
        memory.apply_event(&projections, &event).unwrap();
    }
    let rows = runner.rows();
    let mut found = 0;
    for select in selects(&memory.select(&Select::from(&USERS))) {
        let there = rows.select(select.clone()).await.unwrap();
        assert_eq!(there, memory.select(&select), "{select:?}");
        found += there.len();
    }
    assert!(found > 100);
});

on_both!(a_select_by_a_column_there_is_not_is_an_error, async |store: Store| {
    let rows = SqlRows::open(store.db().clone(), all()).await.unwrap();
    let error = rows.select(Select::from(&USERS).equals("zebra", "x")).await.unwrap_err();
    assert!(error.to_string().contains("users.zebra"), "{error}");
});

on_both!(a_reader_that_waits_beyond_the_log_is_told_how_far_it_came, async |store: Store| {
    let mut workload = Workload::new(6);
    store.append(&mut workload, 10).await;
    let (runner, _shutdown) = store.start().await;
    let head = store.head().await;
    runner.wait_for(&["users"], head, PATIENCE).await.unwrap();
    let wanted = Position(head.0 + 1);
    let not_yet = runner.wait_for(&["users", "tokens"], wanted, Duration::from_millis(80)).await.unwrap_err();
    assert_eq!((not_yet.reached, not_yet.wanted), (head, wanted));
});

on_both!(a_reader_on_a_node_without_a_runner_sees_what_another_applied, async |store: Store| {
    let other = store.again().await;
    let elsewhere = SqlRows::open(other.db.clone(), all()).await.unwrap();
    let (runner, _shutdown) = store.start().await;
    let mut workload = Workload::new(7);
    for _ in 0..5 {
        store.append(&mut workload, 10).await;
        let head = store.head().await;
        elsewhere.wait_for(&names(&all()), head, PATIENCE).await.unwrap();
        assert!(elsewhere.position("tokens").await.unwrap() >= head);
    }
    let there = elsewhere.select(Select::from(&USERS)).await.unwrap();
    assert_eq!(there, runner.rows().select(Select::from(&USERS)).await.unwrap());
    assert!(!there.is_empty());
});
