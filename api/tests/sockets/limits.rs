//! What one client may do is bounded, and says so.

use serde_json::json;

use crate::client::{Client, node};
use crate::harness::World;

#[tokio::test]
async fn ten_thousand_invitations_of_one_client_meet_the_limit_of_pending_ones() {
    let world = World::with(|config| {
        config.signaling.sockets.requests_per_second = 1_000_000;
        config.signaling.sockets.requests_burst = 1_000_000;
    })
    .await;
    let address = node(&world.platform).await;
    let mut alice = Client::qss(address, &world.login("alice@demo").await).await;
    let mut bob = Client::qss(address, &world.login("bob@demo").await).await;
    let room = alice.done("createRoom", json!({})).await["id"].clone();
    let media = json!({ "audio": true, "video": false });
    let invite = json!({ "to": "bob", "roomId": room, "mediatypes": media, "context": {} });
    let (mut sent, mut refused) = (0, 0);
    for n in 0..10_000 {
        let answer = alice.ask("invite", invite.clone()).await;
        match answer["error"]["code"].as_str() {
            None => sent += 1,
            Some(code) => {
                assert_eq!((code, &answer["errorCode"]), ("too_many_invites", &json!(429)), "{n}: {answer}");
                refused += 1;
            }
        }
    }
    assert_eq!((sent, refused), (50, 9_950), "the limit holds however far behind the read models are");
    // Both go on.
    bob.done("currentInvitations", json!({})).await;
    alice.done("closeRoom", json!({ "roomId": room })).await;
}

#[tokio::test]
async fn a_device_has_a_bounded_number_of_sockets() {
    let world = World::start().await;
    let address = node(&world.platform).await;
    let token = world.login("alice@demo").await;
    let mut sockets = Vec::new();
    for _ in 0..=wac_api::sockets::limits::SOCKETS_PER_DEVICE_MAX {
        sockets.push(Client::qss(address, &token).await);
    }
    assert_eq!(sockets[0].closed().await, 4429, "the oldest gives way");
    for socket in &mut sockets[1..] {
        socket.done("currentInvitations", json!({})).await;
    }
}
