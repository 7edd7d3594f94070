//! Two processes write to one database at once.

use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use wac_events::AppendError;

use crate::harness::*;

on_both_databases!(two_processes_share_one_log);

/// Tells a copy of this test program to write to the database of that URL.
const WRITER_URL: &str = "WAC_CONTRACT_WRITER_URL";
const WRITER_NAME: &str = "WAC_CONTRACT_WRITER_NAME";
const COMMANDS_EACH: u64 = 200;
const SHARED_STREAMS: u64 = 5;

async fn two_processes_share_one_log(fixture: Fixture) {
    let program = std::env::current_exe().expect("this program has a path");
    let writers = ["left", "right"].map(|name| {
        Command::new(&program)
            .args(["--exact", "processes::a_process_that_writes", "--nocapture"])
            .env(WRITER_URL, &fixture.url)
            .env(WRITER_NAME, name)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("this program can be started again")
    });
    for writer in writers {
        let output = tokio::time::timeout(Duration::from_secs(120), writer.wait_with_output());
        let output = output.await.expect("a writer ends in time").unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let events = everything(fixture.log()).await;
    assert_in_order(&events);
    assert_eq!(events.len() as u64, 2 * COMMANDS_EACH);
    for name in ["left", "right"] {
        let own = events.iter().filter(|event| event.data.contains(name)).count() as u64;
        assert_eq!(own, COMMANDS_EACH, "commands of {name}");
    }
}

/// What the other process runs; nothing when it is run with all the others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_writes() {
    let (Ok(url), Ok(name)) = (std::env::var(WRITER_URL), std::env::var(WRITER_NAME)) else { return };
    let stores = open(&url).await;
    let writers = (0..8u64).map(|writer| {
        let (log, name) = (stores.log.clone(), name.clone());
        tokio::spawn(async move {
            let mut written = 0;
            while written < COMMANDS_EACH / 8 {
                // Now a stream of its own, now one for which both processes race.
                let stream = match written % 2 {
                    0 => stream(&format!("{name}-{writer}")),
                    _ => stream(&format!("shared-{}", (written + writer) % SHARED_STREAMS)),
                };
                let version = log.read_stream(&stream, 1, 10_000).await.unwrap().len() as u64;
                let mut event = event("room.touched", version);
                event.data = format!(r#"{{"by":"{name}"}}"#);
                match log.append(batch(vec![exactly(&stream, version, vec![event])])).await {
                    Ok(_) => written += 1,
                    Err(AppendError::Conflict { .. }) => {}
                    Err(other) => panic!("{other:?}"),
                }
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    stores.close().await;
}
