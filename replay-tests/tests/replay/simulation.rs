//! Many seeds of the whole core, and what must hold after each.
//!
//! `WAC_SIMULATION_SEEDS=100000` tries more of them, `WAC_SIMULATION_START=4711` others, `WAC_SIMULATION_SEED=4711`
//! one, and prints its tale. Unless it is said, a few are the same every time and the rest those of the day.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use wac_replay_tests::simulation::{self, Run, Sabotage};
use wac_replay_tests::story;

/// Seeds that are tried every time, from 1 on.
const SAME_SEEDS: u64 = 300;
/// Further seeds that are tried unless it is said.
const SEEDS: u64 = 700;
/// Lines of a tale that are printed of a seed that failed.
const TAIL_LINES: usize = 60;
const SEEDS_VARIABLE: &str = "WAC_SIMULATION_SEEDS";
const START_VARIABLE: &str = "WAC_SIMULATION_START";
const SEED_VARIABLE: &str = "WAC_SIMULATION_SEED";

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{variable} is a whole number")))
}

/// The first of today's seeds: each day has a thousand of its own.
fn of_today() -> u64 {
    let days = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() / 86_400);
    days * 1_000
}

/// Runs seeds, on every core; the first one that fails, if any does.
fn first_failure(seeds: Range<u64>, sabotage: Sabotage) -> Option<(u64, Run)> {
    let (next, failed) = (AtomicU64::new(seeds.start), std::sync::Mutex::new(None::<(u64, Run)>));
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end || failed.lock().unwrap().is_some() {
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
    let (start, count) = (number(START_VARIABLE), number(SEEDS_VARIABLE));
    let mut ranges = Vec::new();
    match (start, count) {
        // So many from the first one on.
        (None, Some(count)) => ranges.push(1..count + 1),
        (Some(start), count) => ranges.push(start..start + count.unwrap_or(SEEDS)),
        (None, None) => {
            let today = of_today();
            ranges.extend([1..SAME_SEEDS + 1, today..today + SEEDS]);
        }
    }
    let (seeds, began) = (ranges.iter().map(|range| range.end - range.start).sum::<u64>(), Instant::now());
    println!("seeds {ranges:?}");
    for range in ranges {
        if let Some((seed, run)) = first_failure(range, Sabotage::None) {
            panic!("{}", report(seed, &run));
        }
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
        let found = first_failure(1..21, sabotage);
        assert!(found.is_some(), "nobody noticed {sabotage:?}");
    }
}
