//! Who changed what, when, and on account of what.

use serde_json::{Value, json};

use crate::harness::World;

const HISTORY: &str = "query($of: ObjectRef!, $after: Position, $limit: Int! = 100, $asOf: AsOf) {
    history(of: $of, after: $after, limit: $limit, asOf: $asOf) { stream hasNextPage entries { position version at type command causationId
        actor { kind id user { username } } causedBy { type stream } changes { field from to erased secret } } } }";

fn change<'a>(entry: &'a Value, field: &str) -> &'a Value {
    let changes = entry["changes"].as_array().expect("a list");
    changes.iter().find(|change| change["field"] == field).unwrap_or_else(|| panic!("no {field}: {entry:#}"))
}

#[tokio::test]
async fn the_history_of_a_user_tells_who_changed_which_field_and_when() {
    let world = World::start().await;
    let admin = world.login("admin@quobis").await;
    let alice = world.login("alice@demo").await;
    let path = format!("/sapi/users/{}", world.alice);
    world.call("PATCH", &path, &admin, Some(json!({ "role": "admin", "email": "new@example.test" }))).await.expect(200);
    world.call("PATCH", &path, &admin, Some(json!({ "role": "user" }))).await.expect(200);
    let alice2 = world.login("alice@demo").await;
    world.call("PATCH", &path, &alice2, Some(json!({ "displayName": "Al" }))).await.expect(200);
    let of = json!({ "kind": "USER", "id": world.alice });
    // His own history is his to read; another token of before his role changed works, too.
    for token in [&admin, &alice2, &alice] {
        let history = world.gql_with(token, HISTORY, json!({ "of": of })).await["history"].clone();
        let entries = history["entries"].as_array().expect("a list");
        assert_eq!(entries.len(), 4);
        assert_eq!(entries[0]["actor"]["kind"], "system");
        assert_eq!(change(&entries[0], "username")["to"], "alice");
        let email = change(&entries[1], "email");
        assert_eq!((&email["from"], &email["to"]), (&json!("alice@example.test"), &json!("new@example.test")));
        assert_eq!(
            change(&entries[1], "role"),
            &json!({ "field": "role", "from": "user", "to": "admin", "erased": false, "secret": false })
        );
        assert_eq!(entries[1]["actor"]["id"], world.admin);
        assert_eq!(change(&entries[2], "role")["from"], "admin");
        assert_eq!(
            (&entries[3]["actor"]["id"], &entries[3]["actor"]["user"]["username"]),
            (&json!(world.alice), &json!("alice"))
        );
        assert_eq!(entries[3]["version"], 4);
        assert_eq!(entries[3]["changes"].as_array().map(Vec::len), Some(1));
    }
    let variables = json!({ "of": of, "limit": 2 });
    let page = world.gql_with(&admin, HISTORY, variables).await["history"].clone();
    assert_eq!((&page["hasNextPage"], page["entries"].as_array().map(Vec::len)), (&json!(true), Some(2)));
    let rest = json!({ "of": of, "after": page["entries"][1]["position"] });
    let rest = world.gql_with(&admin, HISTORY, rest).await["history"].clone();
    assert_eq!(change(&rest["entries"][0], "role")["from"], "admin", "a page knows what was before it");
    let then = json!({ "of": of, "asOf": { "position": page["entries"][0]["position"] } });
    assert_eq!(world.gql_with(&admin, HISTORY, then).await["history"]["entries"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn secrets_are_never_in_a_history_and_what_is_erased_is_gone_from_it() {
    let world = World::start().await;
    let admin = world.login("admin@quobis").await;
    let credentials = world.get(&format!("/sapi/credentials?user={}", world.alice), &admin).await.expect(200).json();
    let id = &credentials[0]["id"];
    let path = format!("/sapi/credentials/{}", id.as_str().expect("an id"));
    world.call("PATCH", &path, &admin, Some(json!({ "data": { "password": "canary-9" } }))).await.expect(200);
    let of = json!({ "kind": "CREDENTIAL", "id": id });
    let history = world.gql_with(&admin, HISTORY, json!({ "of": of })).await["history"].clone();
    assert_eq!(
        change(&history["entries"][1], "data"),
        &json!({ "field": "data", "from": null, "to": null, "erased": false, "secret": true })
    );
    assert!(!history.to_string().contains("argon2"));
    world.call("DELETE", &format!("/sapi/users/{}?erase=true", world.alice), &admin, None).await.expect(204);
    world.platform.keys.destroy(&world.alice.as_str().into()).await.expect("the store answers");
    let of = json!({ "kind": "USER", "id": world.alice });
    let history = world.gql_with(&admin, HISTORY, json!({ "of": of })).await["history"].clone();
    let entries = history["entries"].as_array().expect("a list");
    assert_eq!(
        change(&entries[0], "username"),
        &json!({ "field": "username", "from": null, "to": null, "erased": true, "secret": false })
    );
    assert!(entries.iter().any(|entry| entry["type"] == "subject.erased"), "{history:#}");
    assert!(!history.to_string().contains("alice"), "{history:#}");
}

#[tokio::test]
async fn an_event_names_the_event_that_caused_it() {
    let world = World::start().await;
    let admin = world.login("admin@quobis").await;
    world.call("DELETE", &format!("/sapi/users/{}", world.bob), &admin, None).await.expect(204);
    // What a process manager does after a user is deleted, here by hand.
    let filter = format!("/sapi/events?stream=user-{}&type=user.deleted", world.bob);
    let deleted = world.get(&filter, &admin).await.expect(200).json()[0].clone();
    let credentials = world.get("/sapi/events?type=credential.created", &admin).await.expect(200).json();
    let own = |event: &&Value| event["data"]["user"] == world.bob;
    let credential = credentials.as_array().expect("a list").iter().find(own).expect("he had a password").clone();
    let id = credential["data"]["id"].as_str().expect("an id").to_owned();
    let command = wac_commands::RevokeCredential {
        id: id.as_str().into(),
        reason: wac_events::credential::RevocationReason::OwnerDeleted,
        expected_version: None,
    };
    let env = &world.platform.env;
    let actor = wac_events::Actor::System("user-cascade".to_owned());
    let mut ctx = wac_commands::Context::new(env.now(), actor, wac_events::CommandId(env.new_uuid()));
    let cause: uuid::Uuid = deleted["id"].as_str().expect("an id").parse().expect("a UUID");
    ctx.causation_id = Some(wac_events::EventId(cause));
    world.platform.execute(&command, ctx).await.expect("it is accepted");
    let of = json!({ "kind": "CREDENTIAL", "id": id });
    let history = world.gql_with(&admin, HISTORY, json!({ "of": of })).await["history"].clone();
    let entry = &history["entries"][1];
    assert_eq!(entry["causedBy"], json!({ "type": "user.deleted", "stream": format!("user-{}", world.bob) }));
    assert_eq!(entry["causationId"], deleted["id"]);
    assert_eq!(change(entry, "revoked")["to"], "owner_deleted");
    assert_eq!(history["entries"][0]["causedBy"], Value::Null);
}
