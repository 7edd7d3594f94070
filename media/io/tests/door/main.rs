//! The media socket of a node that follows a log in memory: who is let in, and until when.
#![allow(clippy::unwrap_used)]

mod codecs;
mod company;
mod eavesdropper;
mod forged;
mod independent;
mod limits;
mod loss;
mod node;
mod nonsense;
mod relay;
mod socket;
mod strangers;
mod tokens;
mod whip;
mod wire;

use std::time::Duration;

use node::{Node, closed, joined, left};
use wac_events::room::LeaveReason;

#[tokio::test]
async fn without_a_token_of_this_deployment_nobody_comes_in() {
    let node = Node::start().await;
    node.tell(joined("alice")).await;
    assert_eq!(node.refusal(None).await, (401, "token_missing".to_owned()));
    assert_eq!(node.refusal(Some("rubbish")).await, (401, "invalid_token".to_owned()));
    let forged = node.token_by(b"another secret", "alice", "t1", 60);
    assert_eq!(node.refusal(Some(&forged)).await, (401, "invalid_token".to_owned()));
    let old = node.token("alice", "t2", -60);
    assert_eq!(node.refusal(Some(&old)).await, (401, "invalid_token".to_owned()));
    node.stop().await;
}

#[tokio::test]
async fn who_has_a_seat_comes_in_and_nobody_else() {
    let node = Node::start().await;
    node.tell(joined("alice")).await;
    let mut socket = node.enter(&node.token("alice", "t1", 60)).await.unwrap();
    let hello = socket.frame().await;
    assert_eq!((hello["type"].as_str(), hello["sessionId"].as_str()), (Some("hello"), Some("t1")));
    assert_eq!(node.refusal(Some(&node.token("mallory", "t2", 60))).await, (403, "not_a_participant".to_owned()));
    let elsewhere = node.token_for("other-opening", "alice", "t3");
    assert_eq!(node.refusal(Some(&elsewhere)).await, (404, "room_not_found".to_owned()));
    node.stop().await;
}

#[tokio::test]
async fn a_room_that_was_opened_before_the_node_looked_is_known() {
    let node = Node::start_late(joined("alice")).await;
    let mut socket = node.enter(&node.token("alice", "t1", 60)).await.unwrap();
    assert_eq!(socket.frame().await["type"], "hello");
    node.stop().await;
}

#[tokio::test]
async fn a_seat_that_is_taken_a_moment_later_is_waited_for() {
    let node = Node::start().await;
    let token = node.token("alice", "t1", 60);
    let entering = node.enter(&token);
    let seating = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        node.tell(joined("alice")).await;
    };
    let (socket, ()) = tokio::join!(entering, seating);
    assert_eq!(socket.unwrap().frame().await["type"], "hello");
    node.stop().await;
}

#[tokio::test]
async fn a_token_takes_up_the_session_it_has_begun_and_begins_no_other() {
    let node = Node::start().await;
    node.tell(joined("alice")).await;
    let token = node.token("alice", "t1", 60);
    let mut first = node.enter(&token).await.unwrap();
    assert_eq!(first.frame().await["type"], "hello");
    let mut second = node.enter(&token).await.unwrap();
    assert_eq!(second.frame().await["sessionId"], "t1", "the same session");
    assert_eq!(first.close().await, 4409, "the former socket");
    second.say(r#"{"type":"bye"}"#).await;
    assert_eq!(second.close().await, 1000);
    assert_eq!(node.refusal(Some(&token)).await, (401, "invalid_token".to_owned()));
    node.stop().await;
}

#[tokio::test]
async fn the_log_puts_people_out() {
    let node = Node::start().await;
    node.tell(joined("alice")).await;
    node.tell(joined("bob")).await;
    let mut alice = node.enter(&node.token("alice", "t1", 60)).await.unwrap();
    let mut bob = node.enter(&node.token("bob", "t2", 60)).await.unwrap();
    node.tell(left("alice", LeaveReason::Expelled)).await;
    assert_eq!(alice.bye().await, "expelled");
    assert_eq!(alice.close().await, 4403);
    node.tell(closed()).await;
    assert_eq!(bob.bye().await, "closed");
    assert_eq!(bob.close().await, 1000);
    node.stop().await;
}

#[tokio::test]
async fn frames_that_are_none_are_named_and_too_many_of_them_end_it() {
    let node = Node::start().await;
    node.tell(joined("alice")).await;
    let mut socket = node.enter(&node.token("alice", "t1", 60)).await.unwrap();
    assert_eq!(socket.frame().await["type"], "hello");
    socket.say(r#"{"type":"offer","sdp":"v=0","id":"7"}"#).await;
    let refused = socket.frame().await;
    assert_eq!((refused["id"].as_str(), refused["code"].as_str()), (Some("7"), Some("bad_offer")));
    socket.say(r#"{"type":"dance"}"#).await;
    assert_eq!(socket.frame().await["code"], "malformed");
    for _ in 0..8 {
        socket.say("{").await;
    }
    assert_eq!(socket.close().await, 4400);
    node.stop().await;
}

#[tokio::test]
async fn a_node_that_stops_sends_everybody_away() {
    let node = Node::start().await;
    node.tell(joined("alice")).await;
    let mut socket = node.enter(&node.token("alice", "t1", 60)).await.unwrap();
    assert_eq!(socket.frame().await["type"], "hello");
    node.stop().await;
    assert_eq!(socket.bye().await, "stopping");
    assert_eq!(socket.close().await, 1012);
}
