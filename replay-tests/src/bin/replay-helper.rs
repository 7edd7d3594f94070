//! A process of its own for the tests: a writer to be killed, or a second place to fold a story.
//!
//! `replay-helper write URL TASKS after-commit|before-commit`: opens the store, prints `ready`, and
//! writes until it is killed; each answer is one line on standard output (`audit::Note`).
//!
//! `replay-helper fold STORY`: prints the story's states and rows as one JSON document.

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use serde_json::json;
use tokio_util::sync::CancellationToken;
use wac_projections::MemTables;
use wac_replay_tests::audit::Note;
use wac_replay_tests::load::{Acknowledge, Load, Sink};
use wac_replay_tests::story::Story;
use wac_replay_tests::{databases, fold};
use wac_store::SystemEnvironment;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("replay-helper: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["write", url, tasks, "after-commit"] => write(url, tasks, Acknowledge::AfterCommit),
        ["write", url, tasks, "before-commit"] => write(url, tasks, Acknowledge::BeforeCommit),
        ["fold", story] => print_folded(story),
        _ => bail!("usage: replay-helper write URL TASKS after-commit|before-commit | fold STORY"),
    }
}

fn write(url: &str, tasks: &str, acknowledge: Acknowledge) -> Result<()> {
    let tasks = tasks.parse().context("TASKS is a number")?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let stores = databases::open(url).await?;
        // One write for each line, straight to the pipe: what the parent reads was really said.
        let sink: Sink = Arc::new(|note: Note| say(&format!("{note}\n")));
        let load = Load::new(stores, Arc::new(SystemEnvironment), acknowledge, sink).await?;
        say("ready\n");
        load.run(tasks, CancellationToken::new()).await;
        Ok(())
    })
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    // A parent that is gone does not listen any more; there is nobody left to tell.
    if out.write_all(line.as_bytes()).and_then(|()| out.flush()).is_err() {
        std::process::exit(1);
    }
}

fn print_folded(story: &str) -> Result<()> {
    let story = Story::load(story)?;
    let keys = |subject: &_| story.keys.key(subject);
    let states = fold::fold(fold::States::new(), &story.events, &keys)?;
    let tables = fold::project(MemTables::default(), &story.events)?;
    let rows = fold::rows_json(&fold::rows_of(&tables));
    say(&json!({ "states": fold::states_json(&states), "rows": rows }).to_string());
    Ok(())
}
