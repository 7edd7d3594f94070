//! Connections that break in the middle of an append, and servers that go away.

use std::time::{Duration, Instant};

use wac_events::{AppendBatch, AppendError, Position};

use crate::harness::*;
use crate::proxy::Proxy;

/// An append the proxy recognises.
fn marked(name: &str, expected: u64) -> AppendBatch {
    let mut event = event("room.touched", expected);
    event.data = r#"{"mark":"proxied-append"}"#.to_owned();
    batch(vec![exactly(&stream(name), expected, vec![event])])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_append_whose_answer_was_cut_off_is_found_to_have_happened() {
    let (database, proxy) = (TestDatabase::create().await, Proxy::start().await);
    let stores = open(&proxy.url(&database.url)).await;
    for version in 0..5 {
        proxy.cut_after_next_append();
        let appended = stores.log.append(marked("a", version)).await.unwrap();
        assert_eq!(appended, new(version + 1, version + 1));
        assert_eq!(proxy.cuts(), version + 1);
    }
    let events = everything(&stores.log).await;
    assert_eq!(events.len(), 5);
    assert_in_order(&events);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_append_that_was_cut_off_on_its_way_is_sent_again() {
    let (database, proxy) = (TestDatabase::create().await, Proxy::start().await);
    let stores = open(&proxy.url(&database.url)).await;
    for version in 0..5 {
        proxy.cut_before_next_append();
        assert_eq!(stores.log.append(marked("a", version)).await.unwrap(), new(version + 1, version + 1));
        assert_eq!(proxy.cuts(), version + 1);
    }
    assert_eq!(everything(&stores.log).await.len(), 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outcome_that_cannot_be_found_out_in_time_is_called_unknown_and_told_later() {
    let (database, proxy) = (TestDatabase::create().await, Proxy::start().await);
    let stores = open(&proxy.url(&database.url)).await;
    stores.log.append(marked("a", 0)).await.unwrap();
    proxy.go_down_after_next_append();
    let command = marked("a", 1);
    let id = command.command_id;
    let began = Instant::now();
    match stores.log.append(command).await {
        Err(AppendError::OutcomeUnknown { command_id, .. }) => assert_eq!(command_id, id),
        other => panic!("{other:?}"),
    }
    assert!(began.elapsed() < wac_store::OUTCOME_PATIENCE + Duration::from_secs(5), "{:?}", began.elapsed());
    proxy.set_down(false);
    eventually("look-up", || async { stores.log.outcome(id).await.is_ok_and(|found| found.is_some()) }).await;
    assert_eq!(stores.log.outcome(id).await.unwrap().unwrap().first, Position(2));
    eventually("append", || async { stores.log.append(marked("b", 0)).await.is_ok() }).await;
    assert_in_order(&everything(&stores.log).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_server_is_away_appends_are_refused_and_soon_after_it_is_back_they_are_not() {
    let (database, proxy) = (TestDatabase::create().await, Proxy::start().await);
    let stores = open(&proxy.url(&database.url)).await;
    stores.log.append(marked("a", 0)).await.unwrap();
    proxy.set_down(true);
    // The first to notice is on its way when the connection goes.
    let noticed = stores.log.append(marked("b", 0)).await;
    if noticed.is_ok() {
        eventually("refusal", || async { stores.log.append(marked("c", 0)).await.is_err() }).await;
    }
    let began = Instant::now();
    let refused = stores.log.append(marked("a", 1)).await;
    assert!(matches!(refused, Err(AppendError::Unavailable(_))), "{refused:?}");
    assert!(began.elapsed() < Duration::from_secs(1), "a refusal does not take long: {:?}", began.elapsed());
    assert!(stores.trouble().is_some());
    proxy.set_down(false);
    eventually("end of the trouble by the writer's own attempt", || async { stores.trouble().is_none() }).await;
    proxy.set_down(true);
    eventually("refusal", || async { stores.log.append(marked("d", 0)).await.is_err() }).await;
    proxy.set_down(false);
    let back = Instant::now();
    while stores.log.append(marked("a", 1)).await.is_err() {
        assert!(back.elapsed() < Duration::from_secs(3), "still not writing");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(stores.trouble().is_none());
    eventually("read", || async { stores.log.head().await.is_ok() }).await;
    let events = everything(&stores.log).await;
    assert_in_order(&events);
    assert_eq!(events.iter().filter(|event| event.stream == stream("a")).count(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_killed_under_load_lose_and_double_nothing() {
    let fixture = Fixture::postgres().await;
    let writers: Vec<_> = (0..16)
        .map(|writer| {
            let log = fixture.log().clone();
            tokio::spawn(async move {
                let mut written = 0;
                let began = Instant::now();
                while began.elapsed() < Duration::from_secs(3) {
                    match log.append(marked(&writer.to_string(), written)).await {
                        Ok(appended) => {
                            assert!(!appended.duplicate);
                            written += 1;
                        }
                        Err(AppendError::Unavailable(_)) => {}
                        Err(other) => panic!("{other:?}"),
                    }
                }
                written
            })
        })
        .collect();
    let name = fixture.url.rsplit_once('/').unwrap().1.to_owned();
    let kill = format!("select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'");
    let killer = tokio::spawn(async move {
        for _ in 0..20 {
            tokio::time::sleep(Duration::from_millis(120)).await;
            admin(&kill).await;
        }
    });
    let mut written = 0;
    for writer in writers {
        written += writer.await.unwrap();
    }
    killer.await.unwrap();
    eventually("read", || async { fixture.log().head().await.is_ok() }).await;
    let events = everything(&open(&fixture.url).await.log).await;
    assert_in_order(&events);
    assert_eq!(events.len() as u64, written, "acknowledged and there are the same");
}
