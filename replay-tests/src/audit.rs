//! Holds a log against what its writers were told.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::str::FromStr;

use uuid::Uuid;
use wac_events::{CommandId, EventFilter, EventId, EventLog, Position, READ_EVENTS_MAX, ReadRequest, Recorded, Time};
use wac_events::{StoreError, StreamId};

/// What a writer was told about one command. Printed and read as one line of words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Note {
    /// Which of the writer's tasks; its commands follow one another.
    pub task: usize,
    /// The command.
    pub command: CommandId,
    /// What it was told.
    pub answer: Answer,
}

/// See [`Note`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    /// Durable at these positions.
    Acknowledged {
        /// Position of the first event.
        first: Position,
        /// Position of the last event.
        last: Position,
    },
    /// Durable, somebody says who does not know yet: what a store must never do.
    AcknowledgedEarly,
    /// Nothing was written.
    Refused(String),
    /// Nobody knows.
    Unknown(String),
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { task, command, answer } = self;
        match answer {
            Answer::Acknowledged { first, last } => write!(f, "{task} {command} acknowledged {first} {last}"),
            Answer::AcknowledgedEarly => write!(f, "{task} {command} early"),
            Answer::Refused(why) => write!(f, "{task} {command} refused {}", why.replace('\n', " ")),
            Answer::Unknown(why) => write!(f, "{task} {command} unknown {}", why.replace('\n', " ")),
        }
    }
}

impl FromStr for Note {
    type Err = String;

    fn from_str(line: &str) -> Result<Self, String> {
        let malformed = || format!("not a note: {line:?}");
        let mut words = line.splitn(4, ' ');
        let task = words.next().and_then(|word| word.parse().ok()).ok_or_else(malformed)?;
        let command = words.next().and_then(|word| Uuid::parse_str(word).ok()).ok_or_else(malformed)?;
        let (kind, rest) = (words.next().ok_or_else(malformed)?, words.next().unwrap_or_default());
        let answer = match kind {
            "acknowledged" => {
                let (first, last) = rest.split_once(' ').ok_or_else(malformed)?;
                let position = |word: &str| word.parse().map(Position).map_err(|_| malformed());
                Answer::Acknowledged { first: position(first)?, last: position(last)? }
            }
            "early" => Answer::AcknowledgedEarly,
            "refused" => Answer::Refused(rest.to_owned()),
            "unknown" => Answer::Unknown(rest.to_owned()),
            _ => return Err(malformed()),
        };
        Ok(Self { task, command: CommandId(command), answer })
    }
}

