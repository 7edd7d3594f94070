//! A request sent again under its key gets its first answer, whatever has happened since.

use serde_json::{Value, json};

use crate::harness::{Answer, World};

async fn keyed(world: &World, call: (&str, &str, Option<Value>), key: &str) -> Answer {
    let admin = world.login("admin").await;
    let body = call.2.map(|body| body.to_string());
    world.with_headers(call.0, call.1, Some(&admin), body.as_deref(), &[("idempotency-key", key)]).await
}

#[track_caller]
fn assert_replayed(answer: Answer, first: &Answer) {
    let answer = answer.expect(first.status.as_u16());
    assert_eq!(answer.header("idempotent-replayed"), "true");
    assert_eq!(answer.headers.get("location"), first.headers.get("location"));
    assert_eq!(answer.position(), first.position());
}

#[tokio::test]
async fn what_was_created_in_a_domain_that_has_gone_since() {
    let world = World::start().await;
    let admin = world.login("admin").await;
    let parent = world.post("/sapi/domains", &admin, json!({ "domain": "gone" })).await.expect(201).id();
    let creations = [
        ("/sapi/domains", json!({ "domain": "child", "parent": "gone" })),
        ("/sapi/users", json!({ "username": "eve", "domain": "gone" })),
        ("/sapi/clients", json!({ "name": "app", "domain": "gone", "grants": ["password"] })),
    ];
    let mut first = Vec::new();
    for (path, body) in &creations {
        first.push(keyed(&world, ("POST", path, Some(body.clone())), path).await.expect(201));
    }
    let eve = json!({ "type": "basic", "user": first[1].id(), "data": { "password": "x" } });
    let credential = keyed(&world, ("POST", "/sapi/credentials", Some(eve.clone())), "c").await.expect(201);
    let client = format!("/sapi/clients/{}", first[2].id());
    world.call("DELETE", &client, &admin, None).await.expect(204);
    world.call("DELETE", &format!("/sapi/users/{}", first[1].id()), &admin, None).await.expect(204);
    for domain in [first[0].id(), parent] {
        let path = format!("/sapi/domains/{domain}");
        world.call("DELETE", &path, &admin, None).await.expect(204);
    }
    for ((path, body), first) in creations.iter().zip(&first) {
        assert_replayed(keyed(&world, ("POST", path, Some(body.clone())), path).await, first);
    }
    assert_replayed(keyed(&world, ("POST", "/sapi/credentials", Some(eve)), "c").await, &credential);
    let late = json!({ "username": "late", "domain": "gone" });
    world.post("/sapi/users", &admin, late).await.expect_problem(400, "validation_failed");
}

#[tokio::test]
async fn what_was_changed_and_removed_of_an_owners_mapping() {
    let world = World::start().await;
    let admin = world.login("admin").await;
    let owner = format!("wac-user:{}", world.alice);
    let mapping = |identity: &str| json!({ "ownerUri": owner, "credential": { "username": identity } });
    world.post("/sapi/sipMappings", &admin, mapping("205")).await.expect(201);
    let change = ("PUT", "/sapi/sipMappings", Some(mapping("206")));
    let changed = keyed(&world, change.clone(), "put").await.expect(200);
    let path = format!("/sapi/sipMappings?ownerUri={owner}");
    let removed = keyed(&world, ("DELETE", &path, None), "delete").await.expect(204);
    let answer = keyed(&world, change, "put").await;
    assert_eq!(answer.json(), changed.json());
    assert_replayed(answer, &changed);
    assert_replayed(keyed(&world, ("DELETE", &path, None), "delete").await, &removed);
    world.call("DELETE", &path, &admin, None).await.expect_problem(404, "not_found");
}

#[tokio::test]
async fn who_has_left_his_groups_once_does_not_leave_those_he_joined_since() {
    let world = World::start().await;
    let alice = world.login("alice@demo").await;
    let key = [("idempotency-key", "leave")];
    world.post("/sapi/usersGroup", &alice, json!({ "name": "old" })).await.expect(201);
    let path = "/sapi/usersGroup/participations";
    let first = world.with_headers("DELETE", path, Some(&alice), None, &key).await.expect(204);
    let new = world.post("/sapi/usersGroup", &alice, json!({ "name": "new" })).await.expect(201).id();
    let again = world.with_headers("DELETE", path, Some(&alice), None, &key).await.expect(204);
    assert_eq!((again.position(), again.header("idempotent-replayed")), (first.position(), "true"));
    world.get(&format!("/sapi/usersGroup/{new}"), &alice).await.expect(200);
}

#[tokio::test]
async fn a_repeated_refresh_of_a_session_does_not_undo_what_came_after_it() {
    let world = World::start().await;
    let (alice, admin) = (world.login("alice@demo").await, world.login("admin").await);
    let path = format!("/sapi/sessions/{}", world.session_of(&world.alice, &admin).await);
    let key = [("idempotency-key", "refresh")];
    let body = json!({ "context": { "platform": "Linux" } }).to_string();
    world.with_headers("PUT", &path, Some(&alice), Some(&body), &key).await.expect(200);
    let push = json!({ "token": "t", "tokenType": "fcm", "deviceId": "d-1" }).to_string();
    let pushed = [("idempotency-key", "push")];
    world.with_headers("PUT", "/sapi/pushtokens", Some(&alice), Some(&push), &pushed).await.expect(200);
    let later = json!({ "context": { "platform": "Android", "deviceId": "d-2" } });
    world.call("PUT", &path, &alice, Some(later)).await.expect(200);
    world.with_headers("PUT", &path, Some(&alice), Some(&body), &key).await.expect(200);
    world.with_headers("PUT", "/sapi/pushtokens", Some(&alice), Some(&push), &pushed).await.expect(200);
    let session = world.get(&world.up_to_date(&path).await, &alice).await.expect(200).json();
    assert_eq!((&session["context"]["platform"], &session["context"]["deviceId"]), (&json!("Android"), &json!("d-2")));
}
