//! What an idle `wac dev` costs: how soon it is ready, how much memory it holds.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde::Serialize;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

/// Memory is looked at after this long without requests.
const IDLE: Duration = Duration::from_secs(3);
/// A start that takes longer has failed.
const START_PATIENCE: Duration = Duration::from_secs(30);

/// One start of `wac dev`.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Start {
    /// From the process's start to the first answered request's listener being announced, in milliseconds.
    pub(super) ready_ms: f64,
    /// Resident memory when idle, in MiB.
    pub(super) rss_mib: f64,
    /// Of that, memory that is this process's own (not pages of files), in MiB.
    pub(super) own_mib: f64,
}

/// Starts `wac dev` on a directory, waits until it is ready and idle, measures and ends it.
pub(super) async fn start(directory: &Path) -> Result<Start> {
    let program = std::env::current_exe().context("cannot find this program")?;
    let started = Instant::now();
    let mut child = Command::new(program)
        .args(["dev", "--http-port", "0", "--https-port", "0", "--qss-port", "0", "--data"])
        .arg(directory)
        .stdout(Stdio::piped())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .context("cannot start `wac dev`")?;
    let mut lines = BufReader::new(child.stdout.take().context("no output")?).lines();
    let first =
        tokio::time::timeout(START_PATIENCE, lines.next_line()).await.context("`wac dev` does not get ready")??;
    first.context("`wac dev` has ended before it was ready")?;
    let ready_ms = started.elapsed().as_secs_f64() * 1_000.0;
    tokio::time::sleep(IDLE).await;
    let pid = child.id().context("`wac dev` has ended")?;
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).context("cannot read its memory")?;
    let mib = |field: &str| -> f64 {
        let line = status.lines().find_map(|line| line.strip_prefix(field));
        line.and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok()).unwrap_or(0.0) / 1_024.0
    };
    let start = Start { ready_ms, rss_mib: mib("VmRSS:"), own_mib: mib("RssAnon:") };
    let process = rustix::process::Pid::from_raw(i32::try_from(pid)?).context("a process has an id")?;
    rustix::process::kill_process(process, rustix::process::Signal::TERM)?;
    child.wait().await?;
    Ok(start)
}
