//! Events as operators see them: the envelope of every interface, personal fields opened.

use std::collections::{BTreeSet, HashMap};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use wac_events::{KeyStore, PERSONAL_TAG, Recorded, SubjectId, SubjectKey, open_for_display};

/// The envelopes of a page, in its order. Erased personal fields are `null`, and the envelope says
/// `erased: true`; secrets are always `null`.
pub(crate) async fn envelopes(events: &[Recorded], keys: &dyn KeyStore) -> Result<Vec<Value>> {
    let mut payloads = Vec::with_capacity(events.len());
    let mut subjects = BTreeSet::new();
    for event in events {
        let data: Value = serde_json::from_str(&event.data)
            .with_context(|| format!("the payload at position {} is no JSON", event.position))?;
        collect_subjects(&data, &mut subjects);
        payloads.push(data);
    }
    let subjects: Vec<SubjectId> = subjects.into_iter().collect();
    let found = keys.find(&subjects).await?;
    let found: HashMap<&SubjectId, Option<SubjectKey>> =
        subjects.iter().zip(found).map(|(subject, state)| (subject, state.key().cloned())).collect();
    let key = |subject: &SubjectId| found.get(subject).cloned().flatten();
    events.iter().zip(payloads).map(|(event, data)| envelope(event, data, &key)).collect()
}

fn envelope(event: &Recorded, mut data: Value, key: &dyn Fn(&SubjectId) -> Option<SubjectKey>) -> Result<Value> {
    let erased = open_for_display(&mut data, key);
    let meta = event.meta().with_context(|| format!("the metadata at position {} does not decode", event.position))?;
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
        "data": data,
    });
    if erased {
        envelope["erased"] = true.into();
    }
    Ok(envelope)
}

fn collect_subjects(value: &Value, subjects: &mut BTreeSet<SubjectId>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect_subjects(item, subjects)),
        Value::Object(map) => {
            if let Some((subject, _)) = map.get(PERSONAL_TAG).and_then(Value::as_str).and_then(|s| s.rsplit_once('.')) {
                subjects.insert(SubjectId::from(subject));
            }
            map.values().for_each(|item| collect_subjects(item, subjects));
        }
        _ => {}
    }
}
