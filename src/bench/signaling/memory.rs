//! What idle sessions and their sockets cost the server in memory.

use std::time::Duration;

use anyhow::{Context as _, Result};
use futures::StreamExt as _;
use serde::Serialize;

use super::client::{Client, Entry};
use super::place::Person;
use super::server::Server;
use crate::output::progress;

/// Connections being made at once.
const CONNECTING: usize = 64;
/// Memory is looked at after so long without requests.
const SETTLE: Duration = Duration::from_secs(3);
/// Sockets of one session, as the server allows.
const SOCKETS_PER_SESSION_MAX: usize = 8;
/// Files a process needs besides sockets.
const OTHER_FILES: usize = 200;
/// A GB.
const GB: f64 = 1e9;

/// What was held, and what it cost.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Held {
    /// Idle sessions, each with one signaling socket.
    pub(super) sessions: usize,
    /// The server's own memory before, in bytes.
    pub(super) empty_bytes: u64,
    /// For each idle session with its one socket, in bytes.
    pub(super) per_session_bytes: f64,
    /// Sockets that were held at once in the end.
    pub(super) sockets: usize,
    /// What ended it.
    pub(super) ended_by: String,
    /// For each further socket of a session that is there already, in bytes.
    pub(super) per_socket_bytes: f64,
    /// Sessions with one socket each that one GB holds, by the figure above.
    pub(super) sessions_per_gb: u64,
    /// Sockets that one GB holds where sessions have several.
    pub(super) sockets_per_gb: u64,
    /// Memory of the kernel for each socket of the server, both directions, in bytes; the client's are among it.
    pub(super) kernel_per_socket_bytes: f64,
}

/// Connects everybody once, then as often as the server's sessions and this process's files allow.
pub(super) async fn measure(server: &Server, people: &[Person]) -> Result<Held> {
    let files = raise_files()?;
    let sockets_max = files.saturating_sub(OTHER_FILES);
    let people = &people[..people.len().min(sockets_max)];
    tokio::time::sleep(SETTLE).await;
    let (empty, kernel_empty) = (server.own_bytes()?, kernel_bytes());
    let mut clients = connect(server, people, 0, people.len()).await?;
    tokio::time::sleep(SETTLE).await;
    let sessions = server.own_bytes()?;
    let further = (people.len() * (SOCKETS_PER_SESSION_MAX - 1)).min(sockets_max - people.len());
    clients.extend(connect(server, people, people.len(), further).await?);
    tokio::time::sleep(SETTLE).await;
    let (all, kernel) = (server.own_bytes()?, kernel_bytes());
    let ended_by = match further == people.len() * (SOCKETS_PER_SESSION_MAX - 1) {
        true => format!("{SOCKETS_PER_SESSION_MAX} sockets of each session"),
        false => format!("{files} open files a process (ulimit -Hn)"),
    };
    let per_session_bytes = ratio(sessions.saturating_sub(empty), people.len());
    let per_socket_bytes = ratio(all.saturating_sub(sessions), further);
    let held = Held {
        sessions: people.len(),
        empty_bytes: empty,
        per_session_bytes,
        sockets: clients.len(),
        ended_by,
        per_socket_bytes,
        sessions_per_gb: per_gb(per_session_bytes),
        sockets_per_gb: per_gb(per_socket_bytes),
        kernel_per_socket_bytes: ratio(kernel.saturating_sub(kernel_empty), clients.len()),
    };
    drop(clients);
    Ok(held)
}

async fn connect(server: &Server, people: &[Person], first: usize, count: usize) -> Result<Vec<Client>> {
    let bar = progress(count as u64, "connecting");
    let connecting = (first..first + count).map(|number| {
        let (bar, person) = (&bar, &people[number % people.len()]);
        async move {
            let client = Client::connect(Entry::qss(server.qss, &person.token, number)).await;
            bar.inc(1);
            client
        }
    });
    let clients: Vec<Result<Client>> = futures::stream::iter(connecting).buffered(CONNECTING).collect().await;
    bar.finish_and_clear();
    clients.into_iter().collect::<Result<_>>().context("holding sockets")
}

/// As many open files as the hard limit allows; how many that are.
pub(in crate::bench) fn raise_files() -> Result<usize> {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).context("cannot raise the limit of open files")?;
    Ok(limit.maximum.and_then(|files| usize::try_from(files).ok()).unwrap_or(usize::MAX))
}

/// Memory the kernel holds for TCP buffers, in bytes.
fn kernel_bytes() -> u64 {
    const PAGE_BYTES: u64 = 4_096;
    let sockets = std::fs::read_to_string("/proc/net/sockstat").unwrap_or_default();
    let pages = sockets.lines().find(|line| line.starts_with("TCP:")).and_then(|line| line.split(" mem ").nth(1));
    pages.and_then(|pages| pages.trim().parse::<u64>().ok()).unwrap_or(0) * PAGE_BYTES
}

#[expect(clippy::cast_precision_loss, reason = "bytes and sockets are far below 2^52")]
fn ratio(bytes: u64, count: usize) -> f64 {
    bytes as f64 / (count.max(1)) as f64
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count below 2^63")]
fn per_gb(bytes: f64) -> u64 {
    if bytes > 0.0 { (GB / bytes) as u64 } else { 0 }
}
