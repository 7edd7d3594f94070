//! The corpus: one stored payload for every event type and version there has ever been. Each must
//! decode for ever. Samples are added, never edited: `WAC_WRITE_SAMPLES=1 cargo test -p wac-events
//! --test corpus` writes those that are missing for the newest versions.
#![allow(clippy::unwrap_used)]

mod names;
mod newest;
mod signaling;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;
use wac_events::{
    AnyEvent, Environment, EventTypeInfo, PERSONAL_TAG, PersonalFields, SECRET_TAG, SubjectId, SubjectKey, Time,
    catalogue,
};

/// "Randomness" that never changes: the key of every subject in the corpus, and the nonces of its
/// sealed values, follow from the byte.
struct Fixed(u8);

impl Environment for Fixed {
    fn now(&self) -> Time {
        Time::EPOCH
    }

    fn fill(&self, out: &mut [u8]) {
        out.fill(self.0);
    }
}

/// What the samples were sealed with.
const CORPUS: Fixed = Fixed(7);

fn key_of(subject: SubjectId) -> SubjectKey {
    SubjectKey::generate(subject, &CORPUS)
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn versions(info: &'static EventTypeInfo) -> impl Iterator<Item = u32> {
    info.older_versions.iter().copied().chain([info.schema_version])
}

fn name_of(event_type: &str, version: u32) -> String {
    format!("{event_type}.v{version}.json")
}

fn read(folder_name: &str, name: &str) -> Value {
    let path = folder(folder_name).join(name);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every sample with its type, version, and the event it decodes to.
fn decoded() -> Vec<(String, Value, AnyEvent)> {
    let all = catalogue().flat_map(|info| versions(info).map(move |version| (info.event_type, version)));
    all.map(|(event_type, version)| {
        let name = name_of(event_type, version);
        let sample = read("samples", &name);
        let event = AnyEvent::decode(event_type, version, &sample.to_string());
        let event = event.unwrap_or_else(|error| panic!("{name} no longer decodes: {error}"));
        (name, sample, event)
    })
    .collect()
}

/// All sealed texts in a payload.
fn sealed_texts(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| sealed_texts(item, found)),
        Value::Object(map) => {
            for (name, item) in map {
                match item {
                    Value::String(text) if name == PERSONAL_TAG || name == SECRET_TAG => {
                        found.insert(text.clone());
                    }
                    _ => sealed_texts(item, found),
                }
            }
        }
        _ => {}
    }
}

fn sealed_in(value: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    sealed_texts(value, &mut found);
    found
}

fn encoded(event: &AnyEvent) -> Value {
    serde_json::from_str(&event.encode().unwrap()).unwrap()
}

#[test]
fn every_type_and_version_has_a_sample_and_no_sample_is_left_over() {
    if std::env::var_os("WAC_WRITE_SAMPLES").is_some() {
        write_missing();
    }
    let wanted: BTreeSet<String> =
        catalogue().flat_map(|info| versions(info).map(|version| name_of(info.event_type, version))).collect();
    let entries = std::fs::read_dir(folder("samples")).unwrap();
    let stored: BTreeSet<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(stored, wanted, "left: stored in events/samples; right: what the catalogue has");
}

fn write_missing() {
    for mut event in newest::events() {
        let path = folder("samples").join(name_of(event.event_type(), event.schema_version()));
        if path.exists() {
            continue;
        }
        if let Some(subject) = event.subject() {
            event.seal(&key_of(subject), &CORPUS);
        }
        std::fs::write(path, format!("{}\n", serde_json::to_string_pretty(&encoded(&event)).unwrap())).unwrap();
    }
}

#[test]
fn every_sample_decodes() {
    assert_eq!(decoded().len(), catalogue().map(|info| versions(info).count()).sum::<usize>());
}

#[test]
fn a_sample_of_the_newest_version_is_written_again_as_it_was_read() {
    for (name, sample, event) in decoded() {
        if name == name_of(event.event_type(), event.schema_version()) {
            assert_eq!(encoded(&event), sample, "{name}");
        }
    }
}

