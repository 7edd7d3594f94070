//! Calls between sockets.

use serde_json::json;

use crate::client::{Client, node};
use crate::harness::World;

const AUDIO: fn() -> serde_json::Value = || json!({ "audio": true, "video": false });

#[tokio::test]
async fn a_call_rings_is_accepted_and_both_are_in_the_room() {
    let world = World::start().await;
    let address = node(&world.platform).await;
    let mut alice = Client::qss(address, &world.login("alice@demo").await).await;
    let mut bob = Client::qss(address, &world.login("bob@demo").await).await;
    let room = alice.done("createRoom", json!({})).await["id"].clone();
    let sent = alice
        .done("invite", json!({ "to": "bob", "roomId": room, "mediatypes": AUDIO(), "context": { "topic": "x" } }))
        .await;
    let rings = bob.notice("invite").await;
    assert_eq!((&rings["inviteId"], &rings["from"]), (&sent["inviteId"], &json!(world.alice)));
    assert_eq!(rings["context"]["topic"], "x");
    let accepted = bob.done("accept", json!({ "inviteId": rings["inviteId"] })).await;
    assert_eq!(accepted["id"], room);
    let told = alice.notice("inviteAccepted").await;
    assert_eq!(told["whoAccepted"], world.bob.as_str());
    let list = alice.done("listParticipants", json!({ "roomId": room })).await;
    assert_eq!(list["participants"].as_array().unwrap().len(), 2);
    bob.done("leaveRoom", json!({ "roomId": room })).await;
    let left = alice.notice("participantLeft").await;
    assert_eq!((&left["userId"], &left["reason"]), (&json!(world.bob), &json!("left")));
}

#[tokio::test]
async fn every_device_rings_and_the_first_to_accept_wins() {
    let world = World::start().await;
    let address = node(&world.platform).await;
    let mut alice = Client::qss(address, &world.login("alice@demo").await).await;
    let mut phone = Client::qss(address, &world.login("bob@demo").await).await;
    let mut laptop = Client::qss(address, &world.login("bob@demo").await).await;
    let room = alice.done("createRoom", json!({})).await["id"].clone();
    alice.done("invite", json!({ "to": "bob", "roomId": room, "mediatypes": AUDIO(), "context": {} })).await;
    let id = phone.notice("invite").await["inviteId"].clone();
    assert_eq!(laptop.notice("invite").await["inviteId"], id);
    laptop.done("accept", json!({ "inviteId": id })).await;
    assert_eq!(phone.notice("inviteStopped").await["reason"], "accepted");
    let late = phone.ask("accept", json!({ "inviteId": id })).await;
    assert!(late["errorCode"].is_number(), "{late}");
    assert!(!laptop.heard().await.contains(&"inviteStopped".to_owned()), "the winner is told by its answer alone");
}

#[tokio::test]
async fn a_device_that_comes_while_it_rings_rings_too() {
    let world = World::start().await;
    let address = node(&world.platform).await;
    let mut alice = Client::qss(address, &world.login("alice@demo").await).await;
    let mut phone = Client::qss(address, &world.login("bob@demo").await).await;
    let room = alice.done("createRoom", json!({})).await["id"].clone();
    alice.done("invite", json!({ "to": "bob", "roomId": room, "mediatypes": AUDIO(), "context": {} })).await;
    let id = phone.notice("invite").await["inviteId"].clone();
    let mut laptop = Client::qss(address, &world.login("bob@demo").await).await;
    let pending = laptop.done("currentInvitations", json!({})).await;
    assert_eq!(pending["payload"]["currentInvitations"][0]["inviteId"], id, "{pending}");
}

#[tokio::test]
async fn a_decline_and_a_cancel_reach_the_other_side() {
    let world = World::start().await;
    let address = node(&world.platform).await;
    let mut alice = Client::qss(address, &world.login("alice@demo").await).await;
    let mut bob = Client::qss(address, &world.login("bob@demo").await).await;
    let room = alice.done("createRoom", json!({})).await["id"].clone();
    let invite = json!({ "to": "bob", "roomId": room, "mediatypes": AUDIO(), "context": {} });
    alice.done("invite", invite.clone()).await;
    let id = bob.notice("invite").await["inviteId"].clone();
    bob.done("decline", json!({ "inviteId": id })).await;
    assert_eq!(alice.notice("inviteDeclined").await, json!({ "inviteId": id, "errorCode": 603 }));
    let id = alice.done("invite", invite).await["inviteId"].clone();
    assert_eq!(bob.notice("invite").await["inviteId"], id);
    alice.done("cancel", json!({ "inviteId": id })).await;
    assert_eq!(bob.notice("inviteCancelled").await, json!({ "inviteId": id, "errorCode": 487 }));
}

#[tokio::test]
async fn who_has_no_device_is_not_there() {
    let world = World::start().await;
    let address = node(&world.platform).await;
    let mut alice = Client::qss(address, &world.login("alice@demo").await).await;
    let room = alice.done("createRoom", json!({})).await["id"].clone();
    let sent = alice.done("invite", json!({ "to": "bob", "roomId": room, "mediatypes": AUDIO(), "context": {} })).await;
    let ended = alice.notice("inviteEnded").await;
    assert_eq!(ended, json!({ "inviteId": sent["inviteId"], "errorCode": 404 }));
    let unknown =
        alice.ask("invite", json!({ "to": "nobody", "roomId": room, "mediatypes": AUDIO(), "context": {} })).await;
    assert_eq!(unknown["errorCode"], 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_devices_that_open_rooms_at_once_one_does_where_one_call_is_enough() {
    let world = World::with(|config| config.signaling.rooms.not_in_a_call = true).await;
    let address = node(&world.platform).await;
    let mut phone = Client::qss(address, &world.login("alice@demo").await).await;
    let mut laptop = Client::qss(address, &world.login("alice@demo").await).await;
    for round in 0..20 {
        let rooms = tokio::join!(phone.ask("createRoom", json!({})), laptop.ask("createRoom", json!({})));
        let answers = [rooms.0, rooms.1];
        let refused = |answer: &&serde_json::Value| answer["error"]["code"] == "in_a_call";
        assert_eq!(answers.iter().filter(refused).count(), 1, "{round}: {answers:?}");
        let open = answers.iter().position(|answer| answer["id"].is_string()).unwrap();
        let device = [&mut phone, &mut laptop].into_iter().nth(open).unwrap();
        device.done("leaveRoom", json!({ "roomId": answers[open]["id"] })).await;
    }
}

#[tokio::test]
async fn a_repeated_request_gets_the_first_answer_and_another_one_under_its_id_is_refused() {
    let world = World::start().await;
    let address = node(&world.platform).await;
    let mut alice = Client::qss(address, &world.login("alice@demo").await).await;
    let first = alice.ask_as("again", "createRoom", json!({})).await;
    let second = alice.ask_as("again", "createRoom", json!({})).await;
    assert_eq!(first["id"], second["id"]);
    let other = alice.ask_as("again", "createRoom", json!({ "record": true })).await;
    assert_eq!(other["errorCode"], 422);
}
