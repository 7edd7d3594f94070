use std::sync::{Arc, Mutex};

use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::json;
use wac_events::{Activity, UserId};
use wac_signaling::{AssignerError, Assignment, ExternalAssigner, Transport};

use crate::harness::*;

async fn with_agents() -> Platform {
    let platform = Platform::new().await;
    for agent in ["ann", "ben"] {
        platform.user(agent, BASE, &["+c2cagent"]).await;
    }
    platform
}

#[tokio::test]
async fn a_call_to_the_pool_goes_to_an_agent_who_is_there_and_each_has_one() {
    let platform = with_agents().await;
    let alice = platform.device("alice", "a1").await;
    let (carol, bob) = (platform.device("carol", "c1").await, platform.device("bob", "b1").await);
    let (ann, ben) = (platform.device("ann", "n1").await, platform.device("ben", "n2").await);
    let before = platform.head().await;
    for peer in [&alice, &carol] {
        let room = platform.room(peer).await;
        platform.invite(peer, &room, "wac-agent").await;
    }
    for agent in [&ann, &ben] {
        assert_eq!(platform.heard(agent, before).await, ["invite"], "two calls never go to one agent");
    }
    let room = platform.room(&bob).await;
    let refused = platform.refused(&bob, "invite", json!({ "to": "wac-agent", "roomId": room })).await;
    assert_eq!(refused, (480, "agent_unavailable".to_owned()));
}

#[tokio::test]
async fn an_agent_who_is_away_is_passed_over() {
    let platform = with_agents().await;
    let alice = platform.device("alice", "a1").await;
    let (ann, ben) = (platform.device("ann", "n1").await, platform.device("ben", "n2").await);
    platform.presence("ann", Activity::Lunch).await;
    let room = platform.room(&alice).await;
    let before = platform.head().await;
    platform.invite(&alice, &room, "wac-agent").await;
    assert!(platform.heard(&ann, before).await.is_empty());
    assert_eq!(platform.heard(&ben, before).await, ["invite"]);
    let reach = platform.signaling.reachability(&BASE.into(), "wac-agent").await.unwrap();
    assert!(!reach.reachable, "ben has a call, ann is at lunch");
    assert_eq!(reach.error_code, Some(480));
}

#[tokio::test]
async fn the_pool_is_called_alone() {
    let platform = with_agents().await;
    let alice = platform.device("alice", "a1").await;
    let room = platform.room(&alice).await;
    let payload = json!({ "to": ["bob", "wac-agent"], "roomId": room });
    assert_eq!(platform.refused(&alice, "invite", payload).await, (400, "targets_invalid".to_owned()));
}

struct Picky(Mutex<Vec<Assignment>>, Result<Option<UserId>, AssignerError>);

impl ExternalAssigner for Picky {
    fn assign<'a>(&'a self, contact: &'a Assignment) -> BoxFuture<'a, Result<Option<UserId>, AssignerError>> {
        self.0.lock().unwrap().push(contact.clone());
        let named = self.1.clone();
        async move { named }.boxed()
    }
}

#[tokio::test]
async fn somebody_else_may_pick_the_agent_and_is_asked_once() {
    let platform = with_agents().await;
    let alice = platform.device("alice", "a1").await;
    let ben = platform.device("ben", "n2").await;
    let picky = Arc::new(Picky(Mutex::default(), Ok(Some("ben".into()))));
    let platform = Platform { signaling: platform.signaling.clone().with_assigner(picky.clone()), ..platform };
    let room = platform.room(&alice).await;
    let before = platform.head().await;
    let payload = json!({ "to": "wac-agent", "roomId": room, "context": { "topic": "bills" } });
    let first = platform.ask_as(&alice, "once", "invite", payload.clone()).await;
    let again = platform.ask_as(&alice, "once", "invite", payload).await;
    assert_eq!(first, again);
    assert_eq!(platform.heard(&ben, before).await, ["invite"]);
    let asked = picky.0.lock().unwrap().clone();
    assert_eq!(asked.len(), 1);
    assert_eq!((asked[0].channel_id.as_str(), &asked[0].context["topic"]), (room.as_str(), &json!("bills")));
}

#[tokio::test]
async fn an_answer_that_names_nobody_of_the_domain_is_no_agent() {
    for named in [Ok(None), Ok(Some("dave".into())), Ok(Some("\0".into())), Err(AssignerError("refused".to_owned()))] {
        let platform = with_agents().await;
        let alice = platform.device("alice", "a1").await;
        platform.device("dave", "d1").await;
        let assigner = Arc::new(Picky(Mutex::default(), named));
        let platform = Platform { signaling: platform.signaling.clone().with_assigner(assigner), ..platform };
        let room = platform.room(&alice).await;
        let refused = platform.refused(&alice, "invite", json!({ "to": "wac-agent", "roomId": room })).await;
        assert_eq!(refused, (480, "agent_unavailable".to_owned()));
    }
}

#[tokio::test]
async fn reachability_says_who_would_ring_and_who_would_not() {
    let platform = Platform::new().await;
    let bob = platform.device("bob", "b1").await;
    let asleep = platform.session("carol", "c1").await;
    let push = wac_commands::session::SetPushToken {
        id: asleep.session.clone(),
        token: "t".to_owned(),
        token_type: "fcm".to_owned(),
    };
    platform.run(&push).await;
    platform.group("team", &["alice", "bob", "carol"]).await;
    let reach = platform.signaling.reachability(&BASE.into(), "wac-group:team").await.unwrap();
    assert!(reach.reachable);
    let found: Vec<_> = reach.candidates.iter().map(|one| (one.user_id.as_str(), one.transport)).collect();
    assert_eq!(found, [("bob", Transport::Signaling), ("carol", Transport::Push)]);
    let unreached: Vec<_> = reach.unreached.iter().map(|one| one.user_id.as_str()).collect();
    assert_eq!(unreached, ["alice", "carol"]);
    let reach = platform.signaling.reachability(&BASE.into(), "alice").await.unwrap();
    assert_eq!((reach.reachable, reach.error_code), (false, Some(404)));
    let refusal = platform.signaling.reachability(&BASE.into(), "nobody").await.unwrap_err();
    assert_eq!(refusal.error_code, 404);
    let _ = bob;
}
