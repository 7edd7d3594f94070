//! What a projection is: a name, a version, tables, and a pure function.

use wac_events::{AnyEvent, CodecError, Recorded};

use crate::{RowChange, Table};

/// A read model: a pure function from event to row changes. Effects on the outside are never here.
///
/// Projections see events as they stand in the log: protected fields stay sealed and go into the
/// rows sealed, so that destroying a person's key erases every row and every backup of it too.
pub trait Projection: Send + Sync + 'static {
    /// Its name, snake_case; the operator's handle.
    fn name(&self) -> &'static str;

    /// Raised whenever rows would come out differently; a higher version is built beside the
    /// one that is served, and switched in when it has caught up.
    fn version(&self) -> u32;

    /// Its tables.
    fn tables(&self) -> &'static [&'static Table];

    /// The wire names it wants; `aggregate.*` stands for all of an aggregate's.
    fn wants(&self) -> &'static [&'static str];

    /// What `event` does to the rows. The same event always gives the same changes.
    fn apply(&self, event: &Recorded) -> Result<Vec<RowChange>, CodecError>;

    /// The same as [`Projection::apply`], for callers that have decoded `event` already and share
    /// that among projections.
    fn apply_decoded(&self, event: &Recorded, decoded: &AnyEvent) -> Result<Vec<RowChange>, CodecError> {
        let _ = decoded;
        self.apply(event)
    }
}

/// Whether `event_type` is one of `wants`.
pub fn is_wanted(wants: &[&str], event_type: &str) -> bool {
    wants.iter().any(|want| match want.strip_suffix(".*") {
        Some(aggregate) => event_type.split_once('.').is_some_and(|(head, _)| head == aggregate),
        None => *want == event_type,
    })
}
