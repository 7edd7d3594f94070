//! Checking the log itself, event by event.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use wac_events::{AnyEvent, EventLog, Position, Recorded, StreamId, Time};

use crate::RunnerError;
use crate::pages::Pages;
use crate::progress::{Meter, Progress, rate};

/// Events a page.
const CHECK_EVENTS_MAX: usize = 5_000;

/// Something about the log that must not be.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum LogFault {
    /// A position is missing or came twice.
    Position {
        /// What should have come.
        expected: Position,
        /// What came.
        found: Position,
    },
    /// A stream's version is missing or came twice.
    Version {
        /// Where.
        position: Position,
        /// The stream.
        stream: StreamId,
        /// What should have come.
        expected: u64,
        /// What came.
        found: u64,
    },
    /// Two events have one id.
    EventId {
        /// The second one.
        position: Position,
        /// The id.
        event_id: String,
    },
    /// The time of recording goes back.
    RecordedAt {
        /// Where.
        position: Position,
        /// When the event before was recorded.
        before: Time,
        /// When this one was.
        found: Time,
    },
    /// An event does not decode.
    Undecodable {
        /// Where.
        position: Position,
        /// Why not.
        reason: String,
    },
}

impl std::fmt::Display for LogFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Position { expected, found } => write!(f, "position {expected} expected, {found} found"),
            Self::Version { position, stream, expected, found } => {
                write!(f, "position {position}: stream {stream} has version {found} where {expected} is due")
            }
            Self::EventId { position, event_id } => write!(f, "position {position}: event id {event_id} came before"),
            Self::RecordedAt { position, before, found } => {
                write!(f, "position {position}: recorded at {found}, the event before at {before}")
            }
            Self::Undecodable { position, reason } => write!(f, "position {position}: {reason}"),
        }
    }
}

/// What a check of the log came to.
#[derive(Clone, Debug)]
pub struct LogReport {
    /// Events read.
    pub events: u64,
    /// Streams found.
    pub streams: u64,
    /// Up to where the log was read.
    pub position: Position,
    /// How many faults there are.
    pub faults: u64,
    /// The first of them.
    pub shown: Vec<LogFault>,
    /// Events a second.
    pub events_per_s: f64,
}

impl LogReport {
    /// Whether the log is as it must be.
    pub fn is_sound(&self) -> bool {
        self.faults == 0
    }
}

/// Reads the whole log and checks: positions without gaps, versions of every stream without gaps,
/// event ids unique, the time of recording never back, every event decodes. Holds one id in memory
/// for each event (some 40 bytes) and one entry for each stream.
pub async fn log_verify(
    log: Arc<dyn EventLog>,
    faults_shown_max: usize,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<LogReport, RunnerError> {
    let meter = Meter::start();
    let total = log.head().await?.position;
    let mut pages = Pages::new(log, Position::START, Vec::new(), CHECK_EVENTS_MAX).up_to(total);
    let mut check = LogCheck::new(faults_shown_max, true);
    while let Some(page) = pages.next().await? {
        let work = tokio::task::spawn_blocking(move || {
            for event in &page.events {
                let decoded = AnyEvent::decode_recorded(event);
                check.event(event, decoded.as_ref().err());
            }
            check
        });
        check = work.await.map_err(|_| RunnerError::Broken("checking events"))?;
        progress(meter.progress(pages.position(), total, check.events));
    }
    check.end(total);
    Ok(check.report(meter.elapsed()))
}

/// The check as a fold.
pub(crate) struct LogCheck {
    pub(crate) events: u64,
    position: Position,
    recorded_at: Option<Time>,
    versions: HashMap<StreamId, u64>,
    ids: Option<HashSet<uuid::Uuid>>,
    pub(crate) faults: u64,
    shown: Vec<LogFault>,
    shown_max: usize,
}

impl LogCheck {
    pub(crate) fn new(shown_max: usize, ids: bool) -> Self {
        Self {
            events: 0,
            position: Position::START,
            recorded_at: None,
            versions: HashMap::new(),
            ids: ids.then(HashSet::new),
            faults: 0,
            shown: Vec::new(),
            shown_max,
        }
    }

    pub(crate) fn event(&mut self, event: &Recorded, undecodable: Option<&wac_events::CodecError>) {
        let position = event.position;
        let expected = Position(self.position.0 + 1);
        if position != expected {
            self.fault(LogFault::Position { expected, found: position });
        }
        let version =
            self.versions.get_mut(&event.stream).map_or(0, |version| std::mem::replace(version, event.version));
        if version == 0 {
            self.versions.insert(event.stream.clone(), event.version);
        }
        if event.version != version + 1 {
            let stream = event.stream.clone();
            self.fault(LogFault::Version { position, stream, expected: version + 1, found: event.version });
        }
        if self.ids.as_mut().is_some_and(|ids| !ids.insert(event.event_id.0)) {
            self.fault(LogFault::EventId { position, event_id: event.event_id.to_string() });
        }
        if let Some(before) = self.recorded_at.filter(|before| *before > event.recorded_at) {
            self.fault(LogFault::RecordedAt { position, before, found: event.recorded_at });
        }
        if let Some(error) = undecodable {
            self.fault(LogFault::Undecodable { position, reason: error.to_string() });
        }
        self.events += 1;
        self.position = position;
        self.recorded_at = Some(event.recorded_at);
    }

    /// The log says it ends at `head`.
    pub(crate) fn end(&mut self, head: Position) {
        if self.position < head {
            self.fault(LogFault::Position { expected: Position(self.position.0 + 1), found: head });
        }
    }

    fn fault(&mut self, fault: LogFault) {
        self.faults += 1;
        if self.shown.len() < self.shown_max {
            self.shown.push(fault);
        }
    }

    pub(crate) fn report(self, elapsed: std::time::Duration) -> LogReport {
        LogReport {
            events: self.events,
            streams: self.versions.len() as u64,
            position: self.position,
            faults: self.faults,
            shown: self.shown,
            events_per_s: rate(self.events, elapsed),
        }
    }
}
