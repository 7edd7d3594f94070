//! Media nodes, and which of them the open rooms have.

use std::collections::BTreeMap;

use wac_events::node::*;
use wac_events::room::*;
use wac_projections::*;

use crate::story::{Story, at, joined, room, room_created};

fn server() -> BTreeMap<String, String> {
    [("wss".to_owned(), "wss://m1/media".to_owned())].into()
}

fn then(story: Story, event: impl Into<NodeEvent>) -> Story {
    story.then("node-m1".into(), event.into())
}

fn offered() -> Story {
    then(Story::default(), MediaOffered { id: "m1".into(), server: server(), sessions_max: 10, at: at(1) })
}

fn node(story: &Story) -> MediaNodeRow {
    story.row(&MEDIA_NODES, "m1", MediaNodeRow::from_row).unwrap()
}

#[test]
fn a_node_serves_media_from_its_offer_until_it_withdraws_or_ends() {
    let row = node(&offered());
    assert_eq!((row.server, row.sessions_max, row.draining, row.serving), (server(), 10, false, true));
    let drained = then(offered(), MediaDraining { id: "m1".into(), at: at(2) });
    assert!(node(&drained).draining && node(&drained).serving);
    let again = MediaOffered { id: "m1".into(), server: server(), sessions_max: 10, at: at(3) };
    assert!(!node(&then(drained, again)).draining);
    assert!(!node(&then(offered(), MediaWithdrawn { id: "m1".into(), at: at(2) })).serving);
    let stopped = NodeStopped { id: "m1".into(), reason: NodeEnd::Lost, devices_by: at(2), at: at(2) };
    assert!(!node(&then(offered(), stopped)).serving);
}

#[test]
fn a_process_that_never_offered_media_is_no_media_node() {
    let stopped = NodeStopped { id: "m1".into(), reason: NodeEnd::Lost, devices_by: at(2), at: at(2) };
    let story = then(Story::default(), stopped);
    assert_eq!(story.row(&MEDIA_NODES, "m1", MediaNodeRow::from_row), None);
}

fn assigned(node: &str) -> MediaAssigned {
    MediaAssigned { room: "r1".into(), opening: "o1".into(), node: node.into(), instead_of: None, at: at(2) }
}

#[test]
fn an_open_room_counts_its_seats_and_goes_with_its_end() {
    let story = room_created().room(joined()).room(assigned("m1"));
    let row = story.row(&MEDIA_ROOMS, "o1", MediaRoomRow::from_row);
    let expected = MediaRoomRow { opening: "o1".into(), room: room(), node: Some("m1".into()), seats: 1 };
    assert_eq!(row, Some(expected));
    let moved = story.room(assigned("m2"));
    assert_eq!(moved.found(&MEDIA_ROOMS, "node", "m2"), ["o1"]);
    assert!(moved.found(&MEDIA_ROOMS, "node", "m1").is_empty());
    let closed = RoomClosed { room: "r1".into(), opening: "o1".into(), reason: RoomEnd::Empty, by: None, at: at(8) };
    assert_eq!(moved.room(closed).row(&MEDIA_ROOMS, "o1", MediaRoomRow::from_row), None);
}
