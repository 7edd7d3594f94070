//! The kill loop: a process with many concurrent writers dies by `kill -9` at random moments.

use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use wac_replay_tests::audit::Audit;
use wac_replay_tests::databases;
use xtask::services::Postgres;

use crate::support::{WriterProcess, audit, number_from, runtime, seed, wait_until};

/// Rounds of a normal test run; `WAC_KILL_ROUNDS` asks for more.
const ROUNDS: u64 = 50;
/// Rounds in which acknowledging before the commit must have lost something.
const CONTROL_ROUNDS: u64 = 30;
/// Concurrent writers in the process that is killed.
const TASKS: usize = 32;
/// Every so many rounds PostgreSQL itself is killed as well.
const SERVER_ROUND: u64 = 5;
/// So often a long run says how far it is.
const PROGRESS_ROUNDS: u64 = 25;

/// What a loop came to.
#[derive(Default, Debug)]
struct Toll {
    acknowledged: usize,
    commands: usize,
    slowest_return: Duration,
}

/// Kills writers for `rounds` rounds; the error says in which round what was wrong.
fn kill_loop(
    url: &str,
    acknowledge: &str,
    rounds: u64,
    random: &mut StdRng,
    mut server: Option<&mut Postgres>,
) -> Result<Toll, String> {
    let runtime = runtime();
    let mut seen = Audit::default();
    let mut told = Vec::new();
    let mut toll = Toll::default();
    let began = Instant::now();
    for round in 1..=rounds {
        let writer = WriterProcess::start(url, TASKS, acknowledge);
        wait_until("the first acknowledgement", || writer.notes.acknowledged() > 0);
        std::thread::sleep(Duration::from_micros(random.random_range(0..250_000)));
        if let Some(server) = server.as_deref_mut().filter(|_| round % SERVER_ROUND == 0) {
            server.kill9().unwrap();
            std::thread::sleep(Duration::from_micros(random.random_range(0..100_000)));
            server.restart().unwrap();
            let returned = Instant::now();
            wait_until("writing again", || writer.notes.acknowledged_after(returned).is_some());
            toll.slowest_return = toll.slowest_return.max(returned.elapsed());
        }
        let notes = writer.kill();
        toll.acknowledged += notes.len();
        let held = runtime.block_on(audit(&mut seen, url, &notes));
        held.map_err(|violation| format!("round {round}: {violation}"))?;
        told.extend(notes);
        if round % PROGRESS_ROUNDS == 0 {
            eprintln!("{round} of {rounds} kills after {:?}, {} commands in the log", began.elapsed(), seen.commands());
        }
    }
    // A later kill may have cost what an earlier round had seen: the whole log again, and all that was ever told.
    let mut whole = Audit::default();
    let held = runtime.block_on(audit(&mut whole, url, &told));
    held.map_err(|violation| format!("after all rounds: {violation}"))?;
    assert_eq!(whole.commands(), seen.commands(), "what was there once is there for ever");
    toll.commands = whole.commands();
    Ok(toll)
}

fn report(store: &str, rounds: u64, toll: &Toll) {
    println!(
        "{store}: {rounds} kills, {} answers, {} commands in the log; writing again at most {:?} after its return",
        toll.acknowledged, toll.commands, toll.slowest_return
    );
    // Kills that hit nothing would prove nothing: each round had writers at work.
    assert!(toll.acknowledged as u64 > rounds * TASKS as u64 / 4, "{toll:?}");
}

#[test]
fn sqlite_keeps_what_it_acknowledged_when_its_writers_are_killed() {
    let seed = seed();
    let rounds = number_from("WAC_KILL_ROUNDS", ROUNDS);
    let directory = tempfile::tempdir().unwrap();
    let url = databases::sqlite_url(directory.path());
    let toll = kill_loop(&url, "after-commit", rounds, &mut StdRng::seed_from_u64(seed), None);
    report("SQLite", rounds, &toll.unwrap_or_else(|violation| panic!("seed {seed}, {violation}")));
}

#[test]
fn postgres_keeps_what_it_acknowledged_when_its_writers_or_itself_are_killed() {
    let seed = seed();
    let rounds = number_from("WAC_KILL_ROUNDS", ROUNDS);
    let mut server = Postgres::start().unwrap();
    let url = server.create_database("killed").unwrap();
    let toll = kill_loop(&url, "after-commit", rounds, &mut StdRng::seed_from_u64(seed), Some(&mut server));
    report("PostgreSQL", rounds, &toll.unwrap_or_else(|violation| panic!("seed {seed}, {violation}")));
}

/// Acknowledging before the commit must be noticed, or the loops above could not fail.
fn control(url: &str) {
    let seed = seed();
    let outcome = kill_loop(url, "before-commit", CONTROL_ROUNDS, &mut StdRng::seed_from_u64(seed), None);
    let violation = outcome.expect_err("acknowledging before the commit went unnoticed");
    assert!(violation.contains("LOST"), "seed {seed}, {violation}");
}

#[test]
fn acknowledging_before_the_commit_turns_the_check_red_on_sqlite() {
    let directory = tempfile::tempdir().unwrap();
    control(&databases::sqlite_url(directory.path()));
}

#[test]
fn acknowledging_before_the_commit_turns_the_check_red_on_postgres() {
    let server = xtask::services::shared_postgres();
    control(&runtime().block_on(databases::new_postgres_database(&server)).unwrap());
}
