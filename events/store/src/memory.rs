//! The log in memory: for tests, and for whatever may be forgotten.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, RwLock, RwLockReadGuard};

use wac_events::{
    Appended, CommandId, EventId, Head, Page, Position, ReadRequest, Recorded, StoreError, StreamId, Time,
};

use crate::log::Reader;
use crate::tail::matches;
use crate::writer::backend::{Backend, Batch, Commit, CommitError, Found, Moved};

/// The log itself; clones share it.
#[derive(Clone, Default)]
pub(crate) struct MemoryLog(Arc<RwLock<State>>);

#[derive(Default)]
struct State {
    events: Vec<Recorded>,
    /// Positions of each stream's events.
    streams: HashMap<StreamId, Vec<u64>>,
    commands: HashMap<CommandId, (u64, u64)>,
    event_ids: HashSet<EventId>,
    types: HashMap<&'static str, Arc<str>>,
}

impl MemoryLog {
    fn state(&self) -> RwLockReadGuard<'_, State> {
        self.0.read().expect("no writer panics halfway")
    }
}

impl State {
    fn head(&self) -> Head {
        let recorded_at = self.events.last().map_or(Time::EPOCH, |event| event.recorded_at);
        Head { position: Position(self.events.len() as u64), recorded_at }
    }

    fn version(&self, stream: &StreamId) -> u64 {
        self.streams.get(stream).map_or(0, |positions| positions.len() as u64)
    }

    fn write(&mut self, batch: &Batch<'_>) -> Result<Commit, CommitError> {
        let head_before = self.events.len() as u64;
        let stale: Vec<_> = batch.bases.iter().filter(|base| self.version(base.stream) != base.version).collect();
        if !stale.is_empty() {
            let versions = stale.iter().map(|base| (base.stream.clone(), self.version(base.stream))).collect();
            return Ok(Commit::Moved(Moved { head: head_before, versions, complete: true }));
        }
        let taken = |row: &crate::writer::plan::Row<'_>| {
            self.event_ids.contains(&row.event.event_id)
                || row.command.is_some_and(|(command, _)| self.commands.contains_key(&command))
        };
        let ids: HashSet<_> = batch.rows.iter().map(|row| row.event.event_id).collect();
        if batch.rows.iter().any(taken) || ids.len() < batch.rows.len() {
            return Err(CommitError::Taken);
        }
        let recorded_at = batch.now.max(self.head().recorded_at);
        for row in batch.rows {
            let position = self.events.len() as u64 + 1;
            let event_type = self.types.entry(row.event.event_type).or_insert_with(|| row.event.event_type.into());
            self.events.push(Recorded {
                position: Position(position),
                stream: row.stream.clone(),
                version: row.version,
                event_id: row.event.event_id,
                event_type: event_type.clone(),
                schema_version: row.event.schema_version,
                domain: row.event.domain.clone(),
                data: row.event.data.clone(),
                meta: row.event.meta.clone(),
                occurred_at: row.event.occurred_at,
                recorded_at,
            });
            self.streams.entry(row.stream.clone()).or_default().push(position);
            self.event_ids.insert(row.event.event_id);
            if let Some((command, last)) = row.command {
                self.commands.insert(command, (position, head_before + 1 + last as u64));
            }
        }
        Ok(Commit::Written { head_before, moved: Vec::new() })
    }
}

impl Backend for MemoryLog {
    // The one writer there is needs no lock to keep others out.
    const LOCK_AFTER: u32 = u32::MAX;

    async fn look_up(&mut self, streams: &[StreamId], commands: &[CommandId]) -> Result<Found, StoreError> {
        let state = self.state();
        let versions = streams.iter().map(|stream| (stream.clone(), state.version(stream))).collect();
        let commands =
            commands.iter().filter_map(|id| state.commands.get(id).map(|(first, last)| (*id, *first, *last)));
        Ok(Found { head: state.head().position.0, versions, commands: commands.collect() })
    }

    async fn commit(&mut self, batch: Batch<'_>) -> Result<Commit, CommitError> {
        self.0.write().expect("no writer panics halfway").write(&batch)
    }

    async fn lock(&mut self, known_head: u64) -> Result<Moved, StoreError> {
        Ok(Moved { head: known_head, versions: Vec::new(), complete: true })
    }

    async fn unlock(&mut self) {}

    async fn probe(&mut self, _text: &str) -> Result<(), StoreError> {
        Ok(())
    }

    async fn close(&mut self) {}
}

impl Reader for MemoryLog {
    async fn outcome(&self, command: CommandId) -> Result<Option<Appended>, StoreError> {
        let found = self.state().commands.get(&command).copied();
        Ok(found.map(|(first, last)| Appended { first: Position(first), last: Position(last), duplicate: true }))
    }

    async fn read(&self, request: ReadRequest) -> Result<Page, StoreError> {
        let state = self.state();
        let end = request.before.map_or(u64::MAX, |before| before.0.saturating_sub(1)).min(state.events.len() as u64);
        let from = request.after.0.min(end);
        let candidates = &state.events[from as usize..end as usize];
        let matching = candidates.iter().filter(|event| matches(&request.filter, event));
        let events: Vec<_> = matching.take(request.limit).cloned().collect();
        let scanned_to = match events.last() {
            Some(last) if events.len() == request.limit => last.position,
            _ => request.after.max(Position(end)),
        };
        Ok(Page { events, scanned_to })
    }

    async fn read_stream(&self, stream: &StreamId, from: u64, limit: usize) -> Result<Vec<Recorded>, StoreError> {
        let state = self.state();
        let positions = state.streams.get(stream).map_or(&[][..], Vec::as_slice);
        let behind = positions.iter().skip(from.saturating_sub(1) as usize).take(limit);
        Ok(behind.map(|position| state.events[*position as usize - 1].clone()).collect())
    }

    async fn head(&self) -> Result<Head, StoreError> {
        Ok(self.state().head())
    }

    async fn position_at(&self, time: Time) -> Result<Position, StoreError> {
        let state = self.state();
        Ok(Position(state.events.partition_point(|event| event.recorded_at <= time) as u64))
    }
}
