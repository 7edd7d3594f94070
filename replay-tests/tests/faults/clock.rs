//! The clock is set back.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use wac_commands::{CreateDomain, DeleteUser};
use wac_events::{Environment, Position, Time};
use wac_replay_tests::audit::Audit;
use wac_replay_tests::environment::SimEnvironment;
use wac_replay_tests::load::{Acknowledge, Load};
use wac_replay_tests::platform::Platform;
use wac_replay_tests::{databases, story};
use wac_store::SystemEnvironment;

use crate::support::{Notes, audit_open, wait_until_async};

const NOON: i64 = 1_772_000_000_000;

/// A clock that jumps up to a day, forward and back, with every look at it.
struct JumpingEnvironment;

impl Environment for JumpingEnvironment {
    fn now(&self) -> Time {
        const DAY_MS: i64 = 24 * 3_600 * 1_000;
        Time::from_millis(NOON + rand::random_range(-DAY_MS..DAY_MS))
    }

    fn fill(&self, out: &mut [u8]) {
        SystemEnvironment.fill(out);
    }
}

async fn urls() -> Vec<(String, Option<tempfile::TempDir>)> {
    let directory = tempfile::tempdir().unwrap();
    let server = tokio::task::spawn_blocking(xtask::services::shared_postgres).await.unwrap();
    let postgres = databases::new_postgres_database(&server).await.unwrap();
    let sqlite = databases::sqlite_url(directory.path());
    vec![("memory:".to_owned(), None), (sqlite, Some(directory)), (postgres, None)]
}

fn domain(id: &str, parent: Option<&str>) -> CreateDomain {
    CreateDomain {
        id: id.into(),
        name: id.to_owned(),
        parent: parent.map(Into::into),
        origins: Vec::new(),
        enable_anonymous: false,
        anonymous_expiration_ms: 0,
        anonymous_capabilities: Vec::new(),
        services: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_set_back_changes_neither_the_order_nor_the_recorded_times() {
    for (url, _directory) in urls().await {
        let noon = Time::from_millis(NOON);
        let env = Arc::new(SimEnvironment::new(9, noon));
        let stores = databases::open_with(&url, env.clone()).await.unwrap();
        let platform = Platform::new(stores.clone(), env.clone());
        platform.run(&domain("base", None)).await.unwrap();
        let before = stores.log.head().await.unwrap();
        env.set(Time::from_millis(NOON - 3_600_000));
        platform.run(&domain("an-hour-ago", Some("base"))).await.unwrap();
        env.set(Time::EPOCH);
        platform.run(&domain("long-ago", Some("base"))).await.unwrap();
        // What is refused is refused as ever.
        let unknown = DeleteUser { id: "nobody".into(), cascade: true, erase: false, expected_version: None };
        platform.execute(&unknown).await.expect_err("there is no such user");
        env.set(Time::from_millis(NOON + 1_000));
        platform.run(&domain("a-second-later", Some("base"))).await.unwrap();

        let events = story::read_all(&*stores.log).await.unwrap();
        let times: Vec<_> = events.iter().map(|event| event.recorded_at).collect();
        assert!(times.is_sorted(), "{url}: {times:?}");
        assert!(events.iter().any(|event| event.occurred_at == Time::EPOCH && event.recorded_at == noon), "{url}");
        let mut audit = Audit::default();
        audit.read_on(&*stores.log).await.unwrap();
        // Asking by time gives everything recorded by then, whatever the clock said.
        let at_noon = stores.log.position_at(noon).await.unwrap();
        assert!(at_noon > before.position && at_noon < audit.last(), "{url}: {at_noon}");
        assert_eq!(stores.log.position_at(Time::from_millis(NOON - 1)).await.unwrap(), Position::START, "{url}");
        stores.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_opened_again_under_an_earlier_clock_goes_on_behind_its_last_time() {
    for (url, _directory) in urls().await.into_iter().skip(1) {
        for (id, clock) in [("base", NOON), ("second", 0), ("third", NOON - 1)] {
            let env = Arc::new(SimEnvironment::new(u64::from(id.len() as u32), Time::from_millis(clock)));
            let stores = databases::open_with(&url, env.clone()).await.unwrap();
            let platform = Platform::new(stores.clone(), env);
            platform.run(&domain(id, (id != "base").then_some("base"))).await.unwrap();
            let head = stores.log.head().await.unwrap();
            assert_eq!(head.recorded_at, Time::from_millis(NOON), "{url}, {id}");
            audit_open(&stores, &[]).await;
            stores.close().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn under_load_on_a_jumping_clock_nothing_is_lost_and_recorded_times_never_go_back() {
    for (url, _directory) in urls().await {
        let env: Arc<dyn Environment> = Arc::new(JumpingEnvironment);
        let stores = databases::open_with(&url, env.clone()).await.unwrap();
        let (notes, stop) = (Notes::default(), CancellationToken::new());
        let load = Load::new(stores.clone(), env, Acknowledge::AfterCommit, notes.sink()).await.unwrap();
        let writing = tokio::spawn({
            let stop = stop.clone();
            async move { load.run(16, stop).await }
        });
        wait_until_async("a thousand answers", async || notes.acknowledged() > 1_000).await;
        stop.cancel();
        tokio::time::timeout(Duration::from_secs(60), writing).await.expect("writers end").unwrap();
        audit_open(&stores, &notes.all()).await;
        assert!(notes.acknowledged() > 1_000, "{url}");
        assert_eq!(stores.log.outcome(wac_events::CommandId(Uuid::nil())).await.unwrap(), None);
        stores.close().await;
    }
}
