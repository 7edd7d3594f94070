//! A session is a device: registered when it arrives, removed when it does not come back.

use std::time::Duration;

use wac_events::{AnyEvent, PresenceEvent, UserId};

use crate::client::{Client, PATIENCE, node};
use crate::harness::World;

/// Wire names of what has happened to a user's devices.
async fn happened(world: &World, user: &str) -> Vec<String> {
    let stream = UserId::from(user).presence_stream();
    let events = world.platform.log.read_stream(&stream, 1, 1_000).await.unwrap();
    let named = events.iter().filter(|event| !event.event_type.contains("log"));
    named.map(|event| event.event_type.trim_start_matches("presence.").to_owned()).collect()
}

async fn happens(world: &World, user: &str, wanted: &[&str]) {
    let until = tokio::time::Instant::now() + PATIENCE;
    loop {
        let seen = happened(world, user).await;
        if seen == wanted {
            return;
        }
        assert!(tokio::time::Instant::now() < until, "{seen:?} instead of {wanted:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn hasty() -> World {
    World::with(|config| {
        config.signaling.rooms.remove_after = Duration::from_millis(400);
        config.signaling.invites.remove_after = Duration::from_millis(400);
    })
    .await
}

/// Longer than a device is waited for that was cut before: one that is cut now is given up.
async fn grace_is_over(world: &World, address: std::net::SocketAddr) {
    let bob = Client::qss(address, &world.login("bob@demo").await).await;
    happens(world, &world.bob, &["device_registered", "online"]).await;
    bob.cut();
    happens(world, &world.bob, &["device_registered", "online", "device_removed", "offline"]).await;
}

#[tokio::test]
async fn a_device_registers_once_and_is_lost_when_it_does_not_come_back() {
    let world = hasty().await;
    let address = node(&world.platform).await;
    let token = world.login("alice@demo").await;
    let first = Client::qss(address, &token).await;
    happens(&world, &world.alice, &["device_registered", "online"]).await;
    let position = first.position;
    first.cut();
    let again = Client::resume(address, &token, position).await;
    grace_is_over(&world, address).await;
    happens(&world, &world.alice, &["device_registered", "online"]).await;
    again.cut();
    happens(&world, &world.alice, &["device_registered", "online", "device_removed", "offline"]).await;
}

#[tokio::test]
async fn a_device_that_starts_over_again_and_again_leaves_no_trace() {
    let world = World::start().await;
    let address = node(&world.platform).await;
    let token = world.login("alice@demo").await;
    for _ in 0..15 {
        Client::qss(address, &token).await.cut();
    }
    let mut wapi = Client::wapi(address, &token).await;
    wapi.rest("GET", "/presence", None).await;
    assert_eq!(happened(&world, &world.alice).await, ["device_registered", "online"]);
}

#[tokio::test]
async fn a_device_that_starts_over_while_it_rings_rings_again() {
    let world = World::start().await;
    let address = node(&world.platform).await;
    let mut alice = Client::qss(address, &world.login("alice@demo").await).await;
    let token = world.login("bob@demo").await;
    let mut bob = Client::qss(address, &token).await;
    let room = alice.done("createRoom", serde_json::json!({})).await["id"].clone();
    let invite = serde_json::json!({ "to": "bob", "roomId": room });
    let id = alice.done("invite", invite).await["inviteId"].clone();
    assert_eq!(bob.notice("invite").await["inviteId"], id);
    bob.cut();
    let mut again = Client::qss(address, &token).await;
    let rings = again.done("currentInvitations", serde_json::json!({})).await;
    assert_eq!(rings["payload"]["currentInvitations"][0]["inviteId"], id);
    again.done("accept", serde_json::json!({ "inviteId": id })).await;
}

#[tokio::test]
async fn several_sockets_of_one_session_are_one_device() {
    let world = hasty().await;
    let address = node(&world.platform).await;
    let token = world.login("alice@demo").await;
    let wapi = Client::wapi(address, &token).await;
    let qss = Client::qss(address, &token).await;
    happens(&world, &world.alice, &["device_registered", "online", "device_registered"]).await;
    wapi.cut();
    grace_is_over(&world, address).await;
    assert!(!happened(&world, &world.alice).await.contains(&"device_removed".to_owned()));
    qss.goodbye().await;
    let wanted = ["device_registered", "online", "device_registered", "device_removed", "offline"];
    happens(&world, &world.alice, &wanted).await;
    let stream = UserId::from(world.alice.as_str()).presence_stream();
    let events = world.platform.log.read_stream(&stream, 1, 100).await.unwrap();
    let removed = events.iter().find(|event| &*event.event_type == "presence.device_removed").unwrap();
    let AnyEvent::Presence(PresenceEvent::DeviceRemoved(removed)) = AnyEvent::decode_recorded(removed).unwrap() else {
        panic!("it is another event");
    };
    assert_eq!(removed.reason, wac_events::presence::DeviceEnd::Closed);
}

#[tokio::test]
async fn the_end_of_the_session_takes_the_device_at_once() {
    let world = hasty().await;
    let address = node(&world.platform).await;
    let token = world.login("alice@demo").await;
    let mut alice = Client::qss(address, &token).await;
    let body = serde_json::json!({ "token": token });
    world.call("POST", "/sapi/o/revoke", &token, Some(body)).await;
    assert_eq!(alice.closed().await, 4401);
    happens(&world, &world.alice, &["device_registered", "online", "device_removed", "offline"]).await;
    grace_is_over(&world, address).await;
    happens(&world, &world.alice, &["device_registered", "online", "device_removed", "offline"]).await;
}

#[tokio::test]
async fn a_session_in_use_lasts_longer() {
    let world = World::with(|config| {
        config.session_s = 2;
        config.signaling.sockets.ping_interval = Duration::from_millis(100);
    })
    .await;
    let address = node(&world.platform).await;
    let mut alice = Client::qss(address, &world.login("alice@demo").await).await;
    let session = wac_events::SessionId::from(alice.hello["sessionId"].as_str().unwrap());
    let expires = async || world.platform.handler.load(&[session.stream()]).await.unwrap().session(&session).expires_at;
    let first = expires().await;
    let until = tokio::time::Instant::now() + PATIENCE;
    while expires().await <= first {
        alice.listen(Duration::from_millis(50)).await;
        assert!(tokio::time::Instant::now() < until, "it was not extended");
    }
}
