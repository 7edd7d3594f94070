use serde_json::json;
use wac_events::Position;

use crate::harness::*;

#[tokio::test]
async fn a_blind_transfer_ends_with_party_and_target_together() {
    let platform = Platform::new().await;
    let (alice, bob) = (platform.device("alice", "a1").await, platform.device("bob", "b1").await);
    let carol = platform.device("carol", "c1").await;
    let room = platform.call(&alice, &bob).await;
    let before = platform.head().await;
    let payload = json!({ "to": "carol", "roomId": room, "mediaTypes": { "audio": true, "video": false } });
    let transfer = text(&platform.done(&alice, "callTransfer", payload).await["callTransferId"]);
    let frames = platform.frames(&bob, before).await;
    assert_eq!(frames[0]["payload"]["eventName"], "callTransferStart");
    let start = json!({ "callTransferId": transfer, "mediaTypes": { "audio": true, "video": false }, "roomId": room, "to": "wac-user:carol" });
    assert_eq!(frames[0]["payload"]["payload"], start);
    let refused = platform.refused(&carol, "acceptTransfer", json!({ "callTransferId": transfer })).await;
    assert_eq!(refused, (404, "transfer_not_found".to_owned()));
    platform.done(&bob, "acceptTransfer", json!({ "callTransferId": transfer })).await;
    let ringing = platform.frames(&carol, before).await;
    assert_eq!(ringing[0]["payload"]["payload"]["from"], "bob", "it rings in the name of the party");
    let invite = ringing[0]["payload"]["payload"]["inviteId"].clone();
    let before = platform.head().await;
    let accepted = platform.done(&carol, "accept", json!({ "inviteId": invite })).await;
    assert_eq!(accepted["participants"], json!(["bob", "carol"]));
    for peer in [&alice, &bob] {
        assert!(platform.heard(peer, before).await.contains(&"callTransferCompleted".to_owned()));
    }
}

#[tokio::test]
async fn a_transfer_that_is_refused_leaves_all_as_they_were() {
    let platform = Platform::new().await;
    let (alice, bob) = (platform.device("alice", "a1").await, platform.device("bob", "b1").await);
    let room = platform.call(&alice, &bob).await;
    let transfer = platform.done(&alice, "callTransfer", json!({ "to": "carol", "roomId": room })).await;
    let transfer = transfer["callTransferId"].clone();
    let before = platform.head().await;
    platform.done(&bob, "declineTransfer", json!({ "callTransferId": transfer })).await;
    let frames = platform.frames(&alice, before).await;
    assert_eq!(frames[0]["payload"]["payload"], json!({ "callTransferId": transfer, "errorCode": 603 }));
    let listed = platform.done(&alice, "listParticipants", json!({ "roomId": room })).await;
    assert_eq!(listed["participants"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn the_party_learns_after_its_answer_that_the_target_does_not_ring() {
    let platform = Platform::new().await;
    let (alice, bob) = (platform.device("alice", "a1").await, platform.device("bob", "b1").await);
    let room = platform.call(&alice, &bob).await;
    let transfer = platform.done(&alice, "callTransfer", json!({ "to": "carol", "roomId": room })).await;
    let id = transfer["callTransferId"].clone();
    let agreed = platform.done(&bob, "acceptTransfer", json!({ "callTransferId": id })).await;
    let position = Position(agreed["position"].as_u64().unwrap());
    assert_eq!(platform.heard(&bob, position).await, ["callTransferFailed", "inviteEnded"]);
    assert_eq!(platform.heard(&alice, position).await, ["callTransferFailed"]);
}

#[tokio::test]
async fn an_attended_transfer_moves_the_party_and_frees_the_transferor() {
    let platform = Platform::new().await;
    let (alice, bob) = (platform.device("alice", "a1").await, platform.device("bob", "b1").await);
    let carol = platform.device("carol", "c1").await;
    let (first, second) = (platform.call(&alice, &bob).await, platform.call(&alice, &carol).await);
    let before = platform.head().await;
    let payload = json!({ "roomId": first, "targetRoomId": second });
    let transfer = platform.done(&alice, "attendedTransfer", payload).await["callTransferId"].clone();
    let agreed = platform.done(&bob, "acceptTransfer", json!({ "callTransferId": transfer })).await;
    let listed = platform.done(&carol, "listParticipants", json!({ "roomId": second })).await;
    let people: Vec<_> = listed["participants"].as_array().unwrap().iter().map(|one| text(&one["userId"])).collect();
    assert_eq!(people, ["carol", "bob"]);
    let told = platform.frames(&bob, Position(agreed["position"].as_u64().unwrap())).await;
    let completed = told.iter().find(|frame| frame["payload"]["eventName"] == "callTransferCompleted").unwrap();
    assert_eq!(completed["payload"]["payload"], json!({ "callTransferId": transfer, "roomId": second }));
    assert_told_once(&platform.told(before).await, &[alice, bob, carol]);
}

#[tokio::test]
async fn only_who_sits_with_one_other_person_transfers_him() {
    let platform = Platform::new().await;
    let (alice, bob) = (platform.device("alice", "a1").await, platform.device("bob", "b1").await);
    let room = platform.room(&alice).await;
    let payload = json!({ "to": "carol", "roomId": room });
    assert_eq!(platform.refused(&alice, "callTransfer", payload.clone()).await, (409, "transfer_ambiguous".to_owned()));
    assert_eq!(platform.refused(&bob, "callTransfer", payload).await, (404, "not_a_participant".to_owned()));
}