/// What is wrong with a log.
#[derive(Debug, thiserror::Error)]
pub enum Violation {
    /// Positions are not 1, 2, 3 …
    #[error("position {found} follows {before}")]
    Gap {
        /// The position before.
        before: Position,
        /// The one found behind it.
        found: Position,
    },
    /// A stream's versions are not 1, 2, 3 …
    #[error("version {found} of {stream} at position {position} follows {before}")]
    StreamGap {
        /// The stream.
        stream: StreamId,
        /// Where.
        position: Position,
        /// The version before.
        before: u64,
        /// The one found behind it.
        found: u64,
    },
    /// An event id occurs twice.
    #[error("event {event:?} occurs again at position {position}")]
    EventTwice {
        /// The event.
        event: EventId,
        /// Where it occurs again.
        position: Position,
    },
    /// A command's events are not together, or it was written twice.
    #[error("command {command} has events at {first}..={last} and at {again}")]
    CommandTwice {
        /// The command.
        command: CommandId,
        /// Its first event.
        first: Position,
        /// The last one of the run that begins there.
        last: Position,
        /// Where another one is.
        again: Position,
    },
    /// The recorded time goes back.
    #[error("the time recorded at position {0} is earlier than the one before")]
    TimeWentBack(Position),
    /// The metadata cannot be read.
    #[error("metadata at position {0} cannot be read")]
    Meta(Position),
    /// The head is not where the last event is.
    #[error("the head is at {head}, the last event at {last}")]
    Head {
        /// The head.
        head: Position,
        /// The last event.
        last: Position,
    },
    /// An acknowledged command is not there.
    #[error("LOST: command {command} of task {task} was acknowledged and is not in the log")]
    Lost {
        /// The command.
        command: CommandId,
        /// Its task.
        task: usize,
    },
    /// An acknowledged command is somewhere else.
    #[error("command {command} was acknowledged at {told:?} and is at {found:?}")]
    Moved {
        /// The command.
        command: CommandId,
        /// First and last position acknowledged.
        told: (Position, Position),
        /// First and last position found.
        found: (Position, Position),
    },
    /// A refused command is in the log.
    #[error("command {command} was refused ({why}) and is in the log at {at}")]
    WrittenAfterRefusal {
        /// The command.
        command: CommandId,
        /// What its writer was told.
        why: String,
        /// Where it is.
        at: Position,
    },
    /// A later command of a task stands before an earlier one.
    #[error("task {task} was acknowledged {later} after {earlier}")]
    OutOfOrder {
        /// The task.
        task: usize,
        /// The greater position, acknowledged first.
        earlier: Position,
        /// The smaller position, acknowledged later.
        later: Position,
    },
    /// The log could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Everything read of one log so far.
#[derive(Default)]
pub struct Audit {
    last: Position,
    recorded_at: Option<Time>,
    versions: HashMap<StreamId, u64>,
    events: HashSet<EventId>,
    commands: HashMap<CommandId, (Position, Position)>,
    current: Option<CommandId>,
}

impl Audit {
    /// Reads what the log has beyond what was read before, and checks positions, versions,
    /// commands, times and the head. Nobody may be writing meanwhile.
    pub async fn read_on(&mut self, log: &dyn EventLog) -> Result<(), Violation> {
        loop {
            let filter = EventFilter::default();
            let request = ReadRequest { after: self.last, before: None, filter, limit: READ_EVENTS_MAX };
            let page = log.read(request).await?;
            if page.events.is_empty() {
                break;
            }
            page.events.iter().try_for_each(|event| self.look_at(event))?;
        }
        let head = log.head().await?.position;
        if head == self.last { Ok(()) } else { Err(Violation::Head { head, last: self.last }) }
    }

    /// Position of the last event read.
    pub fn last(&self) -> Position {
        self.last
    }

    /// How many commands have been read.
    pub fn commands(&self) -> usize {
        self.commands.len()
    }

    /// Where a command is.
    pub fn command(&self, command: CommandId) -> Option<(Position, Position)> {
        self.commands.get(&command).copied()
    }

    fn look_at(&mut self, event: &Recorded) -> Result<(), Violation> {
        let position = event.position;
        if position.0 != self.last.0 + 1 {
            return Err(Violation::Gap { before: self.last, found: position });
        }
        self.last = position;
        let version = self.versions.entry(event.stream.clone()).or_insert(0);
        if event.version != *version + 1 {
            let stream = event.stream.clone();
            return Err(Violation::StreamGap { stream, position, before: *version, found: event.version });
        }
        *version = event.version;
        if !self.events.insert(event.event_id) {
            return Err(Violation::EventTwice { event: event.event_id, position });
        }
        if self.recorded_at.is_some_and(|before| event.recorded_at < before) {
            return Err(Violation::TimeWentBack(position));
        }
        self.recorded_at = Some(event.recorded_at);
        self.look_at_command(event)
    }

    fn look_at_command(&mut self, event: &Recorded) -> Result<(), Violation> {
        let position = event.position;
        let command = event.meta().map_err(|_| Violation::Meta(position))?.command_id;
        match self.commands.get_mut(&command) {
            None => {
                self.commands.insert(command, (position, position));
            }
            Some((_, last)) if self.current == Some(command) => *last = position,
            Some((first, last)) => {
                return Err(Violation::CommandTwice { command, first: *first, last: *last, again: position });
            }
        }
        self.current = Some(command);
        Ok(())
    }

