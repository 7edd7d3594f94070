//! A value that others wait for. Whoever waits is woken in the order in which he came: the runtime's own
//! means wake in an order of their own.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// A value that others wait for.
pub(crate) struct Signal<T>(Mutex<State<T>>);

struct State<T> {
    value: T,
    waiting: BTreeMap<u64, Waker>,
    next: u64,
}

impl<T: Copy + PartialEq> Signal<T> {
    /// With its first value.
    pub(crate) fn new(value: T) -> Self {
        Self(Mutex::new(State { value, waiting: BTreeMap::new(), next: 0 }))
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The value now.
    pub(crate) fn now(&self) -> T {
        self.state().value
    }

    /// Changes the value; whoever waits looks again, if it is another one.
    pub(crate) fn set(&self, change: impl FnOnce(T) -> T) {
        let mut state = self.state();
        let before = state.value;
        state.value = change(before);
        if state.value == before {
            return;
        }
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        waiting.into_values().for_each(Waker::wake);
    }

    /// Resolves once the value is as wanted.
    pub(crate) fn wait<F: Fn(T) -> bool>(&self, wanted: F) -> Wait<'_, T, F> {
        Wait { signal: self, wanted, place: None }
    }
}

/// Waits for a value.
pub(crate) struct Wait<'a, T, F> {
    signal: &'a Signal<T>,
    wanted: F,
    place: Option<u64>,
}

impl<T: Copy + PartialEq, F: Fn(T) -> bool + Unpin> Future for Wait<'_, T, F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.signal.state();
        if (self.wanted)(state.value) {
            return Poll::Ready(());
        }
        let place = self.place.unwrap_or(state.next);
        state.next = state.next.max(place + 1);
        state.waiting.insert(place, cx.waker().clone());
        drop(state);
        self.place = Some(place);
        Poll::Pending
    }
}

impl<T, F> Drop for Wait<'_, T, F> {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            self.signal.0.lock().unwrap_or_else(PoisonError::into_inner).waiting.remove(&place);
        }
    }
}
