use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use wac_events::CommandId;

/// The commands being executed in this process.
#[derive(Default)]
pub(super) struct InFlight(Mutex<HashSet<CommandId>>);

/// One of them; leaves when dropped.
pub(super) struct Running {
    inflight: Arc<InFlight>,
    id: CommandId,
}

impl InFlight {
    /// Enters a command; `None` if it is in already.
    pub(super) fn begin(self: &Arc<Self>, id: CommandId) -> Option<Running> {
        let entered = self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
        entered.then(|| Running { inflight: self.clone(), id })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.inflight.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}