#[test]
fn the_newest_samples_show_every_field_there_is() {
    for info in catalogue() {
        let name = name_of(info.event_type, info.schema_version);
        let (sample, schema) = (read("samples", &name), (info.schema)());
        let fields = schema["properties"].as_object().into_iter().flatten();
        for (field, _) in fields {
            assert!(sample.get(field).is_some_and(|value| !value.is_null()), "{name} has no {field}");
        }
    }
}

#[test]
fn every_sample_is_valid_by_its_committed_schema() {
    for (name, sample, _) in decoded() {
        let schema = jsonschema::validator_for(&read("schemas", &name)).unwrap();
        let problems: Vec<String> = schema.iter_errors(&sample).map(|error| error.to_string()).collect();
        assert!(problems.is_empty(), "{name}: {problems:?}");
    }
}

#[test]
fn every_sealed_field_opens_with_its_subjects_key_and_is_sealed_again_before_it_is_written() {
    for (name, sample, mut event) in decoded() {
        let Some(subject) = event.subject() else {
            assert!(sealed_in(&sample).is_empty(), "{name} has sealed fields and no subject");
            continue;
        };
        let key = key_of(subject);
        // An older version may have written in clear what is protected now.
        event.seal(&key, &CORPUS);
        let before = sealed_in(&encoded(&event));
        event.open(Some(&key)).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(before.is_empty() || event.encode().is_err(), "{name}: a clear protected field must not be written");
        // Another nonce gives other texts, but for a field that opening or sealing does not visit.
        event.seal(&key, &Fixed(8));
        let after = sealed_in(&encoded(&event));
        assert_eq!(after.len(), before.len(), "{name}");
        let unvisited: Vec<_> = before.intersection(&after).collect();
        assert!(unvisited.is_empty(), "{name}: `protected` does not visit {unvisited:?}");
    }
}

#[test]
fn without_its_key_a_sample_shows_erased_fields_and_is_still_valid() {
    for (name, _, mut event) in decoded() {
        if let Some(subject) = event.subject() {
            event.seal(&key_of(subject), &CORPUS);
        }
        event.open(None).unwrap();
        let erased = encoded(&event);
        assert!(sealed_in(&erased).is_empty(), "{name}");
        let schema = read("schemas", &name_of(event.event_type(), event.schema_version()));
        assert!(jsonschema::validator_for(&schema).unwrap().is_valid(&erased), "{name}");
    }
}

#[test]
fn a_summary_of_media_from_before_lost_packets_and_jitter_were_counted_decodes() {
    let mut sample = read("samples", "media.measured.v1.json");
    for added in ["packetsLostSent", "packetsLostReceived", "jitterSentMs", "jitterReceivedMs", "tracks"] {
        sample.as_object_mut().unwrap().remove(added).unwrap();
    }
    let event = AnyEvent::decode("media.measured", 1, &sample.to_string()).unwrap();
    assert_eq!(encoded(&event), sample);
}

#[test]
fn the_first_version_of_user_created_becomes_the_newest() {
    let sample = read("samples", "user.created.v1.json");
    let mut event = AnyEvent::decode("user.created", 1, &sample.to_string()).unwrap();
    let subject = event.subject().unwrap();
    event.open(Some(&key_of(subject))).unwrap();
    let AnyEvent::User(wac_events::UserEvent::Created(user)) = event else { panic!("a user was created") };
    assert_eq!(user.mobile_phones[0].clear(), Some("+34600123456"));
    assert_eq!((user.land_line_number, user.display_name), (None, None));
}

#[test]
fn free_data_that_the_first_version_of_a_credential_has_in_clear_is_protected_from_the_second_on() {
    for event_type in ["credential.created", "credential.changed"] {
        let old = read("samples", &name_of(event_type, 1));
        assert_eq!(old["context"]["gateway"], "sip.example.com");
        let event = AnyEvent::decode(event_type, 1, &old.to_string()).unwrap();
        assert!(event.encode().is_err(), "{event_type}: what was clear must not be written again");
        let new = read("samples", &name_of(event_type, 2));
        assert!(new["context"][PERSONAL_TAG].is_string(), "{event_type}: {new}");
    }
}
