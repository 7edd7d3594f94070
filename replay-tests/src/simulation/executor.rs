//! A runtime in which time is a number and order a matter of chance: whoever has its seed has both.

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, Either, poll_fn, select};
use futures::task::AtomicWaker;
use tokio::sync::oneshot;
use wac_commands::process::Timer;

use super::dice::Dice;

/// Runs tasks on one thread. Of those that can go on chance picks the next; when none can, the clock
/// jumps to the next timer. Clones share everything.
#[derive(Clone)]
pub(crate) struct Executor(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    ready: Arc<Ready>,
    dice: Dice,
}

#[derive(Default)]
struct State {
    now: Duration,
    timers: BTreeMap<(Duration, u64), Waker>,
    tasks: HashMap<u64, BoxFuture<'static, ()>>,
    next: u64,
    outside: usize,
}

#[derive(Default)]
struct Ready {
    tasks: Mutex<Vec<(u64, Arc<Handle>)>>,
    driver: AtomicWaker,
}

struct Handle {
    task: u64,
    queued: AtomicBool,
    ready: Arc<Ready>,
}

impl Wake for Handle {
    fn wake(self: Arc<Self>) {
        if !self.queued.swap(true, Ordering::SeqCst) {
            lock(&self.ready.tasks).push((self.task, self.clone()));
            self.ready.driver.wake();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Executor {
    /// Nothing runs yet; `dice` decides who is next.
    pub(crate) fn new(dice: Dice) -> Self {
        Self(Arc::new(Shared { state: Mutex::default(), ready: Arc::default(), dice }))
    }

    /// Time since the beginning.
    pub(crate) fn now(&self) -> Duration {
        lock(&self.0.state).now
    }

    /// Adds a task.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut state = lock(&self.0.state);
        let id = state.next;
        state.next += 1;
        state.tasks.insert(id, task.boxed());
        drop(state);
        Arc::new(Handle { task: id, queued: AtomicBool::new(false), ready: self.0.ready.clone() }).wake();
    }

    /// Resolves after `duration`.
    pub(crate) fn sleep(&self, duration: Duration) -> Sleep {
        self.sleep_until(self.now() + duration)
    }

    /// Resolves at `at`.
    pub(crate) fn sleep_until(&self, at: Duration) -> Sleep {
        Sleep { executor: self.clone(), at, timer: None }
    }

    /// What a future gives, unless it takes longer than `patience`.
    pub(crate) async fn within<T>(&self, patience: Duration, future: impl Future<Output = T>) -> Option<T> {
        match select(std::pin::pin!(future), self.sleep(patience)).await {
            Either::Left((value, _)) => Some(value),
            Either::Right(_) => None,
        }
    }

    /// Runs something that belongs to the runtime around this one. Meanwhile nothing else happens
    /// here, and no time passes.
    pub(crate) async fn outside<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> T {
        let (done, result) = oneshot::channel();
        lock(&self.0.state).outside += 1;
        let executor = self.clone();
        tokio::spawn(async move {
            let value = work.await;
            // Whoever asked may have been stopped meanwhile.
            let _ = done.send(value);
            lock(&executor.0.state).outside -= 1;
            executor.0.ready.driver.wake();
        });
        result.await.expect("work outside never panics")
    }

    /// Runs `main` and everything it spawns until `main` ends.
    pub(crate) async fn run<T: Send + 'static>(&self, main: impl Future<Output = T> + Send + 'static) -> T {
        let result = Arc::new(Mutex::new(None));
        let slot = result.clone();
        self.spawn(async move {
            let value = main.await;
            *lock(&slot) = Some(value);
        });
        let driven = poll_fn(|cx| {
            self.0.ready.driver.register(cx.waker());
            loop {
                if let Some(value) = lock(&result).take() {
                    return Poll::Ready(value);
                }
                if lock(&self.0.state).outside > 0 {
                    return Poll::Pending;
                }
                self.step();
            }
        });
        // Everything runs within one poll: what a task may do is not to depend on what others did.
        let value = tokio::task::unconstrained(driven).await;
        self.stop();
        value
    }

    /// Polls one task, or moves the clock.
    fn step(&self) {
        let Some((id, handle)) = self.next_ready() else {
            let mut state = lock(&self.0.state);
            let Some(((at, _), waker)) = state.timers.pop_first() else {
                panic!("everybody waits for something that does not come");
            };
            state.now = at;
            drop(state);
            waker.wake();
            return;
        };
        let Some(mut task) = lock(&self.0.state).tasks.remove(&id) else { return };
        handle.queued.store(false, Ordering::SeqCst);
        let waker = Waker::from(handle);
        if task.as_mut().poll(&mut Context::from_waker(&waker)).is_pending() {
            lock(&self.0.state).tasks.insert(id, task);
        }
    }

    fn next_ready(&self) -> Option<(u64, Arc<Handle>)> {
        let mut ready = lock(&self.0.ready.tasks);
        let index = match ready.len() {
            0 => return None,
            1 => 0,
            several => self.0.dice.below(several),
        };
        Some(ready.swap_remove(index))
    }

    /// Drops every task: they hold the executor, and it holds them.
    fn stop(&self) {
        let mut state = lock(&self.0.state);
        let (tasks, timers) = (std::mem::take(&mut state.tasks), std::mem::take(&mut state.timers));
        drop(state);
        drop((tasks, timers));
        lock(&self.0.ready.tasks).clear();
    }
}

impl Timer for Executor {
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Executor::sleep(self, duration).boxed()
    }
}

/// A timer.
pub(crate) struct Sleep {
    executor: Executor,
    at: Duration,
    timer: Option<(Duration, u64)>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let shared = self.executor.0.clone();
        let mut state = lock(&shared.state);
        if let Some(timer) = self.timer.take() {
            state.timers.remove(&timer);
        }
        if state.now >= self.at {
            return Poll::Ready(());
        }
        let timer = (self.at, state.next);
        state.next += 1;
        state.timers.insert(timer, cx.waker().clone());
        self.timer = Some(timer);
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(timer) = self.timer {
            lock(&self.executor.0.state).timers.remove(&timer);
        }
    }
}
