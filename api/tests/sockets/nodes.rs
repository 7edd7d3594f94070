//! Several nodes on one log.

use std::time::Duration;

use serde_json::json;
use wac_commands::node::StopNode;
use wac_events::node::NodeEnd;

use crate::client::{Client, PATIENCE, node};
use crate::harness::World;

#[tokio::test]
async fn a_call_crosses_nodes() {
    let world = World::start().await;
    let one = node(&world.platform).await;
    let another = node(&world.another_node(|_| {})).await;
    let mut alice = Client::qss(one, &world.login("alice@demo").await).await;
    let mut bob = Client::qss(another, &world.login("bob@demo").await).await;
    let room = alice.done("createRoom", json!({})).await["id"].clone();
    let media = json!({ "audio": true, "video": true });
    alice.done("invite", json!({ "to": "bob", "roomId": room, "mediatypes": media, "context": {} })).await;
    let id = bob.notice("invite").await["inviteId"].clone();
    bob.done("accept", json!({ "inviteId": id })).await;
    assert_eq!(alice.notice("inviteAccepted").await["whoAccepted"], world.bob.as_str());
    alice.done("closeRoom", json!({ "roomId": room })).await;
    assert_eq!(bob.notice("roomClosed").await["roomId"], room);
}

#[tokio::test]
async fn a_session_that_ends_elsewhere_ends_here() {
    let world = World::start().await;
    let other = node(&world.another_node(|_| {})).await;
    node(&world.platform).await;
    let token = world.login("alice@demo").await;
    let mut alice = Client::qss(other, &token).await;
    world.call("POST", "/sapi/o/revoke", &token, Some(json!({ "token": token }))).await;
    assert_eq!(alice.closed().await, 4401);
}

#[tokio::test]
async fn a_node_given_up_by_the_others_goes_on_under_a_new_id() {
    let world = World::start().await;
    let address = node(&world.platform).await;
    let mut alice = Client::qss(address, &world.login("alice@demo").await).await;
    let old = world.platform.node_id();
    let devices_kept = Duration::from_secs(10);
    world.execute(&StopNode { id: old.clone(), reason: NodeEnd::Lost, devices_kept }).await;
    let user = wac_events::UserId::from(world.alice.as_str());
    let until = tokio::time::Instant::now() + PATIENCE;
    loop {
        let loaded = world.platform.handler.load(&[user.presence_stream()]).await.unwrap();
        let device = loaded.presence(&user).devices.values().next().cloned().unwrap();
        if device.node != old {
            assert_eq!((device.node, device.ringable), (world.platform.node_id(), true));
            break;
        }
        assert!(tokio::time::Instant::now() < until, "the device stayed with the old node");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    alice.done("createRoom", json!({})).await;
    let bob = Client::qss(address, &world.login("bob@demo").await).await;
    assert_eq!(bob.hello["node"], world.platform.node_id().as_str());
}

#[tokio::test]
async fn a_device_with_sockets_on_two_nodes_rings_where_it_signals() {
    let world = World::start().await;
    let one = node(&world.platform).await;
    let other = world.another_node(|_| {});
    let another = node(&other).await;
    let token = world.login("alice@demo").await;
    let _qss = Client::qss(one, &token).await;
    let _wapi = Client::wapi(another, &token).await;
    let user = wac_events::UserId::from(world.alice.as_str());
    let until = tokio::time::Instant::now() + PATIENCE;
    loop {
        let loaded = world.platform.handler.load(&[user.presence_stream()]).await.unwrap();
        let device = loaded.presence(&user).devices.values().next().cloned().unwrap();
        if device.ringable && device.node == world.platform.node_id() && loaded.presence(&user).version >= 6 {
            break;
        }
        assert!(tokio::time::Instant::now() < until, "{device:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
