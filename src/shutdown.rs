//! Ending: what a signal asks for, and how long it may take.

use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// From the signal to the end of the process, everything included.
pub(crate) const SHUTDOWN_MAX: Duration = Duration::from_secs(10);
/// Requests under way have this long to finish.
pub(crate) const DRAIN_REQUESTS: Duration = Duration::from_secs(4);
/// Each part behind the listeners has this long to finish what it has in hand.
pub(crate) const DRAIN_PART: Duration = Duration::from_millis(1_500);
/// Exit code after a second signal: stopped at once.
const EXIT_AT_ONCE: i32 = 130;

/// The signals that end the process; caught from when this is made.
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Catches SIGINT and SIGTERM.
    pub(crate) fn catch() -> Result<Self> {
        let catch = |kind| signal(kind).context("cannot catch signals");
        Ok(Self { interrupt: catch(SignalKind::interrupt())?, terminate: catch(SignalKind::terminate())? })
    }

    /// Resolves at the next one.
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }

    /// Runs the shutdown; a second signal ends the process at once, and so does [`SHUTDOWN_MAX`].
    pub(crate) async fn watch(mut self, shutdown: impl Future<Output = ()>) {
        // A little less than the promise, so that the process is gone when it is over.
        let most = SHUTDOWN_MAX - Duration::from_millis(500);
        tokio::select! {
            () = shutdown => {}
            () = self.next() => std::process::exit(EXIT_AT_ONCE),
            () = tokio::time::sleep(most) => {
                tracing::warn!(patience_ms = u64::try_from(most.as_millis()).unwrap_or(u64::MAX), "the shutdown took too long and was cut off");
                std::process::exit(1);
            }
        }
    }
}
