//! Reading the log page by page, the next one while the last one is worked on.

use std::sync::Arc;

use tokio_util::task::AbortOnDropHandle;
use wac_events::{EventFilter, EventLog, Page, Position, ReadRequest, StoreError};
use wac_projections::Projection;

use crate::RunnerError;

/// Reads forward from a position; while pages come full, the next is fetched ahead.
pub(crate) struct Pages {
    log: Arc<dyn EventLog>,
    request: ReadRequest,
    ahead: Option<AbortOnDropHandle<Result<Page, StoreError>>>,
}

impl Pages {
    pub(crate) fn new(log: Arc<dyn EventLog>, after: Position, types: Vec<String>, limit: usize) -> Self {
        let filter = EventFilter { types, ..EventFilter::default() };
        Self { log, request: ReadRequest { after, before: None, filter, limit }, ahead: None }
    }

    /// Only positions up to here.
    pub(crate) fn up_to(mut self, last: Position) -> Self {
        self.request.before = Some(Position(last.0.saturating_add(1)));
        self
    }

    /// Where the next page starts.
    pub(crate) fn position(&self) -> Position {
        self.request.after
    }

    /// Goes on from another position.
    pub(crate) fn seek(&mut self, after: Position) {
        if after != self.request.after {
            self.request.after = after;
            self.ahead = None;
        }
    }

    /// The next page; `None` if there is nothing behind the last one now.
    pub(crate) async fn next(&mut self) -> Result<Option<Page>, RunnerError> {
        let page = match self.ahead.take() {
            Some(task) => task.await.map_err(|_| RunnerError::Broken("reading ahead"))??,
            None => self.log.read(self.request.clone()).await?,
        };
        if page.scanned_to <= self.request.after {
            return Ok(None);
        }
        self.request.after = page.scanned_to;
        if page.events.len() >= self.request.limit {
            let (log, request) = (self.log.clone(), self.request.clone());
            self.ahead = Some(AbortOnDropHandle::new(tokio::spawn(async move { log.read(request).await })));
        }
        Ok(Some(page))
    }
}

/// What any of these projections wants, for the log's filter.
pub(crate) fn wanted<'p>(projections: impl Iterator<Item = &'p dyn Projection>) -> Vec<String> {
    let mut types: Vec<String> =
        projections.flat_map(|projection| projection.wants()).map(|t| (*t).to_owned()).collect();
    types.sort_unstable();
    types.dedup();
    types
}
