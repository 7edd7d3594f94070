use std::time::Duration;

use serde_json::{Value, json};
use wac_signaling::Settings;

use crate::harness::*;

#[tokio::test]
async fn the_creator_sits_in_his_room_and_is_told_all_of_it() {
    let platform = Platform::new().await;
    let alice = platform.device("alice", "a1").await;
    let room = platform.done(&alice, "createRoom", json!({ "record": true, "acl": ["bob", "wac-user:carol"] })).await;
    assert_eq!(room["owner"], "alice");
    assert_eq!(room["record"], true);
    assert_eq!(room["acl"], json!(["bob", "carol", "alice"]));
    assert_eq!(room["participants"], json!(["alice"]));
    assert_eq!(room["participantsLimit"], 100);
    assert_eq!(room["uuid"].as_str().unwrap().len(), 64);
    assert_eq!(room["room"], room["uuid"]);
    assert_eq!(room["server"], json!({}));
    assert_eq!(room["ice"], json!([]));
    assert_eq!(room["media"]["available"], false);
    let named = ["number", "sipUri", "bitrate", "token", "timestamp", "serverUuid"];
    assert!(named.iter().all(|field| room.get(field).is_some()), "{room}");
}

#[tokio::test]
async fn who_is_on_the_access_list_joins_and_the_others_hear_of_it() {
    let platform = Platform::new().await;
    let (alice, alice2) = (platform.device("alice", "a1").await, platform.device("alice", "a2").await);
    let (bob, carol) = (platform.device("bob", "b1").await, platform.device("carol", "c1").await);
    let room = text(&platform.done(&alice, "createRoom", json!({ "acl": ["bob"] })).await["id"]);
    let before = platform.head().await;
    let joined = platform.done(&bob, "joinRoom", json!({ "roomId": room })).await;
    assert_eq!(joined["participants"], json!(["alice", "bob"]));
    assert_eq!(platform.refused(&carol, "joinRoom", json!({ "roomId": room })).await, (403, "not_allowed".to_owned()));
    for device in [&alice, &alice2] {
        assert_eq!(platform.heard(device, before).await, ["participantJoined"]);
    }
    assert!(platform.heard(&bob, before).await.is_empty(), "a device is not told of what it did itself");
    let listed = platform.done(&bob, "listParticipants", json!({ "roomId": room })).await;
    let muted = json!({ "audio": false, "video": false });
    let alone = |user: &str, owner: bool| json!({ "userId": user, "owner": owner, "held": false, "muted": muted, "devices": 1 });
    assert_eq!(listed["participants"], json!([alone("alice", true), alone("bob", false)]));
}

#[tokio::test]
async fn who_sits_in_a_room_joins_it_again_as_often_as_he_likes_but_is_neither_invited_nor_let_in_again() {
    let platform = Platform::new().await;
    let (alice, bob) = (platform.device("alice", "a1").await, platform.device("bob", "b1").await);
    let room = text(&platform.done(&alice, "createRoom", json!({ "acl": ["bob"] })).await["id"]);
    let ring = platform.invite(&alice, &room, "bob").await;
    platform.done(&bob, "joinRoom", json!({ "roomId": room })).await;
    let head = platform.head().await;
    for peer in [&alice, &bob] {
        let again = platform.done(peer, "joinRoom", json!({ "roomId": room })).await;
        assert_eq!((&again["participants"], again.get("position")), (&json!(["alice", "bob"]), None));
    }
    let joined = (409, "ALREADY_JOINED".to_owned());
    assert_eq!(platform.refused(&bob, "accept", json!({ "inviteId": ring })).await, joined);
    assert_eq!(platform.refused(&alice, "invite", json!({ "to": "bob", "roomId": room })).await, joined);
    assert_eq!(platform.refused(&alice, "callTransfer", json!({ "to": "bob", "roomId": room })).await, joined);
    assert_eq!(platform.head().await, head, "none of this changes anything");
    let second = platform.device("bob", "b2").await;
    let other = platform.done(&second, "joinRoom", json!({ "roomId": room })).await;
    assert!(other["position"].is_u64(), "another device takes a seat of its own");
}

#[tokio::test]
async fn a_dry_run_says_what_would_come_of_it_and_changes_nothing() {
    let platform = Platform::new().await;
    let (alice, bob) = (platform.device("alice", "a1").await, platform.device("bob", "b1").await);
    let room = platform.room(&alice).await;
    let head = platform.head().await;
    let would = platform.done(&alice, "updateRoom", json!({ "roomId": room, "record": true, "dryRun": true })).await;
    assert_eq!((&would["record"], would.get("position")), (&json!(true), None));
    assert_eq!(platform.head().await, head);
    let refused = platform.refused(&bob, "updateRoom", json!({ "roomId": room, "record": true, "dryRun": true })).await;
    assert_eq!(refused, (403, "not_allowed".to_owned()));
    let updated = platform.done(&alice, "updateRoom", json!({ "roomId": room, "record": true, "acl": ["bob"] })).await;
    assert_eq!((&updated["record"], &updated["acl"]), (&json!(true), &json!(["bob"])));
}

