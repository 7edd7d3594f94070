//! Resources over a socket.

use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use crate::client::{Client, node};
use crate::harness::World;

#[tokio::test]
async fn resources_are_read_and_written_as_over_http() {
    let world = World::start().await;
    let address = node(&world.platform).await;
    let mut admin = Client::wapi(address, &world.login("admin@quobis").await).await;
    let body = json!({ "username": "dave", "domain": "demo", "role": "user" });
    let created = admin.rest("POST", "/users", Some(body)).await;
    assert_eq!((&created["status"], &created["body"]["username"]), (&json!(201), &json!("dave")));
    assert!(created["position"].is_u64(), "{created}");
    let path = format!("/users/{}", created["body"]["id"].as_str().unwrap());
    let read = admin.rest("GET", &path, None).await;
    assert_eq!((&read["status"], &read["body"]["username"]), (&json!(200), &json!("dave")), "one's own write is seen");
    assert!(read.get("position").is_none());
    let deleted = admin.rest("DELETE", &path, None).await;
    assert_eq!(deleted["status"], 204);
    assert!(deleted.get("body").is_none());
    assert_eq!(admin.rest("GET", &path, None).await["status"], 404);
    let frame = json!({ "id": "q", "method": "GET", "url": "/users", "qs": { "limit": 1 } });
    admin.send_json(frame).await;
    let page = admin.take(|frame| frame["id"] == "q").await;
    assert_eq!(page["body"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_list_names_its_next_page_until_it_ends() {
    let world = World::start().await;
    let address = node(&world.platform).await;
    let mut admin = Client::wapi(address, &world.login("admin@quobis").await).await;
    let whole = admin.rest("GET", "/users", None).await;
    assert!(whole.get("next").is_none());
    let (mut seen, mut url) = (Vec::new(), Some("/users?limit=2".to_owned()));
    while let Some(at) = url.take() {
        let page = admin.rest("GET", &at, None).await;
        seen.extend(page["body"].as_array().unwrap().clone());
        url = page.get("next").map(|next| next.as_str().unwrap().to_owned());
    }
    assert_eq!(json!(seen), whole["body"]);
}

#[tokio::test]
async fn a_write_with_an_idempotency_key_happens_once_on_whatever_socket() {
    let world = World::start().await;
    let address = node(&world.platform).await;
    let token = world.login("alice@demo").await;
    let mut answers = Vec::new();
    for id in ["first", "again"] {
        let mut alice = Client::wapi(address, &token).await;
        let group = json!({ "id": id, "method": "POST", "url": "/usersGroup", "body": { "name": "one" }, "idempotencyKey": "k" });
        alice.send_json(group).await;
        answers.push(alice.take(|frame| frame["id"] == id).await);
    }
    assert_eq!((&answers[0]["status"], &answers[0]["body"]), (&json!(201), &answers[1]["body"]));
    let mut alice = Client::wapi(address, &token).await;
    let other =
        json!({ "id": "x", "method": "POST", "url": "/usersGroup", "body": { "name": "two" }, "idempotencyKey": "k" });
    alice.send_json(other).await;
    assert_eq!(alice.take(|frame| frame["id"] == "x").await["status"], 422);
    let wrong = json!({ "id": "y", "method": "POST", "url": "/usersGroup", "body": { "name": "two" }, "idempotencyKey": "ü\n" });
    alice.send_json(wrong).await;
    let refused = alice.take(|frame| frame["id"] == "y").await;
    assert_eq!(
        (&refused["status"], &refused["body"]["errors"][0]["pointer"]),
        (&json!(400), &json!("/idempotencyKey"))
    );
}

#[tokio::test]
async fn the_callers_role_bounds_what_is_reached() {
    let world = World::start().await;
    let address = node(&world.platform).await;
    let mut alice = Client::wapi(address, &world.login("alice@demo").await).await;
    let refused = alice.rest("POST", "/users", Some(json!({ "username": "x", "domain": "demo" }))).await;
    assert_eq!((&refused["status"], &refused["body"]["code"]), (&json!(403), &json!("forbidden")));
    assert_eq!(alice.rest("GET", &format!("/users/{}", world.carol), None).await["status"], 404);
    for url in ["/nowhere", "/users/../users", "//evil.example/", "users"] {
        let status = alice.rest("GET", url, None).await["status"].as_u64().unwrap();
        assert!((400..500).contains(&status), "{url}: {status}");
    }
    let stream = alice.rest("GET", "/events/stream", None).await;
    assert_eq!(stream["status"], 406);
    alice.send(Message::text(r#"{"id":"x","method":"BREW","url":"/users"}"#)).await;
    assert_eq!(alice.take(|frame| frame["id"] == "x").await["status"], 400);
}

#[tokio::test]
async fn a_changed_role_holds_at_once() {
    let world = World::start().await;
    let address = node(&world.platform).await;
    let mut alice = Client::wapi(address, &world.login("alice@demo").await).await;
    assert_eq!(alice.rest("GET", &format!("/users/{}", world.carol), None).await["status"], 404);
    let admin = world.login("admin@quobis").await;
    let path = format!("/sapi/users/{}", world.alice);
    let changed = world.call("PATCH", &path, &admin, Some(json!({ "role": "admin" }))).await.expect(200);
    assert!(changed.position() > 0);
    assert_eq!(alice.rest("GET", &format!("/users/{}", world.carol), None).await["status"], 200);
}

#[tokio::test]
async fn in_a_small_domain_presence_comes_unasked_and_stays_inside() {
    let world = World::start().await;
    let address = node(&world.platform).await;
    let mut alice = Client::wapi(address, &world.login("alice@demo").await).await;
    let mut carol = Client::wapi(address, &world.login("carol@quobis").await).await;
    let bob = Client::qss(address, &world.login("bob@demo").await).await;
    let push = alice.push(&format!("/presence/{}", bob.user())).await;
    assert_eq!((&push["method"], &push["body"]["online"]), (&json!("PUT"), &json!(true)));
    assert!(push["position"].is_u64());
    let foreign = format!("/presence/{}", bob.user());
    assert!(!carol.heard().await.contains(&foreign), "another domain hears nothing");
}

#[tokio::test]
async fn in_a_large_domain_presence_is_subscribed_to() {
    let world = World::with(|config| config.signaling.presence_auto_subscribe = 1).await;
    let address = node(&world.platform).await;
    let mut alice = Client::wapi(address, &world.login("alice@demo").await).await;
    let _bob = Client::qss(address, &world.login("bob@demo").await).await;
    let url = format!("/presence/{}", world.bob);
    assert!(!alice.heard().await.contains(&url), "nobody asked");
    let users = json!({ "users": [world.bob, world.carol] });
    let answer = alice.rest("PUT", "/presence/subscriptions", Some(users)).await;
    let shown = answer["body"].as_array().unwrap();
    assert_eq!(shown.len(), 1, "whoever is of another domain is not shown: {answer}");
    assert_eq!((&shown[0]["userId"], &shown[0]["online"]), (&json!(world.bob), &json!(true)));
    let second = Client::qss(address, &world.login("bob@demo").await).await;
    drop((second, _bob));
    let wrong = alice.rest("PUT", "/presence/subscriptions", Some(json!({ "everybody": true }))).await;
    assert_eq!(wrong["status"], 400);
    assert_eq!(alice.rest("GET", "/presence/subscriptions", None).await["status"], 405);
}

#[tokio::test]
async fn a_conference_that_is_over_is_pushed_with_its_whole_entry() {
    let world = World::start().await;
    let address = node(&world.platform).await;
    let token = world.login("alice@demo").await;
    let (mut alice, mut log) = (Client::qss(address, &token).await, Client::wapi(address, &token).await);
    let mut bob = Client::qss(address, &world.login("bob@demo").await).await;
    let room = alice.done("createRoom", json!({})).await["id"].clone();
    let payload = json!({ "to": "bob", "roomId": room, "mediatypes": { "audio": true, "video": false } });
    alice.done("invite", payload).await;
    let id = bob.notice("invite").await["inviteId"].clone();
    bob.done("accept", json!({ "inviteId": id })).await;
    alice.done("closeRoom", json!({ "roomId": room })).await;
    let push = log.push("/conferences").await;
    let body = &push["body"];
    assert_eq!((&push["method"], &body["roomId"], &body["state"]), (&json!("POST"), &room, &json!("finished")));
    assert_eq!(body["participants"].as_array().map(Vec::len), Some(2));
    assert_eq!((&body["invites"][0]["state"], &body["domains"]), (&json!("ACCEPTED"), &json!(["demo"])));
    let entry = log.rest("GET", &format!("/conferences/{}", body["id"].as_str().unwrap()), None).await;
    assert_eq!(entry["body"], *body);
}

#[tokio::test]
async fn who_subscribes_to_the_domain_is_shown_who_is_there() {
    let world = World::with(|config| config.signaling.presence_auto_subscribe = 1).await;
    let address = node(&world.platform).await;
    let mut alice = Client::wapi(address, &world.login("alice@demo").await).await;
    let _bob = Client::qss(address, &world.login("bob@demo").await).await;
    let _carol = Client::qss(address, &world.login("carol@quobis").await).await;
    let answer = alice.rest("PUT", "/presence/subscriptions", Some(json!({ "domain": true }))).await;
    let mut shown: Vec<_> =
        answer["body"].as_array().unwrap().iter().map(|one| (&one["userId"], &one["online"])).collect();
    shown.sort_by_key(|(user, _)| user.to_string());
    let mut both = [world.alice.clone(), world.bob.clone()].map(|user| json!(user));
    both.sort_by_key(ToString::to_string);
    assert_eq!(shown, [(&both[0], &json!(true)), (&both[1], &json!(true))], "and nobody of another domain");
}

#[tokio::test]
async fn a_guest_is_told_of_nobodys_presence_but_his_own() {
    let world = World::start().await;
    let address = node(&world.platform).await;
    let mut guest = Client::wapi(address, &world.guest("demo").await).await;
    let everything = json!({ "domain": true, "users": [world.bob] });
    assert_eq!(guest.rest("PUT", "/presence/subscriptions", Some(everything)).await["body"], json!([]));
    let bob = Client::qss(address, &world.login("bob@demo").await).await;
    assert!(!guest.heard().await.contains(&format!("/presence/{}", bob.user())));
}

#[tokio::test]
async fn reachability_is_read_over_a_socket_too() {
    let world = World::start().await;
    let address = node(&world.platform).await;
    let mut alice = Client::wapi(address, &world.login("alice@demo").await).await;
    let _bob = Client::qss(address, &world.login("bob@demo").await).await;
    let reach = alice.rest("GET", "/reachability/bob@demo", None).await;
    assert_eq!((&reach["status"], &reach["body"]["reachable"]), (&json!(200), &json!(true)), "{reach}");
    assert_eq!(alice.rest("GET", "/reachability/carol@quobis", None).await["status"], 404);
}
