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