#[tokio::test]
async fn who_leaves_is_missed_and_the_eldest_follows_the_owner() {
    let platform = Platform::new().await;
    let (alice, bob) = (platform.device("alice", "a1").await, platform.device("bob", "b1").await);
    let room = platform.call(&alice, &bob).await;
    let before = platform.head().await;
    platform.done(&alice, "leaveRoom", json!({ "roomId": room })).await;
    assert_eq!(platform.heard(&bob, before).await, ["participantLeft", "roomUpdated"]);
    assert!(platform.heard(&alice, before).await.is_empty());
    let left = &platform.frames(&bob, before).await[0]["payload"]["payload"];
    assert_eq!(*left, json!({ "roomId": room, "userId": "alice", "reason": "left" }));
    let listed = platform.done(&bob, "listParticipants", json!({ "roomId": room })).await;
    assert_eq!(listed["participants"][0]["owner"], true);
}

#[tokio::test]
async fn everybody_is_told_once_when_a_room_is_closed() {
    let platform = Platform::new().await;
    let alice = platform.device("alice", "a1").await;
    let (bob, carol) = (platform.device("bob", "b1").await, platform.device("carol", "c1").await);
    let room = text(&platform.done(&alice, "createRoom", json!({ "acl": ["bob", "carol"] })).await["id"]);
    for peer in [&bob, &carol] {
        platform.done(peer, "joinRoom", json!({ "roomId": room })).await;
    }
    assert_eq!(platform.refused(&bob, "closeRoom", json!({ "roomId": room })).await.0, 403);
    let before = platform.head().await;
    platform.done(&alice, "closeRoom", json!({ "roomId": room })).await;
    for peer in [&bob, &carol] {
        let frames = platform.frames(peer, before).await;
        assert_eq!(frames.len(), 1, "{frames:?}");
        assert_eq!(frames[0]["payload"]["payload"], json!({ "roomId": room, "reason": "closed" }));
    }
    assert!(platform.heard(&alice, before).await.is_empty());
    let pushes: Vec<_> = platform.told(before).await.into_iter().filter(|notice| notice.is_push()).collect();
    assert_eq!(pushes.len(), 1);
    let entry: Value = serde_json::from_str(&pushes[0].text(&BASE.into())).unwrap();
    assert_eq!((&entry["method"], &entry["url"]), (&json!("POST"), &json!("/conferences")));
    assert_eq!((&entry["body"]["roomId"], &entry["body"]["state"]), (&json!(room), &json!("finished")));
    assert!(pushes[0].to.reaches(&"alice".into(), &"a1".into()));
    assert_eq!(platform.refused(&bob, "joinRoom", json!({ "roomId": room })).await, (404, "room_not_found".to_owned()));
}

#[tokio::test]
async fn holding_and_muting_are_seen_and_who_is_muted_is_asked() {
    let platform = Platform::new().await;
    let (alice, bob) = (platform.device("alice", "a1").await, platform.device("bob", "b1").await);
    let carol = platform.device("carol", "c1").await;
    let room = platform.call(&alice, &bob).await;
    platform.done(&alice, "updateRoom", json!({ "roomId": room, "acl": ["carol"] })).await;
    platform.done(&carol, "joinRoom", json!({ "roomId": room })).await;
    let before = platform.head().await;
    platform.done(&bob, "hold", json!({ "roomId": room })).await;
    platform.done(&bob, "unhold", json!({ "roomId": room })).await;
    platform.done(&bob, "mute", json!({ "roomId": room, "media": "audio", "muted": true })).await;
    assert_eq!(platform.heard(&alice, before).await, ["participantHeld", "participantUnheld", "participantMuted"]);
    let before = platform.head().await;
    let mute = json!({ "roomId": room, "to": "bob", "media": "video", "muted": true });
    assert_eq!(platform.refused(&carol, "muteParticipant", mute.clone()).await.0, 403);
    platform.done(&alice, "muteParticipant", mute).await;
    let asked = platform.frames(&bob, before).await;
    assert_eq!(asked[0]["payload"]["eventName"], "mute-request");
    let payload = json!({ "media": "video", "muted": true, "roomId": room, "to": "bob" });
    assert_eq!(asked[0]["payload"]["payload"], payload);
    assert_eq!(platform.heard(&carol, before).await, ["participantMuted"]);
    assert_eq!(asked.len(), 1, "one notice for one event");
}

