//! A node has only so much of everything, and says what of; who sends too much harms nobody else.

use std::time::Duration;

use wac_events::room::{RoomCreated, RoomEvent};
use wac_events::{OpeningId, Position};
use wac_media::wire::Source;
use wac_media::{Dropped, JoinRejection, Limit, SfuConfig};

use crate::media::carried;
use crate::world::{World, created, joined, ticket};

const SECOND: Duration = Duration::from_secs(1);

fn seated(config: SfuConfig, names: &[&str]) -> World {
    let mut world = World::with(config);
    names.iter().for_each(|name| world.apply(&joined(name)));
    world
}

/// A call of two with sound and pictures, on such a node.
fn call(config: SfuConfig) -> World {
    let mut world = World::with(config);
    for name in ["a", "b"] {
        let client = world.join(name);
        world.clients[client].microphone().camera().slots(1, 1);
        world.negotiate(client);
    }
    world.run_until("connected", |world| world.clients.iter().all(|client| client.connected));
    world.run(SECOND * 2);
    world
}

/// How many packets a client gets of a source within two seconds.
fn flow(world: &mut World, client: usize, source: Source) -> usize {
    let mid = carried(&world.clients[client], source)[0];
    let count = |world: &World| world.clients[client].got.get(&mid).map_or(0, Vec::len);
    let before = count(world);
    world.run(SECOND * 2);
    count(world) - before
}

/// Opens another room in which somebody has a seat.
fn open_another(world: &mut World) -> OpeningId {
    let opening = OpeningId::from("another");
    let RoomEvent::Created(first) = created() else { panic!("a room") };
    let second = RoomCreated { room: "room-2".into(), opening: opening.clone(), ..first };
    world.sfu.apply(&RoomEvent::Created(second), Position(1), world.now);
    let RoomEvent::ParticipantJoined(seat) = joined("z") else { panic!("a seat") };
    let seat = wac_events::room::ParticipantJoined { room: "room-2".into(), opening: opening.clone(), ..seat };
    world.sfu.apply(&RoomEvent::ParticipantJoined(seat), Position(2), world.now);
    opening
}

#[test]
fn what_there_is_not_enough_of_is_named_and_counted() {
    let mut full = seated(SfuConfig { peers_max: 1, ..SfuConfig::default() }, &["a", "b"]);
    full.try_join("a").unwrap();
    assert_eq!(full.try_join("b"), Err(JoinRejection::Full(Limit::Sessions)));
    let mut crowded = seated(SfuConfig { participants_max: 1, ..SfuConfig::default() }, &["a", "b"]);
    crowded.try_join("a").unwrap();
    assert_eq!(crowded.try_join("b"), Err(JoinRejection::Full(Limit::Participants)));
    let counted = |world: &World| Limit::ALL.map(|limit| world.sfu.figures().refused(limit));
    assert_eq!((counted(&full), counted(&crowded)), ([1, 0, 0, 0], [0, 0, 1, 0]));
}

#[test]
fn a_further_room_is_refused_where_there_are_enough_and_let_in_when_one_is_left() {
    let mut world = seated(SfuConfig { rooms_max: 1, ..SfuConfig::default() }, &["a", "b"]);
    let first = world.try_join("a").unwrap();
    let another = wac_media::Ticket { opening: open_another(&mut world), ..ticket("z") };
    let now = world.now;
    assert_eq!(world.sfu.join(another.clone(), now), Err(JoinRejection::Full(Limit::Rooms)));
    world.try_join("b").expect("into the room that is there");
    assert_eq!(world.sfu.figures().rooms, 1);
    let second = world.sfu.figures().sessions;
    assert_eq!(second, 2);
    let peers = [first, world.sfu.join(ticket("b"), now).unwrap()];
    peers.into_iter().for_each(|peer| world.sfu.leave(peer, wac_media::wire::ByeReason::Left, now));
    world.sfu.join(another, now).unwrap();
}

