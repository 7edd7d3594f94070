//! `asOf`: the past as it was read then.

use std::time::Duration;

use serde_json::{Value, json};
use wac_api::graphql::SNAPSHOTS_MAX;
use wac_commands::{ChangeUser, UserChanges};
use wac_events::Time;

use crate::harness::World;

/// Everything there is to see, in one query.
const EVERYTHING: &str = "query($asOf: AsOf) {
    domains(asOf: $asOf) { nodes { id name parentName origins enableAnonymous services effectiveServices closing version created } }
    users(asOf: $asOf) { nodes { id username email displayName role mobilePhone capabilities domain { name } version lastLogin erased } }
    credentials(asOf: $asOf) { nodes { id type source user { id } lease version } }
    clients(asOf: $asOf) { nodes { id name grants trusted version } }
    user(by: {username: \"alice@demo\"}, asOf: $asOf) { id username }
}";

/// A small generator, so that a failure can be repeated by its seed.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % bound
    }
}

async fn settled(world: &World, admin: &str) -> Value {
    let position = world.head().await.to_string();
    let body = json!({ "query": EVERYTHING }).to_string();
    let headers = [("x-wac-min-position", position.as_str())];
    let answer = world.with_headers("POST", "/graphql", Some(admin), Some(&body), &headers).await.expect(200);
    let json = answer.json();
    assert!(json["errors"].is_null(), "{json:#}");
    json["data"].clone()
}

#[tokio::test]
async fn the_past_is_what_was_read_at_that_time() {
    for seed in [1, 2, 3] {
        let world = World::start().await;
        let admin = world.login("admin@quobis").await;
        let mut random = Random(seed);
        let mut ids: Vec<(&str, String)> =
            vec![("users", world.alice.clone()), ("users", world.bob.clone()), ("domains", world.demo.clone())];
        let mut remembered = Vec::new();
        for step in 0..25 {
            act(&world, &admin, &mut random, &mut ids, step).await;
            remembered.push((world.head().await, settled(&world, &admin).await));
        }
        // Forwards, backwards and to and fro, so that snapshots are reused and dropped.
        let mut order: Vec<usize> = (0..remembered.len()).chain((0..remembered.len()).rev()).collect();
        order.extend((0..2 * SNAPSHOTS_MAX + 5).map(|_| random.below(remembered.len())));
        for index in order {
            let (position, then) = &remembered[index];
            let past = world.gql_with(&admin, EVERYTHING, json!({ "asOf": { "position": position } })).await;
            assert_eq!(past, *then, "seed {seed}, position {position}");
        }
    }
}

