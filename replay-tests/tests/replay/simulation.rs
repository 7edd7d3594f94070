//! Many seeds of the whole core, and what must hold after each.
//!
//! `WAC_SIMULATION_SEEDS=100000` tries more of them, `WAC_SIMULATION_SEED=4711` one, and prints its tale.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use wac_replay_tests::simulation::{self, Run, Sabotage};
use wac_replay_tests::story;

/// Seeds tried unless it is said.
const SEEDS: u64 = 1_000;
/// Lines of a tale that are printed of a seed that failed.
const TAIL_LINES: usize = 60;
const SEEDS_VARIABLE: &str = "WAC_SIMULATION_SEEDS";
const SEED_VARIABLE: &str = "WAC_SIMULATION_SEED";

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{variable} is a whole number")))
}

/// Runs seeds from 1 on, on every core; the first one that fails, if any does.
fn first_failure(seeds: u64, sabotage: Sabotage) -> Option<(u64, Run)> {
    let (next, failed) = (AtomicU64::new(1), std::sync::Mutex::new(None::<(u64, Run)>));
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed > seeds || failed.lock().unwrap().is_some() {
                return;
            }
            let run = simulation::run(seed, sabotage);
            if !run.violations.is_empty() {
                failed.lock().unwrap().get_or_insert((seed, run));
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
    failed.into_inner().unwrap()
}

fn report(seed: u64, run: &Run) -> String {
    let tail = run.tale.len().saturating_sub(TAIL_LINES);
    format!(
        "seed {seed}:\n  {}\n… {}\n{SEED_VARIABLE}={seed} tells all of it",
        run.violations.join("\n  "),
        run.tale[tail..].join("\n")
    )
}

#[test]
fn whatever_happens_calls_come_to_one_end_and_everybody_knows_it() {
    if let Some(seed) = number(SEED_VARIABLE) {
        let run = simulation::run(seed, Sabotage::None);
        println!("{}", run.tale.join("\n"));
        assert!(run.violations.is_empty(), "seed {seed}:\n  {}", run.violations.join("\n  "));
        return;
    }
    let (seeds, began) = (number(SEEDS_VARIABLE).unwrap_or(SEEDS), Instant::now());
    if let Some((seed, run)) = first_failure(seeds, Sabotage::None) {
        panic!("{}", report(seed, &run));
    }
    let took = began.elapsed().max(Duration::from_millis(1));
    println!("{seeds} seeds in {took:.1?}, {:.0} a minute", seeds as f64 * 60.0 / took.as_secs_f64());
}

#[test]
fn a_seed_gives_the_same_log_twice_to_the_last_byte() {
    for seed in [1, 2, 3] {
        let (one, other) = (simulation::run(seed, Sabotage::None), simulation::run(seed, Sabotage::None));
        assert_eq!(one.tale, other.tale, "seed {seed}");
        assert_eq!(story::to_lines(&one.log).unwrap(), story::to_lines(&other.log).unwrap(), "seed {seed}");
    }
}

#[test]
fn mistakes_are_noticed() {
    for sabotage in [Sabotage::ForgetCommandIds, Sabotage::LoseNotices, Sabotage::SkipRows, Sabotage::IgnoreDeadlines] {
        let found = first_failure(20, sabotage);
        assert!(found.is_some(), "nobody noticed {sabotage:?}");
    }
}
