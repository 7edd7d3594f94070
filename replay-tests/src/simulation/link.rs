//! A connection between a device and a node: in order, but in its own time, and cut without a word.

use std::time::Duration;

use tokio::sync::mpsc;

use super::dice::Dice;
use super::executor::Executor;

/// How long a message is on its way at most.
const WAY_MS: u64 = 80;

/// What a node tells a device.
#[derive(Debug)]
pub(crate) enum Down {
    /// A frame.
    Frame(String),
    /// The socket ends, for this reason.
    Close(Close),
}

/// Why a node ends a socket.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Close {
    /// The session has ended (4401).
    SessionEnded,
    /// The node is stopping, or in trouble (1012).
    Restart,
    /// Resuming is not possible from there (4410).
    TooFarBack,
}

/// The end messages go in.
pub(crate) struct Sender<T> {
    queue: mpsc::UnboundedSender<(Duration, T)>,
    last: Duration,
    executor: Executor,
    dice: Dice,
}

/// The end messages come out.
pub(crate) struct Receiver<T> {
    queue: mpsc::UnboundedReceiver<(Duration, T)>,
    coming: Option<(Duration, T)>,
    executor: Executor,
}

/// One direction of a connection.
pub(crate) fn one_way<T>(executor: &Executor, dice: &Dice) -> (Sender<T>, Receiver<T>) {
    let (put, take) = mpsc::unbounded_channel();
    let sender = Sender { queue: put, last: Duration::ZERO, executor: executor.clone(), dice: dice.clone() };
    (sender, Receiver { queue: take, coming: None, executor: executor.clone() })
}

impl<T> Sender<T> {
    /// Sends; nobody learns whether it arrives.
    pub(crate) fn send(&mut self, message: T) {
        self.last = self.last.max(self.executor.now() + self.dice.millis(0, WAY_MS));
        // Whoever is not there any more has not heard it.
        let _ = self.queue.send((self.last, message));
    }
}

impl<T> Receiver<T> {
    /// The next message; `None` once the other end is gone. Dropping the future loses nothing.
    pub(crate) async fn receive(&mut self) -> Option<T> {
        if self.coming.is_none() {
            self.coming = self.queue.recv().await;
        }
        let (at, _) = self.coming.as_ref()?;
        self.executor.sleep_until(*at).await;
        self.coming.take().map(|(_, message)| message)
    }
}
