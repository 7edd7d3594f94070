//! Rules of nodes.

use std::time::Duration;

use wac_events::node::NodeEnd;

use super::*;
use crate::testing::*;
use crate::*;

fn stop(reason: NodeEnd) -> StopNode {
    StopNode { id: "n1".into(), reason, devices_kept: Duration::from_secs(10) }
}

#[test]
fn a_node_starts_once() {
    given().when(start("n1")).then(&["node.started"]);
    given().after(start("n1")).when(start("n1")).then_nothing();
}

#[test]
fn a_node_that_has_ended_does_not_start_again() {
    given().after(start("n1")).after(stop(NodeEnd::Lost)).when(start("n1")).then_rejected(Rejection::NodeStopped);
}

#[test]
fn a_second_end_of_a_node_changes_nothing() {
    given().after(start("n1")).when(stop(NodeEnd::Stopped)).then(&["node.stopped"]);
    given().after(start("n1")).after(stop(NodeEnd::Stopped)).at(later(5)).when(stop(NodeEnd::Lost)).then_nothing();
    given().when(stop(NodeEnd::Lost)).then_nothing();
}

#[test]
fn the_devices_of_a_node_that_ended_have_a_time_to_come_back() {
    let story = given().after(start("n1")).after(stop(NodeEnd::Stopped));
    let State::Node(node) = story.state(&wac_events::NodeId::from("n1").stream()) else { unreachable!() };
    assert!(!node.is_running());
    assert_eq!(node.devices_by, Some(later(10)));
}

fn offer(address: &str) -> OfferMedia {
    let server = std::collections::BTreeMap::from([("wss".to_owned(), address.to_owned())]);
    OfferMedia { id: "n1".into(), name: "n1".to_owned(), server, sessions_max: 10 }
}

fn drain(draining: bool) -> DrainMedia {
    DrainMedia { id: "n1".into(), draining }
}

#[test]
fn a_node_that_offers_media_has_started_and_says_it_once() {
    given().when(offer("wss://a")).then(&["node.started", "node.media_offered"]);
    given().after(start("n1")).when(offer("wss://a")).then(&["node.media_offered"]);
    given().after(offer("wss://a")).when(offer("wss://a")).then_nothing();
    given().after(offer("wss://a")).when(offer("wss://b")).then(&["node.media_offered"]);
}

#[test]
fn an_offer_names_addresses_and_how_many_sessions_there_may_be() {
    given().when(offer("nowhere")).then_invalid(&[("server_invalid", "/server")]);
    let none = OfferMedia { sessions_max: 0, ..offer("wss://a") };
    given().when(none).then_invalid(&[("sessions_max_invalid", "/sessionsMax")]);
}

#[test]
fn a_node_that_has_ended_offers_no_media() {
    given()
        .after(offer("wss://a"))
        .after(stop(NodeEnd::Lost))
        .when(offer("wss://a"))
        .then_rejected(Rejection::NodeStopped);
}

#[test]
fn a_node_is_drained_once_and_takes_rooms_again_when_it_is_told_so() {
    given().after(offer("wss://a")).when(drain(true)).then(&["node.media_draining"]);
    given().after(offer("wss://a")).after(drain(true)).when(drain(true)).then_nothing();
    given().after(offer("wss://a")).after(drain(true)).when(drain(false)).then(&["node.media_offered"]);
    given().after(offer("wss://a")).when(drain(false)).then_nothing();
    let missing = Rejection::NotFound { what: "node", id: "n1".to_owned() };
    given().when(drain(true)).then_rejected(missing.clone());
    given().after(offer("wss://a")).after(stop(NodeEnd::Lost)).when(drain(true)).then_rejected(missing);
}

#[test]
fn a_drained_node_that_offers_something_else_stays_drained() {
    let story = given().after(offer("wss://a")).after(drain(true));
    story.when(offer("wss://b")).then(&["node.media_offered", "node.media_draining"]);
}

#[test]
fn a_node_withdraws_its_media_once() {
    let withdraw = || WithdrawMedia { id: "n1".into() };
    given().after(offer("wss://a")).when(withdraw()).then(&["node.media_withdrawn"]);
    given().after(offer("wss://a")).after(withdraw()).when(withdraw()).then_nothing();
    given().when(withdraw()).then_nothing();
}
