//! Nodes that die at any moment, and all at once.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::audit::audit;
use super::caller::Caller;
use super::calls::{GHOST_MAX, call, media, participants};
use super::nodes::{Deployment, Node, PATIENCE};

/// Nodes that die under a caller, one after the other.
const DEATHS: u32 = 3;

/// Some number below `bound`, another one in every run.
fn any(bound: u64) -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::from(now.subsec_micros()) % bound
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_acknowledged_step_is_lost_and_none_happens_twice_when_nodes_die_between_question_and_answer() {
    let deployment = Deployment::start();
    deployment.make_administrator();
    let stays = deployment.node("stays");
    let bob_id = {
        deployment.user(&stays, "alice").await;
        deployment.user(&stays, "bob").await
    };
    let mut alice = Caller::on(&stays, "alice").await;
    let mut bob = Caller::on(&stays, "bob").await;
    let room = call(&mut alice, &mut bob).await;
    let (mut muted, mut unheard) = (false, 0);
    for death in 0..DEATHS {
        let dies = deployment.node(&format!("dies-{death}"));
        bob.go_on(&dies).await;
        let (kill, delay) = (dies.killer(), Duration::from_millis(20 + any(120)));
        eprintln!("node {death} dies after {delay:?}");
        let killed = std::thread::spawn(move || {
            std::thread::sleep(delay);
            kill();
        });
        let cut_off = loop {
            muted = !muted;
            let request = bob.request("mute", json!({ "roomId": room, "media": "audio", "muted": muted }));
            if bob.try_ask(&request).await.is_none() {
                break request;
            }
        };
        killed.join().unwrap();
        bob.go_on(&stays).await;
        unheard += 1;
        // Whether or not it had happened: now it has, and its answer stays what it is.
        let answer = bob.try_ask(&cut_off).await.unwrap();
        assert!(answer["position"].is_u64(), "{answer}");
        assert_eq!(bob.try_ask(&cut_off).await.unwrap(), answer);
    }
    assert_eq!(unheard, DEATHS);
    let list = alice.done("listParticipants", json!({ "roomId": room })).await;
    let list = list["participants"].as_array().unwrap().clone();
    let his = list.iter().find(|one| one["userId"] == bob_id.as_str()).unwrap();
    assert_eq!(his["muted"]["audio"], muted, "what was asked for last holds");
    bob.done("leaveRoom", json!({ "roomId": room })).await;
    let acknowledged = [alice, bob].into_iter().flat_map(|caller| caller.acknowledged).collect();
    audit(&stays, &acknowledged).await;
}

/// Everybody's node dies; Alice alone comes back when one has started again.
async fn outlives_the_death_of_all_nodes(deployment: &Deployment, names: &[&str]) -> Node {
    deployment.make_administrator();
    let mut nodes: Vec<_> = names.iter().map(|name| deployment.node(name)).collect();
    let (first, last) = (&nodes[0], &nodes[nodes.len() - 1]);
    let alice_id = deployment.user(first, "alice").await;
    let bob_id = deployment.user(first, "bob").await;
    deployment.user(first, "carol").await;
    let mut alice = Caller::on(first, "alice").await;
    let mut bob = Caller::on(last, "bob").await;
    let mut carol = Caller::on(last, "carol").await;
    let room = call(&mut alice, &mut bob).await;
    participants(&mut alice, &room, &[&alice_id, &bob_id]).await;
    let invite = json!({ "to": "carol", "roomId": room, "mediatypes": media(), "context": {} });
    let ring = alice.done("invite", invite).await["inviteId"].clone();
    assert_eq!(carol.notice("invite").await["inviteId"], ring);
    nodes.iter_mut().for_each(Node::kill);
    let again = deployment.node("again");
    let started = Instant::now();
    alice.go_on(&again).await;
    let left = alice.notice("participantLeft").await;
    assert_eq!((&left["userId"], &left["reason"]), (&json!(bob_id), &json!("lost")));
    participants(&mut alice, &room, &[&alice_id]).await;
    let ended = tokio::time::timeout(PATIENCE, alice.notice("inviteEnded")).await.unwrap();
    assert_eq!((&ended["inviteId"], &ended["errorCode"]), (&ring, &json!(480)), "nobody is left who could answer");
    assert!(started.elapsed() < GHOST_MAX, "{:?}", started.elapsed());
    again
}

/// When something was last told of a node.
fn told(events: &[Value], of: &str) -> Timestamp {
    let last = events.iter().rev().find(|event| event["type"] == of).expect(of);
    last["occurredAt"].as_str().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_one_node_is_alone_nothing_is_left_of_its_former_life_shortly_after_it_is_back() {
    let rules = ["rooms.removeAfter=2000", "invites.basic.removeAfter=2000", "watchdog.invites.expiration=600000"];
    let deployment = Deployment::alone().with(&rules);
    let again = outlives_the_death_of_all_nodes(&deployment, &["one"]).await;
    let events = again.events().await;
    let found_out = told(&events, "node.stopped").duration_since(told(&events, "node.started"));
    // Nobody waits for signs of life that nobody can give: that would take `nodes.heartbeat` (10 s) and more.
    assert!(found_out < SignedDuration::from_secs(9), "{found_out:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_left_of_nodes_that_all_died_at_once() {
    let patient = Deployment::start().with(&["watchdog.invites.expiration=600000"]);
    outlives_the_death_of_all_nodes(&patient, &["one", "two", "three"]).await;
}
