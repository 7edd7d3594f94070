//! The process's own log, on stderr.

use anyhow::{Context as _, Result};
use tracing_subscriber::EnvFilter;

/// Starts logging; `filter` is `log.filter`. The first call in a process holds.
pub(crate) fn start(filter: &str, json: bool) -> Result<()> {
    let filter = EnvFilter::try_new(filter).with_context(|| format!("log.filter: {filter:?} is not a log filter"))?;
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if json {
        subscriber.json().flatten_event(true).with_current_span(false).try_init().ok();
    } else {
        subscriber.with_target(false).compact().try_init().ok();
    }
    Ok(())
}