    /// Holds the notes of one writer, in the order it made them, against what was read.
    pub fn check(&self, notes: &[Note]) -> Result<(), Violation> {
        let mut reached: HashMap<usize, Position> = HashMap::new();
        for Note { task, command, answer } in notes {
            let found = self.command(*command);
            match answer {
                Answer::Acknowledged { first, last } => {
                    let found = found.ok_or(Violation::Lost { command: *command, task: *task })?;
                    if found != (*first, *last) {
                        return Err(Violation::Moved { command: *command, told: (*first, *last), found });
                    }
                    if let Some(earlier) = reached.insert(*task, *last)
                        && earlier >= *first
                    {
                        return Err(Violation::OutOfOrder { task: *task, earlier, later: *first });
                    }
                }
                Answer::AcknowledgedEarly => {
                    found.ok_or(Violation::Lost { command: *command, task: *task })?;
                }
                Answer::Refused(why) => {
                    if let Some((at, _)) = found {
                        return Err(Violation::WrittenAfterRefusal { command: *command, why: why.clone(), at });
                    }
                }
                Answer::Unknown(_) => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(answer: Answer) -> Note {
        Note { task: 3, command: CommandId(Uuid::from_u128(7)), answer }
    }

    #[test]
    fn a_note_reads_back_as_it_was_printed() {
        let acknowledged = Answer::Acknowledged { first: Position(8), last: Position(9) };
        for answer in
            [acknowledged, Answer::AcknowledgedEarly, Answer::Refused("a b c".into()), Answer::Unknown("x".into())]
        {
            assert_eq!(note(answer.clone()).to_string().parse(), Ok(note(answer)));
        }
    }

    #[test]
    fn an_acknowledged_command_that_is_missing_is_lost() {
        let told = note(Answer::Acknowledged { first: Position(1), last: Position(1) });
        assert!(matches!(Audit::default().check(&[told]), Err(Violation::Lost { task: 3, .. })));
    }

    #[test]
    fn a_refused_command_that_is_there_is_a_violation() {
        let mut audit = Audit::default();
        audit.commands.insert(CommandId(Uuid::from_u128(7)), (Position(1), Position(1)));
        let told = note(Answer::Refused("full".into()));
        assert!(matches!(audit.check(&[told]), Err(Violation::WrittenAfterRefusal { .. })));
    }

    fn event(position: u64, stream: &str, version: u64, command: u128) -> Recorded {
        let command = Uuid::from_u128(command);
        Recorded {
            position: Position(position),
            stream: stream.into(),
            version,
            event_id: EventId(Uuid::from_u128(u128::from(position))),
            event_type: "reservation.taken".into(),
            schema_version: 1,
            domain: None,
            data: "{}".to_owned(),
            meta: format!(
                r#"{{"actor":{{"kind":"system","id":"t"}},"commandId":"{command}","correlationId":"{command}"}}"#
            ),
            occurred_at: Time::EPOCH,
            recorded_at: Time::EPOCH,
        }
    }

    fn read(events: &[Recorded]) -> Result<Audit, Violation> {
        let mut audit = Audit::default();
        events.iter().try_for_each(|event| audit.look_at(event))?;
        Ok(audit)
    }

    #[test]
    fn a_sound_log_has_no_violation() {
        let audit = read(&[event(1, "a", 1, 7), event(2, "b", 1, 7), event(3, "a", 2, 8)]).expect("it is sound");
        let told = note(Answer::Acknowledged { first: Position(1), last: Position(2) });
        audit.check(std::slice::from_ref(&told)).expect("it is there");
        let elsewhere = note(Answer::Acknowledged { first: Position(1), last: Position(3) });
        assert!(matches!(audit.check(&[elsewhere]), Err(Violation::Moved { .. })));
        assert!(matches!(audit.check(&[told.clone(), told]), Err(Violation::OutOfOrder { .. })));
    }

    #[test]
    fn gaps_repetitions_and_times_that_go_back_are_violations() {
        assert!(matches!(read(&[event(2, "a", 1, 7)]), Err(Violation::Gap { .. })));
        assert!(matches!(read(&[event(1, "a", 2, 7)]), Err(Violation::StreamGap { .. })));
        let again = [event(1, "a", 1, 7), event(2, "a", 2, 8), event(3, "a", 3, 7)];
        assert!(matches!(read(&again), Err(Violation::CommandTwice { .. })));
        let same = Recorded { event_id: EventId(Uuid::from_u128(1)), ..event(2, "a", 2, 7) };
        assert!(matches!(read(&[event(1, "a", 1, 7), same]), Err(Violation::EventTwice { .. })));
        let later = Recorded { recorded_at: Time::from_millis(5), ..event(1, "a", 1, 7) };
        assert!(matches!(read(&[later, event(2, "a", 2, 7)]), Err(Violation::TimeWentBack(_))));
    }
}
