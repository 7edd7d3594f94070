//! The server under load: a `wac serve` of this program in a process of its own.

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use super::place::Place;
use crate::bench::load;

/// A start that takes longer has failed.
const START_PATIENCE: Duration = Duration::from_secs(120);
/// `/proc` counts processor time in these (USER_HZ), on every Linux we run on.
const TICKS_PER_SECOND: f64 = 100.0;

/// A running server.
pub(in crate::bench) struct Server {
    child: Child,
    /// Its signaling port.
    pub(in crate::bench) qss: SocketAddr,
    metrics: SocketAddr,
}

impl Server {
    /// Starts on free ports and waits until it serves.
    pub(in crate::bench) async fn start(place: &Place) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe().context("cannot find this program")?);
        for (variable, _) in std::env::vars_os() {
            if variable.to_string_lossy().starts_with("WAC_") {
                command.env_remove(variable);
            }
        }
        command
            .env("WAC_DATABASE_URL", place.url())
            .env("WAC_MASTER_KEY", place.key.to_text())
            .env("WAC_SECURITY__PLAIN_HTTP_ON_LOOPBACK", "true")
            .args(["serve", "--http-port", "0", "--qss-port", "0", "--metrics-port", "0"])
            .args(["--roles", place.roles, "--set", "log.format=json"])
            .args(["--set", "log.filter=warn,wac::serve=info"])
            .args(place.settings.iter().flat_map(|(key, value)| ["--set".to_owned(), format!("{key}={value}")]))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command.spawn().context("cannot start `wac serve`")?;
        let mut lines = BufReader::new(child.stderr.take().context("no output")?).lines();
        let serving = async {
            while let Some(line) = lines.next_line().await? {
                match serde_json::from_str::<Value>(&line) {
                    Ok(said) if said["message"] == "serving requests" => return Ok(said),
                    _ => repeat(&line),
                }
            }
            bail!("`wac serve` has ended before it served")
        };
        let serving =
            tokio::time::timeout(START_PATIENCE, serving).await.context("`wac serve` does not get ready")??;
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                repeat(&line);
            }
        });
        let address = |name: &str| -> Result<SocketAddr> {
            serving[name].as_str().and_then(|text| text.parse().ok()).context("the server does not say where it serves")
        };
        Ok(Self { qss: address("qss")?, metrics: address("metrics")?, child })
    }

    fn pid(&self) -> Result<u32> {
        self.child.id().context("the server has ended")
    }

    /// Memory of its own (no pages of files), in bytes.
    pub(in crate::bench) fn own_bytes(&self) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid()?))?;
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
        Ok(line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) * 1_024)
    }

    /// Processor time it has used, in seconds.
    pub(in crate::bench) fn cpu_s(&self) -> Result<f64> {
        cpu_s(&format!("/proc/{}/stat", self.pid()?))
    }

    /// Its metrics, as text.
    pub(in crate::bench) async fn metrics(&self) -> Result<String> {
        let request = b"GET /metrics HTTP/1.1\r\nHost: bench\r\n\r\n".to_vec();
        Ok(String::from_utf8(load::once(self.metrics, request).await?)?)
    }

    /// Ends it at once, as a power cut would.
    pub(in crate::bench) async fn kill(mut self) -> Result<()> {
        self.child.kill().await.context("cannot kill the server")
    }

    /// Asks it to end.
    pub(in crate::bench) async fn stop(mut self) -> Result<()> {
        const PATIENCE: Duration = Duration::from_secs(20);
        let pid = Pid::from_raw(i32::try_from(self.pid()?)?).context("a process has an id")?;
        kill_process(pid, Signal::TERM)?;
        if tokio::time::timeout(PATIENCE, self.child.wait()).await.is_err() {
            self.child.kill().await?;
        }
        Ok(())
    }
}

/// Passes on what the server complains of.
fn repeat(line: &str) {
    if !line.contains(r#""level":"INFO""#) {
        eprintln!("wac: the server says: {line}");
    }
}

/// Processor time of this process, in seconds.
pub(in crate::bench) fn own_cpu_s() -> Result<f64> {
    cpu_s("/proc/self/stat")
}

/// User and system time in a `stat` of `/proc`, in seconds.
fn cpu_s(file: &str) -> Result<f64> {
    let stat = std::fs::read_to_string(file)?;
    // The name in the second field may hold blanks; what counts stands behind its bracket.
    let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks = |place: usize| rest.split_whitespace().nth(place).and_then(|field| field.parse::<f64>().ok());
    Ok((ticks(11).unwrap_or(0.0) + ticks(12).unwrap_or(0.0)) / TICKS_PER_SECOND)
}

/// Processor time all processes of this machine have used, in seconds.
pub(in crate::bench) fn machine_cpu_s() -> Result<f64> {
    let stat = std::fs::read_to_string("/proc/stat")?;
    let fields = stat.lines().next().unwrap_or_default().split_whitespace().skip(1);
    let ticks: Vec<f64> = fields.filter_map(|field| field.parse().ok()).collect();
    // All but idle and waiting for the disk; guests are counted as users already.
    Ok(ticks.iter().take(8).enumerate().filter(|(place, _)| *place != 3 && *place != 4).map(|(_, t)| t).sum::<f64>()
        / TICKS_PER_SECOND)
}

/// Who used the processors over a while.
#[derive(Clone, Copy, Debug)]
pub(in crate::bench) struct Cores {
    started: Instant,
    server_s: f64,
    client_s: f64,
    machine_s: f64,
}

/// Processors in use on average.
#[derive(Clone, Copy, Default, Debug, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::bench) struct CoresUsed {
    /// By the server.
    pub(in crate::bench) server: f64,
    /// By this load generator.
    pub(in crate::bench) client: f64,
    /// By everything else: a database server, the kernel's own threads.
    pub(in crate::bench) others: f64,
}

impl Cores {
    /// From now on.
    pub(in crate::bench) fn start(server: &Server) -> Result<Self> {
        let (server_s, client_s, machine_s) = (server.cpu_s()?, own_cpu_s()?, machine_cpu_s()?);
        Ok(Self { started: Instant::now(), server_s, client_s, machine_s })
    }

    /// Up to now.
    pub(in crate::bench) fn used(self, server: &Server) -> Result<CoresUsed> {
        let elapsed_s = self.started.elapsed().as_secs_f64().max(f64::EPSILON);
        let server_cores = (server.cpu_s()? - self.server_s) / elapsed_s;
        let client = (own_cpu_s()? - self.client_s) / elapsed_s;
        let machine = (machine_cpu_s()? - self.machine_s) / elapsed_s;
        Ok(CoresUsed { server: server_cores, client, others: (machine - server_cores - client).max(0.0) })
    }
}
