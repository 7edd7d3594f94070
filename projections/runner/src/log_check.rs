//! Checking the log itself, event by event.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use foldhash::fast::RandomState;
use wac_events::{AnyEvent, CodecError, EventId, EventLog, Position, Recorded, StreamId, Time};

use crate::RunnerError;
use crate::ahead::ReadAhead;
use crate::progress::{Meter, Progress, rate};

/// Most ids room is made for before they come.
const IDS_ROOM_MAX: usize = 10_000_000;

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
    let outlines = |events: Vec<Recorded>| -> Vec<Outline> {
        let outline = |event: Recorded| {
            let undecodable = AnyEvent::decode_recorded(&event).err();
            Outline::new(event, undecodable.as_ref())
        };
        events.into_iter().map(outline).collect()
    };
    let mut ahead = ReadAhead::new(log, Position::START, Vec::new(), outlines).up_to(total);
    let mut check = LogCheck::new(faults_shown_max, true, total);
    while let Some(done) = ahead.next().await? {
        let work = tokio::task::spawn_blocking(move || {
            done.work.iter().for_each(|event| check.event(event));
            check
        });
        check = work.await.map_err(|_| RunnerError::Broken("checking events"))?;
        progress(meter.progress(ahead.position(), total, check.events));
    }
    check.end(total);
    Ok(check.report(meter.elapsed()))
}

/// What the check needs of an event.
pub(crate) struct Outline {
    pub(crate) position: Position,
    stream: StreamId,
    version: u64,
    event_id: EventId,
    recorded_at: Time,
    /// Why it does not decode.
    undecodable: Option<String>,
}

impl Outline {
    pub(crate) fn new(event: Recorded, undecodable: Option<&CodecError>) -> Self {
        Self {
            position: event.position,
            stream: event.stream,
            version: event.version,
            event_id: event.event_id,
            recorded_at: event.recorded_at,
            undecodable: undecodable.map(ToString::to_string),
        }
    }
}

/// The check as a fold.
pub(crate) struct LogCheck {
    pub(crate) events: u64,
    position: Position,
    recorded_at: Option<Time>,
    versions: HashMap<StreamId, u64, RandomState>,
    ids: Option<HashSet<uuid::Uuid, RandomState>>,
    pub(crate) faults: u64,
    shown: Vec<LogFault>,
    shown_max: usize,
}

impl LogCheck {
    /// `ids`: whether event ids are checked. `end`: where the log ends, to have the room for them.
    pub(crate) fn new(shown_max: usize, ids: bool, end: Position) -> Self {
        let room = usize::try_from(end.0).unwrap_or(usize::MAX).min(IDS_ROOM_MAX);
        Self {
            events: 0,
            position: Position::START,
            recorded_at: None,
            versions: HashMap::default(),
            ids: ids.then(|| HashSet::with_capacity_and_hasher(room, RandomState::default())),
            faults: 0,
            shown: Vec::new(),
            shown_max,
        }
    }

    pub(crate) fn event(&mut self, event: &Outline) {
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
        if let Some(reason) = &event.undecodable {
            self.fault(LogFault::Undecodable { position, reason: reason.clone() });
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
