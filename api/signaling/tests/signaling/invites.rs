use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::json;
use wac_commands::invite::{AddCandidate, ExpireInvite, RemoveCandidate};
use wac_commands::presence::RemoveDevice;
use wac_events::InviteId;
use wac_events::presence::DeviceEnd;
use wac_signaling::Settings;

use crate::harness::*;

#[tokio::test]
async fn an_invitation_that_was_over_at_once_takes_no_place_even_before_the_read_models_know() {
    let mut settings = Settings::default();
    settings.invites.pending_per_user = 2;
    let platform = Platform::with(settings).await;
    let alice = platform.device("alice", "a1").await;
    platform.device("carol", "c1").await;
    let room = platform.room(&alice).await;
    platform.invite(&alice, &room, "carol").await;
    platform.model.frozen.store(true, Ordering::SeqCst);
    for _ in 0..5 {
        platform.invite(&alice, &room, "bob").await;
    }
    platform.device("dave", "d1").await;
    platform.invite(&alice, &room, "wac-user:dave").await;
    let refused = platform.refused(&alice, "invite", json!({ "to": "wac-user:dave", "roomId": room })).await;
    assert_eq!(refused, (429, "too_many_invites".to_owned()));
}

#[tokio::test]
async fn without_a_watchdog_it_rings_for_a_day() {
    let mut settings = Settings::default();
    settings.watchdog.enabled = false;
    let platform = Platform::with(settings).await;
    let (alice, bob) = (platform.device("alice", "a1").await, platform.device("bob", "b1").await);
    let room = platform.room(&alice).await;
    platform.invite(&alice, &room, "bob").await;
    platform.wait(Duration::from_secs(23 * 3600));
    let rings = platform.done(&bob, "currentInvitations", json!({})).await;
    assert_eq!(rings["payload"]["currentInvitations"].as_array().unwrap().len(), 1);
    platform.wait(Duration::from_secs(2 * 3600));
    let rings = platform.done(&bob, "currentInvitations", json!({})).await;
    assert_eq!(rings["payload"]["currentInvitations"], json!([]));
}

#[tokio::test]
async fn every_device_of_the_target_rings_with_who_calls_and_why() {
    let platform = Platform::new().await;
    let alice = platform.device("alice", "a1").await;
    let (bob, bob2) = (platform.device("bob", "b1").await, platform.device("bob", "b2").await);
    let room = platform.room(&alice).await;
    let before = platform.head().await;
    let payload = json!({ "to": "bob", "roomId": room, "mediatypes": { "audio": true, "video": false }, "context": { "subject": "lunch" } });
    let sent = platform.done(&alice, "invite", payload).await;
    for device in [&bob, &bob2] {
        let frames = platform.frames(device, before).await;
        assert_eq!(frames.len(), 1);
        assert_eq!(frames[0]["payload"]["eventName"], "invite");
        let invite = &frames[0]["payload"]["payload"];
        assert_eq!(invite["inviteId"], sent["inviteId"]);
        assert_eq!((&invite["from"], &invite["roomId"]), (&json!("alice"), &json!(room)));
        let details = json!({ "userId": "alice", "username": "alice", "displayName": "The one called alice", "domain": "quobis" });
        assert_eq!(invite["fromDetails"], details);
        assert_eq!(invite["mediatypes"], json!({ "audio": true, "video": false }));
        assert_eq!(invite["context"], json!({ "subject": "lunch" }));
        assert_eq!(invite["ringUntil"], 1_700_000_030_000_i64);
    }
    let current = platform.done(&bob, "currentInvitations", json!({})).await;
    let listed = &current["payload"]["currentInvitations"][0];
    assert_eq!((&listed["inviteId"], &listed["type"]), (&sent["inviteId"], &json!("invite")));
    assert_eq!(listed["fromDetails"]["domain"], "quobis");
    assert_eq!(listed["context"], json!({ "subject": "lunch" }));
}

#[tokio::test]
async fn the_first_accept_wins_and_the_other_devices_stop() {
    let platform = Platform::new().await;
    let alice = platform.device("alice", "a1").await;
    let (bob, bob2) = (platform.device("bob", "b1").await, platform.device("bob", "b2").await);
    let room = platform.room(&alice).await;
    let invite = platform.invite(&alice, &room, "bob").await;
    let before = platform.head().await;
    let accepted = platform.done(&bob, "accept", json!({ "inviteId": invite })).await;
    assert_eq!((&accepted["id"], &accepted["participants"]), (&json!(room), &json!(["alice", "bob"])));
    assert_eq!(platform.refused(&bob2, "accept", json!({ "inviteId": invite })).await, (409, "invite_over".to_owned()));
    assert_eq!(platform.heard(&alice, before).await, ["inviteAccepted", "participantJoined"]);
    assert_eq!(platform.heard(&bob2, before).await, ["inviteStopped", "participantJoined"]);
    assert!(platform.heard(&bob, before).await.is_empty());
    let frames = platform.frames(&alice, before).await;
    assert_eq!(frames[0]["payload"]["payload"], json!({ "inviteId": invite, "roomId": room, "whoAccepted": "bob" }));
    assert_told_once(&platform.told(before).await, &[alice, bob, bob2]);
}

