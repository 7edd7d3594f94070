//! What a shard is told to do, from other threads.

use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};

use mio::Waker;
use tokio::sync::{mpsc, oneshot};
use wac_commands::MediaSessionRef;
use wac_events::{MediaSessionId, Position, RoomEvent};
use wac_media::wire::{ByeReason, ClientMessage, NodeMessage};
use wac_media::{Figures, JoinRejection, PeerId, Ticket};

/// What a shard is told.
pub(crate) enum Order {
    /// A fact about a room.
    Fact(Box<RoomEvent>, Position),
    /// Somebody joins.
    Join(Box<Ticket>, Box<MediaSessionRef>, oneshot::Sender<Result<Joined, JoinRejection>>),
    /// A session goes on with another socket; the answer is nothing if it is over.
    Resume(MediaSessionId, oneshot::Sender<Option<Joined>>),
    /// What a client said.
    Said(PeerId, Box<ClientMessage>),
    /// A client's session is to end.
    End(PeerId, ByeReason),
    /// Everything ends.
    Stop,
}

/// Somebody who has joined.
pub(crate) struct Joined {
    pub peer: PeerId,
    /// Frames for him; ends with his session.
    pub frames: mpsc::Receiver<NodeMessage>,
}

/// Tells a shard what to do. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Orders {
    sender: Sender<Order>,
    waker: Arc<Waker>,
    figures: Arc<Mutex<Figures>>,
}

impl Orders {
    /// To a shard that takes them from the other end, and has this woken for them.
    pub(crate) fn new(sender: Sender<Order>, waker: Arc<Waker>, figures: Arc<Mutex<Figures>>) -> Self {
        Self { sender, waker, figures }
    }

    /// What has passed the shard.
    pub(crate) fn figures(&self) -> Figures {
        *self.figures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says it; a shard that has stopped does not hear it.
    pub(crate) fn say(&self, order: Order) {
        if self.sender.send(order).is_ok() {
            // A waker fails only when its poll is gone, that is, the shard.
            let _ = self.waker.wake();
        }
    }
}
