//! `GET /sapi/events` and its GraphQL sister.

use serde_json::{Value, json};

use crate::harness::World;

fn positions(events: &Value) -> Vec<u64> {
    events.as_array().expect("a list").iter().map(|event| event["position"].as_u64().expect("a position")).collect()
}

#[tokio::test]
async fn pages_of_the_log_follow_one_another_to_its_end() {
    let world = World::start().await;
    let admin = world.login("admin@quobis").await;
    let mut path = "/sapi/events?limit=3".to_owned();
    let mut seen = Vec::new();
    loop {
        let page = world.get(&path, &admin).await.expect(200);
        let found = positions(&page.json());
        assert!(found.len() <= 3);
        seen.extend(found);
        let Some(link) = page.headers.get("link") else { break };
        let link = link.to_str().expect("text");
        assert!(link.ends_with("rel=\"next\""), "{link}");
        path = link.trim_start_matches('<').split('>').next().expect("a target").to_owned();
    }
    assert_eq!(seen, (1..=world.head().await).collect::<Vec<_>>());
}

#[tokio::test]
async fn filters_narrow_what_is_shown() {
    let world = World::start().await;
    let admin = world.login("admin@quobis").await;
    let list = async |query: String| world.get(&format!("/sapi/events?{query}"), &admin).await.expect(200).json();
    let created = list("type=user.created".to_owned()).await;
    assert_eq!(positions(&created).len(), 4);
    assert_eq!(positions(&list("type=user.*&domain=demo".to_owned()).await).len(), 2);
    assert_eq!(
        list("type=user.*&domain=demo".to_owned()).await,
        list(format!("type=user.*&domain={}", world.demo)).await
    );
    let own = list(format!("stream=user-{}", world.alice)).await;
    assert_eq!(own[0]["data"]["username"], "alice", "an administrator sees persons");
    let at = own[0]["position"].as_u64().expect("a position");
    assert_eq!(positions(&list(format!("after={}&before={}", at - 1, at + 1)).await), [at]);
    let keys = [
        "position",
        "stream",
        "version",
        "id",
        "type",
        "schemaVersion",
        "domain",
        "occurredAt",
        "recordedAt",
        "actor",
        "commandId",
        "correlationId",
        "causationId",
        "traceparent",
        "data",
    ];
    let mut expected: Vec<&str> = keys.to_vec();
    let mut found: Vec<&str> = own[0].as_object().expect("an object").keys().map(String::as_str).collect();
    expected.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, expected);
    for query in ["type=user.flown", "limit=0", "limit=1001", "before=0", "after=x", "cursor=x", "stream="] {
        world.get(&format!("/sapi/events?{query}"), &admin).await.expect_problem(400, "validation_failed");
    }
    let beyond = world.head().await + 1;
    world
        .get(&format!("/wac/sapi/events/?min_position={beyond}"), &admin)
        .await
        .expect_problem(400, "position_unknown");
    let gql = world
        .gql(
            &admin,
            "{ events(type: [\"user.created\"], limit: 3) { events { position data } hasNextPage scannedTo } }",
        )
        .await;
    assert_eq!(positions(&gql["events"]["events"]), &positions(&created)[..3]);
    assert_eq!(
        (&gql["events"]["hasNextPage"], &gql["events"]["scannedTo"]),
        (&json!(true), &gql["events"]["events"][2]["position"])
    );
}

#[tokio::test]
async fn events_come_as_cloud_events_to_those_who_ask() {
    let world = World::start().await;
    let admin = world.login("admin@quobis").await;
    let headers = [("accept", "application/cloudevents-batch+json")];
    let path = format!("/sapi/events?stream=user-{}", world.alice);
    let answer = world.with_headers("GET", &path, Some(&admin), None, &headers).await.expect(200);
    assert_eq!(answer.header("content-type"), "application/cloudevents-batch+json");
    let event = answer.json()[0].clone();
    assert_eq!((&event["specversion"], &event["type"]), (&json!("1.0"), &json!("io.wac.user.created.v2")));
    assert_eq!(
        (&event["source"], &event["subject"]),
        (&json!("/clusters/default/logs/main"), &json!(format!("users/{}", world.alice)))
    );
    assert_eq!(event["data"]["username"], "alice");
}

#[tokio::test]
async fn a_user_sees_the_events_of_his_own_record_and_others_see_none() {
    let world = World::start().await;
    let alice = world.login("alice@demo").await;
    let own = world.get("/sapi/events", &alice).await.expect(200).json();
    assert!(own.as_array().expect("a list").iter().all(|event| event["stream"] == format!("user-{}", world.alice)));
    assert_eq!(own[0]["data"]["email"], "alice@example.test");
    for query in [format!("stream=user-{}", world.bob), format!("stream=domain-{}", world.demo)] {
        world.get(&format!("/sapi/events?{query}"), &alice).await.expect_problem(403, "forbidden");
        world.get(&format!("/sapi/events/stream?{query}"), &alice).await.expect_problem(403, "forbidden");
    }
    let guest = world.guest("demo").await;
    for path in ["/sapi/events", "/sapi/events/stream"] {
        world.get(path, &guest).await.expect_problem(403, "forbidden");
        world.with_headers("GET", path, None, None, &[]).await.expect_problem(401, "unauthenticated");
    }
    world.with_headers("GET", "/sapi/events/types", None, None, &[]).await.expect_problem(401, "unauthenticated");
}

#[tokio::test]
async fn what_is_erased_is_null_and_secrets_always_are() {
    let world = World::start().await;
    let admin = world.login("admin@quobis").await;
    let credential = world.get("/sapi/events?type=credential.created&limit=1", &admin).await.expect(200).json();
    assert_eq!(credential[0]["data"]["data"], Value::Null);
    assert!(credential[0].get("erased").is_none());
    world.platform.keys.destroy(&world.alice.as_str().into()).await.expect("the store answers");
    let own = world.get(&format!("/sapi/events?stream=user-{}", world.alice), &admin).await.expect(200).json();
    assert_eq!((&own[0]["erased"], &own[0]["data"]["username"]), (&json!(true), &Value::Null));
}

#[tokio::test]
async fn the_catalogue_has_every_type_with_its_schema() {
    let world = World::start().await;
    let alice = world.login("alice@demo").await;
    let types = world.get("/sapi/events/types", &alice).await.expect(200).json();
    for info in wac_events::catalogue() {
        let entry = types
            .as_array()
            .expect("a list")
            .iter()
            .find(|entry| entry["type"] == info.event_type && entry["schemaVersion"] == info.schema_version);
        let entry = entry.unwrap_or_else(|| panic!("{} is missing", info.event_type));
        assert_eq!((&entry["newest"], &entry["schema"]["type"]), (&json!(true), &json!("object")));
    }
    assert!(
        types
            .as_array()
            .expect("a list")
            .iter()
            .any(|entry| entry["type"] == "user.created" && entry["schemaVersion"] == 1)
    );
}
