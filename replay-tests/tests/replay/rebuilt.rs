//! A read model rebuilt from zero equals the one that was kept up while things happened.

use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use wac_commands::CommandError;
use wac_events::{Environment, Time};
use wac_projections::MemTables;
use wac_replay_tests::environment::SimEnvironment;
use wac_replay_tests::platform::Platform;
use wac_replay_tests::{databases, fold, story};
use wac_runner::{RebuildOptions, VerifyOptions};

use crate::determinism::command;
use crate::support::{Kind, Place, Running, assert_same_rows, rows_in};

/// Commands of one generated history.
const COMMANDS: usize = 300;

async fn rebuilt_equals_live(kind: Kind, seed: u64) {
    let place = Place::new(kind).await;
    let env = Arc::new(SimEnvironment::new(seed, Time::from_millis(1_772_000_000_000)));
    let stores = databases::open_with(&place.url, env.clone()).await.unwrap();
    let running = Running::start(&stores).await;
    let platform = Platform::new(stores.clone(), env.clone());
    let mut random = StdRng::seed_from_u64(seed);
    for number in 0..COMMANDS {
        env.advance(Duration::from_secs(1));
        let numbers = if number == 0 { (0, 0, 0, 0) } else { random.random() };
        match platform.execute(&*command(numbers, &*stores.keys, env.now())).await {
            Ok(_) | Err(CommandError::Rejected(_)) => {}
            Err(error) => panic!("seed {seed}, command {number}: {error}"),
        }
    }
    platform.settle().await.unwrap();
    let what = format!("{kind:?}, seed {seed}");
    let events = story::read_all(&*stores.log).await.unwrap();
    assert!(events.len() > 40, "{what}: a history of {} events shows little", events.len());
    running.reach(events.last().unwrap().position).await;
    let live = rows_in(&stores).await;
    let folded = fold::rows_of(&fold::project(MemTables::default(), &events).unwrap());
    assert_same_rows(&live, &folded, &what);
    for projection in wac_projections::all() {
        let name = projection.name();
        let options = RebuildOptions::default();
        let rebuilt = wac_runner::rebuild(&stores.db, stores.log.clone(), projection, options, &mut |_| {}).await;
        rebuilt.unwrap_or_else(|error| panic!("{what}: rebuilding {name}: {error}"));
    }
    assert_same_rows(&rows_in(&stores).await, &live, &format!("{what}, rebuilt"));
    let options = VerifyOptions::default();
    let report = wac_runner::verify(stores.log.clone(), &stores.db, wac_projections::all(), options, &mut |_| {}).await;
    let report = report.unwrap();
    assert!(report.is_sound(), "{what}: {report:?}");
    running.stop().await;
    stores.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_sqlite_a_rebuilt_read_model_equals_the_live_one() {
    for seed in 1..=3 {
        rebuilt_equals_live(Kind::Sqlite, seed).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn in_postgres_a_rebuilt_read_model_equals_the_live_one() {
    for seed in 1..=3 {
        rebuilt_equals_live(Kind::Postgres, seed).await;
    }
}
