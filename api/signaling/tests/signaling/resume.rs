use proptest::prelude::*;
use serde_json::json;
use wac_events::Position;
use wac_signaling::{Missed, Notice, Peer};

use crate::harness::*;

async fn missed(platform: &Platform, peer: &Peer, after: Position) -> Vec<Notice> {
    let until = platform.head().await;
    let mut missed = Missed::new(platform.handler.clone(), peer.user.clone(), peer.session.clone(), after, until);
    let mut notices = Vec::new();
    while let Some(notice) = missed.next().await.unwrap() {
        notices.push(notice);
    }
    assert_eq!(missed.position(), until);
    notices
}

/// One step of somebody who does as he likes.
#[derive(Clone, Debug)]
struct Step {
    who: usize,
    what: usize,
    whom: usize,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    proptest::collection::vec(
        (0..5_usize, 0..12_usize, 0..5_usize).prop_map(|(who, what, whom)| Step { who, what, whom }),
        1..40,
    )
}

/// What everybody knows: rooms, invitations, transfers.
#[derive(Default)]
struct Known {
    rooms: Vec<String>,
    invites: Vec<String>,
    transfers: Vec<String>,
}

fn last(list: &[String], back: usize) -> String {
    list.iter().rev().nth(back % list.len().max(1)).cloned().unwrap_or_else(|| "none".to_owned())
}

async fn step(platform: &Platform, devices: &[Peer], known: &mut Known, step: &Step) {
    let (peer, other) = (&devices[step.who], &devices[step.whom]);
    let (room, invite) = (last(&known.rooms, step.whom), last(&known.invites, step.whom / 2));
    let address = format!("wac-user:{}", other.user);
    let (request, payload) = match step.what {
        0 | 1 => ("createRoom", json!({ "acl": [other.user] })),
        2 | 3 => ("invite", json!({ "to": [address], "roomId": room, "context": { "n": step.whom } })),
        4 => ("accept", json!({ "inviteId": invite })),
        5 => ("decline", json!({ "inviteId": invite })),
        6 => ("leaveRoom", json!({ "roomId": room })),
        7 => ("mute", json!({ "roomId": room, "media": "audio", "muted": step.whom.is_multiple_of(2) })),
        8 => ("joinRoom", json!({ "roomId": room })),
        9 => ("callTransfer", json!({ "to": address, "roomId": room })),
        10 => ("acceptTransfer", json!({ "callTransferId": last(&known.transfers, 0) })),
        _ => ("invite", json!({ "to": ["wac-group:team"], "roomId": room })),
    };
    let answer = platform.ask(peer, request, payload).await;
    assert_ne!(answer["errorCode"], 500, "{answer}");
    if let Some(id) = answer["uuid"].as_str().and(answer["id"].as_str()) {
        known.rooms.push(id.to_owned());
    }
    if let Some(id) = answer["invites"][0]["inviteId"].as_str() {
        known.invites.push(id.to_owned());
    }
    if let Some(id) = answer["callTransferId"].as_str() {
        known.transfers.push(id.to_owned());
    }
}

