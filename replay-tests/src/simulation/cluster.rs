//! What all nodes share: the log, the read models, the keys, and the world's phase.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, ready};
use wac_commands::process::{Checkpoints, ProcessRules};
use wac_events::{AppendBatch, AppendError, Appended, EventLog, KeyStore, MasterKey, Position, StoreError};
use wac_signaling::Settings;
use wac_store::StoreOptions;

use super::beats::Beats;
use super::clock::SimClock;
use super::dice::Dice;
use super::executor::Executor;
use super::models::Models;
use super::rules;
use super::sabotage::Sabotage;
use super::signal::Signal;
use super::tale::Tale;

/// What is going on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Phase {
    /// Devices call each other, and everything that can fail does.
    Lively,
    /// Nobody does anything new, and nothing fails.
    Calm,
    /// Everybody goes, and does not come back.
    Leaving,
}

/// What all nodes share.
pub(crate) struct Cluster {
    pub(crate) executor: Executor,
    pub(crate) dice: Dice,
    /// The common time.
    pub(crate) clock: Arc<SimClock>,
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) keys: Arc<dyn KeyStore>,
    pub(crate) models: Arc<Models>,
    pub(crate) settings: Arc<Settings>,
    pub(crate) managers: ProcessRules,
    pub(crate) sabotage: Sabotage,
    pub(crate) phase: Signal<Phase>,
    pub(crate) tale: Tale,
    pub(crate) checkpoints: Arc<Forgetful>,
    pub(crate) heartbeats: Beats,
    /// There is one node, with a database of its own.
    pub(crate) alone: bool,
    head: Signal<Position>,
}

impl Cluster {
    /// An empty one; everything about it follows from the seed.
    pub(crate) fn new(seed: u64, sabotage: Sabotage) -> Arc<Self> {
        let executor = Executor::new(Dice::new(seed, 1));
        let tale = Tale::new(executor.clone());
        let clock = Arc::new(SimClock::new(executor.clone(), Dice::new(seed, 2), Duration::ZERO));
        let options = StoreOptions {
            environment: clock.clone(),
            ..StoreOptions::new(MasterKey::new(crate::databases::MASTER_KEY))
        };
        let (log, keys) = wac_store::in_memory(options);
        let dice = Dice::new(seed, 3);
        Arc::new(Self {
            models: Arc::new(Models::new(executor.clone())),
            checkpoints: Arc::new(Forgetful { saved: Mutex::default(), dice: Dice::new(seed, 4) }),
            heartbeats: Beats::new(executor.clone()),
            phase: Signal::new(Phase::Calm),
            head: Signal::new(Position::START),
            settings: rules::settings(seed),
            managers: rules::managers(seed),
            alone: rules::alone(seed),
            executor,
            dice,
            clock,
            log,
            keys,
            sabotage,
            tale,
        })
    }

    /// Whether things may fail now.
    pub(crate) fn trouble(&self) -> bool {
        self.phase() == Phase::Lively
    }

    pub(crate) fn phase(&self) -> Phase {
        self.phase.now()
    }

    /// Appends, and lets everybody know.
    pub(crate) async fn append(self: &Arc<Self>, batch: AppendBatch) -> Result<Appended, AppendError> {
        let cluster = self.clone();
        let work = async move {
            let appended = cluster.log.append(batch).await;
            if let Ok(appended) = &appended {
                cluster.head.set(|head| head.max(appended.last));
            }
            appended
        };
        self.executor.outside(work).await
    }

    /// Resolves once the log has more than `position`.
    pub(crate) async fn moved_beyond(&self, position: Position) {
        self.head.wait(|head| head > position).await;
    }
}

/// Checkpoints some of which are lost: then the events behind them are delivered again.
pub(crate) struct Forgetful {
    saved: Mutex<BTreeMap<String, Position>>,
    dice: Dice,
}

/// Of 1,000 checkpoints: how many are lost.
const CHECKPOINTS_LOST: usize = 250;

impl Checkpoints for Forgetful {
    fn load<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Position, StoreError>> {
        let saved = self.saved.lock().unwrap_or_else(PoisonError::into_inner).get(name).copied();
        ready(Ok(saved.unwrap_or_default())).boxed()
    }

    fn save<'a>(&'a self, name: &'a str, position: Position) -> BoxFuture<'a, Result<(), StoreError>> {
        if !self.dice.chance(CHECKPOINTS_LOST) {
            let mut saved = self.saved.lock().unwrap_or_else(PoisonError::into_inner);
            let kept = saved.entry(name.to_owned()).or_default();
            *kept = position.max(*kept);
        }
        ready(Ok(())).boxed()
    }
}
