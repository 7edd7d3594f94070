//! What happened, line by line, for whoever has to find out why.

use std::fmt::Display;
use std::sync::{Arc, Mutex, PoisonError};

use super::executor::Executor;

/// The tale of one run; clones share it.
#[derive(Clone)]
pub(crate) struct Tale {
    executor: Executor,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Tale {
    pub(crate) fn new(executor: Executor) -> Self {
        Self { executor, lines: Arc::default() }
    }

    /// Adds a line under the present time.
    pub(crate) fn tell(&self, who: impl Display, what: impl Display) {
        let line = format!("{:>9.3} {who}: {what}", self.executor.now().as_secs_f64());
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }

    /// All of it.
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.lines.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
