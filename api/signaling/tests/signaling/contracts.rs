use serde_json::{Value, json};

use crate::harness::*;

#[tokio::test]
async fn what_is_said_is_what_the_schemas_say() {
    let validator = jsonschema::validator_for(&wac_signaling::wire::schemas()).unwrap();
    let valid = |frame: &Value| {
        let errors: Vec<String> = validator.iter_errors(frame).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{frame}: {errors:?}");
    };
    let platform = Platform::new().await;
    let (alice, bob) = (platform.device("alice", "a1").await, platform.device("bob", "b1").await);
    let room = platform.call(&alice, &bob).await;
    valid(&platform.done(&alice, "listParticipants", json!({ "roomId": room })).await);
    valid(&platform.ask(&alice, "joinRoom", json!({ "roomId": "none" })).await);
    valid(&json!({ "request": "invite", "requestID": "1", "payload": { "to": "bob", "roomId": room } }));
    assert!(!validator.is_valid(&json!({ "hello": 1 })));
    let invite = json!({ "to": ["carol"], "roomId": room });
    let asked = [("createRoom", json!({})), ("currentInvitations", json!({})), ("invite", invite)];
    for (name, payload) in asked {
        let answer = platform.done(&alice, name, payload).await;
        let mut schema = wac_signaling::wire::schemas();
        schema["anyOf"] = json!([{ "$ref": format!("#/$defs/Answers/properties/{name}") }]);
        let validator = jsonschema::validator_for(&schema).unwrap();
        assert!(validator.is_valid(&answer), "{name}: {answer}");
        assert!(!validator.is_valid(&json!({ "answer": name, "requestID": "1" })), "{name}: an empty answer");
    }
    for notice in platform.told(wac_events::Position::START).await {
        valid(&serde_json::from_str(&notice.text(&BASE.into())).unwrap());
    }
}