async fn live_equals_missed(script: Vec<Step>) {
    let platform = Platform::new().await;
    let mut devices = Vec::new();
    for (user, session) in [("alice", "a1"), ("alice", "a2"), ("bob", "b1"), ("carol", "c1"), ("bob", "b2")] {
        devices.push(platform.device(user, session).await);
    }
    platform.group("team", &["alice", "bob", "carol"]).await;
    let mut known = Known::default();
    for one in &script {
        step(&platform, &devices, &mut known, one).await;
    }
    let told = platform.told(Position::START).await;
    assert_told_once(&told, &devices);
    let head = platform.head().await.0;
    for peer in &devices {
        let own: Vec<&Notice> = told.iter().filter(|notice| notice.to.reaches(&peer.user, &peer.session)).collect();
        for after in (0..=head).step_by(7) {
            let live: Vec<&Notice> = own.iter().filter(|notice| notice.position.0 > after).copied().collect();
            let missed = missed(&platform, peer, Position(after)).await;
            assert_eq!(missed.iter().collect::<Vec<_>>(), live, "{} after {after}", peer.session);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn who_comes_back_is_told_what_he_would_have_been_told(script in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(live_equals_missed(script));
    }
}

#[tokio::test]
async fn a_ring_that_is_over_is_told_with_its_end() {
    let platform = Platform::new().await;
    let (alice, bob) = (platform.device("alice", "a1").await, platform.device("bob", "b1").await);
    let before = platform.head().await;
    let room = platform.room(&alice).await;
    let invite = platform.invite(&alice, &room, "bob").await;
    platform.done(&alice, "cancel", json!({ "inviteId": invite })).await;
    let names: Vec<String> = missed(&platform, &bob, before)
        .await
        .iter()
        .map(|notice| {
            let frame: serde_json::Value = serde_json::from_str(&notice.text(&bob.domain)).unwrap();
            text(&frame["payload"]["eventName"])
        })
        .collect();
    assert_eq!(names, ["invite", "inviteCancelled"]);
}

#[tokio::test]
async fn a_renamed_caller_rings_under_the_name_of_then() {
    let platform = Platform::new().await;
    let (alice, bob) = (platform.device("alice", "a1").await, platform.device("bob", "b1").await);
    let room = platform.room(&alice).await;
    let before = platform.head().await;
    platform.invite(&alice, &room, "bob").await;
    let changes = wac_commands::UserChanges {
        display_name: Some(Some("Somebody else".to_owned())),
        ..wac_commands::UserChanges::default()
    };
    platform.run(&wac_commands::ChangeUser { id: "alice".into(), changes, expected_version: None }).await;
    let second = platform.device("bob", "b2").await;
    platform.invite(&alice, &platform.room(&alice).await, "bob").await;
    let told = platform.frames(&second, before).await;
    let shown: Vec<_> =
        told.iter().map(|frame| text(&frame["payload"]["payload"]["fromDetails"]["displayName"])).collect();
    assert_eq!(shown, ["The one called alice", "Somebody else"]);
    assert_eq!(missed(&platform, &bob, before).await.len(), 2);
}

#[tokio::test]
async fn an_erased_callers_words_are_gone() {
    let platform = Platform::new().await;
    let (alice, bob) = (platform.device("alice", "a1").await, platform.device("bob", "b1").await);
    let room = platform.room(&alice).await;
    let before = platform.head().await;
    platform.done(&alice, "invite", json!({ "to": "bob", "roomId": room, "context": { "secret": 1 } })).await;
    platform.stores.keys.destroy(&"alice".into()).await.unwrap();
    platform.handler.forget(&"alice".into());
    let told = missed(&platform, &bob, before).await;
    let frame: serde_json::Value = serde_json::from_str(&told[0].text(&bob.domain)).unwrap();
    let invite = &frame["payload"]["payload"];
    assert_eq!((&invite["context"], &invite["fromDetails"]["username"]), (&json!({}), &serde_json::Value::Null));
}

#[tokio::test]
async fn presence_is_told_to_who_subscribed_within_the_domain() {
    let platform = Platform::new().await;
    let before = platform.head().await;
    platform.device("alice", "a1").await;
    platform.presence("alice", wac_events::Activity::Busy).await;
    let told = platform.told(before).await;
    let frames: Vec<serde_json::Value> =
        told.iter().map(|notice| serde_json::from_str(&notice.text(&BASE.into())).unwrap()).collect();
    assert_eq!(frames[0]["url"], "/presence/alice");
    assert_eq!(frames[0]["body"], json!({ "userId": "alice", "online": true }));
    assert_eq!(frames[1]["body"], json!({ "userId": "alice", "activity": "busy" }));
    let subscribers = told[0].to.subscribers.as_ref().unwrap();
    assert_eq!((subscribers.domain.as_str(), subscribers.of.as_str()), (BASE, "alice"));
    assert!(told[0].to.users.is_empty());
}
