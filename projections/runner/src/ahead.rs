//! Reading far ahead: several ranges of the log under way at once, each worked on in a thread of
//! its own as soon as it is there, handed over in the log's order.
//!
//! Positions have no gaps, so that where a range ends is known before it is read.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio_util::task::AbortOnDropHandle;
use wac_events::{EventFilter, EventLog, Position, ReadRequest, Recorded};

use crate::RunnerError;

/// Ranges under way at once. Bounds memory together with [`RANGE_EVENTS_MAX`].
const RANGES_AHEAD: usize = 3;
/// Most events one range brings, and the fewest positions it covers: as many as the stores scan
/// without going through an index.
const RANGE_EVENTS_MAX: u64 = 4_096;
/// Most positions one range covers where few events match.
const RANGE_POSITIONS_MAX: u64 = 1 << 20;

/// What became of one range.
pub(crate) struct Done<T> {
    /// What the work gave.
    pub(crate) work: T,
    /// How many events there were.
    pub(crate) events: u64,
    /// Everything up to here has been looked at.
    pub(crate) scanned_to: Position,
}

struct Range<T> {
    to: Position,
    task: AbortOnDropHandle<Result<Done<T>, RunnerError>>,
}

type Work<T> = Arc<dyn Fn(Vec<Recorded>) -> T + Send + Sync>;

/// Reads forward from a position up to the end of the log, several ranges at once.
pub(crate) struct ReadAhead<T> {
    log: Arc<dyn EventLog>,
    filter: EventFilter,
    work: Work<T>,
    ranges: VecDeque<Range<T>>,
    /// Everything up to here has been handed over.
    position: Position,
    /// Up to here ranges are under way.
    planned: Position,
    /// The end of the log when it was last looked at.
    end: Position,
    /// Only positions up to here.
    last: Position,
    /// Positions the next range covers.
    span: u64,
}

impl<T: Send + 'static> ReadAhead<T> {
    /// From `after` on, events of these types (all if empty), with `work` done on every range.
    pub(crate) fn new(
        log: Arc<dyn EventLog>,
        after: Position,
        types: Vec<String>,
        work: impl Fn(Vec<Recorded>) -> T + Send + Sync + 'static,
    ) -> Self {
        Self {
            log,
            filter: EventFilter { types, ..EventFilter::default() },
            work: Arc::new(work),
            ranges: VecDeque::with_capacity(RANGES_AHEAD),
            position: after,
            planned: after,
            end: after,
            last: Position(u64::MAX),
            span: RANGE_EVENTS_MAX,
        }
    }

    /// Only positions up to here.
    pub(crate) fn up_to(self, last: Position) -> Self {
        Self { last, ..self }
    }

    /// Everything up to here has been handed over.
    pub(crate) fn position(&self) -> Position {
        self.position
    }

    /// The next range; `None` if there is nothing behind the last one now.
    pub(crate) async fn next(&mut self) -> Result<Option<Done<T>>, RunnerError> {
        if self.ranges.is_empty() && self.planned >= self.end {
            self.end = self.log.head().await?.position.min(self.last);
        }
        self.plan();
        let Some(Range { to, task }) = self.ranges.pop_front() else { return Ok(None) };
        let done = task.await.map_err(|_| RunnerError::Broken("reading ahead"))??;
        self.position = done.scanned_to;
        if done.scanned_to < to {
            // More events than one read brings: what comes next begins where this one ended.
            self.ranges.clear();
            self.planned = done.scanned_to;
            self.span = (self.span / 2).max(RANGE_EVENTS_MAX);
        } else if done.events < RANGE_EVENTS_MAX / 4 {
            self.span = (self.span * 2).min(RANGE_POSITIONS_MAX);
        }
        self.plan();
        Ok(Some(done))
    }

    /// Starts as many ranges as may be under way.
    fn plan(&mut self) {
        while self.ranges.len() < RANGES_AHEAD && self.planned < self.end {
            let to = self.end.min(Position(self.planned.0.saturating_add(self.span)));
            let request = ReadRequest {
                after: self.planned,
                before: Some(Position(to.0.saturating_add(1))),
                filter: self.filter.clone(),
                limit: usize::try_from(RANGE_EVENTS_MAX).unwrap_or(usize::MAX),
            };
            let task = tokio::spawn(read(self.log.clone(), request, self.work.clone()));
            self.ranges.push_back(Range { to, task: AbortOnDropHandle::new(task) });
            self.planned = to;
        }
    }
}

async fn read<T: Send + 'static>(
    log: Arc<dyn EventLog>,
    request: ReadRequest,
    work: Work<T>,
) -> Result<Done<T>, RunnerError> {
    let page = log.read(request).await?;
    let (events, scanned_to) = (page.events.len() as u64, page.scanned_to);
    let working = tokio::task::spawn_blocking(move || work(page.events));
    let work = working.await.map_err(|_| RunnerError::Broken("working on events"))?;
    Ok(Done { work, events, scanned_to })
}
