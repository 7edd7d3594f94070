//! The OpenAPI document against what is really answered.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};

use crate::harness::World;

/// The address in the committed document: where `wac dev` serves.
const COMMITTED_URL: &str = "http://127.0.0.1:8000";

#[test]
fn the_committed_document_is_what_the_code_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/openapi.json");
    let mut now = serde_json::to_string_pretty(&wac_api::openapi_document(COMMITTED_URL)).unwrap();
    now.push('\n');
    if std::env::var_os("WAC_WRITE_OPENAPI").is_some() {
        std::fs::write(&path, &now).expect("docs/ can be written");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == now, "docs/openapi.json is out of date; run the tests with WAC_WRITE_OPENAPI=1");
}

#[tokio::test]
async fn the_document_describes_every_operation_with_every_answer() {
    let world = World::start().await;
    let document = world.with_headers("GET", "/sapi/openapi.json", None, None, &[]).await.expect(200).json();
    assert_eq!(document["openapi"], "3.1.0");
    let mut operations = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            operations += 1;
            let answers = operation["responses"].as_object().unwrap();
            for status in ["400", "401", "429", "503"] {
                assert!(answers.contains_key(status), "{method} {path} lacks {status}");
            }
            if operation.get("requestBody").is_some() {
                assert!(answers.contains_key("413") && answers.contains_key("415"), "{method} {path}");
            }
        }
    }
    assert!(operations >= 56, "{operations} operations");
    let text = document.to_string();
    let mut rest = text.as_str();
    while let Some(at) = rest.find("\"$ref\":\"#") {
        rest = &rest[at + 9..];
        let pointer = &rest[..rest.find('"').unwrap()];
        assert!(document.pointer(pointer).is_some(), "{pointer} leads nowhere");
    }
}

/// The fields of an object are those its schema names.
#[tokio::test]
async fn the_schemas_name_the_fields_that_are_there() {
    let world = World::start().await;
    let document = wac_api::openapi_document("https://wac.example");
    let named = |schema: &str| -> BTreeSet<String> {
        let properties = document.pointer(&format!("/components/schemas/{schema}/properties"));
        properties.unwrap_or_else(|| panic!("no {schema}")).as_object().unwrap().keys().cloned().collect()
    };
    let fields = |object: &Value| -> BTreeSet<String> { object.as_object().unwrap().keys().cloned().collect() };
    let admin = world.login("admin").await;
    let user = world.get(&format!("/sapi/users/{}", world.alice), &admin).await.expect(200).json();
    assert_eq!(fields(&user), named("User"));
    let domain = world.get(&format!("/sapi/domains/{}", world.demo), &admin).await.expect(200).json();
    assert_eq!(fields(&domain), named("Domain"));
    let client =
        world.post("/sapi/clients", &admin, json!({ "name": "x", "grants": ["password"] })).await.expect(201).json();
    assert_eq!(fields(&client), named("Client"));
    let body = json!({ "type": "token", "user": world.admin, "data": { "a": 1 } });
    let credential = world.post("/sapi/credentials", &admin, body).await.expect(201).json();
    assert_eq!(fields(&credential), named("Credential"));
    let session = world.get(&world.up_to_date("/sapi/sessions").await, &admin).await.expect(200).json();
    assert_eq!(fields(&session[0]), named("Session"));
    assert_eq!(fields(&session[0]["context"]), named("SessionContext"));
    let group = world.post("/sapi/usersGroup", &admin, json!({ "name": "g" })).await.expect(201).json();
    assert_eq!(fields(&group), named("UsersGroup"));
    let contact = world.get(&format!("/sapi/contacts/{}", world.alice), &admin).await.expect(200).json();
    assert_eq!(fields(&contact), named("Contact"));
    assert_eq!(fields(&contact["presence"]), named("Presence"));
    let token = json!({ "token": "t", "tokenType": "fcm" });
    let token = world.post("/sapi/pushtokens", &admin, token).await.expect(201).json();
    assert_eq!(fields(&token), named("PushToken"));
    let reached = format!("/sapi/reachability/wac-user:{}", world.alice);
    let reached = world.get(&reached, &admin).await.expect(200).json();
    assert_eq!(fields(&reached), named("Reachability"));
    assert_eq!(fields(&reached["unreached"][0]), named("UnreachedUser"));
    let alarm = world.alarm_of("bob@demo", &admin).await;
    let alarm = world.get(&format!("/sapi/alarms/{alarm}"), &admin).await.expect(200).json();
    assert_eq!((fields(&alarm), fields(&alarm["payload"])), (named("Alarm"), named("LoginAlarm")));
    let own = |schema: &str, own: &[&str]| -> BTreeSet<String> {
        named(schema).into_iter().filter(|name| !own.contains(&name.as_str())).collect()
    };
    assert_eq!(named("UserInput"), own("User", &["id", "uri", "created", "lastLogin"]));
    assert_eq!(named("DomainInput"), own("Domain", &["id", "created", "effectiveServices", "closing"]));
    assert_eq!(named("ClientInput"), own("Client", &["id", "created", "secret"]));
    assert_eq!(named("CredentialInput"), own("Credential", &["id", "created", "leasedUntil"]));
}
