//! Child processes that never outlive their parent.

use std::ffi::OsString;
use std::fs::File;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// How often a condition is looked at while waiting for it.
const POLL: Duration = Duration::from_millis(25);
/// How long the remains of a killed process may take to vanish.
const VANISH_TIMEOUT: Duration = Duration::from_secs(10);
/// How much of a server's log an error shows, in bytes.
const LOG_TAIL_BYTES: usize = 3_000;

/// Runs a shell script when this process ends, however it ends. The script is told by the end
/// of a pipe, which the kernel closes even after `kill -9`. Disarmed by dropping it.
#[derive(Debug)]
pub struct Watchdog(Child);

impl Watchdog {
    /// Arms it. `script` is run by `sh`; `arguments` are its `$1`, `$2` …
    pub fn arm(script: &str, arguments: &[&str]) -> Result<Self> {
        let script = format!("cat >/dev/null; {script}");
        Command::new("sh")
            .args(["-c", &script, "watchdog"])
            .args(arguments)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map(Self)
            .context("starting a watchdog")
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        // The shell's own `cat` ends by itself when the pipe closes, with its parent gone.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A server process in its own process group, with a watchdog.
#[derive(Debug)]
pub(super) struct Daemon {
    child: Child,
    _watchdog: Watchdog,
}

impl Daemon {
    /// Starts `command` with its output appended to `log`. `on_orphaned`: shell script run if this
    /// process dies first; `$1` is the daemon's process id.
    pub(super) fn spawn(command: &[OsString], log: &Path, on_orphaned: &str) -> Result<Self> {
        let output = File::options().create(true).append(true).open(log).with_context(|| log.display().to_string())?;
        // The gate keeps the program from starting before its watchdog stands.
        let mut child = Command::new("sh")
            .args(["-c", r#"read -r go && exec "$@" </dev/null"#, "gate"])
            .args(command)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .with_context(|| format!("starting {}", command[0].display()))?;
        let watchdog = Watchdog::arm(on_orphaned, &[&child.id().to_string()])?;
        let mut gate = child.stdin.take().context("the gate's pipe")?;
        gate.write_all(b"go\n").context("opening the gate")?;
        Ok(Self { child, _watchdog: watchdog })
    }

    /// Whether it has ended.
    pub(super) fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Sends `signal` (`TERM`, `INT` …) and waits until the process is gone; kills it after `patience`.
    pub(super) fn stop(mut self, signal: &str, patience: Duration) -> Result<()> {
        if self.has_ended() {
            return Ok(());
        }
        send_signal(signal, &[self.child.id()])?;
        if !wait_until(patience, || self.has_ended()) {
            self.kill9()?;
            bail!("it did not end within {patience:?} of SIG{signal} and was killed");
        }
        Ok(())
    }

    /// `kill -9` to it and all its descendants; returns when none of them is left.
    pub(super) fn kill9(mut self) -> Result<()> {
        if self.has_ended() {
            return Ok(());
        }
        let mut victims = vec![self.child.id()];
        victims.extend(descendants(self.child.id()));
        send_signal("KILL", &victims)?;
        self.child.wait().context("waiting for a killed process")?;
        if !wait_until(VANISH_TIMEOUT, || victims.iter().all(|pid| !is_alive(*pid))) {
            bail!("processes {victims:?} are still there after kill -9");
        }
        Ok(())
    }
}

fn send_signal(signal: &str, pids: &[u32]) -> Result<()> {
    let pids = pids.iter().map(u32::to_string).collect::<Vec<_>>().join(" ");
    // Some of them may have ended meanwhile, which is as good.
    Command::new("sh").args(["-c", &format!("kill -{signal} {pids} 2>/dev/null || :")]).status()?;
    Ok(())
}

/// State and parent of a process, as `/proc` shows them.
fn process_state(pid: u32) -> Option<(char, u32)> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}

fn is_alive(pid: u32) -> bool {
    process_state(pid).is_some_and(|(state, _)| state != 'Z')
}

fn descendants(ancestor: u32) -> Vec<u32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids: Vec<u32> = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    let mut found = vec![ancestor];
    let mut next = 0;
    while let Some(parent) = found.get(next).copied() {
        found.extend(pids.iter().filter(|pid| process_state(**pid).is_some_and(|(_, ppid)| ppid == parent)));
        next += 1;
    }
    found.split_off(1)
}

/// Polls `condition` until it holds or `patience` is over; returns whether it held.
pub(super) fn wait_until(patience: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + patience;
    loop {
        if condition() {
            return true;
        }
        if Instant::now() >= deadline {
            return false;
        }
        sleep(POLL);
    }
}

/// The end of a log file, for error messages.
pub(super) fn log_tail(log: &Path) -> String {
    let bytes = std::fs::read(log).unwrap_or_default();
    String::from_utf8_lossy(&bytes[bytes.len().saturating_sub(LOG_TAIL_BYTES)..]).into_owned()
}

/// Runs a program to its end; its output appears only in the error if it fails.
pub fn run(command: &mut Command) -> Result<String> {
    let name = command.get_program().display().to_string();
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("running {name}"))?;
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        bail!("{name} failed ({}):\n{stdout}{}", output.status, String::from_utf8_lossy(&output.stderr));
    }
    Ok(stdout)
}

/// Whether this process is root.
pub(super) fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|metadata| metadata.uid() == 0)
}