#[tokio::test]
async fn a_decline_is_the_persons_and_the_caller_learns_the_code() {
    let platform = Platform::new().await;
    let alice = platform.device("alice", "a1").await;
    let (bob, bob2) = (platform.device("bob", "b1").await, platform.device("bob", "b2").await);
    let room = platform.room(&alice).await;
    for (payload, code) in [(json!({}), 603), (json!({ "errorCode": 486 }), 486)] {
        let invite = platform.invite(&alice, &room, "bob").await;
        let before = platform.head().await;
        let mut payload = payload;
        payload["inviteId"] = json!(invite);
        platform.done(&bob, "decline", payload).await;
        let frames = platform.frames(&alice, before).await;
        assert_eq!(frames[0]["payload"]["eventName"], "inviteDeclined");
        assert_eq!(frames[0]["payload"]["payload"], json!({ "inviteId": invite, "errorCode": code }));
        let stopped = platform.frames(&bob2, before).await;
        assert_eq!(stopped[0]["payload"]["payload"], json!({ "inviteId": invite, "reason": "declined" }));
    }
}

#[tokio::test]
async fn a_cancelled_invitation_stops_ringing() {
    let platform = Platform::new().await;
    let (alice, bob) = (platform.device("alice", "a1").await, platform.device("bob", "b1").await);
    let room = platform.room(&alice).await;
    let invite = platform.invite(&alice, &room, "bob").await;
    assert_eq!(platform.refused(&bob, "cancel", json!({ "inviteId": invite })).await.0, 404);
    let before = platform.head().await;
    platform.done(&alice, "cancel", json!({ "inviteId": invite })).await;
    let frames = platform.frames(&bob, before).await;
    assert_eq!(frames[0]["payload"]["eventName"], "inviteCancelled");
    assert_eq!(frames[0]["payload"]["payload"], json!({ "inviteId": invite, "errorCode": 487 }));
    assert_eq!(platform.refused(&bob, "accept", json!({ "inviteId": invite })).await.0, 409);
}

#[tokio::test]
async fn an_invitation_that_nobody_answers_ends_for_both_sides() {
    let platform = Platform::new().await;
    let (alice, bob) = (platform.device("alice", "a1").await, platform.device("bob", "b1").await);
    let room = platform.room(&alice).await;
    let invite = InviteId::from(platform.invite(&alice, &room, "bob").await);
    platform.wait(Duration::from_secs(31));
    assert_eq!(platform.refused(&bob, "accept", json!({ "inviteId": invite })).await, (409, "invite_over".to_owned()));
    let before = platform.head().await;
    let ring_until = platform.handler.load(&[invite.stream()]).await.unwrap().invite(&invite).ring_until;
    platform.run(&ExpireInvite { invite, ring_until }).await;
    for peer in [&alice, &bob] {
        let frames = platform.frames(peer, before).await;
        assert_eq!(frames[0]["payload"]["eventName"], "inviteExpired");
        assert_eq!(frames[0]["payload"]["payload"]["errorCode"], 408);
    }
}

#[tokio::test]
async fn the_caller_is_told_after_the_answer_that_nobody_rings() {
    let platform = Platform::new().await;
    let alice = platform.device("alice", "a1").await;
    let room = platform.room(&alice).await;
    let sent = platform.done(&alice, "invite", json!({ "to": ["bob", "carol"], "roomId": room })).await;
    assert_eq!(sent["invites"][0]["to"], "bob");
    let position = wac_events::Position(sent["position"].as_u64().unwrap());
    let frames = platform.frames(&alice, position).await;
    assert_eq!(frames.len(), 2, "both outcomes come after the answer");
    assert_eq!(frames[0]["payload"]["eventName"], "inviteEnded");
    let over = json!({ "inviteId": sent["invites"][0]["inviteId"], "errorCode": 404 });
    assert_eq!(frames[0]["payload"]["payload"], over);
}

