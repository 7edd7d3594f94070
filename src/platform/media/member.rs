//! A media node's membership: it offers itself, gives signs of life, begins anew if it was given up.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use wac_events::{Environment as _, NodeId};
use wac_media_io::{MediaLoad, NodeIdentity, TokenChecker};
use wac_store::SystemEnvironment;

use super::link::{Beat, MediaLink, Offer, Welcome};

/// Pause between two offers that do not get through.
const OFFER_RETRY: Duration = Duration::from_millis(500);
/// Shortest pause between two signs of life, whatever the deployment asks for.
const BEAT_MIN: Duration = Duration::from_millis(100);
/// How long the end may take to be said; afterwards others find out by themselves.
const WITHDRAW_PATIENCE: Duration = Duration::from_secs(2);

/// A node that belongs to the deployment, or will.
pub(crate) struct Member {
    task: JoinHandle<()>,
    shutdown: CancellationToken,
    heard: Arc<AtomicBool>,
    joined: watch::Receiver<bool>,
}

/// What a membership stands on.
pub(crate) struct Membership {
    /// The deployment.
    pub(crate) link: Arc<dyn MediaLink>,
    /// What the node offers.
    pub(crate) offer: Offer,
    /// What is told the keys of media tokens.
    pub(crate) tokens: Arc<TokenChecker>,
    /// Tells how loaded the node is.
    pub(crate) load: MediaLoad,
    /// As whom it reports its sessions.
    pub(crate) identity: NodeIdentity,
}

struct Running {
    of: Membership,
    id: Option<NodeId>,
    heard: Arc<AtomicBool>,
}

impl Member {
    /// Offers the node until it is welcome, and goes on by itself; `welcomed` is called once.
    pub(crate) fn start(of: Membership, welcomed: impl FnOnce(&Welcome) + Send + 'static) -> Self {
        let (shutdown, heard) = (CancellationToken::new(), Arc::<AtomicBool>::default());
        let (tell, joined) = watch::channel(false);
        let mut running = Running { of, id: None, heard: heard.clone() };
        let ended = shutdown.clone();
        let task = tokio::spawn(async move {
            let living = async {
                let welcome = running.join().await;
                welcomed(&welcome);
                tell.send_replace(true);
                running.live(Duration::from_millis(welcome.beat_every).max(BEAT_MIN)).await;
            };
            tokio::select! {
                () = living => {}
                () = ended.cancelled() => {}
            }
            running.withdraw().await;
        });
        Self { task, shutdown, heard, joined }
    }

    /// Waits until the node is welcome.
    pub(crate) async fn joined(&mut self) {
        // The sender goes only with the task, and the task only with the process.
        let _ = self.joined.wait_for(|joined| *joined).await;
    }

    /// Whether the deployment heard the last sign of life.
    pub(crate) fn heard(&self) -> Arc<AtomicBool> {
        self.heard.clone()
    }

    /// Says that the node ends: its rooms go elsewhere.
    pub(crate) async fn leave(self) {
        self.shutdown.cancel();
        if self.task.await.is_err() {
            tracing::warn!("the membership of this media node ended by itself");
        }
    }
}

impl Running {
    /// Takes a new id and offers the node.
    async fn join(&mut self) -> Welcome {
        let id = NodeId::from(SystemEnvironment.new_uuid());
        self.id = Some(id.clone());
        self.of.identity.set(id.clone());
        loop {
            match self.of.link.offer(&id, &self.of.offer).await {
                Ok(welcome) => {
                    self.heard.store(true, Ordering::Relaxed);
                    self.of.tokens.set(&welcome.keys);
                    tracing::info!(node.id = %id, "this media node takes rooms");
                    return welcome;
                }
                Err(error) => {
                    let error = crate::sentence(&error);
                    tracing::warn!(error, "this media node cannot offer itself and tries again");
                    self.heard.store(false, Ordering::Relaxed);
                    tokio::time::sleep(OFFER_RETRY).await;
                }
            }
        }
    }

    /// Gives signs of life, for ever.
    async fn live(&mut self, beat_every: Duration) {
        loop {
            tokio::time::sleep(beat_every).await;
            let Some(id) = &self.id else { return };
            match self.of.link.beat(id, Beat { sessions: self.of.load.sessions() }).await {
                Ok(standing) => {
                    self.note(true, id);
                    self.of.tokens.set(&standing.keys);
                    if !standing.serving {
                        tracing::warn!(node.id = %id, "this media node was given up by the others and goes on");
                        self.join().await;
                    }
                }
                Err(error) => {
                    tracing::debug!(error = crate::sentence(&error), "a sign of life did not get through");
                    self.note(false, id);
                }
            }
        }
    }

    async fn withdraw(&self) {
        let Some(id) = &self.id else { return };
        match tokio::time::timeout(WITHDRAW_PATIENCE, self.of.link.withdraw(id)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(error = crate::sentence(&error), "the end of this media node was not written down");
            }
            Err(_) => tracing::warn!("the end of this media node was not written down in time"),
        }
    }

    /// Whether the deployment answers; a change is a line in the log.
    fn note(&self, heard: bool, id: &NodeId) {
        match (self.heard.swap(heard, Ordering::Relaxed), heard) {
            (true, false) => tracing::warn!(node.id = %id, "the deployment does not answer this media node"),
            (false, true) => tracing::info!(node.id = %id, "the deployment answers this media node"),
            (true, true) | (false, false) => {}
        }
    }
}
