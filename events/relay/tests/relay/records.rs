//! What a record looks like: topic, key, headers, value, and personal fields in every mode.

use std::sync::Arc;

use serde_json::{Value, json};
use uuid::Uuid;
use wac_events::{
    AnyEvent, CredentialEvent, Environment, KeyState, Patch, Personal, Position, Recorded, Secret, StreamId, SubjectId,
    SubjectKey, Time, UserEvent, credential::CredentialChanged, user::UserChanged,
};
use wac_relay::{AlwaysGranted, PersonalFieldsMode, RelayConfig};
use xtask::services::shared_kafka;

use super::support::{Running, Seen, TestKeys, TestLog, config, consume_all, generated};

const PHONE: &str = "+34600123456";
const HASH: &str = "$argon2id$not-for-kafka";
const NOTE: &str = r#"{"note":"of a person"}"#;

/// A clock that stands still, and "randomness" that does too: the sealed text is of no interest.
struct Still;

impl Environment for Still {
    fn now(&self) -> Time {
        Time::EPOCH
    }

    fn fill(&self, out: &mut [u8]) {
        out.fill(7);
    }
}

fn sealed(position: u64, stream: StreamId, mut event: AnyEvent, key: &SubjectKey) -> Recorded {
    event.seal(key, &Still);
    Recorded {
        stream,
        version: 1,
        event_type: event.event_type().into(),
        schema_version: event.schema_version(),
        data: event.encode().unwrap(),
        ..generated(position)
    }
}

/// A person's change, a credential's change, and the same for a person who has been erased.
fn personal_log() -> (Arc<TestLog>, TestKeys) {
    let mut keys = TestKeys::default();
    let mut events = Vec::new();
    for (subject, erased) in [("anna", false), ("erwin", true)] {
        let subject = SubjectId::from(subject);
        let key = SubjectKey::generate(subject.clone(), &Still);
        let phones = Patch::Set(vec![Personal::new(PHONE)]);
        let changed = UserChanged { mobile_phones: phones, ..UserChanged::nothing(subject.as_str().into()) };
        let user = AnyEvent::from(UserEvent::from(changed));
        let at = events.len() as u64 + 1;
        events.push(sealed(at, StreamId::of("user", subject.as_str()), user, &key));
        // Through serde, so that fields it may get later do not matter here.
        let mut credential: CredentialChanged = serde_json::from_value(json!({ "subject": subject })).unwrap();
        credential.data = Patch::Set(Secret::new(HASH));
        credential.context = Patch::Set(Personal::new(NOTE));
        let credential = AnyEvent::from(CredentialEvent::from(credential));
        events.push(sealed(at + 1, StreamId::of("credential", subject.as_str()), credential, &key));
        keys.0.insert(subject, if erased { KeyState::Erased } else { KeyState::Present(key) });
    }
    (TestLog::of(events), keys)
}

async fn relay_personal(mode: PersonalFieldsMode) -> Vec<Seen> {
    let (log, keys) = personal_log();
    let config = RelayConfig { personal_fields: mode, ..config(&shared_kafka()) };
    let relay = Running::with(&log, keys, Arc::new(AlwaysGranted), &config);
    relay.relayed(Position(4)).await;
    relay.stop().await;
    let mut seen = consume_all(&config);
    seen.sort_by_key(Seen::position);
    seen
}

fn value(record: &Seen) -> Value {
    serde_json::from_str(&record.payload).unwrap()
}

