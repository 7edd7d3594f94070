//! Rules of the managers of media nodes.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use futures::executor::block_on;
use futures::future::select;
use wac_events::media::MediaEnd;
use wac_events::node::NodeEnd;
use wac_events::{AnyEvent, EventId, MediaEvent, NodeEvent, NodeId, RoomEvent};

use super::*;
use crate::node::{DrainMedia, OfferMedia, StopNode, WithdrawMedia};
use crate::room::AssignMedia;
use crate::testing::*;
use crate::*;

fn offers(node: &str) -> OfferMedia {
    let server = BTreeMap::from([("wss".to_owned(), format!("wss://{node}.example/media"))]);
    OfferMedia { id: node.into(), name: node.to_owned(), server, sessions_max: 10 }
}

fn dies(node: &str) -> StopNode {
    StopNode { id: node.into(), reason: NodeEnd::Lost, devices_kept: Duration::ZERO }
}

fn assigns(id: &str, node: &str) -> AssignMedia {
    AssignMedia { room: room(id), opening: format!("o-{id}").as_str().into(), node: node.into() }
}

/// Alice has the room `r` open.
fn in_room() -> Bench {
    let bench = Bench::new();
    bench.run(base());
    bench.run(start("n1"));
    for id in PEOPLE {
        bench.run(user(id, "base"));
        bench.run(login(id));
        bench.run(register(id));
    }
    bench.run(opens("alice", "r"));
    bench
}

fn node_of(bench: &Bench, id: &str) -> Option<String> {
    let states = bench.log.states();
    let State::Room(room) = &states[&room(id).stream()] else { unreachable!() };
    room.media_node.as_ref().map(NodeId::to_string)
}

fn assignments(bench: &Bench) -> Vec<(String, Option<String>)> {
    let events = bench.log.events().into_iter().map(|recorded| AnyEvent::decode_recorded(&recorded).unwrap());
    let assigned = events.filter_map(|event| match event {
        AnyEvent::Room(RoomEvent::MediaAssigned(it)) => {
            Some((it.node.to_string(), it.instead_of.as_ref().map(NodeId::to_string)))
        }
        _ => None,
    });
    assigned.collect()
}

#[test]
fn a_room_without_media_gets_the_first_node_that_offers_it() {
    let bench = in_room();
    bench.settle(&bench.ports(), 0);
    assert_eq!(node_of(&bench, "r"), None);
    bench.run(offers("m1"));
    bench.settle(&bench.ports(), 0);
    assert_eq!(node_of(&bench, "r").as_deref(), Some("m1"));
}

#[test]
fn the_rooms_of_a_dead_node_go_to_those_that_are_left_each_to_the_least_loaded() {
    let bench = in_room();
    bench.run(offers("m1"));
    bench.run(opens("bob", "s"));
    bench.run(assigns("r", "m1"));
    bench.run(assigns("s", "m1"));
    bench.run(offers("m2"));
    bench.run(offers("m3"));
    bench.run(dies("m1"));
    bench.settle(&bench.ports(), 0);
    let mut nodes = [node_of(&bench, "r").unwrap(), node_of(&bench, "s").unwrap()];
    nodes.sort();
    assert_eq!(nodes, ["m2", "m3"]);
    assert!(assignments(&bench)[2..].iter().all(|(_, instead)| instead.as_deref() == Some("m1")));
}

#[test]
fn the_rooms_of_a_node_that_withdraws_go_elsewhere_and_a_draining_node_gets_none() {
    let bench = in_room();
    bench.run(offers("m1"));
    bench.run(assigns("r", "m1"));
    bench.run(offers("m2"));
    bench.run(offers("m3"));
    bench.run(DrainMedia { id: "m2".into(), draining: true });
    bench.run(WithdrawMedia { id: "m1".into() });
    bench.settle(&bench.ports(), 0);
    assert_eq!(node_of(&bench, "r").as_deref(), Some("m3"));
}

#[test]
fn a_node_that_is_being_drained_keeps_its_rooms() {
    let bench = in_room();
    bench.run(offers("m1"));
    bench.run(assigns("r", "m1"));
    bench.run(offers("m2"));
    bench.run(DrainMedia { id: "m1".into(), draining: true });
    bench.settle(&bench.ports(), 0);
    assert_eq!(node_of(&bench, "r").as_deref(), Some("m1"));
}

#[test]
fn a_dead_nodes_room_waits_for_the_next_node_that_offers_media() {
    let bench = in_room();
    bench.run(offers("m1"));
    bench.run(assigns("r", "m1"));
    bench.run(dies("m1"));
    bench.settle(&bench.ports(), 0);
    assert_eq!(assignments(&bench).len(), 1);
    bench.run(offers("m2"));
    bench.settle(&bench.ports(), 0);
    assert_eq!(node_of(&bench, "r").as_deref(), Some("m2"));
}

#[test]
fn an_event_that_is_delivered_again_assigns_nothing_again() {
    let bench = in_room();
    bench.run(offers("m1"));
    bench.run(assigns("r", "m1"));
    bench.run(offers("m2"));
    bench.run(dies("m1"));
    bench.settle(&bench.ports(), 0);
    let before = bench.log.events().len();
    // Other ports have other checkpoints: everything comes once more.
    bench.settle(&bench.ports(), 0);
    assert_eq!(bench.log.events().len(), before);
}

