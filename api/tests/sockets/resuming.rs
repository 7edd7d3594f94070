//! Who comes back is told what he missed: in order, each once, from any node.

use std::time::Duration;

use serde_json::{Value, json};

use crate::client::{Client, How, narrow_node, node};
use crate::harness::World;

/// Alice in a room with Bob's number, and Bob away; where Bob was, and the room.
async fn bob_misses_calls(world: &World, calls: usize) -> (u64, String) {
    let address = node(&world.platform).await;
    let mut alice = Client::qss(address, &world.login("alice@demo").await).await;
    let token = world.login("bob@demo").await;
    let bob = Client::qss(address, &token).await;
    let position = bob.position;
    bob.cut();
    let room = alice.done("createRoom", json!({})).await["id"].clone();
    let media = json!({ "audio": true, "video": false });
    for _ in 0..calls {
        let invite = json!({ "to": "bob", "roomId": room, "mediatypes": media, "context": {} });
        let id = alice.done("invite", invite).await["inviteId"].clone();
        alice.done("cancel", json!({ "inviteId": id })).await;
    }
    (position, token)
}

#[tokio::test]
async fn missed_notices_come_in_order_each_once_and_then_the_live_ones() {
    let world = World::start().await;
    let (position, token) = bob_misses_calls(&world, 3).await;
    let address = crate::client::serve(wac_api::router(world.platform.clone())).await;
    let mut bob = Client::resume(address, &token, position).await;
    assert_eq!((&bob.hello["resumed"], &bob.hello["position"]), (&json!(true), &json!(position)));
    let missed = bob.heard().await;
    assert_eq!(missed, ["invite", "inviteCancelled", "invite", "inviteCancelled", "invite", "inviteCancelled"]);
    let mut alice = Client::qss(address, &world.login("alice@demo").await).await;
    let room = alice.done("createRoom", json!({})).await["id"].clone();
    let media = json!({ "audio": true, "video": false });
    alice.done("invite", json!({ "to": "bob", "roomId": room, "mediatypes": media, "context": {} })).await;
    bob.notice("invite").await;
    // Again from the middle: nothing at or below the position.
    let seen = bob.position;
    bob.cut();
    let mut bob = Client::resume(address, &token, seen).await;
    assert_eq!(bob.heard().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_node_that_was_not_there_reads_the_log() {
    let world = World::start().await;
    let (position, token) = bob_misses_calls(&world, 2).await;
    let other = world.another_node(|_| {});
    let address = node(&other).await;
    let mut bob = Client::resume(address, &token, position).await;
    assert_eq!(bob.hello["node"], other.node_id().as_str());
    assert_eq!(bob.heard().await, ["invite", "inviteCancelled", "invite", "inviteCancelled"]);
}

#[tokio::test]
async fn too_far_back_closes_with_4410() {
    let world = World::start().await;
    let (position, token) = bob_misses_calls(&world, 1).await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    let other = world.another_node(|config| config.signaling.sockets.resume_window = Duration::from_millis(1));
    let address = node(&other).await;
    let path = format!("/qss?position={position}");
    let mut socket = crate::client::open(address, How::browser(&path, "jt", &token)).await.unwrap();
    assert_eq!(crate::client::close_code(&mut socket).await, 4410);
}

#[tokio::test]
async fn a_position_that_does_not_exist_closes_with_4410() {
    let world = World::start().await;
    let address = node(&world.platform).await;
    let token = world.login("alice@demo").await;
    let mut socket = crate::client::open(address, How::browser("/qss?position=999999", "jt", &token)).await.unwrap();
    assert_eq!(crate::client::close_code(&mut socket).await, 4410);
}

#[tokio::test]
async fn resources_resume_from_memory_or_say_that_they_do_not() {
    let world = World::start().await;
    let address = node(&world.platform).await;
    let token = world.login("alice@demo").await;
    let alice = Client::wapi(address, &token).await;
    let path = format!("/wapi?position={}", alice.position);
    alice.cut();
    let bob = Client::qss(address, &world.login("bob@demo").await).await;
    let mut again = Client::connect(address, How::browser(&path, "wapi", &token)).await;
    assert_eq!(again.hello["resumed"], true);
    let online = again.push(&format!("/presence/{}", bob.user())).await;
    assert_eq!(online["body"]["online"], true);
    let other = node(&world.another_node(|_| {})).await;
    let elsewhere = Client::connect(other, How::browser(&path, "wapi", &token)).await;
    assert_eq!(elsewhere.hello["resumed"], false);
}

/// The numbers of the invitations that were heard.
fn invitations(heard: &[Value]) -> Vec<u64> {
    let invite = |frame: &&Value| frame["payload"]["eventName"] == "invite";
    heard
        .iter()
        .filter(invite)
        .map(|frame| frame["payload"]["payload"]["context"]["number"].as_u64().unwrap())
        .collect()
}

#[tokio::test]
async fn a_node_that_stops_while_somebody_catches_up_tells_him_nothing_beyond_the_gap() {
    let world = World::with(|config| {
        config.signaling.sockets.requests_per_second = 100_000;
        config.signaling.sockets.requests_burst = 100_000;
    })
    .await;
    let address = narrow_node(&world.platform).await;
    let mut alice = Client::qss(address, &world.login("alice@demo").await).await;
    let token = world.login("bob@demo").await;
    let bob = Client::qss(address, &token).await;
    let position = bob.position;
    bob.cut();
    let room = alice.done("createRoom", json!({})).await["id"].clone();
    let invite = async |alice: &mut Client, number: u64| {
        let context = json!({ "number": number, "filler": "x".repeat(3_000) });
        let media = json!({ "audio": true, "video": false });
        let invite = json!({ "to": "bob", "roomId": room, "mediatypes": media, "context": context });
        let id = alice.done("invite", invite).await["inviteId"].clone();
        alice.done("cancel", json!({ "inviteId": id })).await["position"].as_u64().unwrap()
    };
    for number in 0..40 {
        invite(&mut alice, number).await;
    }
    // He comes back, is greeted, and reads no further: what he missed does not go through.
    let mut bob = Client::slow_resume(address, &token, position).await;
    let since = world.platform.log.head().await.unwrap().position;
    let live = invite(&mut alice, 40).await;
    assert!(live > since.0);
    world.platform.closing.cancel();
    assert_eq!(bob.closed().await, 1012);
    assert!(bob.position < live, "told of {live} with a gap before it");
    let mut heard = invitations(&bob.drain());
    assert!(heard.len() < 40, "nothing was held up");
    let other = node(&world.another_node(|_| {})).await;
    let mut bob = Client::resume(other, &token, bob.position).await;
    heard.extend(invitations(&bob.heard_whole().await));
    assert_eq!(heard, (0..=40).collect::<Vec<u64>>());
}

#[tokio::test]
async fn who_comes_without_a_position_begins_at_the_end_of_the_log_even_where_a_node_lags() {
    let world = World::start().await;
    let one = node(&world.platform).await;
    let (lagging, held) = world.lagging_node();
    let another = node(&lagging).await;
    let token = world.login("bob@demo").await;
    Client::qss(another, &token).await.goodbye().await;
    held.send_replace(true);
    let mut alice = Client::qss(one, &world.login("alice@demo").await).await;
    let mut bob = Client::qss(one, &token).await;
    let room = alice.done("createRoom", json!({})).await["id"].clone();
    let media = json!({ "audio": true, "video": false });
    alice.done("invite", json!({ "to": "bob", "roomId": room, "mediatypes": media, "context": {} })).await;
    let id = bob.notice("invite").await["inviteId"].clone();
    let declined = bob.done("decline", json!({ "inviteId": id })).await["position"].as_u64().unwrap();
    bob.cut();
    let mut bob = Client::qss(another, &token).await;
    assert!(bob.position >= declined, "begins at {}, before {declined}", bob.position);
    held.send_replace(false);
    assert_eq!(bob.heard().await, Vec::<String>::new());
}