fn assert_no_secret(seen: &[Seen]) {
    assert_eq!(value(&seen[1])["data"], json!({}), "secrets never reach Kafka");
    assert!(seen.iter().all(|record| !record.payload.contains(HASH)));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_header_of_the_contract_is_there() {
    let mut event = generated(4);
    event.stream = StreamId::of("user", "42");
    event.event_type = "user.deleted".into();
    event.meta = json!({
        "actor": { "kind": "client", "id": "billing" },
        "commandId": Uuid::from_u128(1),
        "correlationId": "request-1",
        "causationId": Uuid::from_u128(2),
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    })
    .to_string();
    let events = vec![generated(1), generated(2), generated(3), event];
    let config = RelayConfig { cluster: "eu1".to_owned(), ..config(&shared_kafka()) };
    let relay = Running::start(&TestLog::of(events), &config);
    relay.relayed(Position(4)).await;
    relay.stop().await;
    let seen = consume_all(&config).into_iter().find(|record| record.key == "user-42").unwrap();
    assert_eq!(seen.topic, format!("{}.users.events.v1", config.product));
    assert_eq!(seen.partition, wac_relay::partition_of(b"user-42", 4));
    let expected = [
        ("ce_authid", "billing"),
        ("ce_authtype", "service_account"),
        ("ce_causationid", "00000000-0000-0000-0000-000000000002"),
        ("ce_commandid", "00000000-0000-0000-0000-000000000001"),
        ("ce_correlationid", "request-1"),
        ("ce_dataschema", "urn:wac:schema:user.deleted:v1"),
        ("ce_id", "00000000-0000-0000-0000-000000000004"),
        ("ce_partitionkey", "user-42"),
        ("ce_personalfields", "encrypted"),
        ("ce_recordedtime", "2023-11-14T22:13:20.004Z"),
        ("ce_sequence", "00000000000000000004"),
        ("ce_source", "/clusters/eu1/logs/main"),
        ("ce_specversion", "1.0"),
        ("ce_streamversion", "1"),
        ("ce_subject", "users/42"),
        ("ce_tenantid", "0198-domain"),
        ("ce_time", "2023-11-14T22:13:20.004Z"),
        ("ce_traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ("ce_type", "io.wac.user.deleted.v1"),
        ("content-type", "application/json"),
    ];
    let found: Vec<_> = seen.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(found, expected);
    assert_eq!(seen.payload, generated(4).data, "the value is the payload, as it is in the log");
}

#[tokio::test(flavor = "multi_thread")]
async fn events_of_an_unknown_type_are_relayed_as_they_are() {
    let config = config(&shared_kafka());
    let relay = Running::start(&TestLog::generate(8), &config);
    relay.relayed(Position(8)).await;
    relay.stop().await;
    let seen = consume_all(&config);
    let meteors: Vec<_> = seen.iter().filter(|record| record.key.starts_with("meteor-")).collect();
    assert_eq!(meteors.len(), 2);
    for meteor in meteors {
        assert_eq!(meteor.topic, format!("{}.other.events.v1", config.product));
        assert_eq!(meteor.header("ce_type"), "io.wac.meteor.seen.v1");
        assert_eq!(meteor.payload, generated(meteor.position()).data);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn personal_fields_stay_sealed_by_default() {
    let seen = relay_personal(PersonalFieldsMode::Encrypted).await;
    assert_no_secret(&seen);
    assert!(value(&seen[0])["mobilePhones"][0]["$personal"].as_str().unwrap().starts_with("anna."));
    assert!(seen.iter().all(|record| !record.payload.contains(PHONE) && !record.payload.contains("of a person")));
}

#[tokio::test(flavor = "multi_thread")]
async fn omitted_personal_fields_leave_the_form_of_an_erasure_and_still_decode() {
    let seen = relay_personal(PersonalFieldsMode::Omitted).await;
    assert_no_secret(&seen);
    assert_eq!(value(&seen[0])["mobilePhones"], json!([{}]));
    assert_eq!(seen[0].header("ce_personalfields"), "omitted");
    AnyEvent::decode("user.changed", 1, &seen[0].payload).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn clear_personal_fields_are_plain_text_and_null_once_erased() {
    let seen = relay_personal(PersonalFieldsMode::Clear).await;
    assert_no_secret(&seen);
    assert_eq!(value(&seen[0])["mobilePhones"], json!([PHONE]));
    assert_eq!(value(&seen[2])["mobilePhones"], json!([null]));
    assert!(!seen[0].headers.contains_key("ce_dataschema"), "the schema describes sealed fields");
}
