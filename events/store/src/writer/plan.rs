//! What one batch will write: decided in memory, before the store is asked.
//!
//! The plan rests on what this writer knows of the streams. The store checks that knowledge under
//! the head's lock and refuses the whole batch if it is out of date; then the writer learns and
//! plans again.

use std::collections::{HashMap, HashSet};

use tokio::sync::oneshot;
use wac_events::{AppendBatch, AppendError, Appended, CommandId, ExpectedVersion, NewEvent, StreamAppend, StreamId};

use super::recent::Recent;

/// A command waiting for its place in the log.
pub(crate) struct Job {
    pub(crate) batch: AppendBatch,
    pub(crate) reply: oneshot::Sender<Result<Appended, AppendError>>,
    /// It has been sent to the store at least once, with an outcome nobody knows yet.
    pub(crate) sent: bool,
}

/// What this writer knows of the log.
pub(crate) struct Known {
    /// The head this knowledge is complete up to; `None` before the first look.
    pub(crate) head: Option<u64>,
    /// Versions of streams as of `head` (or later).
    pub(crate) versions: Recent<StreamId, u64>,
    /// First and last position of commands; for ever true.
    pub(crate) commands: Recent<CommandId, (u64, u64)>,
}

impl Known {
    /// Takes in where streams stand, or stood: versions only grow, so the greater one is the newer.
    pub(crate) fn learn(&mut self, versions: impl IntoIterator<Item = (StreamId, u64)>) {
        for (stream, version) in versions {
            let version = self.versions.get(&stream).map_or(version, |known| known.max(version));
            self.versions.insert(stream, version);
        }
    }
}

/// An event on its way into the table.
pub(crate) struct Row<'a> {
    pub(crate) stream: &'a StreamId,
    pub(crate) version: u64,
    pub(crate) event: &'a NewEvent,
    /// On a command's first event: the command, and the index of its last row in this batch.
    pub(crate) command: Option<(CommandId, usize)>,
}

/// A stream's version on which the plan rests.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Base<'a> {
    pub(crate) stream: &'a StreamId,
    pub(crate) version: u64,
    /// It is the command's word, not this writer's knowledge: the store must look.
    pub(crate) verify: bool,
}

/// What becomes of one command if the batch is written.
#[derive(PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    /// Its events are the rows `first..=last` of the batch.
    Write { first: usize, last: usize },
    /// It was appended before, at these positions.
    Known { first: u64, last: u64 },
    /// The same command as the one at this index of the batch.
    Follow(usize),
    /// A stream has moved.
    Conflict { stream: StreamId, expected: u64, actual: u64 },
}

pub(crate) struct Plan<'a> {
    /// One for each job, in order.
    pub(crate) verdicts: Vec<Verdict>,
    pub(crate) rows: Vec<Row<'a>>,
    pub(crate) bases: Vec<Base<'a>>,
    /// Versions of the streams written to, once it is written.
    pub(crate) versions: HashMap<&'a StreamId, u64>,
}

/// Streams whose version must be read before `jobs` can be planned: nobody says what it is.
pub(crate) fn streams_to_read(jobs: &[Job], known: &Known) -> Vec<StreamId> {
    let any = jobs.iter().flat_map(|job| &job.batch.appends).filter(|append| append.expected == ExpectedVersion::Any);
    let unknown: HashSet<_> =
        any.map(|append| &append.stream).filter(|stream| known.versions.get(stream).is_none()).collect();
    unknown.into_iter().cloned().collect()
}

/// Plans `jobs` in their order. `fresh`: streams whose version was read from the store for this
/// very batch, so that a differing expectation is a conflict and not a gap in our knowledge.
/// `verify_all`: believe nobody.
pub(crate) fn plan<'a>(jobs: &'a [Job], known: &Known, fresh: &HashSet<StreamId>, verify_all: bool) -> Plan<'a> {
    let mut planner = Planner {
        known,
        fresh,
        verify_all,
        bases: HashMap::new(),
        commands: HashMap::new(),
        plan: Plan {
            verdicts: Vec::with_capacity(jobs.len()),
            rows: Vec::new(),
            bases: Vec::new(),
            versions: HashMap::new(),
        },
    };
    for (index, job) in jobs.iter().enumerate() {
        let verdict = planner.judge(index, &job.batch);
        planner.plan.verdicts.push(verdict);
    }
    let mut plan = planner.plan;
    plan.bases = planner.bases.into_values().collect();
    plan
}

struct Planner<'a, 'k> {
    known: &'k Known,
    fresh: &'k HashSet<StreamId>,
    verify_all: bool,
    bases: HashMap<&'a StreamId, Base<'a>>,
    commands: HashMap<CommandId, usize>,
    plan: Plan<'a>,
}

impl<'a> Planner<'a, '_> {
    fn judge(&mut self, index: usize, batch: &'a AppendBatch) -> Verdict {
        if let Some((first, last)) = self.known.commands.get(&batch.command_id) {
            return Verdict::Known { first, last };
        }
        if let Some(earlier) = self.commands.get(&batch.command_id) {
            return Verdict::Follow(*earlier);
        }
        let mut bases = Vec::with_capacity(batch.appends.len());
        for append in &batch.appends {
            match self.base(append) {
                Ok(base) => bases.push(base),
                Err(conflict) => return conflict,
            }
        }
        for base in bases.into_iter().flatten() {
            self.bases.insert(base.stream, base);
        }
        self.commands.insert(batch.command_id, index);
        self.write(batch)
    }

    /// What `append` rests on: `None` if on an earlier part of this batch.
    fn base(&self, append: &'a StreamAppend) -> Result<Option<Base<'a>>, Verdict> {
        let stream = &append.stream;
        let base = |version, verify| Ok(Some(Base { stream, version, verify: verify || self.verify_all }));
        let inside = self.plan.versions.get(stream).copied().or_else(|| self.bases.get(stream).map(|b| b.version));
        let known = self.known.versions.get(stream);
        match append.expected {
            ExpectedVersion::Any if inside.is_some() => Ok(None),
            // An unknown version has been read before planning; should it have been forgotten
            // since, the store's check finds out.
            ExpectedVersion::Any => base(known.unwrap_or(0), known.is_none()),
            ExpectedVersion::Exact(expected) => {
                let conflict = |actual| Err(Verdict::Conflict { stream: stream.clone(), expected, actual });
                match (inside, known) {
                    (Some(version), _) if version == expected => Ok(None),
                    (Some(version), _) => conflict(version),
                    (None, Some(version)) if version == expected => base(version, false),
                    (None, Some(version)) if version > expected || self.fresh.contains(stream) => conflict(version),
                    (None, Some(_)) => base(expected, true),
                    // A new stream needs no look: should it exist, (stream, version 1) does too.
                    (None, None) => base(expected, expected > 0 || append.events.is_empty()),
                }
            }
        }
    }

    fn write(&mut self, batch: &'a AppendBatch) -> Verdict {
        let first = self.plan.rows.len();
        for append in &batch.appends {
            let stream = &append.stream;
            let before = self.plan.versions.get(stream).copied().or_else(|| self.bases.get(stream).map(|b| b.version));
            let mut version = before.expect("a base was set or an earlier command wrote the stream");
            for event in &append.events {
                version += 1;
                self.plan.rows.push(Row { stream, version, event, command: None });
            }
            if !append.events.is_empty() {
                self.plan.versions.insert(stream, version);
            }
        }
        let last = self.plan.rows.len() - 1;
        self.plan.rows[first].command = Some((batch.command_id, last));
        Verdict::Write { first, last }
    }
}