fn watch_until(bench: &Bench, heartbeats: &TestHeartbeats, done: impl Fn() -> bool) {
    let ports = bench.ports();
    let rules = MediaRules::default();
    let watch = async {
        for _ in 0..10_000 {
            if done() {
                return;
            }
            yield_now().await;
        }
        panic!("it never happened");
    };
    block_on(async {
        let running = std::pin::pin!(run_media_watch(&ports, heartbeats, &rules));
        select(running, std::pin::pin!(watch)).await;
    });
}

fn stopped(bench: &Bench) -> Vec<(String, NodeEnd)> {
    let events = bench.log.events().into_iter().map(|recorded| AnyEvent::decode_recorded(&recorded).unwrap());
    let stopped = events.filter_map(|event| match event {
        AnyEvent::Node(NodeEvent::Stopped(stopped)) => Some((stopped.id.to_string(), stopped.reason)),
        _ => None,
    });
    stopped.collect()
}

#[test]
fn a_media_node_that_falls_silent_is_lost_within_seconds_and_other_nodes_are_not_looked_at() {
    let bench = in_room();
    bench.run(offers("m1"));
    let heartbeats = TestHeartbeats { env: bench.env.clone(), last: Mutex::default(), alone: false };
    block_on(heartbeats.beat(&"n1".into())).unwrap();
    block_on(heartbeats.beat(&"m1".into())).unwrap();
    watch_until(&bench, &heartbeats, || !stopped(&bench).is_empty());
    assert_eq!(stopped(&bench), [("m1".to_owned(), NodeEnd::Lost)]);
    assert!(bench.env_now() <= later(4), "{}", bench.env_now());
    watch_until(&bench, &heartbeats, || bench.env_now() > later(60));
    assert_eq!(stopped(&bench).len(), 1);
}

#[test]
fn a_media_node_that_never_gave_a_sign_of_life_is_lost_too() {
    let bench = in_room();
    bench.run(offers("m1"));
    let heartbeats = TestHeartbeats { env: bench.env.clone(), last: Mutex::default(), alone: false };
    watch_until(&bench, &heartbeats, || !stopped(&bench).is_empty());
}

/// A node reports of a session that it carries.
fn reports(node: &str, session: &str, report: MediaReport) -> ReportMedia {
    let of = MediaSessionRef {
        id: session.into(),
        domain: "base".into(),
        room: "r".into(),
        opening: "o-r".into(),
        user: "alice".into(),
        session: "s".into(),
        node: "a name that several may have".to_owned(),
        node_id: Some(node.into()),
    };
    ReportMedia { of, report }
}

/// Every end of a media session: which, why, and the type of the event that caused it, if one did.
fn media_ends(bench: &Bench) -> Vec<(String, MediaEnd, Option<String>)> {
    let events = bench.log.events();
    let type_of = |id: EventId| events.iter().find(|it| it.event_id == id).map(|it| it.event_type.to_string());
    let ends = events.iter().filter_map(|recorded| match AnyEvent::decode_recorded(recorded).unwrap() {
        AnyEvent::MediaSession(MediaEvent::Ended(ended)) => {
            let cause = recorded.meta().unwrap().causation_id.and_then(type_of);
            Some((recorded.stream.id().to_owned(), ended.reason, cause))
        }
        _ => None,
    });
    ends.collect()
}

#[test]
fn the_media_sessions_of_a_node_that_was_given_up_are_lost_once_and_those_of_others_go_on() {
    let bench = in_room();
    bench.run(offers("m1"));
    bench.run(offers("m2"));
    for (node, session) in [("m1", "a"), ("m1", "b"), ("m1", "c"), ("m2", "d")] {
        bench.run(reports(node, session, MediaReport::Connected));
    }
    bench.run(reports("m1", "c", MediaReport::Ended(MediaEnd::Left)));
    let ports = bench.ports();
    bench.settle(&ports, 0);
    bench.run(dies("m1"));
    bench.settle(&ports, 0);
    let lost = |id: &str| (id.to_owned(), MediaEnd::Lost, Some("node.stopped".to_owned()));
    let ends = [("c".to_owned(), MediaEnd::Left, None), lost("a"), lost("b")];
    assert_eq!(media_ends(&bench), ends);
    // It is alive after all and tells of their end; and everything is delivered once more.
    bench.run(reports("m1", "a", MediaReport::Ended(MediaEnd::Left)));
    bench.settle(&bench.ports(), 0);
    assert_eq!(media_ends(&bench), ends);
}

#[test]
fn a_session_that_is_reported_after_its_node_was_given_up_is_lost_too() {
    let bench = in_room();
    bench.run(offers("m1"));
    bench.run(dies("m1"));
    let ports = bench.ports();
    bench.settle(&ports, 0);
    bench.run(reports("m1", "late", MediaReport::Connected));
    bench.settle(&ports, 0);
    assert_eq!(media_ends(&bench), [("late".to_owned(), MediaEnd::Lost, Some("media.connected".to_owned()))]);
}

#[test]
fn a_node_that_is_told_to_end_tells_the_end_of_its_sessions_itself() {
    let bench = in_room();
    bench.run(offers("m1"));
    bench.run(reports("m1", "a", MediaReport::Connected));
    bench.run(WithdrawMedia { id: "m1".into() });
    bench.run(StopNode { reason: NodeEnd::Stopped, ..dies("m1") });
    bench.settle(&bench.ports(), 0);
    bench.run(reports("m1", "a", MediaReport::Ended(MediaEnd::Stopping)));
    assert_eq!(media_ends(&bench), [("a".to_owned(), MediaEnd::Stopping, None)]);
}
