//! From a stream to states and rows: the pure half of a replay.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use serde_json::Value;
use wac_commands::State;
use wac_events::{AnyEvent, PersonalFields, Recorded, StreamId, SubjectId, SubjectKey};
use wac_projections::{MemTables, Projection, Row};

use crate::render;

/// Finds the key of a subject; `None`: there is none any more.
pub type Keys<'k> = &'k dyn Fn(&SubjectId) -> Option<SubjectKey>;

/// Folded states by stream.
pub type States = BTreeMap<StreamId, State>;

/// Rows by table, in key order.
pub type Tables = BTreeMap<String, Vec<Row>>;

/// Decodes an event, upcast and opened with its subject's key.
pub fn decode(recorded: &Recorded, keys: Keys<'_>) -> Result<AnyEvent> {
    let position = recorded.position;
    let mut event = AnyEvent::decode_recorded(recorded).with_context(|| format!("event at position {position}"))?;
    let key = event.subject().and_then(|subject| keys(&subject));
    event.open(key.as_ref()).with_context(|| format!("event at position {position}"))?;
    Ok(event)
}

/// Folds further events onto `states`.
pub fn fold(mut states: States, events: &[Recorded], keys: Keys<'_>) -> Result<States> {
    for recorded in events {
        let event = decode(recorded, keys)?;
        let state = states.remove(&recorded.stream).or_else(|| State::empty(recorded.stream.aggregate()));
        let state = state.with_context(|| format!("stream {} is of no known aggregate", recorded.stream))?;
        states.insert(recorded.stream.clone(), state.evolve(&event));
    }
    Ok(states)
}

/// States as JSON, by stream.
pub fn states_json(states: &States) -> Value {
    states.iter().map(|(stream, state)| (stream.to_string(), render::state(state))).collect()
}

/// Applies further events to `tables` through every read model.
pub fn project(mut tables: MemTables, events: &[Recorded]) -> Result<MemTables> {
    let all = wac_projections::all();
    let projections: Vec<&dyn Projection> = all.iter().map(Arc::as_ref).collect();
    for event in events {
        tables.apply_event(&projections, event).with_context(|| format!("event at position {}", event.position))?;
    }
    Ok(tables)
}

/// Every row of every read model.
pub fn rows_of(tables: &MemTables) -> Tables {
    let all = wac_projections::all();
    let named = all.iter().flat_map(|projection| projection.tables()).map(|table| {
        let rows = tables.rows(table).map(|rows| rows.values().cloned().collect());
        (table.name.to_owned(), rows.unwrap_or_default())
    });
    named.collect()
}

/// Rows as JSON, by table.
///
/// Tables without rows are left out, so that a story stays as it was written when a read model that
/// it says nothing about comes into being.
pub fn rows_json(tables: &Tables) -> Value {
    without_empty(serde_json::to_value(tables).expect("rows are plain JSON"))
}

/// An object without those members that are empty lists.
pub(crate) fn without_empty(mut tables: Value) -> Value {
    if let Value::Object(tables) = &mut tables {
        tables.retain(|_, rows| rows.as_array().is_none_or(|rows| !rows.is_empty()));
    }
    tables
}