#[tokio::test]
async fn nobody_has_an_unknown_address() {
    let platform = Platform::new().await;
    let alice = platform.device("alice", "a1").await;
    let room = platform.room(&alice).await;
    let unknown =
        ["nobody", "bob@nowhere.example", "dave", "wac-user:none", "wac-group:none", "", "a/b", "sip:bob", "\0"];
    for to in unknown {
        let refused = platform.refused(&alice, "invite", json!({ "to": to, "roomId": room })).await;
        assert_eq!(refused, (404, "callee_unknown".to_owned()), "{to:?}");
    }
    let refused = platform.refused(&alice, "invite", json!({ "to": "alice", "roomId": room })).await;
    assert_eq!(refused, (400, "callee_self".to_owned()));
    let refused = platform.refused(&alice, "invite", json!({ "to": "bob", "roomId": "none" })).await;
    assert_eq!(refused, (404, "room_not_found".to_owned()));
}

#[tokio::test]
async fn who_asks_to_be_let_in_sits_in_the_room_of_who_accepts() {
    let platform = Platform::new().await;
    let (alice, bob) = (platform.device("alice", "a1").await, platform.device("bob", "b1").await);
    let before = platform.head().await;
    let invite = text(&platform.done(&alice, "inviteRequest", json!({ "to": "wac-user:bob" })).await["inviteId"]);
    let frames = platform.frames(&bob, before).await;
    assert_eq!(frames[0]["payload"]["eventName"], "inviteRequest");
    assert!(frames[0]["payload"]["payload"].get("roomId").is_none());
    assert_eq!(platform.refused(&bob, "accept", json!({ "inviteId": invite })).await, (400, "room_invalid".to_owned()));
    let room = platform.room(&bob).await;
    let before = platform.head().await;
    let accepted = platform.done(&bob, "accept", json!({ "inviteId": invite, "roomId": room })).await;
    assert_eq!(accepted["participants"], json!(["bob", "alice"]));
    assert_eq!(platform.heard(&alice, before).await, ["inviteAccepted", "participantJoined"]);
}

#[tokio::test]
async fn a_group_rings_together_and_hides_a_refusal() {
    let platform = Platform::new().await;
    let (alice, bob) = (platform.device("alice", "a1").await, platform.device("bob", "b1").await);
    let (carol, bob2) = (platform.device("carol", "c1").await, platform.device("bob", "b2").await);
    platform.group("team", &["alice", "bob", "carol"]).await;
    let room = platform.room(&alice).await;
    let before = platform.head().await;
    let invite = platform.invite(&alice, &room, "wac-group:team").await;
    assert!(platform.heard(&alice, before).await.is_empty(), "the caller does not ring himself");
    platform.done(&bob, "decline", json!({ "inviteId": invite })).await;
    assert_eq!(platform.heard(&bob2, before).await, ["invite", "inviteStopped"]);
    assert!(platform.heard(&alice, before).await.is_empty(), "the refusal is hidden");
    platform.done(&carol, "decline", json!({ "inviteId": invite })).await;
    let frames = platform.frames(&alice, before).await;
    assert_eq!(frames[0]["payload"]["eventName"], "inviteEnded");
    assert_eq!(frames[0]["payload"]["payload"]["errorCode"], 480);
    let invite = platform.invite(&alice, &room, "wac-group:team").await;
    let before = platform.head().await;
    platform.done(&carol, "accept", json!({ "inviteId": invite })).await;
    assert_eq!(platform.heard(&bob, before).await, ["inviteStopped"]);
}

#[tokio::test]
async fn a_device_that_comes_while_it_rings_rings_too_and_one_that_vanishes_ends_it() {
    let platform = Platform::new().await;
    let (alice, bob) = (platform.device("alice", "a1").await, platform.device("bob", "b1").await);
    let room = platform.room(&alice).await;
    let invite = platform.invite(&alice, &room, "bob").await;
    let late = platform.device("bob", "b2").await;
    let before = platform.head().await;
    platform.run(&AddCandidate { invite: invite.as_str().into(), device: late.device() }).await;
    assert_eq!(platform.heard(&late, before).await, ["invite"]);
    assert!(platform.heard(&bob, before).await.is_empty(), "only that device");
    for peer in [&bob, &late] {
        let command = RemoveDevice {
            device: peer.device(),
            node: "n1".into(),
            reason: DeviceEnd::Lost,
            lost_at: platform.handler.environment().now(),
            seats_kept: Duration::from_secs(10),
            ringing_kept: Duration::from_secs(10),
        };
        platform.run(&command).await;
    }
    platform.run(&RemoveCandidate { invite: invite.as_str().into(), user: "bob".into() }).await;
    let frames = platform.frames(&alice, before).await;
    assert_eq!(frames[0]["payload"]["payload"], json!({ "inviteId": invite, "errorCode": 480 }));
    assert_eq!(platform.heard(&bob, before).await, ["inviteStopped"]);
}

