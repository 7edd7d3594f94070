//! The process's own log, on stderr.

use std::io::IsTerminal as _;

use anyhow::{Context as _, Result};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

/// Libraries that print what passes through them when they are asked for everything: message bodies,
/// header fields, and so tokens and passwords. No filter asks them for that.
const TALKATIVE: [&str; 7] = ["tungstenite", "tokio_tungstenite", "hyper", "hyper_util", "h2", "rustls", "sqlx"];

/// The filter, with what must not be logged taken out of it.
fn filter(text: &str) -> Result<EnvFilter> {
    let mut filter = EnvFilter::try_new(text).with_context(|| format!("log.filter: {text:?} is not a log filter"))?;
    if filter.max_level_hint().is_some_and(|level| level == LevelFilter::TRACE) {
        for name in TALKATIVE {
            filter = filter.add_directive(format!("{name}=debug").parse().expect("a target and a level"));
        }
    }
    Ok(filter)
}

/// Starts logging; `filter` is `log.filter`. The first call in a process holds.
pub(crate) fn start(filter: &str, json: bool) -> Result<()> {
    let filter = self::filter(filter)?;
    let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colours);
    if json {
        subscriber.json().flatten_event(true).with_current_span(false).try_init().ok();
    } else {
        subscriber.with_target(false).compact().try_init().ok();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Printed(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Printed {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_passes_through_a_library_is_not_logged_however_much_is_asked_for() {
        for text in ["trace", "info,tungstenite=trace,wac=trace"] {
            let printed = Printed::default();
            let writer = printed.clone();
            let subscriber = tracing_subscriber::fmt().with_env_filter(filter(text).unwrap());
            tracing::subscriber::with_default(subscriber.with_writer(move || writer.clone()).finish(), || {
                tracing::trace!(target: "tungstenite::protocol", "Received message wac_at_secret");
                tracing::trace!(target: "wac::serve", "a step");
            });
            let printed = String::from_utf8(printed.0.lock().unwrap().clone()).unwrap();
            assert!(printed.contains("a step") && !printed.contains("wac_at_secret"), "{text}: {printed}");
        }
    }
}