/// One random change.
async fn act(world: &World, admin: &str, random: &mut Random, ids: &mut Vec<(&'static str, String)>, step: usize) {
    let pick = ids[random.below(ids.len())].clone();
    let path = format!("/sapi/{}/{}", pick.0, pick.1);
    let answer = match random.below(6) {
        0 => {
            let body = json!({ "username": format!("u{step}"), "domain": "demo", "role": "user", "email": format!("{step}@x") });
            let answer = world.post("/sapi/users", admin, body).await.expect(201);
            ids.push(("users", answer.id()));
            answer
        }
        1 => {
            let answer = world.post("/sapi/domains", admin, json!({ "domain": format!("d{step}") })).await.expect(201);
            ids.push(("domains", answer.id()));
            answer
        }
        2 => {
            let grants = json!({ "name": format!("c{step}"), "grants": ["password"] });
            world.post("/sapi/clients", admin, grants).await.expect(201)
        }
        3 if pick.0 == "users" => {
            let body = json!({ "displayName": format!("n{step}"), "mobilePhone": [format!("+{step}")] });
            world.call("PATCH", &path, admin, Some(body)).await.expect(200)
        }
        3 | 4 if pick.0 == "domains" => {
            let body = json!({ "enableAnonymous": step.is_multiple_of(2), "services": { "chat": [] } });
            world.call("PATCH", &path, admin, Some(body)).await.expect(200)
        }
        _ if ids.len() > 3 && ![&world.demo, &world.alice, &world.bob].contains(&&pick.1) => {
            ids.retain(|id| *id != pick);
            world.call("DELETE", &path, admin, None).await.expect(204)
        }
        _ => {
            world.login("bob@demo").await;
            return;
        }
    };
    drop(answer);
}

#[tokio::test]
async fn a_moment_is_named_by_position_or_by_time_and_must_have_been() {
    let world = World::start().await;
    let admin = world.login("admin@quobis").await;
    let rename = |name: &str| json!({ "displayName": name });
    let path = format!("/sapi/users/{}", world.alice);
    let first = world.call("PATCH", &path, &admin, Some(rename("One"))).await.expect(200).position();
    let page = world.get(&format!("/sapi/events?after={}&limit=1", first - 1), &admin).await.expect(200).json();
    let at = page[0]["recordedAt"].as_str().expect("a time").to_owned();
    // The clock must move for the next change to have another time.
    while Time::parse(&at).expect("RFC 3339").millis() >= world.platform.env.now().millis() {
        tokio::task::yield_now().await;
    }
    world.call("PATCH", &path, &admin, Some(rename("Two"))).await.expect(200);
    let query = "query($id: ID!, $asOf: AsOf) { user(by: {id: $id}, asOf: $asOf) { displayName } head(asOf: $asOf) { position recordedAt } }";
    for as_of in [json!({ "position": first }), json!({ "time": at })] {
        let data = world.gql_with(&admin, query, json!({ "id": world.alice, "asOf": as_of })).await;
        assert_eq!(data["user"]["displayName"], "One");
        assert_eq!((&data["head"]["position"], &data["head"]["recordedAt"]), (&json!(first), &json!(at)));
    }
    let before = world.gql_with(&admin, query, json!({ "id": world.alice, "asOf": { "position": 0 } })).await;
    assert_eq!(before["user"], Value::Null);
    let beyond = json!({ "id": world.alice, "asOf": { "position": world.head().await + 1 } });
    let answer = world.gql_answer(&admin, query, beyond).await.json();
    assert_eq!(answer["errors"][0]["extensions"]["code"], "position_unknown");
    let both = json!({ "id": world.alice, "asOf": { "position": 1, "time": at } });
    assert_eq!(world.gql_refused(&admin, query, both).await["code"], "graphql_invalid");
}

#[tokio::test]
async fn the_past_of_an_erased_person_is_erased_too() {
    let world = World::start().await;
    let admin = world.login("admin@quobis").await;
    let before = world.head().await;
    let query = "query($id: ID!, $at: Position!) { user(by: {id: $id}, asOf: {position: $at}) { username email alias erased role }
        events(stream: \"user-STREAM\", asOf: {position: $at}) { events { erased data } } }";
    let query = query.replace("STREAM", &world.alice);
    let variables = json!({ "id": world.alice, "at": before });
    let then = world.gql_with(&admin, &query, variables.clone()).await;
    assert_eq!((&then["user"]["username"], &then["user"]["erased"]), (&json!("alice"), &json!(false)));
    world.call("DELETE", &format!("/sapi/users/{}?erase=true", world.alice), &admin, None).await.expect(204);
    world.platform.keys.destroy(&world.alice.as_str().into()).await.expect("the store answers");
    let now = world.gql_with(&admin, &query, variables).await;
    assert_eq!(now["user"], json!({ "username": null, "email": null, "alias": null, "erased": true, "role": "USER" }));
    assert_eq!(now["events"]["events"][0]["erased"], true);
    assert!(!now.to_string().contains("alice"), "{now}");
}

#[tokio::test]
async fn a_query_folds_for_a_bounded_time_and_the_next_one_goes_on_from_there() {
    let world = World::with(|config| config.as_of_patience = Duration::ZERO).await;
    let admin = world.login("admin@quobis").await;
    // More than one page of the fold.
    for round in 0..1_100 {
        let command = ChangeUser {
            id: world.bob.as_str().into(),
            changes: UserChanges { display_name: Some(Some(format!("n{round}"))), ..UserChanges::default() },
            expected_version: None,
        };
        world.execute(&command).await;
    }
    let query = "query($id: ID!, $at: Position!) { user(by: {id: $id}, asOf: {position: $at}) { displayName } }";
    let variables = json!({ "id": world.bob, "at": world.head().await });
    let refused = world.gql_refused(&admin, query, variables.clone()).await;
    assert_eq!((&refused["code"], &refused["status"]), (&json!("as_of_not_ready"), &json!(503)));
    assert_eq!((&refused["retryAfter"], &refused["retryable"]), (&json!(1), &json!(true)));
    assert_eq!(world.gql_with(&admin, query, variables).await["user"]["displayName"], "n1099");
}

#[tokio::test]
async fn a_position_too_far_along_the_log_is_not_folded() {
    let world = World::with(|config| config.as_of_position_max = 10).await;
    let admin = world.login("admin@quobis").await;
    let query = |position: u64| format!("{{ users(asOf: {{position: {position}}}) {{ nodes {{ id }} }} }}");
    world.gql(&admin, &query(10)).await;
    assert_eq!(world.gql_refused(&admin, &query(11), json!({})).await["code"], "as_of_too_far");
}