#[tokio::test]
async fn a_full_room_keeps_the_invitation_open() {
    let mut settings = Settings::default();
    settings.rooms.participants_limit = 2;
    let platform = Platform::with(settings).await;
    let (alice, bob) = (platform.device("alice", "a1").await, platform.device("bob", "b1").await);
    let carol = platform.device("carol", "c1").await;
    let room = platform.call(&alice, &bob).await;
    let invite = platform.invite(&alice, &room, "carol").await;
    let refused = platform.refused(&carol, "accept", json!({ "inviteId": invite })).await;
    assert_eq!(refused, (403, "participants_limit".to_owned()));
    platform.done(&bob, "leaveRoom", json!({ "roomId": room })).await;
    platform.done(&carol, "accept", json!({ "inviteId": invite })).await;
}

#[tokio::test]
async fn who_is_in_a_call_is_busy_where_he_is_not_to_be_disturbed() {
    let mut settings = Settings::default();
    settings.invites.allow_while_in_call = false;
    let platform = Platform::with(settings).await;
    let (alice, bob) = (platform.device("alice", "a1").await, platform.device("bob", "b1").await);
    let carol = platform.device("carol", "c1").await;
    platform.call(&alice, &bob).await;
    let room = platform.room(&carol).await;
    let before = platform.head().await;
    platform.invite(&carol, &room, "bob").await;
    let frames = platform.frames(&carol, before).await;
    assert_eq!(frames[0]["payload"]["payload"]["errorCode"], 486);
    assert!(platform.heard(&bob, before).await.is_empty());
}

#[tokio::test]
async fn one_device_with_invitations_declines_the_others() {
    let mut settings = Settings::default();
    settings.invites.only_one_device = true;
    let platform = Platform::with(settings).await;
    let (alice, carol) = (platform.device("alice", "a1").await, platform.device("carol", "c1").await);
    let (bob, bob2) = (platform.device("bob", "b1").await, platform.device("bob", "b2").await);
    let (first, second) = (platform.room(&alice).await, platform.room(&carol).await);
    let taken = platform.invite(&alice, &first, "bob").await;
    let other = platform.invite(&carol, &second, "bob").await;
    let before = platform.head().await;
    let accepted = platform.done(&bob, "accept", json!({ "inviteId": taken })).await;
    assert_eq!(accepted["declined"], json!([other]));
    let frames = platform.frames(&carol, before).await;
    assert_eq!(frames[0]["payload"]["payload"], json!({ "inviteId": other, "errorCode": 486 }));
    let again = platform.invite(&carol, &second, "bob").await;
    let refused = platform.refused(&bob2, "accept", json!({ "inviteId": again })).await;
    assert_eq!(refused, (409, "in_a_call".to_owned()));
}

#[tokio::test]
async fn the_invitations_of_one_caller_are_bounded() {
    let mut settings = Settings::default();
    settings.invites.pending_per_user = 2;
    let platform = Platform::with(settings).await;
    let alice = platform.device("alice", "a1").await;
    for user in ["bob", "carol", "dave"] {
        platform.device(user, user).await;
    }
    let room = platform.room(&alice).await;
    platform.invite(&alice, &room, "bob").await;
    let last = platform.invite(&alice, &room, "carol").await;
    let more = json!({ "to": "dave@other.example", "roomId": room });
    assert_eq!(platform.refused(&alice, "invite", more.clone()).await, (429, "too_many_invites".to_owned()));
    platform.done(&alice, "cancel", json!({ "inviteId": last })).await;
    platform.done(&alice, "invite", more).await;
    let many: Vec<String> = (0..51).map(|n| format!("u{n}")).collect();
    let refused = platform.refused(&alice, "invite", json!({ "to": many, "roomId": room })).await;
    assert_eq!(refused, (400, "targets_invalid".to_owned()));
}

#[tokio::test]
async fn a_session_that_ends_is_told_to_its_device_alone() {
    let platform = Platform::new().await;
    let (bob, bob2) = (platform.device("bob", "b1").await, platform.device("bob", "b2").await);
    let before = platform.head().await;
    let reason = wac_events::session::SessionEnd::Revoked;
    platform.run(&wac_commands::session::CloseSession { id: "b1".into(), reason }).await;
    let frames = platform.frames(&bob, before).await;
    assert_eq!(frames[0]["payload"]["eventName"], "sessionClosed");
    assert_eq!(frames[0]["payload"]["payload"], json!({ "sessionId": "b1", "reason": "revoked" }));
    assert!(platform.heard(&bob2, before).await.is_empty());
}
