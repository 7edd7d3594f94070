//! From a page of events to a batch of row changes, through any number of projections.

use std::sync::Arc;

use wac_events::{AnyEvent, CodecError, Position, Recorded};
use wac_projections::{Projection, RowChange, is_wanted};

use crate::RunnerError;
use crate::batch::Batch;
use crate::checkpoint::Checkpoint;
use crate::parked::ParkedEvent;

/// A projection and how far it is.
#[derive(Clone)]
pub(crate) struct Member {
    pub(crate) projection: Arc<dyn Projection>,
    pub(crate) checkpoint: Checkpoint,
}

/// What becomes of an event a projection cannot take.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum OnUndecodable {
    Park,
    Stop,
}

/// What a page does: rows, and events put aside with the generation they were put aside for.
#[derive(Default)]
pub(crate) struct Folded {
    pub(crate) batch: Batch,
    pub(crate) parked: Vec<(u64, ParkedEvent)>,
}

impl Folded {
    /// Adds what later events do.
    pub(crate) fn merge(&mut self, later: Folded) {
        self.batch.merge(later.batch);
        self.parked.extend(later.parked);
    }
}

/// Folds `events`, each into the members that want it and are not beyond it.
pub(crate) fn fold(members: &[Member], events: &[Recorded], policy: OnUndecodable) -> Result<Folded, RunnerError> {
    let mut folded = Folded::default();
    let mut interest = Interest::default();
    for event in events {
        let decoded = AnyEvent::decode_recorded(event);
        let wanting = interest.of(&event.event_type, members.iter().map(|member| &*member.projection));
        for member in wanting.iter().map(|index| &members[*index]) {
            let projection = &*member.projection;
            if member.checkpoint.position >= event.position {
                continue;
            }
            match changes(projection, event, &decoded) {
                Ok(changes) => changes.into_iter().try_for_each(|change| folded.batch.add(change))?,
                Err(error) if policy == OnUndecodable::Park => {
                    let parked = ParkedEvent::new(&member.checkpoint, event, error.to_string());
                    folded.parked.push((member.checkpoint.generation, parked));
                }
                Err(error) => return Err(undecodable(projection, event, &error)),
            }
        }
    }
    Ok(folded)
}

/// Which projections want which events, remembered by wire name: the same few names come again and
/// again, mostly even as the same allocation.
#[derive(Default)]
pub(crate) struct Interest(Vec<(Arc<str>, Vec<usize>)>);

impl Interest {
    /// The indices of those among `projections`, always the same ones, that want events of this name.
    pub(crate) fn of<'p>(
        &mut self,
        event_type: &Arc<str>,
        projections: impl Iterator<Item = &'p dyn Projection>,
    ) -> &[usize] {
        let known = self.0.iter().position(|(name, _)| Arc::ptr_eq(name, event_type) || name == event_type);
        let at = known.unwrap_or_else(|| {
            let wanting = projections.enumerate().filter(|(_, projection)| is_wanted(projection.wants(), event_type));
            self.0.push((event_type.clone(), wanting.map(|(index, _)| index).collect()));
            self.0.len() - 1
        });
        &self.0[at].1
    }
}

/// What one event does to one projection's rows. An event outside the platform's catalogue goes
/// to the projection as it is: it may know more.
pub(crate) fn changes(
    projection: &dyn Projection,
    event: &Recorded,
    decoded: &Result<AnyEvent, CodecError>,
) -> Result<Vec<RowChange>, CodecError> {
    match decoded {
        Ok(decoded) => projection.apply_decoded(event, decoded),
        Err(_) => projection.apply(event),
    }
}

pub(crate) fn undecodable(projection: &dyn Projection, event: &Recorded, error: &CodecError) -> RunnerError {
    RunnerError::Undecodable {
        projection: projection.name(),
        position: event.position,
        event_type: event.event_type.to_string(),
        schema_version: event.schema_version,
        reason: error.to_string(),
    }
}

/// The furthest behind of these; the start if there is none.
pub(crate) fn earliest(members: &[Member]) -> Position {
    members.iter().map(|member| member.checkpoint.position).min().unwrap_or_default()
}
