//! Whether the store can be written, as far as the last attempt tells.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::Notify;
use wac_events::StoreError;

/// While nothing can be written and nobody tries, the writer tries by itself this often.
pub(crate) const PROBE_EVERY: Duration = Duration::from_secs(1);
/// Size of what a probe writes, in bytes: more than what still fits where everything else is full.
pub(crate) const PROBE_BYTES: usize = 16 * 1024;

/// Takes the place of the last probe.
pub(crate) const PROBE_SQL: &str = "insert into store_settings (name, value) values ('last-probe', $1) \
     on conflict (name) do update set value = excluded.value";

/// The error of the last attempt to write, until one succeeds. Shared by all who write one store.
#[derive(Clone, Default)]
pub(crate) struct Trouble(Arc<Shared>);

#[derive(Default)]
struct Shared {
    last: Mutex<Option<StoreError>>,
    began: Notify,
}

impl Trouble {
    fn locked(&self) -> MutexGuard<'_, Option<StoreError>> {
        self.0.last.lock().expect("nobody panics while holding an error")
    }

    /// What the last attempt to write failed with, if none has succeeded since.
    pub(crate) fn last(&self) -> Option<StoreError> {
        self.locked().clone()
    }

    pub(crate) fn failed(&self, error: StoreError) {
        *self.locked() = Some(error);
        self.0.began.notify_one();
    }

    pub(crate) fn over(&self) {
        *self.locked() = None;
    }

    /// Returns when it is time to try whether the store can be written again.
    pub(crate) async fn probe_due(&self) {
        while self.last().is_none() {
            self.0.began.notified().await;
        }
        tokio::time::sleep(PROBE_EVERY).await;
    }
}
