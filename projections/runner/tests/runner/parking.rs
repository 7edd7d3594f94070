//! Events that cannot be decoded are put aside and counted, or stop a rebuild.

use wac_events::{AppendBatch, CommandId, EventId, ExpectedVersion, NewEvent, Position, StreamAppend, StreamId, Time};
use wac_projections::all;
use wac_runner::bench::Workload;
use wac_runner::{RebuildOptions, RunnerError, list, parked_events, rebuild};

use crate::support::{PATIENCE, Store, names, on_both, projection};

/// Appends one event as a newer or a broken program would.
async fn append_raw(
    store: &Store,
    stream: &str,
    event_type: &'static str,
    schema_version: u32,
    data: &str,
) -> Position {
    let event = NewEvent {
        event_id: EventId(uuid::Uuid::now_v7()),
        event_type,
        schema_version,
        domain: None,
        data: data.to_owned(),
        meta: "{}".to_owned(),
        occurred_at: Time::EPOCH,
    };
    let append = StreamAppend { stream: StreamId::from(stream), expected: ExpectedVersion::Any, events: vec![event] };
    let batch = AppendBatch { command_id: CommandId(uuid::Uuid::now_v7()), appends: vec![append] };
    store.stores.log.append(batch).await.unwrap().last
}

on_both!(what_cannot_be_decoded_is_parked_and_the_rest_goes_on, async |store: Store| {
    let mut workload = Workload::new(8);
    store.append(&mut workload, 50).await;
    let unknown = append_raw(&store, "user-x", "user.levitated", 1, "{}").await;
    let newer = append_raw(&store, "token-x", "token.revoked", 9, "{}").await;
    let broken = append_raw(&store, "user-x", "user.deleted", 1, "{\"id\":5}").await;
    append_raw(&store, "zebra-x", "zebra.born", 1, "{}").await;
    store.append(&mut workload, 50).await;

    let (runner, shutdown) = store.start().await;
    runner.wait_for(&names(&all()), store.head().await, PATIENCE).await.unwrap();
    let parked = parked_events(store.db(), 100).await.unwrap();
    let places: Vec<_> = parked.iter().map(|event| (event.projection.as_str(), event.position)).collect();
    let wanted = [
        ("agents", unknown),
        ("users", unknown),
        ("tokens", newer),
        ("agents", broken),
        ("presence", broken),
        ("users", broken),
    ];
    assert_eq!(places, wanted, "by every read model that wants the type");
    assert!(parked[0].reason.contains("user.levitated"), "{}", parked[0].reason);
    let infos = list(store.db(), &*store.log()).await.unwrap();
    let counts: Vec<_> = infos.iter().map(|info| (info.name.as_str(), info.parked)).filter(|(_, n)| *n > 0).collect();
    assert_eq!(counts, [("agents", 2), ("presence", 1), ("tokens", 1), ("users", 2)]);
    shutdown.cancel();
    runner.stopped().await;

    let report = store.verify().await;
    assert_eq!(report.differences(), 0, "{:?}", report.shown);
    assert_eq!(report.log.faults, 4, "{:?}", report.log.shown);
});

on_both!(a_rebuild_stops_at_such_an_event_and_names_it_unless_told_to_park, async |store: Store| {
    let mut workload = Workload::new(9);
    store.append(&mut workload, 30).await;
    let position = append_raw(&store, "user-x", "user.levitated", 3, "{}").await;
    store.bring_up().await;
    let rows = store.rows(&all()).await;

    let users = projection("users");
    let outcome = rebuild(store.db(), store.log(), users.clone(), RebuildOptions::default(), &mut |_| {}).await;
    let Err(error @ RunnerError::Undecodable { .. }) = outcome else { panic!("{outcome:?}") };
    for part in [position.to_string().as_str(), "user.levitated", "version 3", "users", "--park"] {
        assert!(error.to_string().contains(part), "{error} does not name {part}");
    }
    let infos = list(store.db(), &*store.log()).await.unwrap();
    assert_eq!(infos.len(), all().len(), "an unfinished rebuild leaves nothing: {infos:?}");
    assert_eq!(store.rows(&all()).await, rows);

    let options = RebuildOptions { park: true, ..RebuildOptions::default() };
    let rebuilt = rebuild(store.db(), store.log(), users, options, &mut |_| {}).await.unwrap();
    assert_eq!((rebuilt.parked, rebuilt.generation), (1, 2));
    let parked = parked_events(store.db(), 100).await.unwrap();
    assert_eq!(parked.iter().filter(|event| event.projection == "users").count(), 1);
    assert_eq!(store.rows(&all()).await, rows);
});
