//! The way to the media of a room.

use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::{BoxFuture, ready};
use serde_json::json;
use wac_commands::node::{OfferMedia, StopNode};
use wac_commands::room::AssignMedia;
use wac_commands::{Context, Device, Room};
use wac_events::RoomRef;
use wac_events::node::NodeEnd;
use wac_signaling::{MediaDoor, MediaNodes};

use crate::harness::*;

/// The door of whatever node the room has; none of a room without.
struct Doors;

impl MediaNodes for Doors {
    fn door<'a>(&'a self, room: &'a Room, device: &'a Device, _: bool) -> BoxFuture<'a, Result<MediaDoor, String>> {
        let node = room.media_node.as_ref().ok_or_else(|| "no media node is running".to_owned());
        let door = node.map(|node| MediaDoor {
            node: node.to_string(),
            server: [("wss".to_owned(), format!("wss://{node}/media"))].into(),
            token: format!("for {}", device.session),
            ice: Vec::new(),
        });
        ready(door).boxed()
    }
}

fn offers(node: &str) -> OfferMedia {
    let server = [("wss".to_owned(), format!("wss://{node}/media"))].into();
    OfferMedia { id: node.into(), name: node.to_owned(), server, sessions_max: 10 }
}

#[tokio::test]
async fn when_a_rooms_media_node_changes_each_device_in_it_is_told_with_a_token_of_its_own() {
    let mut platform = Platform::new().await;
    platform.signaling = platform.signaling.clone().with_media(Arc::new(Doors));
    let (alice, alice2) = (platform.device("alice", "a1").await, platform.device("alice", "a2").await);
    let bob = platform.device("bob", "b1").await;
    let created = platform.done(&alice, "createRoom", json!({ "acl": ["bob"] })).await;
    assert_eq!(created["media"], json!({ "available": false, "reason": "no media node is running" }));
    platform.done(&bob, "joinRoom", json!({ "roomId": created["id"] })).await;
    for node in ["m1", "m2"] {
        platform.run(&offers(node)).await;
    }
    let room = RoomRef { domain: alice.domain.clone(), id: created["id"].as_str().unwrap().into() };
    let opening = created["uuid"].as_str().unwrap();
    let assign = |node: &str| AssignMedia { room: room.clone(), opening: opening.into(), node: node.into() };

    // The device whose request had the room assigned has it in its answer.
    let before = platform.head().await;
    let ctx = Context { session: Some(bob.session.clone()), ..platform.ctx() };
    platform.handler.execute(&assign("m1"), ctx).await.unwrap();
    assert!(platform.heard(&bob, before).await.is_empty());
    let [told] = &platform.frames(&alice, before).await[..] else { panic!("one notice") };
    let told = &told["payload"];
    assert_eq!((&told["eventName"], &told["payload"]["roomId"]), (&json!("roomUpdated"), &created["id"]));
    assert_eq!(told["payload"]["server"], json!({ "wss": "wss://m1/media" }));
    assert_eq!(told["payload"]["token"], "for a1");
    assert!(platform.heard(&alice2, before).await.is_empty(), "it has no seat");

    let before = platform.head().await;
    let lost = StopNode { id: "m1".into(), reason: NodeEnd::Lost, devices_kept: std::time::Duration::ZERO };
    platform.run(&lost).await;
    platform.run(&assign("m2")).await;
    for (peer, token) in [(&alice, "for a1"), (&bob, "for b1")] {
        let [told] = &platform.frames(peer, before).await[..] else { panic!("one notice") };
        let told = &told["payload"]["payload"];
        assert_eq!((&told["server"]["wss"], &told["token"]), (&json!("wss://m2/media"), &json!(token)));
    }
    let joined = platform.done(&bob, "joinRoom", json!({ "roomId": created["id"] })).await;
    assert_eq!((&joined["serverUuid"], &joined["media"]["available"]), (&json!("m2"), &json!(true)));
}

#[tokio::test]
async fn other_changes_of_a_room_say_nothing_of_its_media() {
    let mut platform = Platform::new().await;
    platform.signaling = platform.signaling.clone().with_media(Arc::new(Doors));
    let (alice, bob) = (platform.device("alice", "a1").await, platform.device("bob", "b1").await);
    let room = platform.call(&alice, &bob).await;
    let before = platform.head().await;
    platform.done(&alice, "updateRoom", json!({ "roomId": room, "record": true })).await;
    let [told] = &platform.frames(&bob, before).await[..] else { panic!("one notice") };
    let told = told["payload"]["payload"].as_object().unwrap();
    assert!(!told.contains_key("server") && !told.contains_key("token"));
}
