//! A person's data: readable, or erased for good.

use wac_events::SubjectEvent;

/// A subject's state.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Subject {
    /// Events so far.
    pub version: u64,
    /// Its key is destroyed, or will be by the process manager that follows this fact.
    pub erased: bool,
}

impl Subject {
    /// Whether its data may still be read.
    pub fn exists(&self) -> bool {
        !self.erased
    }
}

/// Folds one event.
#[must_use]
pub fn evolve(mut state: Subject, event: &SubjectEvent) -> Subject {
    state.version += 1;
    match event {
        SubjectEvent::Erased(_) => state.erased = true,
    }
    state
}
