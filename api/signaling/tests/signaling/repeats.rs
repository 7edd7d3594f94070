use serde_json::{Value, json};
use wac_signaling::Peer;

use crate::harness::*;

/// The same request again, and once more from another device: nothing happens, and the answer is the first one.
async fn twice(platform: &Platform, peer: &Peer, id: &str, request: &str, payload: Value) -> Value {
    let first = platform.ask_as(peer, id, request, payload.clone()).await;
    assert!(first.get("errorCode").is_none(), "{request}: {first}");
    let head = platform.head().await;
    assert_eq!(platform.ask_as(peer, id, request, payload).await, first, "{request}");
    assert_eq!(platform.head().await, head, "{request} happens once");
    first
}

#[tokio::test]
async fn every_request_sent_again_happens_once_and_is_answered_alike() {
    let platform = Platform::new().await;
    let (alice, bob) = (platform.device("alice", "a1").await, platform.device("bob", "b1").await);
    let carol = platform.device("carol", "c1").await;
    let room = text(&twice(&platform, &alice, "1", "createRoom", json!({})).await["id"]);
    twice(&platform, &alice, "2", "updateRoom", json!({ "roomId": room, "acl": ["alice", "bob"] })).await;
    twice(&platform, &bob, "1", "joinRoom", json!({ "roomId": room })).await;
    twice(&platform, &bob, "2", "hold", json!({ "roomId": room })).await;
    twice(&platform, &bob, "3", "unhold", json!({ "roomId": room })).await;
    twice(&platform, &bob, "4", "mute", json!({ "roomId": room, "media": "audio", "muted": true })).await;
    let mute = json!({ "roomId": room, "to": "bob", "media": "video", "muted": true });
    twice(&platform, &alice, "3", "muteParticipant", mute).await;
    let sent = twice(&platform, &alice, "4", "invite", json!({ "to": "carol", "roomId": room })).await;
    twice(&platform, &alice, "5", "cancel", json!({ "inviteId": sent["inviteId"] })).await;
    let sent = twice(&platform, &alice, "6", "invite", json!({ "to": ["carol"], "roomId": room })).await;
    twice(&platform, &carol, "1", "decline", json!({ "inviteId": sent["invites"][0]["inviteId"] })).await;
    let sent = twice(&platform, &alice, "7", "invite", json!({ "to": "carol", "roomId": room })).await;
    twice(&platform, &carol, "2", "accept", json!({ "inviteId": sent["inviteId"] })).await;
    twice(&platform, &alice, "8", "expelParticipant", json!({ "roomId": room, "userId": "carol" })).await;
    let transfer = twice(&platform, &alice, "9", "callTransfer", json!({ "to": "carol", "roomId": room })).await;
    let transfer = json!({ "callTransferId": transfer["callTransferId"] });
    twice(&platform, &bob, "5", "declineTransfer", transfer).await;
    let uri = format!("wac-conf{}", "1".repeat(20));
    twice(&platform, &alice, "10", "joinQuickConference", json!({ "uri": uri })).await;
    twice(&platform, &carol, "3", "joinQuickConference", json!({ "uri": uri })).await;
    let payload = json!({ "roomId": room, "targetRoomId": uri });
    let transfer = twice(&platform, &alice, "11", "attendedTransfer", payload).await;
    let transfer = json!({ "callTransferId": transfer["callTransferId"] });
    twice(&platform, &bob, "6", "acceptTransfer", transfer).await;
    twice(&platform, &bob, "7", "leaveRoom", json!({ "roomId": uri })).await;
    let room = text(&twice(&platform, &alice, "12", "createRoom", json!({})).await["id"]);
    twice(&platform, &alice, "13", "closeRoom", json!({ "roomId": room })).await;
    twice(&platform, &alice, "14", "inviteRequest", json!({ "to": "bob" })).await;
}

#[tokio::test]
async fn another_content_under_the_same_id_is_refused() {
    let platform = Platform::new().await;
    let (alice, bob) = (platform.device("alice", "a1").await, platform.device("bob", "b1").await);
    platform.ask_as(&alice, "1", "createRoom", json!({})).await;
    let other = platform.ask_as(&alice, "1", "createRoom", json!({ "record": true })).await;
    assert_eq!((&other["errorCode"], &other["error"]["code"]), (&json!(422), &json!("idempotency_mismatch")));
    let another = platform.ask_as(&alice, "1", "joinQuickConference", json!({ "uri": "none" })).await;
    assert_eq!(another["errorCode"], 422);
    let room = platform.ask_as(&bob, "1", "createRoom", json!({ "record": true })).await;
    assert_eq!(room["owner"], "bob", "ids belong to their user");
}

#[tokio::test]
async fn a_refusal_is_decided_again() {
    let platform = Platform::new().await;
    let (alice, bob) = (platform.device("alice", "a1").await, platform.device("bob", "b1").await);
    let room = platform.room(&alice).await;
    let join = json!({ "roomId": room });
    assert_eq!(platform.ask_as(&bob, "1", "joinRoom", join.clone()).await["errorCode"], 403);
    platform.done(&alice, "updateRoom", json!({ "roomId": room, "acl": ["bob"] })).await;
    let joined = platform.ask_as(&bob, "1", "joinRoom", join).await;
    assert_eq!(joined["participants"], json!(["alice", "bob"]));
}

#[tokio::test]
async fn an_answer_given_again_is_the_answer_of_then() {
    let platform = Platform::new().await;
    let (alice, bob) = (platform.device("alice", "a1").await, platform.device("bob", "b1").await);
    let first = platform.ask_as(&alice, "1", "createRoom", json!({ "acl": ["bob"] })).await;
    platform.done(&bob, "joinRoom", json!({ "roomId": first["id"] })).await;
    assert_eq!(platform.ask_as(&alice, "1", "createRoom", json!({ "acl": ["bob"] })).await, first);
}