#[test]
fn who_begins_anew_takes_nothing_more() {
    let config = SfuConfig { peers_max: 1, participants_max: 1, rooms_max: 1, ..SfuConfig::default() };
    let mut world = seated(config, &["a"]);
    world.try_join("a").unwrap();
    world.try_join("a").expect("instead of the former");
    assert_eq!(world.sfu.figures().sessions, 1);
}

#[test]
fn while_a_node_sends_as_much_as_it_may_nobody_joins() {
    // Pictures and sound take about 380 kbit/s both ways, sound and what keeps the estimation going 250.
    let mut world = call(SfuConfig { bandwidth_max: 310_000, ..SfuConfig::default() });
    world.apply(&joined("c"));
    assert_eq!(world.try_join("c"), Err(JoinRejection::Full(Limit::Bandwidth)));
    for client in [0, 1] {
        world.clients[client].pause(0, true);
    }
    world.run(SECOND * 6);
    world.try_join("c").expect("with sound alone there is room");
}

#[test]
fn of_a_publisher_who_floods_no_more_is_taken_than_he_may_send_and_the_others_go_on() {
    let free = flow(&mut call(SfuConfig { publisher_max: 0, ..SfuConfig::default() }), 1, Source::Camera);
    let mut world = call(SfuConfig { publisher_max: 90_000, ..SfuConfig::default() });
    // What is sent again and again counts, too.
    let own = world.clients[0].address;
    let media = |(from, bytes): &&(std::net::SocketAddr, Vec<u8>)| *from == own && bytes[0] >= 128;
    let seen: Vec<Vec<u8>> = world.seen_by_node.iter().filter(media).map(|(_, bytes)| bytes.clone()).collect();
    for _ in 0..20 {
        seen.iter().for_each(|bytes| world.inject(own, bytes));
    }
    let of_others = flow(&mut world, 0, Source::Microphone);
    assert!((95..=105).contains(&of_others), "they are heard as ever: {of_others}");
    let of_him = flow(&mut world, 1, Source::Camera);
    assert!(of_him < free, "{of_him} of {free}");
    assert!(world.sfu.figures().dropped(Dropped::Flood) > 100, "{:?}", world.sfu.figures());
    assert_eq!(world.clients[0].ended, None);
}

#[test]
fn what_goes_no_further_is_counted_by_why() {
    let mut world = call(SfuConfig::default());
    let before = Dropped::ALL.map(|why| world.sfu.figures().dropped(why));
    assert_eq!(before, [0; 6], "of a call nothing is dropped");
    let (own, stranger) = (world.clients[0].address, "203.0.113.9:9".parse().unwrap());
    let of = |world: &World, holds: fn(u8) -> bool| {
        let found = world.seen_by_node.iter().rfind(|(from, bytes)| *from == own && holds(bytes[0]));
        found.map(|(_, bytes)| bytes.clone()).unwrap()
    };
    let (check, media) = (of(&world, |first| first < 4), of(&world, |first| first >= 128));
    world.inject(stranger, &media);
    world.inject(stranger, &check);
    // Another password, and where it came from is forged, too.
    let mut forged = check.clone();
    let integrity = forged.len() - 20;
    forged[integrity] ^= 1;
    world.inject(own, &forged);
    // Sent again from where it came from.
    world.inject(own, &media);
    // A source that nobody has offered, and no extension that says which section it is of.
    let mut unknown = media.clone();
    unknown[0] &= !0x10;
    unknown[8..12].copy_from_slice(&[1, 2, 3, 4]);
    world.inject(own, &unknown);
    let counted = |why| world.sfu.figures().dropped(why);
    let expected = [Dropped::UnknownSender, Dropped::ForgedCheck, Dropped::NotTaken, Dropped::UnknownSource];
    assert_eq!(expected.map(counted), [1, 2, 1, 1], "{:?}", world.sfu.figures());
}