#[tokio::test]
async fn who_is_expelled_is_told_and_off_the_list() {
    let platform = Platform::new().await;
    let (alice, bob) = (platform.device("alice", "a1").await, platform.device("bob", "b1").await);
    let room = platform.call(&alice, &bob).await;
    let before = platform.head().await;
    platform.done(&alice, "expelParticipant", json!({ "roomId": room, "userId": "bob" })).await;
    let frames = platform.frames(&bob, before).await;
    assert_eq!(frames[0]["payload"]["payload"]["reason"], "expelled");
    assert_eq!(platform.refused(&bob, "joinRoom", json!({ "roomId": room })).await.0, 403);
}

#[tokio::test]
async fn an_administrator_may_what_an_owner_may() {
    let platform = Platform::new().await;
    let (alice, bob) = (platform.device("alice", "a1").await, platform.device("bob", "b1").await);
    let root = platform.device("root", "r1").await;
    let room = platform.call(&alice, &bob).await;
    platform.done(&root, "listParticipants", json!({ "roomId": room })).await;
    platform.done(&root, "expelParticipant", json!({ "roomId": room, "userId": "bob" })).await;
    platform.done(&root, "closeRoom", json!({ "roomId": room })).await;
}

#[tokio::test]
async fn a_room_of_another_domain_does_not_exist_until_one_is_invited() {
    let platform = Platform::new().await;
    let (alice, dave) = (platform.device("alice", "a1").await, platform.device("dave", "d1").await);
    let room = platform.room(&alice).await;
    let foreign = format!("{room}@{BASE}");
    for request in ["joinRoom", "listParticipants", "closeRoom", "leaveRoom", "hold"] {
        let refused = platform.refused(&dave, request, json!({ "roomId": foreign })).await;
        assert_eq!(refused, (404, "room_not_found".to_owned()), "{request}");
    }
    let before = platform.head().await;
    let invite = platform.invite(&alice, &room, "dave@other.example").await;
    assert_eq!(platform.frames(&dave, before).await[0]["payload"]["payload"]["roomId"], foreign.as_str());
    let accepted = platform.done(&dave, "accept", json!({ "inviteId": invite })).await;
    assert_eq!(accepted["id"], foreign.as_str());
    platform.done(&dave, "hold", json!({ "roomId": foreign })).await;
    assert_eq!(platform.refused(&dave, "closeRoom", json!({ "roomId": foreign })).await.0, 403);
}

#[tokio::test]
async fn a_quick_conference_opens_for_the_first_and_lets_the_others_in() {
    let platform = Platform::new().await;
    let (alice, bob) = (platform.device("alice", "a1").await, platform.device("bob", "b1").await);
    let uri = format!("wac-conf{}", "7".repeat(20));
    let first = platform.done(&alice, "joinQuickConference", json!({ "uri": uri })).await;
    assert_eq!(first["id"], uri.as_str());
    let second = platform.done(&bob, "joinQuickConference", json!({ "uri": uri })).await;
    assert_eq!(second["participants"], json!(["alice", "bob"]));
    assert_eq!(second["uuid"], first["uuid"]);
    let refused = platform.refused(&bob, "joinQuickConference", json!({ "uri": "wac-conf1" })).await;
    assert_eq!(refused, (404, "room_not_found".to_owned()));
    for peer in [&alice, &bob] {
        platform.done(peer, "leaveRoom", json!({ "roomId": uri })).await;
    }
    let again = platform.done(&bob, "joinQuickConference", json!({ "uri": uri })).await;
    assert_ne!(again["uuid"], first["uuid"], "a new opening");
}

#[tokio::test]
async fn a_room_may_be_known_by_its_creators_name() {
    let mut settings = Settings::default();
    settings.rooms.user_id_as_room_id = true;
    let platform = Platform::with(settings).await;
    let (alice, bob) = (platform.device("alice", "a1").await, platform.device("bob", "b1").await);
    let room = platform.done(&alice, "createRoom", json!({ "acl": ["bob"] })).await;
    assert_eq!(room["id"], "alice");
    platform.done(&bob, "joinRoom", json!({ "roomId": "alice" })).await;
    assert_eq!(platform.refused(&alice, "createRoom", json!({})).await, (409, "room_open".to_owned()));
}

#[tokio::test]
async fn who_is_in_a_call_opens_no_other_room_where_that_is_forbidden() {
    let mut settings = Settings::default();
    settings.rooms.not_in_a_call = true;
    let platform = Platform::with(settings).await;
    let alice = platform.device("alice", "a1").await;
    let room = platform.room(&alice).await;
    assert_eq!(platform.refused(&alice, "createRoom", json!({})).await, (409, "in_a_call".to_owned()));
    platform.done(&alice, "leaveRoom", json!({ "roomId": room })).await;
    platform.wait(Duration::from_secs(1));
    platform.room(&alice).await;
}

#[tokio::test]
async fn a_device_without_a_socket_takes_no_seat() {
    let platform = Platform::new().await;
    let asleep = platform.session("alice", "a1").await;
    assert_eq!(platform.refused(&asleep, "createRoom", json!({})).await, (409, "device_not_registered".to_owned()));
}
