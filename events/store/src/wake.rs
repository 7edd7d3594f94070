//! Waking those who wait for the log to move.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use wac_events::Position;

/// The highest position this process has heard of, and who waits for more.
pub(crate) struct Wake {
    head: watch::Sender<u64>,
    waiting: AtomicUsize,
    somebody: Notify,
}

impl Wake {
    pub(crate) fn new(head: u64) -> Self {
        Self { head: watch::Sender::new(head), waiting: AtomicUsize::new(0), somebody: Notify::new() }
    }

    /// The log has reached `head`.
    pub(crate) fn publish(&self, head: u64) {
        self.head.send_if_modified(|known| {
            let moved = head > *known;
            *known = head.max(*known);
            moved
        });
    }

    /// The highest position this process has heard of.
    pub(crate) fn heard_of(&self) -> Position {
        Position(*self.head.borrow())
    }

    /// Waits until a position beyond `position` has been heard of, at most for `patience`.
    pub(crate) async fn wait_beyond(&self, position: Position, patience: Duration) {
        let mut head = self.head.subscribe();
        if *head.borrow_and_update() > position.0 {
            return;
        }
        let _waiting = Waiting::new(self);
        let moved = head.wait_for(|head| *head > position.0);
        // Out of patience: the caller looks for itself.
        let _ = tokio::time::timeout(patience, moved).await;
    }

    /// Returns once somebody waits: there is nothing to poll for as long as nobody does.
    pub(crate) async fn somebody_waits(&self) {
        loop {
            let notified = self.somebody.notified();
            if self.waiting.load(Ordering::SeqCst) > 0 {
                return;
            }
            notified.await;
        }
    }
}

struct Waiting<'a>(&'a Wake);

impl<'a> Waiting<'a> {
    fn new(wake: &'a Wake) -> Self {
        wake.waiting.fetch_add(1, Ordering::SeqCst);
        wake.somebody.notify_waiters();
        Self(wake)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::SeqCst);
    }
}
