//! From an event of the log to a Kafka record: CloudEvents 1.0, binary mode.

use std::borrow::Cow;
use std::collections::HashMap;

use rdkafka::message::{Header, OwnedHeaders};
use serde_json::{Map, Value};
use wac_events::{KeyStore, PERSONAL_TAG, Recorded, SECRET_TAG, StoreError, SubjectId, SubjectKey, cloudevents};

use crate::{PersonalFieldsMode, RelayError};

/// Headers an event has at most, for the first allocation.
const HEADERS_USUAL: usize = 20;
const HEADER_PREFIX: &str = "ce_";

/// Keys of the persons in one batch; empty unless personal fields are relayed in clear.
pub(crate) type Keys = HashMap<SubjectId, SubjectKey>;

/// The record's headers.
pub(crate) fn headers(event: &Recorded, source: &str, mode: PersonalFieldsMode) -> OwnedHeaders {
    let mut headers = OwnedHeaders::new_with_capacity(HEADERS_USUAL);
    let mut name = String::from(HEADER_PREFIX);
    let mode_attribute = ("personalfields", mode.as_str().to_owned());
    for (attribute, value) in cloudevents::attributes(event, source).into_iter().chain([mode_attribute]) {
        // The committed schema describes sealed and empty fields, not plain text.
        if attribute == "dataschema" && mode == PersonalFieldsMode::Clear {
            continue;
        }
        name.truncate(HEADER_PREFIX.len());
        name.push_str(attribute);
        headers = headers.insert(Header { key: &name, value: Some(value.as_str()) });
    }
    headers.insert(Header { key: "content-type", value: Some("application/json") })
}

/// The record's value: the payload, with protected fields as the mode wants them.
pub(crate) fn payload<'a>(
    event: &'a Recorded,
    mode: PersonalFieldsMode,
    keys: &Keys,
) -> Result<Cow<'a, str>, RelayError> {
    let data = event.data.as_str();
    let has_secrets = data.contains(SECRET_TAG);
    let rewrites_personal = mode != PersonalFieldsMode::Encrypted && data.contains(PERSONAL_TAG);
    if !has_secrets && !rewrites_personal {
        return Ok(Cow::Borrowed(data));
    }
    let position = event.position;
    let mut value: Value = serde_json::from_str(data).map_err(|source| RelayError::Payload { position, source })?;
    empty_tagged(&mut value, SECRET_TAG);
    match mode {
        PersonalFieldsMode::Encrypted => {}
        PersonalFieldsMode::Omitted => empty_tagged(&mut value, PERSONAL_TAG),
        PersonalFieldsMode::Clear => {
            wac_events::open_for_display(&mut value, &|subject| keys.get(subject).cloned());
        }
    }
    Ok(Cow::Owned(value.to_string()))
}

/// Puts an empty object, the wire form of "erased", in place of every field with this tag.
fn empty_tagged(value: &mut Value, tag: &str) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| empty_tagged(item, tag)),
        Value::Object(map) if map.contains_key(tag) => *map = Map::new(),
        Value::Object(map) => map.values_mut().for_each(|item| empty_tagged(item, tag)),
        _ => {}
    }
}

/// The keys that a batch needs; none unless personal fields are relayed in clear.
pub(crate) async fn keys_of(
    events: &[Recorded],
    mode: PersonalFieldsMode,
    keys: &dyn KeyStore,
) -> Result<Keys, StoreError> {
    if mode != PersonalFieldsMode::Clear {
        return Ok(Keys::new());
    }
    let mut subjects: Vec<SubjectId> = Vec::new();
    for event in events.iter().filter(|event| event.data.contains(PERSONAL_TAG)) {
        if let Ok(value) = serde_json::from_str(&event.data) {
            collect_subjects(&value, &mut subjects);
        }
    }
    subjects.sort_unstable();
    subjects.dedup();
    let states = keys.find(&subjects).await?;
    Ok(subjects.into_iter().zip(states).filter_map(|(subject, state)| Some((subject, state.key()?.clone()))).collect())
}

fn collect_subjects(value: &Value, subjects: &mut Vec<SubjectId>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect_subjects(item, subjects)),
        Value::Object(map) => {
            if let Some(Value::String(sealed)) = map.get(PERSONAL_TAG) {
                subjects.extend(sealed.rsplit_once('.').map(|(subject, _)| SubjectId::from(subject)));
            }
            map.values().for_each(|item| collect_subjects(item, subjects));
        }
        _ => {}
    }
}
