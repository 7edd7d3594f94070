//! Every way in which a socket ends, and its code.

use std::time::Duration;

use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use crate::client::{Client, How, PATIENCE, narrow_node, node};
use crate::harness::World;

#[tokio::test]
async fn a_binary_frame_closes_with_4400() {
    let world = World::start().await;
    let address = node(&world.platform).await;
    let mut alice = Client::qss(address, &world.login("alice@demo").await).await;
    alice.send(Message::binary(vec![1, 2, 3])).await;
    assert_eq!(alice.closed().await, 4400);
}

#[tokio::test]
async fn malformed_frames_are_answered_and_repeated_ones_close_with_4400() {
    let world = World::start().await;
    let address = node(&world.platform).await;
    let token = world.login("alice@demo").await;
    let mut alice = Client::qss(address, &token).await;
    let refused = |frame: &serde_json::Value| frame["errorCode"] == 400;
    for _ in 0..2 {
        alice.send(Message::text("{ no frame")).await;
        alice.take(refused).await;
    }
    alice.done("currentInvitations", json!({})).await;
    for _ in 0..3 {
        alice.send(Message::text("[]")).await;
    }
    assert_eq!(alice.closed().await, 4400);
    let mut wapi = Client::wapi(address, &token).await;
    wapi.send(Message::text("{}")).await;
    let answer = wapi.take(|frame| frame["status"] == 400).await;
    assert_eq!(answer["body"]["code"], "malformed_json");
    wapi.send(Message::text("[]")).await;
    wapi.send(Message::text("7")).await;
    assert_eq!(wapi.closed().await, 4400);
}

#[tokio::test]
async fn a_frame_of_a_megabyte_closes_with_4413() {
    let world = World::start().await;
    let address = node(&world.platform).await;
    let token = world.login("alice@demo").await;
    for how in [How::browser("/qss", "jt", &token), How::browser("/wapi", "wapi", &token)] {
        let mut alice = Client::connect(address, how).await;
        alice.send(Message::text("x".repeat(1 << 20))).await;
        assert_eq!(alice.closed().await, 4413);
    }
}

#[tokio::test]
async fn the_end_of_a_session_is_told_and_closes_with_4401() {
    let world = World::start().await;
    let address = node(&world.platform).await;
    let token = world.login("alice@demo").await;
    let mut alice = Client::qss(address, &token).await;
    let mut wapi = Client::wapi(address, &token).await;
    let mut other = Client::qss(address, &world.login("alice@demo").await).await;
    world.call("POST", "/sapi/o/revoke", &token, Some(json!({ "token": token }))).await;
    for socket in [&mut alice, &mut wapi] {
        let closed = socket.notice("sessionClosed").await;
        assert_eq!(closed["sessionId"], socket.hello["sessionId"]);
        assert_eq!(socket.closed().await, 4401);
    }
    other.done("currentInvitations", json!({})).await;
}

