//! What waits to be sent to one socket: bounded, in order of position.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio_tungstenite::tungstenite::Utf8Bytes;
use wac_events::{OpeningId, Position};
use wac_signaling::{Notice, SocketSettings};

use super::Close;

/// A text on its way to a socket.
#[derive(Clone, Debug)]
pub(super) struct Message {
    /// The position it tells of.
    pub(super) position: Position,
    /// The frame.
    pub(super) text: Utf8Bytes,
    /// The conference it tells the end of: its whole entry is put in when it is sent.
    pub(super) conference: Option<OpeningId>,
}

impl Message {
    /// A frame that is sent as it is.
    pub(super) fn new(position: Position, text: impl Into<Utf8Bytes>) -> Self {
        Self { position, text: text.into(), conference: None }
    }

    /// What a notice tells, in these words.
    pub(super) fn of(notice: &Notice, text: impl Into<Utf8Bytes>) -> Self {
        Self { position: notice.position, text: text.into(), conference: notice.conference() }
    }
}

/// What one socket is to be sent, and whether it is to end.
pub(super) struct Outbox {
    state: Mutex<State>,
    wake: Notify,
    notices_max: usize,
    bytes_max: usize,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Message>,
    bytes: usize,
    close: Option<Close>,
    /// Notices up to here have been seen already, or come in another way.
    seen: Position,
}

impl Outbox {
    /// An empty one.
    pub(super) fn new(settings: &SocketSettings) -> Self {
        Self {
            state: Mutex::default(),
            wake: Notify::new(),
            notices_max: settings.send_queue_notices,
            bytes_max: settings.send_queue_bytes,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nothing at or below `position` is sent any more.
    pub(super) fn skip_to(&self, position: Position) {
        let mut state = self.state();
        state.seen = state.seen.max(position);
        while state.queue.front().is_some_and(|first| first.position <= position) {
            let skipped = state.queue.pop_front();
            state.bytes -= skipped.map_or(0, |message| message.text.len());
        }
    }

    /// Puts a notice behind the others; one too many ends the socket.
    pub(super) fn push(&self, message: Message) {
        let mut state = self.state();
        if state.close.is_some() || message.position <= state.seen {
            return;
        }
        state.bytes += message.text.len();
        state.queue.push_back(message);
        if state.queue.len() > self.notices_max || state.bytes > self.bytes_max {
            state.close = Some(Close::TooSlow);
            state.queue = VecDeque::new();
            state.bytes = 0;
        }
        drop(state);
        self.wake.notify_one();
    }

    /// The first one, if it is not beyond `until`.
    pub(super) fn pop(&self, until: Option<Position>) -> Option<Message> {
        let mut state = self.state();
        let fits = state.queue.front().is_some_and(|first| until.is_none_or(|until| first.position <= until));
        if !fits {
            return None;
        }
        let message = state.queue.pop_front();
        state.bytes -= message.as_ref().map_or(0, |message| message.text.len());
        if state.queue.is_empty() && state.queue.capacity() > 16 {
            state.queue = VecDeque::new();
        }
        message
    }

    /// Ends the socket; the first reason counts.
    pub(super) fn close(&self, close: Close) {
        self.state().close.get_or_insert(close);
        self.wake.notify_one();
    }

    /// Why the socket is to end, if it is.
    pub(super) fn closed(&self) -> Option<Close> {
        self.state().close.clone()
    }

    /// Resolves when something was put in, or the socket is to end. May resolve for nothing.
    pub(super) async fn moved(&self) {
        self.wake.notified().await;
    }

    /// Resolves when the socket is to end.
    pub(super) async fn ended(&self) -> Close {
        loop {
            if let Some(close) = self.closed() {
                // Whoever else waits must hear of it, too.
                self.wake.notify_one();
                return close;
            }
            self.wake.notified().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(position: u64, text: &str) -> Message {
        Message::new(Position(position), text)
    }

    fn outbox(notices: usize, bytes: usize) -> Outbox {
        let settings =
            SocketSettings { send_queue_notices: notices, send_queue_bytes: bytes, ..SocketSettings::default() };
        Outbox::new(&settings)
    }

    #[test]
    fn notices_leave_in_order_and_not_beyond_what_is_asked_for() {
        let outbox = outbox(10, 1_000);
        outbox.skip_to(Position(4));
        for position in 3..8 {
            outbox.push(message(position, "x"));
        }
        let taken: Vec<u64> = std::iter::from_fn(|| outbox.pop(Some(Position(6)))).map(|m| m.position.0).collect();
        assert_eq!(taken, [5, 6]);
        assert_eq!(outbox.pop(None).map(|m| m.position.0), Some(7));
        assert!(outbox.pop(None).is_none());
    }

    #[test]
    fn what_waits_already_is_skipped_too() {
        let outbox = outbox(10, 3);
        (3..=5).for_each(|position| outbox.push(message(position, "x")));
        outbox.skip_to(Position(4));
        outbox.push(message(6, "xx"));
        assert_eq!(outbox.closed(), None, "what was skipped takes no room");
        let taken: Vec<u64> = std::iter::from_fn(|| outbox.pop(None)).map(|m| m.position.0).collect();
        assert_eq!(taken, [5, 6]);
    }

    #[test]
    fn one_notice_too_many_ends_the_socket() {
        let outbox = outbox(2, 1_000);
        (1..=2).for_each(|position| outbox.push(message(position, "x")));
        assert_eq!(outbox.closed(), None);
        outbox.push(message(3, "x"));
        assert_eq!(outbox.closed(), Some(Close::TooSlow));
        assert!(outbox.pop(None).is_none());
    }

    #[test]
    fn too_many_bytes_end_the_socket() {
        let outbox = outbox(100, 10);
        outbox.push(message(1, "0123456789"));
        assert_eq!(outbox.closed(), None);
        outbox.push(message(2, "x"));
        assert_eq!(outbox.closed(), Some(Close::TooSlow));
    }
}
