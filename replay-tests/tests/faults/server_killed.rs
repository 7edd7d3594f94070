//! PostgreSQL is killed and started again under load, by a process that lives on.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;
use wac_replay_tests::databases;
use wac_replay_tests::load::{Acknowledge, Load};
use wac_store::SystemEnvironment;
use xtask::services::Postgres;

use crate::support::{Notes, audit_open, runtime, wait_until};

const ROUNDS: usize = 3;
const TASKS: usize = 32;
/// How long the server is gone.
const OUTAGE: Duration = Duration::from_millis(1_500);
/// Within this somebody writes again once the server is back. At least one of the returns must keep it; the others
/// may meet a machine that is busy with other things.
const PROMISED: Duration = Duration::from_secs(3);
const RETURN_MAX: Duration = Duration::from_secs(15);
/// No caller waits longer for an answer, outage or not.
const ANSWER_MAX: Duration = Duration::from_secs(20);

#[test]
fn writing_goes_on_soon_after_a_killed_postgres_is_back_and_nothing_is_lost() {
    let mut server = Postgres::start().unwrap();
    let url = server.create_database("outage").unwrap();
    let runtime = runtime();
    let notes = Notes::default();
    let stop = CancellationToken::new();
    let stores = runtime.block_on(databases::open(&url)).unwrap();
    let load = Load::new(stores.clone(), Arc::new(SystemEnvironment), Acknowledge::AfterCommit, notes.sink());
    let load = runtime.block_on(load).unwrap();
    let writing = runtime.spawn({
        let stop = stop.clone();
        async move { load.run(TASKS, stop).await }
    });
    let mut shortest = Duration::MAX;
    for round in 1..=ROUNDS {
        let (before, troubled) = (notes.acknowledged(), notes.troubled());
        wait_until("the load is under way", || notes.acknowledged() > before + 200);
        server.kill9().unwrap();
        std::thread::sleep(OUTAGE);
        wait_until("every writer has been answered meanwhile", || notes.troubled() >= troubled + TASKS);
        server.restart().unwrap();
        let returned = Instant::now();
        wait_until("writing again", || notes.acknowledged_after(returned).is_some());
        let pause = notes.acknowledged_after(returned).unwrap() - returned;
        println!("outage {round}: writing again {pause:?} after PostgreSQL takes connections");
        assert!(pause < RETURN_MAX, "writing again only after {pause:?}");
        shortest = shortest.min(pause);
        wait_until("every writer writes again", || notes.writers_after(returned) == TASKS);
    }
    stop.cancel();
    runtime.block_on(writing).unwrap();
    runtime.block_on(audit_open(&stores, &notes.all()));
    notes.assert_answered_within(ANSWER_MAX);
    notes.assert_clear();
    assert!(shortest < PROMISED, "even the best return took {shortest:?}");
    runtime.block_on(stores.close());
}
