//! What devices write down: what they asked, and what they were told.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use wac_commands::Device;
use wac_events::{DomainId, Position};

use super::view::View;

/// What a device was told in one go: over several sockets, each of which went on where the last one ended.
#[derive(Clone, Debug)]
pub(crate) struct Chain {
    pub(crate) device: Device,
    pub(crate) domain: DomainId,
    /// It was told what is beyond this.
    pub(crate) from: Position,
    /// Everything up to here has come.
    pub(crate) upto: Position,
    /// Its notices.
    pub(crate) told: Vec<(Position, String)>,
    /// What it believes after them.
    pub(crate) view: View,
    /// It has a socket.
    pub(crate) connected: bool,
    /// It is the first of its session: nothing was forgotten before.
    pub(crate) first: bool,
}

/// A request and its answers, positions left out.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) name: &'static str,
    pub(crate) payload: Value,
    /// With whether something has changed.
    pub(crate) answers: Vec<(Value, bool)>,
}

/// Everything written down; clones share it.
#[derive(Clone, Default)]
pub(crate) struct Records(Arc<Mutex<Written>>);

/// What was written down.
#[derive(Default)]
pub(crate) struct Written {
    pub(crate) chains: Vec<Chain>,
    /// By user and `requestID`.
    pub(crate) asked: BTreeMap<(String, String), Asked>,
    /// What a device saw that must not be.
    pub(crate) complaints: Vec<String>,
}

impl Records {
    pub(crate) fn written(&self) -> MutexGuard<'_, Written> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a chain; its number.
    pub(crate) fn begin(&self, chain: Chain) -> usize {
        let mut written = self.written();
        written.chains.push(chain);
        written.chains.len() - 1
    }

    /// Changes a chain.
    pub(crate) fn with<T>(&self, chain: usize, act: impl FnOnce(&mut Chain) -> T) -> T {
        act(&mut self.written().chains[chain])
    }
}
