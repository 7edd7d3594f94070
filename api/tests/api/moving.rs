//! Users who move to another domain.

use serde_json::{Value, json};

use crate::harness::{PASSWORD, World};

async fn login(world: &World, username: &str) -> u16 {
    let body = json!({ "grant_type": "password", "username": username, "password": PASSWORD });
    world.token_request(body).await.status.as_u16()
}

#[tokio::test]
async fn who_moves_to_another_domain_takes_his_credentials_along() {
    let world = World::start().await;
    let admin = world.login("admin").await;
    let owner = format!("wac-user:{}", world.alice);
    let body = json!({ "ownerUri": owner, "credential": { "username": "205", "password": "secret" } });
    world.post("/sapi/sipMappings", &admin, body).await.expect(201);
    let path = format!("/sapi/users/{}", world.alice);
    let moved = world.call("PATCH", &path, &admin, Some(json!({ "domain": "quobis" }))).await.expect(200);
    assert_eq!(moved.json()["domain"], "quobis");
    let list = format!("/sapi/credentials?user={}&min_position={}", world.alice, moved.position());
    let credentials = world.get(&list, &admin).await.expect(200).json();
    let credentials = credentials.as_array().unwrap();
    assert_eq!(credentials.len(), 2);
    assert!(credentials.iter().all(|credential| credential["domain"] == "quobis"), "{credentials:?}");
    let basic = credentials.iter().find(|credential| credential["type"] == "basic").unwrap();
    let body = json!({ "type": "basic", "domain": "quobis", "user": world.alice, "context": { "x": 1 } });
    let path = format!("/sapi/credentials/{}", basic["id"].as_str().unwrap());
    world.call("PUT", &path, &admin, Some(body)).await.expect(200);
    assert_eq!((login(&world, "alice").await, login(&world, "alice@demo").await), (200, 400));
    let bobs = json!({ "ownerUri": format!("wac-user:{}", world.bob), "credential": { "username": "205" } });
    world.post("/sapi/sipMappings", &admin, bobs).await.expect(201);
    let carols = json!({ "ownerUri": format!("wac-user:{}", world.carol), "credential": { "username": "205" } });
    world.post("/sapi/sipMappings", &admin, carols).await.expect_problem(409, "sip_identity_taken");
}

#[tokio::test]
async fn who_brings_a_sip_identity_that_is_taken_stays_where_he_is() {
    let world = World::start().await;
    let admin = world.login("admin").await;
    for user in [&world.alice, &world.carol] {
        let body = json!({ "ownerUri": format!("wac-user:{user}"), "credential": { "username": "205" } });
        world.post("/sapi/sipMappings", &admin, body).await.expect(201);
    }
    let path = format!("/sapi/users/{}", world.alice);
    let body = json!({ "username": "alice", "domain": "quobis", "role": "user" });
    world.call("PUT", &path, &admin, Some(body)).await.expect_problem(409, "sip_identity_taken");
    assert_eq!(world.get(&path, &admin).await.expect(200).json()["domain"], "demo");
    assert_eq!(login(&world, "alice@demo").await, 200);
}

#[tokio::test]
async fn the_domain_somebody_has_left_can_go() {
    let world = World::start().await;
    let admin = world.login("admin").await;
    for user in [&world.alice, &world.bob] {
        let body = json!({ "domain": "quobis" });
        world.call("PATCH", &format!("/sapi/users/{user}"), &admin, Some(body)).await.expect(200);
    }
    world.call("DELETE", &format!("/sapi/domains/{}", world.demo), &admin, None).await.expect(204);
    assert_eq!(login(&world, "alice").await, 200);
    let list = world.up_to_date(&format!("/sapi/credentials?user={}", world.alice)).await;
    let credentials: Value = world.get(&list, &admin).await.expect(200).json();
    assert_eq!(credentials[0]["domain"], "quobis");
}
