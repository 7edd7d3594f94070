//! Alice on one node, Bob on another, and nodes that end.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::audit::audit;
use super::caller::Caller;
use super::nodes::{Deployment, PATIENCE};

/// What a node's death may take to be noticed, and a device to be missed.
pub(super) const GHOST_MAX: Duration = Duration::from_secs(40);

pub(super) fn media() -> Value {
    json!({ "audio": true, "video": false })
}

/// Alice calls Bob, who accepts; the room.
pub(super) async fn call(alice: &mut Caller, bob: &mut Caller) -> String {
    let room = alice.done("createRoom", json!({})).await["id"].as_str().unwrap().to_owned();
    let invite = json!({ "to": "bob", "roomId": room, "mediatypes": media(), "context": {} });
    let id = alice.done("invite", invite).await["inviteId"].clone();
    let rings = bob.notice("invite").await;
    assert_eq!(rings["inviteId"], id);
    bob.done("accept", json!({ "inviteId": id })).await;
    assert_eq!(alice.notice("inviteAccepted").await["inviteId"], id);
    room
}

/// Waits until a room has these participants and no others.
pub(super) async fn participants(caller: &mut Caller, room: &str, wanted: &[&str]) {
    let started = Instant::now();
    loop {
        let answer = caller.done("listParticipants", json!({ "roomId": room })).await;
        let list = answer["participants"].as_array().unwrap();
        let mut users: Vec<&str> = list.iter().map(|one| one["userId"].as_str().unwrap()).collect();
        users.sort_unstable();
        let mut expected = wanted.to_vec();
        expected.sort_unstable();
        if users == expected {
            return;
        }
        assert!(started.elapsed() < GHOST_MAX, "{users:?} instead of {expected:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_outlive_a_killed_node_and_a_stopped_one() {
    let deployment = Deployment::start();
    deployment.make_administrator();
    let (mut one, mut two, three) = (deployment.node("one"), deployment.node("two"), deployment.node("three"));
    let alice_id = deployment.user(&three, "alice").await;
    let bob_id = deployment.user(&three, "bob").await;
    let carol_id = deployment.user(&three, "carol").await;
    deployment.user(&three, "dave").await;
    let mut alice = Caller::on(&one, "alice").await;
    let mut bob = Caller::on(&two, "bob").await;
    let mut carol = Caller::on(&one, "carol").await;
    let mut dave = Caller::on(&one, "dave").await;
    let room = call(&mut alice, &mut bob).await;

    // Node one dies in the middle of a ring. Alice comes back elsewhere, Carol and Dave
    // never do.
    alice.done("updateRoom", json!({ "roomId": room, "acl": ["carol", "bob"] })).await;
    carol.done("joinRoom", json!({ "roomId": room })).await;
    participants(&mut bob, &room, &[&alice_id, &bob_id, &carol_id]).await;
    let invite = json!({ "to": "dave", "roomId": room, "mediatypes": media(), "context": {} });
    let ring = bob.done("invite", invite).await["inviteId"].clone();
    assert_eq!(dave.notice("invite").await["inviteId"], ring);
    one.kill();
    assert_eq!(alice.closed().await, 1006);
    alice.go_on(&three).await;
    let left = bob.notice("participantLeft").await;
    assert_eq!((&left["userId"], &left["reason"]), (&json!(carol_id), &json!("lost")));
    assert_eq!(alice.notice("participantLeft").await["userId"], carol_id.as_str());
    participants(&mut alice, &room, &[&alice_id, &bob_id]).await;
    let ended = tokio::time::timeout(PATIENCE, bob.notice("inviteEnded")).await.unwrap();
    assert_eq!((&ended["inviteId"], &ended["errorCode"]), (&ring, &json!(480)));

    // Node two is told to stop. Bob hears it and goes on; the call goes on, too.
    let stopping = tokio::task::spawn_blocking(move || (two.terminate(), two));
    assert_eq!(bob.closed().await, 1012);
    bob.go_on(&three).await;
    assert_eq!(stopping.await.unwrap().0, Some(0));
    participants(&mut alice, &room, &[&alice_id, &bob_id]).await;
    bob.done("hold", json!({ "roomId": room })).await;
    assert_eq!(alice.notice("participantHeld").await["userId"], bob_id.as_str());

    // A step that is sent again elsewhere happens once, and has the same answer.
    let four = deployment.node("four");
    let request = bob.request("leaveRoom", json!({ "roomId": room }));
    let first = bob.try_ask(&request).await.unwrap();
    bob.go_on(&four).await;
    assert_eq!(bob.try_ask(&request).await.unwrap(), first);
    assert_eq!(alice.notice("participantLeft").await["userId"], bob_id.as_str());
    alice.done("closeRoom", json!({ "roomId": room })).await;
    let acknowledged = [alice, bob, carol].into_iter().flat_map(|caller| caller.acknowledged).collect();
    audit(&three, &acknowledged).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_administrator_comes_from_the_environment_at_the_first_start() {
    let deployment = Deployment::start();
    let node = deployment.node_with("one", &[("WAC_ADMIN_PASSWORD", "from the environment")]);
    node.login("admin", "from the environment").await;
}