#[tokio::test]
async fn a_socket_outlives_its_access_token() {
    let world = World::with(|config| config.access_token_s = 1).await;
    let address = node(&world.platform).await;
    let token = world.login("alice@demo").await;
    let mut alice = Client::qss(address, &token).await;
    let mut wapi = Client::wapi(address, &token).await;
    let ended = tokio::time::timeout(PATIENCE, async {
        while world.get("/sapi/users", &token).await.status != 401 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    ended.await.expect("a token of one second ends");
    alice.done("createRoom", json!({})).await;
    assert_eq!(wapi.rest("GET", "/users", None).await["status"], 200);
}

#[tokio::test]
async fn a_silent_socket_closes_with_4408_and_one_that_answers_pings_stays() {
    let world = World::with(|config| {
        config.signaling.sockets.ping_interval = Duration::from_millis(100);
        config.signaling.sockets.idle_timeout = Duration::from_millis(700);
    })
    .await;
    let address = node(&world.platform).await;
    let token = world.login("alice@demo").await;
    let mut lively = Client::qss(address, &token).await;
    let half_open = Client::qss(address, &world.login("bob@demo").await).await;
    // Reading answers pings; who does not read does not.
    let until = tokio::time::Instant::now() + PATIENCE;
    while !world.with_headers("GET", "/metrics", None, None, &[]).await.text.contains("reason=\"idle\"") {
        lively.listen(Duration::from_millis(50)).await;
        assert!(tokio::time::Instant::now() < until, "nobody was found silent");
    }
    lively.done("currentInvitations", json!({})).await;
    let mut half_open = half_open;
    assert_eq!(half_open.closed().await, 4408);
}

#[tokio::test]
async fn a_reader_that_is_too_slow_closes_with_4409() {
    let world = World::with(|config| {
        config.signaling.sockets.send_queue_notices = 8;
        config.signaling.sockets.requests_per_second = 100_000;
        config.signaling.sockets.requests_burst = 100_000;
    })
    .await;
    let address = narrow_node(&world.platform).await;
    let mut alice = Client::qss(address, &world.login("alice@demo").await).await;
    // Bob's buffers are small, and he does not read.
    let mut bob = Client::slow(address, &world.login("bob@demo").await).await;
    let room = alice.done("createRoom", json!({})).await["id"].clone();
    let context = json!({ "filler": "x".repeat(3_000) });
    let media = json!({ "audio": true, "video": false });
    for _ in 0..30 {
        let invite = json!({ "to": "bob", "roomId": room, "mediatypes": media, "context": context });
        let id = alice.done("invite", invite).await["inviteId"].clone();
        alice.done("cancel", json!({ "inviteId": id })).await;
    }
    assert_eq!(bob.closed().await, 4409);
    // Alice has noticed nothing of it.
    alice.done("currentInvitations", json!({})).await;
}

#[tokio::test]
async fn too_many_requests_close_with_4429() {
    let world = World::start().await;
    let address = node(&world.platform).await;
    let mut alice = Client::qss(address, &world.login("alice@demo").await).await;
    for n in 0..400 {
        let id = n.to_string();
        alice.send_json(json!({ "request": "currentInvitations", "requestID": id, "payload": {} })).await;
    }
    assert_eq!(alice.closed().await, 4429);
}

#[tokio::test]
async fn a_node_that_stops_closes_with_1012() {
    let world = World::start().await;
    let address = node(&world.platform).await;
    let mut alice = Client::qss(address, &world.login("alice@demo").await).await;
    let mut wapi = Client::wapi(address, &world.login("bob@demo").await).await;
    let platform = world.platform.clone();
    let stopping = tokio::spawn(async move { platform.stop_node().await });
    assert_eq!((alice.closed().await, wapi.closed().await), (1012, 1012));
    stopping.await.unwrap();
}

#[tokio::test]
async fn a_goodbye_is_answered() {
    let world = World::start().await;
    let address = node(&world.platform).await;
    let alice = Client::qss(address, &world.login("alice@demo").await).await;
    let goodbye = tokio::time::timeout(Duration::from_secs(2), alice.goodbye());
    goodbye.await.expect("at once");
}

#[tokio::test]
async fn who_has_moved_to_another_domain_is_told_nothing_more_of_the_old_one_and_gets_4403() {
    let world = World::start().await;
    let address = node(&world.platform).await;
    let token = world.login("alice@demo").await;
    let (mut calls, mut resources) = (Client::qss(address, &token).await, Client::wapi(address, &token).await);
    calls.done("currentInvitations", json!({})).await;
    let admin = world.login("admin").await;
    let path = format!("/sapi/users/{}", world.alice);
    world.call("PATCH", &path, &admin, Some(json!({ "domain": "quobis" }))).await.expect(200);
    calls.send_json(json!({ "request": "currentInvitations", "requestID": "r", "payload": {} })).await;
    assert_eq!(calls.closed().await, 4403);
    resources.send_json(json!({ "id": "r", "method": "GET", "url": "/users" })).await;
    assert_eq!(resources.closed().await, 4403);
}
