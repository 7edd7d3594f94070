use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_lock::{RwLock, RwLockReadGuardArc, RwLockWriteGuardArc};
use wac_events::StreamId;

/// How a command holds a stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Access {
    /// It only looks; others may look too.
    Shared,
    /// It writes.
    Exclusive,
}

/// One queue a stream, so that commands of this process never conflict with one another: those
/// that write a stream have it alone, those that only look at it have it together.
pub(super) struct Mailboxes {
    queue_max: usize,
    queues: Mutex<HashMap<StreamId, Queue>>,
}

struct Queue {
    lock: Arc<RwLock<()>>,
    tickets: usize,
}

/// A place in a queue, given back when dropped.
struct Ticket {
    mailboxes: Arc<Mailboxes>,
    stream: StreamId,
    lock: Arc<RwLock<()>>,
}

enum Guard {
    Shared(#[expect(dead_code, reason = "held, not read")] RwLockReadGuardArc<()>),
    Exclusive(#[expect(dead_code, reason = "held, not read")] RwLockWriteGuardArc<()>),
}

/// Streams held. The locks open before the tickets go.
pub(super) struct Held {
    guards: Vec<Guard>,
    _tickets: Vec<Ticket>,
}

/// A stream's queue is full.
#[derive(Debug)]
pub(super) struct Full;

impl Mailboxes {
    pub(super) fn new(queue_max: usize) -> Self {
        Self { queue_max, queues: Mutex::default() }
    }

    /// Holds all of `streams`, one after the other in their order, which is the same for everybody.
    pub(super) async fn hold(self: &Arc<Self>, streams: &BTreeMap<StreamId, Access>) -> Result<Held, Full> {
        let tickets = self.enter(streams.keys())?;
        let mut held = Held { guards: Vec::with_capacity(tickets.len()), _tickets: tickets };
        for (ticket, access) in held._tickets.iter().zip(streams.values()) {
            held.guards.push(match access {
                Access::Shared => Guard::Shared(ticket.lock.read_arc().await),
                Access::Exclusive => Guard::Exclusive(ticket.lock.write_arc().await),
            });
        }
        Ok(held)
    }

    fn enter<'a>(self: &Arc<Self>, streams: impl Iterator<Item = &'a StreamId>) -> Result<Vec<Ticket>, Full> {
        let mut tickets = Vec::with_capacity(streams.size_hint().0);
        for stream in streams {
            let mut queues = self.queues();
            let queue = queues.entry(stream.clone()).or_insert_with(|| Queue { lock: Arc::default(), tickets: 0 });
            if queue.tickets >= self.queue_max {
                drop(queues);
                return Err(Full);
            }
            queue.tickets += 1;
            let lock = queue.lock.clone();
            drop(queues);
            tickets.push(Ticket { mailboxes: self.clone(), stream: stream.clone(), lock });
        }
        Ok(tickets)
    }

    fn queues(&self) -> MutexGuard<'_, HashMap<StreamId, Queue>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut queues = self.mailboxes.queues();
        if let Some(queue) = queues.get_mut(&self.stream) {
            queue.tickets -= 1;
            if queue.tickets == 0 {
                queues.remove(&self.stream);
            }
        }
    }
}
