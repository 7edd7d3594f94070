//! Events as people see them: the envelope, personal fields opened.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Value, json};
use wac_events::{KeyStore, Meta, PERSONAL_TAG, Recorded, StoreError, SubjectId, SubjectKey, open_for_display};

use crate::Problem;

/// An event whose payload is ready to be shown to somebody who may see the person it is about.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    /// The event as it stands in the log.
    pub(crate) recorded: Recorded,
    /// Its metadata.
    pub(crate) meta: Meta,
    /// Its payload: personal fields clear, or `null` once erased; secrets always `null`.
    pub(crate) data: Value,
    /// Whether something in it has been erased.
    pub(crate) erased: bool,
}

/// Keys by subject; what is not there has none.
pub(crate) type Keys = HashMap<SubjectId, SubjectKey>;

impl Shown {
    /// The envelope, as every interface of the platform gives it.
    pub(crate) fn to_json(&self) -> Value {
        let (event, meta) = (&self.recorded, &self.meta);
        let mut envelope = json!({
            "position": event.position.0,
            "stream": event.stream.as_str(),
            "version": event.version,
            "id": event.event_id.to_string(),
            "type": &*event.event_type,
            "schemaVersion": event.schema_version,
            "domain": event.domain.as_ref().map(|domain| domain.as_str()),
            "occurredAt": event.occurred_at.to_string(),
            "recordedAt": event.recorded_at.to_string(),
            "actor": meta.actor,
            "commandId": meta.command_id.to_string(),
            "correlationId": meta.correlation_id,
            "causationId": meta.causation_id.map(|id| id.to_string()),
            "traceparent": meta.traceparent,
            "data": self.data,
        });
        if self.erased {
            envelope["erased"] = true.into();
        }
        envelope
    }

    /// The event in the structured mode of CloudEvents 1.0.
    pub(crate) fn to_cloud_event(&self, source: &str) -> Value {
        wac_events::cloudevents::to_json(&self.recorded, source, self.data.clone())
    }
}

/// Opens a page of events, in its order.
pub(crate) async fn shown(events: Vec<Recorded>, keys: &dyn KeyStore) -> Result<Vec<Shown>, Problem> {
    let mut payloads = Vec::with_capacity(events.len());
    for event in &events {
        payloads.push(payload(event)?);
    }
    let keys = keys_of(&payloads, keys).await?;
    events.into_iter().zip(payloads).map(|(event, data)| show(event, data, &keys)).collect()
}

/// One event with a payload that has been decoded already.
pub(crate) fn show(recorded: Recorded, mut data: Value, keys: &Keys) -> Result<Shown, Problem> {
    let erased = open_for_display(&mut data, &|subject| keys.get(subject).cloned());
    let meta = recorded.meta().map_err(|error| broken(&recorded, "metadata", &error))?;
    Ok(Shown { recorded, meta, data, erased })
}

/// The keys of everybody whose sealed data is in these payloads.
pub(crate) async fn keys_of(payloads: &[Value], keys: &dyn KeyStore) -> Result<Keys, StoreError> {
    let mut subjects = BTreeSet::new();
    payloads.iter().for_each(|payload| collect_subjects(payload, &mut subjects));
    let subjects: Vec<SubjectId> = subjects.into_iter().collect();
    let states = keys.find(&subjects).await?;
    Ok(subjects.into_iter().zip(states).filter_map(|(id, state)| Some((id, state.key()?.clone()))).collect())
}

fn payload(event: &Recorded) -> Result<Value, Problem> {
    serde_json::from_str(&event.data).map_err(|error| broken(event, "payload", &error))
}

fn broken(event: &Recorded, part: &str, error: &serde_json::Error) -> Problem {
    Problem::internal(&format!("the {part} at position {} does not decode: {error}", event.position))
}

fn collect_subjects(value: &Value, subjects: &mut BTreeSet<SubjectId>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect_subjects(item, subjects)),
        Value::Object(map) => {
            let sealed = map.get(PERSONAL_TAG).and_then(Value::as_str);
            if let Some((subject, _)) = sealed.and_then(|sealed| sealed.rsplit_once('.')) {
                subjects.insert(SubjectId::from(subject));
            }
            map.values().for_each(|item| collect_subjects(item, subjects));
        }
        _ => {}
    }
}
